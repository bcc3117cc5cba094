//===- Backward.h - Rows of the gradient of attention -----------*- C++ -*-===//
//
// The gradient of the sum of dO * O with respect to q, k and v. Scores and selection are constants:
// all gradient goes through the gathered rows.
//
// What it costs: one forward pass of every query head of the wanted groups, from the first row that
// matters, because all later query rows reach a key. The wanted rows themselves cost little.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_ORACLE_BACKWARD_H
#define LIGHTHOUSE_ORACLE_BACKWARD_H

#include "oracle/Forward.h"

namespace lighthouse::oracle {

/// Gradients of q, k and v; the function that makes them says of which rows.
struct Gradients {
  std::vector<double> query;
  std::vector<double> key;
  std::vector<double> value;
};

/// Rows of dq [B, positions, groups * H / G, D] and of dk and dv [B, positions, groups, D] at the
/// given base positions, of the given groups (each with all its query heads; `allPositions(G)` for
/// all) in their order, for dO [B, N, H, D].
///
/// With a `rounding`, the rows of q~, k~, v~, O~, dO~, dK~, dV~, dq, dk and dv are rounded to that
/// type, and P and dS as operands of products; so is the softmax of the forward pass, as in
/// `forwardRows`. dQ~ and sums stay in fp64.
Gradients backwardRows(const Inputs &inputs, const Tensor &outputGradient, const Pyramid &pyramid,
                       const Selection &selection, std::span<const int64_t> positions,
                       std::span<const int64_t> groups, Rounding rounding = Rounding::None);

/// The same rows of the gradient of dense attention; if `causal`, row j sees the keys 0..j.
Gradients denseBackwardRows(const Inputs &inputs, const Tensor &outputGradient,
                            std::span<const int64_t> positions, std::span<const int64_t> groups,
                            bool causal, Rounding rounding = Rounding::None);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_BACKWARD_H
