//===- Tensor.h - Views of the caller's memory ------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_TENSOR_H
#define LIGHTHOUSE_RUNTIME_TENSOR_H

#include "lighthouse/runtime/DType.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lighthouse::runtime {

/// Tensors have at most this many dimensions.
inline constexpr std::size_t maxRank = 8;

/// Where the memory of a tensor lies. The values are those of `lh_device` in the C API.
enum class Device : std::uint8_t { Host = 0, Cuda = 1 };

/// "host" or "cuda".
std::string_view deviceName(Device device);

/// A strided view of memory owned by the caller.
struct TensorView {
  /// Address of element (0, 0, ...).
  void *data = nullptr;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  /// Distance between neighbours of each dimension, in elements; as many as dimensions.
  std::vector<std::int64_t> strides;
  Device device = Device::Host;

  /// A view of contiguous row-major memory.
  static TensorView contiguous(void *data, DType dtype, std::vector<std::int64_t> shape,
                               Device device = Device::Host);
};

/// Strides, in elements, of a contiguous row-major tensor.
std::vector<std::int64_t> contiguousStrides(std::span<const std::int64_t> shape);

/// The same, in the memory of `strides` if it is enough.
void contiguousStrides(std::span<const std::int64_t> shape, std::vector<std::int64_t> &strides);

/// Product of the dims; none if a dim is negative or the product does not fit.
std::optional<std::int64_t> elementCount(std::span<const std::int64_t> shape);

/// Bytes of a contiguous tensor; none if a dim is negative or the product does not fit.
std::optional<std::int64_t> tensorBytes(DType dtype, std::span<const std::int64_t> shape);

/// "f32[2, 8192, 64]".
std::string formatTensorType(DType dtype, std::span<const std::int64_t> shape);

/// "[2, 8192, 64]".
std::string formatDims(std::span<const std::int64_t> dims);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_TENSOR_H
