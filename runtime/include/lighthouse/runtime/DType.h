//===- DType.h - Element types of tensors -----------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_DTYPE_H
#define LIGHTHOUSE_RUNTIME_DTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lighthouse::runtime {

/// The element type of a tensor or scalar. The values are those of `lh_dtype` in the C API.
enum class DType : std::uint8_t {
  F32 = 0,
  F16 = 1,
  BF16 = 2,
  F64 = 3,
  I8 = 4,
  I32 = 5,
  I64 = 6,
  /// One byte in memory, 0 or 1.
  Bool = 7,
};

/// How many element types there are; valid values are 0 to `numDTypes - 1`.
inline constexpr int numDTypes = 8;

/// The name used in plans and messages: f32, f16, bf16, f64, i8, i32, i64, bool.
std::string_view dtypeName(DType dtype);

/// The type of that name, or none.
std::optional<DType> parseDType(std::string_view name);

/// Bytes of one element.
std::size_t dtypeBytes(DType dtype);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_DTYPE_H
