//===- TensorMaps.cpp - Tensors as the tensor memory accelerator sees them ===//

#include "TensorMaps.h"

#include <algorithm>
#include <array>

namespace lighthouse::runtime {

/// The CUtensorMapDataType of elements of `dtype`.
static int dataTypeOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  case DType::F16:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  case DType::BF16:
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  case DType::F64:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT64;
  case DType::I8:
  case DType::Bool:
    return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  case DType::I32:
    return CU_TENSOR_MAP_DATA_TYPE_INT32;
  case DType::I64:
    return CU_TENSOR_MAP_DATA_TYPE_INT64;
  }
  return CU_TENSOR_MAP_DATA_TYPE_UINT8;
}

/// Of 0, `first`, twice and four times that: 0, 1, 2, 3.
static int rungOf(std::int64_t bytes, std::int64_t first) {
  return bytes == 0 ? 0 : bytes == first ? 1 : bytes == 2 * first ? 2 : 3;
}

Status encodeTensorMap(const Driver &driver, const LaunchWords::Map &map,
                       const std::int64_t *runWords, void *to) {
  // The driver counts dimensions from the innermost one, whose stride it does not ask for.
  constexpr std::size_t most = PlanLimits::tensorMapRank;
  std::array<std::uint64_t, most> extents = {}, strides = {};
  std::array<std::uint32_t, most> box = {}, steps = {};
  const std::size_t rank = map.shape.size();
  const std::uint64_t elementBytes = dtypeBytes(map.dtype);
  /// Bytes from one tensor of the dimensions so far to the next.
  std::uint64_t reach = elementBytes;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t d = rank - 1 - i;
    extents[i] = std::uint64_t(map.shape[d]);
    box[i] = std::uint32_t(map.spec.box[d]);
    steps[i] = 1;
    if (i != 0)
      // The caller may give a dimension of one element any stride.
      strides[i - 1] = map.shape[d] == 1 ? std::min((reach + 15) / 16 * 16, maxTensorMapStride)
                                         : std::uint64_t(map.strides(runWords)[d]) * elementBytes;
    reach = extents[i] * (i == 0 ? elementBytes : strides[i - 1]);
  }
  return driver.cuTensorMapEncodeTiled(
      to, dataTypeOf(map.dtype), std::uint32_t(rank),
      reinterpret_cast<void *>(map.address(runWords)), extents.data(), strides.data(), box.data(),
      steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, rungOf(map.spec.swizzle, 32),
      rungOf(map.spec.l2Promotion, 64),
      map.spec.fillNaN ? CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA
                       : CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

} // namespace lighthouse::runtime
