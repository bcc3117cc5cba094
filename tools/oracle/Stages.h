//===- Stages.h - The stages after the selection, one by one ----*- C++ -*-===//
//
// Whole tensors in fp64, for tests of single stages at small shapes. `Forward.h` computes sampled
// rows of the composition at any length.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_ORACLE_STAGES_H
#define LIGHTHOUSE_ORACLE_STAGES_H

#include "oracle/Selection.h"

namespace lighthouse::oracle {

/// The means over the windows of `level`: [B, n_l, heads, D].
std::vector<double> pool(const Tensor &tensor, const Pyramid &pyramid, int64_t level);

/// The pooled rows in sub-sequence order, [B, heads, S, D]; rows without an entry are zero. The
/// heads of `tensor` are a multiple of the selection's groups.
std::vector<double> gather(const Tensor &tensor, const Pyramid &pyramid,
                           const Selection &selection);

/// Sizes of a dense attention over gathered rows.
struct AttendShape {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t groups = 0;
  int64_t length = 0;
  int64_t headDim = 0;
};

/// Result of `attend`.
struct Attended {
  /// O~ [B, H, S, D].
  std::vector<double> output;
  /// [B, H, S]: the natural logarithm of the sum of exp(q.k / sqrt(D)) over the visible keys.
  std::vector<double> logSumExp;
};

/// softmax(Q K^T / sqrt(D)) V with query [B, H, S, D], key and value [B, G, S, D]; if `causal`, row
/// s sees the keys 0..s.
Attended attend(const AttendShape &shape, std::span<const double> query,
                std::span<const double> key, std::span<const double> value, bool causal);

/// O [B, N, H, D] from O~ [B, heads, S, D]: position j adds up at most one entry per level.
std::vector<double> scatter(std::span<const double> output, int64_t heads, int64_t headDim,
                            const Pyramid &pyramid, const Selection &selection);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_STAGES_H
