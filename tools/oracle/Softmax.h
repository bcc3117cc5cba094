//===- Softmax.h - Rows of softmax attention in fp64 ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_SOFTMAX_H
#define LIGHTHOUSE_ORACLE_SOFTMAX_H

#include "oracle/Forward.h"

#include <vector>

namespace lighthouse::oracle {

/// `value` rounded to a type, to nearest even.
double roundTo(Rounding rounding, double value);

/// The keys and values of one head, held so that a query row is attended quickly: `T` is float
/// where the rows are exact in it, else double.
template <typename T> class KeyValueRows {
public:
  KeyValueRows(int64_t length, int64_t headDim);

  /// Sets row `row` < length; both have `headDim` elements. Rows may be set concurrently.
  void set(int64_t row, const T *key, const T *value);

  /// output[headDim] = softmax(query K^T / sqrt(D)) V over the first `visible` >= 1 rows, the
  /// weights rounded before they are normalised. Returns the logarithm of the sum of exp(scores).
  double attend(const double *query, int64_t visible, Rounding rounding, double *output) const;

private:
  /// Keys are transposed in blocks of this many rows: the inner loop runs over independent sums,
  /// which the compiler can vectorise without reordering any of them.
  static constexpr int64_t kBlock = 8;

  int64_t headDim_;
  std::vector<T> keys_;
  std::vector<T> values_;
};

extern template class KeyValueRows<float>;
extern template class KeyValueRows<double>;

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_SOFTMAX_H
