//===- CudaFill.cpp - Tensors of one value in device memory ---------------===//

#include "CudaFill.h"

namespace lighthouse::runtime {

namespace {

/// The most bytes from row to row that the driver takes, on every device.
constexpr std::uint64_t maxPitch = INT32_MAX;

/// Rows of equal words.
struct Rows {
  const Driver &driver;
  CUstream stream;
  /// 1, 2 or 4.
  std::size_t wordBytes;
  unsigned value;
  /// Words of a row.
  std::size_t length;
  /// What strides between rows are counted in.
  std::size_t elementBytes;

  /// Fills the row at `address` and all to which `steps` lead.
  Status fill(CUdeviceptr address, std::span<const Steps::Step> steps) const {
    if (steps.empty())
      return fillPlane(address, /*pitch=*/0, /*height=*/1);
    const Steps::Step &step = steps.back();
    const std::uint64_t pitch = std::uint64_t(step.stride) * elementBytes;
    if (steps.size() == 1 && pitch <= maxPitch)
      return fillPlane(address, pitch, std::size_t(step.count));
    for (std::int64_t i = 0; i < step.count; ++i)
      if (Status s = fill(address + std::uint64_t(i) * pitch, steps.first(steps.size() - 1));
          !s.ok())
        return s;
    return {};
  }

  /// Fills `height` rows, `pitch` bytes apart.
  Status fillPlane(CUdeviceptr address, std::size_t pitch, std::size_t height) const {
    const bool isRow = height == 1;
    if (wordBytes == 1) {
      const auto byte = static_cast<unsigned char>(value);
      return isRow ? driver.cuMemsetD8Async(address, byte, length, stream)
                   : driver.cuMemsetD2D8Async(address, pitch, byte, length, height, stream);
    }
    if (wordBytes == 2) {
      const auto half = static_cast<unsigned short>(value);
      return isRow ? driver.cuMemsetD16Async(address, half, length, stream)
                   : driver.cuMemsetD2D16Async(address, pitch, half, length, height, stream);
    }
    return isRow ? driver.cuMemsetD32Async(address, value, length, stream)
                 : driver.cuMemsetD2D32Async(address, pitch, value, length, height, stream);
  }
};

} // namespace

Status enqueueFill(const Driver &driver, const LaunchWords::Fill &fill,
                   const std::int64_t *runWords, CUstream stream) {
  const CUdeviceptr begin = fill.begin(runWords);
  const Steps all = fill.steps(runWords);
  std::span<const Steps::Step> steps = all.all();
  const std::size_t elementBytes = dtypeBytes(fill.dtype);
  const auto low = static_cast<unsigned>(fill.bits), high = static_cast<unsigned>(fill.bits >> 32);

  // There are no words of 8 bytes. Of two halves that differ, each is a row of one word.
  if (elementBytes == 8 && low != high) {
    if (Status s = Rows{driver, stream, 4, low, 1, 8}.fill(begin, steps); !s.ok())
      return s;
    return Rows{driver, stream, 4, high, 1, 8}.fill(begin + 4, steps);
  }
  const std::size_t wordBytes = std::min<std::size_t>(elementBytes, 4);
  std::size_t length = elementBytes / wordBytes;
  if (!steps.empty() && steps.front().stride == 1) {
    length *= std::size_t(steps.front().count);
    steps = steps.subspan(1);
  }
  return Rows{driver, stream, wordBytes, low, length, elementBytes}.fill(begin, steps);
}

} // namespace lighthouse::runtime
