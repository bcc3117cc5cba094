//===- Rows.h - The rows of one head ----------------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_ROWS_H
#define LIGHTHOUSE_ORACLE_ROWS_H

#include "oracle/Tensor.h"

#include <vector>

namespace lighthouse::oracle {

/// A matrix [length, headDim] and its products with vectors, in fp64. Only the rows that a function
/// names are read. The inner loops run over independent sums, which the compiler can vectorise
/// without reordering any of them.
class Rows {
public:
  /// Zeros.
  Rows(int64_t length, int64_t headDim)
      : length_(length), headDim_(headDim), values_(length * headDim) {}
  /// A copy of `values` [length, headDim].
  Rows(std::span<const double> values, int64_t headDim)
      : length_(static_cast<int64_t>(values.size()) / headDim), headDim_(headDim),
        values_(values.begin(), values.end()) {}
  /// A copy of one head of `tensor`.
  Rows(const Tensor &tensor, int64_t b, int64_t head);

  int64_t length() const { return length_; }
  int64_t headDim() const { return headDim_; }
  double *row(int64_t i) { return values_.data() + i * headDim_; }
  const double *row(int64_t i) const { return values_.data() + i * headDim_; }

  /// dots[i - begin] = the product of vector[headDim] and row i, for the rows [begin, end).
  void multiply(const double *vector, int64_t begin, int64_t end, double *dots) const;

  /// sum[headDim] += weights[i - begin] * row i, for the rows [begin, end) in ascending order.
  void addTo(double *sum, const double *weights, int64_t begin, int64_t end) const;

private:
  int64_t length_;
  int64_t headDim_;
  std::vector<double> values_;
};

/// The product of two vectors.
double dot(const double *a, const double *b, int64_t size);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_ROWS_H
