//===- Tensor.cpp - Element types and tensor views ------------------------===//

#include "lighthouse/runtime/Tensor.h"

#include <array>

namespace lighthouse::runtime {

namespace {
struct DTypeInfo {
  std::string_view name;
  std::size_t bytes;
};
} // namespace

/// Indexed by the value of the enum.
static constexpr std::array<DTypeInfo, numDTypes> dtypeTable = {{{"f32", 4},
                                                                 {"f16", 2},
                                                                 {"bf16", 2},
                                                                 {"f64", 8},
                                                                 {"i8", 1},
                                                                 {"i32", 4},
                                                                 {"i64", 8},
                                                                 {"bool", 1}}};

std::string_view dtypeName(DType dtype) { return dtypeTable[static_cast<int>(dtype)].name; }

std::size_t dtypeBytes(DType dtype) { return dtypeTable[static_cast<int>(dtype)].bytes; }

std::optional<DType> parseDType(std::string_view name) {
  for (int i = 0; i < numDTypes; ++i)
    if (dtypeTable[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

std::string_view deviceName(Device device) { return device == Device::Host ? "host" : "cuda"; }

std::vector<std::int64_t> contiguousStrides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides;
  contiguousStrides(shape, strides);
  return strides;
}

void contiguousStrides(std::span<const std::int64_t> shape, std::vector<std::int64_t> &strides) {
  strides.resize(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i] > 0 ? shape[i] : 1;
  }
}

TensorView TensorView::contiguous(void *data, DType dtype, std::vector<std::int64_t> shape,
                                  Device device) {
  std::vector<std::int64_t> strides = contiguousStrides(shape);
  return {data, dtype, std::move(shape), std::move(strides), device};
}

std::optional<std::int64_t> elementCount(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  // Zero dims are multiplied as ones first, so that the strides of an empty tensor fit too.
  bool empty = false;
  for (std::int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
    if (__builtin_mul_overflow(count, dim == 0 ? 1 : dim, &count))
      return std::nullopt;
  }
  return empty ? 0 : count;
}

std::optional<std::int64_t> tensorBytes(DType dtype, std::span<const std::int64_t> shape) {
  std::optional<std::int64_t> count = elementCount(shape);
  std::int64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, std::int64_t(dtypeBytes(dtype)), &bytes))
    return std::nullopt;
  return bytes;
}

std::string formatDims(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i)
    text.append(i == 0 ? "" : ", ").append(std::to_string(dims[i]));
  return text += "]";
}

std::string formatTensorType(DType dtype, std::span<const std::int64_t> shape) {
  return std::string(dtypeName(dtype)) + formatDims(shape);
}

} // namespace lighthouse::runtime
