//===- SoftmaxGradient.h - Its rows in fp64 ---------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_SOFTMAXGRADIENT_H
#define LIGHTHOUSE_ORACLE_SOFTMAXGRADIENT_H

#include "oracle/Softmax.h"

namespace lighthouse::oracle {

/// What the gradient needs of one query head.
struct QueryHead {
  /// `logSumExp` and `delta` are zero.
  QueryHead(Rows query, Rows outputGradient);

  /// Sets `logSumExp` and `delta` of the rows from `first` on. The rows of O are rounded.
  void attend(const KeyValueRows &keyValues, int64_t first, bool causal, Rounding rounding);

  /// Sets `delta` of a row from its output [headDim].
  void setDelta(int64_t row, const double *output);

  Rows query;
  /// dO.
  Rows outputGradient;
  std::vector<double> logSumExp;
  /// The products of the rows of dO and of O.
  std::vector<double> delta;
};

/// The gradient of softmax attention in chosen rows, for one key head and its query heads:
///   P = exp(scale Q K^T - LSE), dS = P (dO V^T - delta),
///   dQ = scale dS K, dK = scale dS^T Q, dV = P^T dO.
/// P and dS are rounded as operands of the last three products. A hidden pair of rows contributes
/// nothing, whatever the rows hold.
class SoftmaxGradient {
public:
  /// Gradients of the rows `places`, each [places, headDim]; if `causal`, query row i sees the
  /// keys 0..i. The references must outlive the object.
  SoftmaxGradient(const KeyValueRows &keyValues, std::span<const int64_t> places, bool causal,
                  Rounding rounding);

  /// The first query row that matters: `QueryHead::attend` needs no earlier one.
  int64_t firstQuery() const;

  /// Returns dQ of a query head and adds its parts to dK and dV.
  std::vector<double> add(const QueryHead &head);

  /// dK and dV, the sums over the query heads.
  std::vector<double> key;
  std::vector<double> value;

private:
  void setQueryRow(const QueryHead &head, int64_t place, double *queryGradient) const;
  void addKeyValueRow(const QueryHead &head, int64_t place, double *keyGradient,
                      double *valueGradient) const;

  const KeyValueRows &keyValues;
  std::span<const int64_t> places;
  bool causal;
  Rounding rounding;
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_SOFTMAXGRADIENT_H
