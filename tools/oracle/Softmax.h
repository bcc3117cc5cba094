//===- Softmax.h - Rows of softmax attention in fp64 ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_SOFTMAX_H
#define LIGHTHOUSE_ORACLE_SOFTMAX_H

#include "oracle/Forward.h"
#include "oracle/Rows.h"

namespace lighthouse::oracle {

/// `value` rounded to a type, to nearest even.
double roundTo(Rounding rounding, double value);

/// Rounds every one of `values`.
void roundTo(Rounding rounding, std::span<double> values);

/// A query row to attend, and its results.
struct AttendedRow {
  /// [headDim].
  const double *query;
  /// How many rows of the keys it sees, from the first; at least 1.
  int64_t visible;
  /// softmax(scale * query K^T) V, [headDim].
  double *output;
  /// The logarithm of the sum of exp(scores).
  double logSumExp = 0;
};

/// The keys and values of one head, of equal length, and the scale of its scores.
struct KeyValueRows {
  /// The scale is 1 / sqrt(headDim).
  KeyValueRows(Rows keys, Rows values);

  /// Sets the results of `rows`; softmax weights are rounded before they are normalised. Attending
  /// several rows at once reads the keys and values once for all of them.
  void attend(std::span<AttendedRow> rows, Rounding rounding) const;

  Rows keys;
  Rows values;
  double scale;
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_SOFTMAX_H
