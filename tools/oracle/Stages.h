//===- Stages.h - The stages after the selection, one by one ----*- C++ -*-===//
//
// Whole tensors in fp64, for tests of single stages at small shapes. `Forward.h` and `Backward.h`
// compute sampled rows of the composition at any length.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_ORACLE_STAGES_H
#define LIGHTHOUSE_ORACLE_STAGES_H

#include "oracle/Backward.h"

#include <optional>

namespace lighthouse::oracle {

/// The means over the windows of `level`: [B, n_l, heads, D].
std::vector<double> pool(const Tensor &tensor, const Pyramid &pyramid, int64_t level);

/// The pooled rows in sub-sequence order, [B, heads, S, D], with `rotary` rotated; rows without an
/// entry are zero. The heads of `tensor` are a multiple of the selection's groups. With a
/// `rounding` they are rounded to that type, those of the coarsest level before they are rotated,
/// too.
std::vector<double> gather(const Tensor &tensor, const Pyramid &pyramid, const Selection &selection,
                           const std::optional<Rotary> &rotary = {},
                           Rounding rounding = Rounding::None);

/// Sizes of a dense attention over gathered rows.
struct AttendShape {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t groups = 0;
  int64_t length = 0;
  int64_t headDim = 0;
  /// Of the scores; 1 / sqrt(D) if there is none.
  std::optional<double> scale = {};
};

/// Result of `attend`.
struct Attended {
  /// O~ [B, H, S, D].
  std::vector<double> output;
  /// [B, H, S]: the natural logarithm of the sum of exp(scale q.k) over the visible keys.
  std::vector<double> logSumExp;
};

/// softmax(scale Q K^T) V with query [B, H, S, D], key and value [B, G, S, D]; if `causal`, row
/// s sees the keys 0..s.
Attended attend(const AttendShape &shape, std::span<const double> query,
                std::span<const double> key, std::span<const double> value, bool causal);

/// O [B, N, H, D] from O~ [B, heads, S, D]: position j adds up at most one entry per level.
std::vector<double> scatter(std::span<const double> output, int64_t heads, int64_t headDim,
                            const Pyramid &pyramid, const Selection &selection);

/// dO~ [B, H, S, D] from dO [B, N, H, D]: the sum over the positions that an entry adds to; rows
/// without an entry are zero.
std::vector<double> scatterBackward(const Tensor &outputGradient, const Pyramid &pyramid,
                                    const Selection &selection);

/// Gradients of `attend`: dQ~ [B, H, S, D], dK~ and dV~ [B, G, S, D] from its operands, its result
/// and dO~ [B, H, S, D]. With a `rounding`, P and dS are rounded as operands of products, and dK~
/// and dV~.
Gradients attendBackward(const AttendShape &shape, std::span<const double> query,
                         std::span<const double> key, std::span<const double> value,
                         const Attended &attended, std::span<const double> outputGradient,
                         bool causal, Rounding rounding = Rounding::None);

/// The gradient [B, N, heads, D] of what `gather` made gathered rows of, from theirs,
/// [B, heads, S, D], which are rotated back with `rotary`: position j adds up at most one entry per
/// level, each divided by the number of rows that it covers.
std::vector<double> gatherBackward(std::span<const double> gradient, int64_t heads, int64_t headDim,
                                   const Pyramid &pyramid, const Selection &selection,
                                   const std::optional<Rotary> &rotary = {});

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_STAGES_H
