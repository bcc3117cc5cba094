//===- Forward.h - Rows of the attention output -----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_FORWARD_H
#define LIGHTHOUSE_ORACLE_FORWARD_H

#include "oracle/Selection.h"

namespace lighthouse::oracle {

/// The type that intermediate tensors are rounded to. `None` is the oracle itself; the others make
/// the reference that says what error is natural for an implementation of that type.
enum class Rounding { None, Float16, BFloat16 };

/// Rows of O at the given base positions: [B, positions, H, D]. With a `rounding`, the pooled rows,
/// the softmax weights before normalisation, O~ and O are rounded to that type, as they are by a
/// kernel that hands them on in it. Sums stay in fp64.
std::vector<double> forwardRows(const Inputs &inputs, const Pyramid &pyramid,
                                const Selection &selection, std::span<const int64_t> positions,
                                Rounding rounding = Rounding::None);

/// Rows of dense attention at the given query positions: [B, positions, H, D]; if `causal`, row j
/// sees the keys 0..j. `rounding` as above.
std::vector<double> denseAttentionRows(const Inputs &inputs, std::span<const int64_t> positions,
                                       bool causal, Rounding rounding = Rounding::None);

/// All base positions 0..tokens-1.
std::vector<int64_t> allPositions(int64_t tokens);

/// About `count` distinct positions in ascending order, the same at every call: both ends, where
/// the special cases of the scatter lie, and a spread of the others.
std::vector<int64_t> samplePositions(int64_t tokens, int64_t count);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_FORWARD_H
