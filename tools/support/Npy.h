//===- Npy.h - Arrays in numpy's .npy format --------------------*- C++ -*-===//
//
// Little-endian arrays in C order, format versions 1 to 3. bfloat16, which numpy lacks, is stored
// as uint16.
//
//   descr  <f4  <f2  <u2   <f8  |i1  <i4  <i8  |b1
//   dtype  F32  F16  BF16  F64  I8   I32  I64  Bool
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_SUPPORT_NPY_H
#define LIGHTHOUSE_SUPPORT_NPY_H

#include "lighthouse/runtime/DType.h"
#include "lighthouse/runtime/Status.h"

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace lighthouse::support {

using runtime::DType;
using runtime::Result;
using runtime::Status;

/// An array in memory: contiguous, row-major, 64-byte aligned. Movable, not copyable.
class Array {
public:
  Array() = default;

  /// An array with unspecified contents. Fails if a dimension is negative, if the size passes
  /// `maxBytes`, or if memory is short.
  static Result<Array> create(DType dtype, std::vector<int64_t> shape, uint64_t maxBytes);

  DType dtype() const { return dtype_; }
  const std::vector<int64_t> &shape() const { return shape_; }
  int64_t elements() const { return elements_; }
  std::span<std::byte> bytes() { return {storage_.get(), byteCount()}; }
  std::span<const std::byte> bytes() const { return {storage_.get(), byteCount()}; }

  /// The elements as `T`, whose size is that of an element.
  template <typename T> std::span<T> as() {
    return {reinterpret_cast<T *>(storage_.get()), static_cast<std::size_t>(elements_)};
  }
  template <typename T> std::span<const T> as() const {
    return {reinterpret_cast<const T *>(storage_.get()), static_cast<std::size_t>(elements_)};
  }

  /// The elements of a floating-point array as float32: exact for the 16-bit types, rounded for
  /// float64. Fails for other types.
  Result<std::vector<float>> toFloat() const;

  /// An array of `dtype` (F32, F16 or BF16) with `values` rounded to nearest even.
  static Result<Array> fromFloat(DType dtype, std::vector<int64_t> shape,
                                 std::span<const float> values);

private:
  struct Free {
    void operator()(std::byte *p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  std::size_t byteCount() const {
    return static_cast<std::size_t>(elements_) * runtime::dtypeBytes(dtype_);
  }

  DType dtype_ = DType::F32;
  std::vector<int64_t> shape_;
  int64_t elements_ = 0;
  std::unique_ptr<std::byte[], Free> storage_;
};

/// The largest array that is made or read unless the caller says otherwise: 16 GiB.
inline constexpr uint64_t kDefaultArrayLimit = uint64_t(16) << 30;

/// Reads an .npy file. The header is checked against the file's size and `maxBytes` before memory
/// is taken. Messages begin with the path.
Result<Array> readNpy(const std::string &path, uint64_t maxBytes = kDefaultArrayLimit);

/// Writes an array as .npy, version 1, as `writeFile` does (Files.h).
Status writeNpy(const std::string &path, const Array &array);

/// The same for elements held elsewhere, contiguous and row-major.
Status writeNpy(const std::string &path, DType dtype, std::span<const int64_t> shape,
                std::span<const std::byte> bytes);

} // namespace lighthouse::support

#endif // LIGHTHOUSE_SUPPORT_NPY_H
