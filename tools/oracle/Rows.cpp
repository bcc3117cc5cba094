//===- Rows.cpp - The rows of one head ------------------------------------===//

#include "oracle/Rows.h"

#include "oracle/Parallel.h"

#include <algorithm>
#include <array>

namespace lighthouse::oracle {

double dot(const double *a, const double *b, int64_t size) {
  constexpr int64_t kSums = 8;
  std::array<double, kSums> sums = {};
  int64_t begin = 0;
  for (; begin + kSums <= size; begin += kSums)
    for (int64_t i = 0; i < kSums; ++i)
      sums[i] += a[begin + i] * b[begin + i];
  for (int64_t i = 0; begin + i < size; ++i)
    sums[i] += a[begin + i] * b[begin + i];
  for (int64_t half = kSums / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      sums[i] += sums[i + half];
  return sums[0];
}

Rows::Rows(const Tensor &tensor, int64_t b, int64_t head) : Rows(tensor.tokens, tensor.headDim) {
  parallelFor(length_, [&](int64_t i) { std::copy_n(tensor.row(b, i, head), headDim_, row(i)); });
}

void Rows::multiply(const double *vector, int64_t begin, int64_t end, double *dots) const {
  for (int64_t i = begin; i < end; ++i)
    dots[i - begin] = dot(vector, row(i), headDim_);
}

void Rows::addTo(double *sum, const double *weights, int64_t begin, int64_t end) const {
  int64_t i = begin;
  for (; i + 4 <= end; i += 4, weights += 4) { // Four rows for each load and store of the sums.
    const double *first = row(i);
    for (int64_t d = 0; d < headDim_; ++d)
      sum[d] = sum[d] + weights[0] * first[d] + weights[1] * first[headDim_ + d] +
               weights[2] * first[2 * headDim_ + d] + weights[3] * first[3 * headDim_ + d];
  }
  for (; i < end; ++i, ++weights)
    for (int64_t d = 0; d < headDim_; ++d)
      sum[d] += *weights * row(i)[d];
}

} // namespace lighthouse::oracle
