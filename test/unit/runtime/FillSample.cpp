//===- FillSample.cpp - Programs that fill an output ----------------------===//

#include "FillSample.h"

#include "CudaSample.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <optional>

namespace lighthouse::runtime::test {

const std::vector<FillCase> &fillCases() {
  static const std::vector<FillCase> cases = {
      {"scalar", DType::F32, 0x3f800000, {}, {}, 1},
      {"empty", DType::F32, 1, {4, 0}, {0, 1}, 0},
      {"one_element", DType::F64, 7, {1, 1}, {-9, 0}, 2},
      {"bools", DType::Bool, 1, {5}, {1}, 1},
      {"bytes", DType::I8, 0x80, {3, 5}, {5, 1}, 1},
      {"halves", DType::F16, 0x3c00, {7, 9}, {9, 1}, 1},
      {"words", DType::I32, 0xffffffff, {4, 3, 2}, {6, 2, 1}, 1},
      {"long_words_of_equal_halves", DType::I64, UINT64_MAX, {3, 5}, {5, 1}, 1},
      {"long_words", DType::F64, std::bit_cast<std::uint64_t>(0.1), {3, 5}, {5, 1}, 2},
      {"many", DType::I32, 5, {300, 1000}, {1000, 1}, 1},
      {"many_pitched_rows", DType::BF16, 0x4049, {3000, 100}, {128, 1}, 1},
      {"permuted", DType::F32, 9, {2, 3, 4, 5}, {60, 5, 15, 1}, 1},
      {"pitched_bytes", DType::Bool, 1, {6, 5}, {8, 1}, 1},
      {"pitched_long_words", DType::I64, 0, {6, 5}, {8, 1}, 1},
      {"pitched_long_words_of_two_halves", DType::I64, 1, {6, 5}, {8, 1}, 12},
      {"reversed", DType::F16, 0x7e00, {4, 3, 5}, {-15, -5, 1}, 1},
      {"reversed_pitched", DType::I32, 3, {4, 3, 5}, {-30, 7, 1}, 4},
      {"every_third", DType::F32, 0xff800000, {20}, {3}, 1},
      {"every_third_from_the_end", DType::I64, 0x100000000, {20}, {-3}, 2},
      {"scattered", DType::I8, 0x7f, {3, 4, 5}, {2, 1000, 50}, 20},
      {"one_wide", DType::F32, 2, {2, 1, 3}, {4, 77, 1}, 1},
  };
  return cases;
}

Artifact fillArtifact(const FillCase &c, Device device) {
  Artifact artifact = device == Device::Host ? sampleArtifact() : cudaSampleArtifact();
  Plan &plan = artifact.plans[0];
  plan.inputs.clear();
  plan.outputs = {{"y", c.dtype, c.shape}};
  plan.buffers.clear();
  plan.workspaceBytes = 0;
  plan.kernels.resize(1);
  plan.kernels[0].args = {
      {KernelArg::Kind::Tensor, c.dtype, std::int64_t(c.shape.size()), false, 1}};
  plan.kernels[0].dims.clear();
  plan.launches = {{0, "fill", {4, 0, 1}, {LaunchArg::output(0)}, {}, {}, {{0, c.bits}}}};
  return artifact;
}

void expectFilled(const FillCase &c, Device device, const RunOptions &options) {
  SCOPED_TRACE(c.name);
  constexpr std::int64_t margin = 64;
  const auto width = std::int64_t(dtypeBytes(c.dtype)), count = *elementCount(c.shape);
  const auto offsetOf = [&](std::int64_t element) {
    std::int64_t offset = 0;
    for (std::size_t d = c.shape.size(); d-- > 0; element /= c.shape[d])
      offset += element % c.shape[d] * c.strides[d];
    return offset;
  };
  std::int64_t low = 0, high = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    low = std::min(low, offsetOf(i));
    high = std::max(high, offsetOf(i));
  }
  std::vector<std::uint8_t> memory(std::size_t((high - low + 1) * width + 2 * margin), 0xa5);
  std::vector<std::uint8_t> expected = memory;
  const std::int64_t origin = margin - low * width;
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(&expected[std::size_t(origin + offsetOf(i) * width)], &c.bits, std::size_t(width));

  Result<Program> program = Program::load(fillArtifact(c, device));
  ASSERT_TRUE(program) << program.status().toString();
  std::uint8_t *data = memory.data();
  std::optional<cuda::DeviceBuffer> buffer;
  if (device == Device::Cuda) {
    Result<cuda::DeviceBuffer> allocated = cuda::DeviceBuffer::allocate(memory.size());
    ASSERT_TRUE(allocated) << allocated.status().toString();
    buffer.emplace(*std::move(allocated));
    data = static_cast<std::uint8_t *>(buffer->data());
    ASSERT_TRUE(cuda::copy(data, memory.data(), memory.size()).ok());
  }
  const TensorView output = {data + origin, c.dtype, c.shape, c.strides, device};
  const Status status = program->run({}, {&output, 1}, nullptr, 0, options);
  ASSERT_TRUE(status.ok()) << status.toString();
  if (buffer) {
    ASSERT_TRUE(cuda::synchronizeStream(options.stream).ok());
    ASSERT_TRUE(cuda::copy(memory.data(), data, memory.size()).ok());
  }
  EXPECT_TRUE(memory == expected);
}

} // namespace lighthouse::runtime::test
