//===- Selection.h - Scores, cascade and sub-sequence order -----*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_SELECTION_H
#define LIGHTHOUSE_ORACLE_SELECTION_H

#include "oracle/Pyramid.h"
#include "oracle/Tensor.h"

#include <span>
#include <vector>

namespace lighthouse::oracle {

/// fp32 scores of the levels >= 1, [B, G, NS], level 1 first.
struct Scores {
  std::vector<float> query;
  std::vector<float> key;
};

/// The `norm` scorer: the largest norm over the rows that an entry covers; for queries also over
/// the heads of the group. A norm is computed in fp64 and rounded once to fp32.
Scores normScores(const Inputs &inputs, const Pyramid &pyramid);

/// The sub-sequence of every batch and group, as two maps that are inverses of each other.
struct Selection {
  int64_t batch = 0;
  int64_t groups = 0;
  /// [B, G, S]: the flat entry at each position; -1 at the end where a row is short.
  std::vector<int32_t> indices;
  /// [B, G, n_total]: the position of each flat entry, or -1.
  std::vector<int32_t> rank;
};

/// The cascade over the given scores (each [batch, groups, NS]; NaN counts as the lowest score),
/// then the post-order walk.
Selection select(const Pyramid &pyramid, int64_t batch, int64_t groups,
                 std::span<const float> queryScores, std::span<const float> keyScores);

/// Takes over index lists [batch, groups, S] that another implementation made. Fails, naming the
/// batch, group and position, unless every row is the post-order walk of a forest that the cascade
/// could make from some scores.
Result<Selection> selectionFromIndices(const Pyramid &pyramid, int64_t batch, int64_t groups,
                                       std::span<const int32_t> indices);

/// Whether the cascade could have made `selection` from scores that deviate from `scores` by no
/// more than the relative `tolerance`, by default the rounding of norms in float32. Two correct
/// implementations may add the squares of a norm in different orders and so part ways where scores
/// tie within rounding; this tells such a case from a wrong selection. Fails with the entry that
/// should, or should not, have been expanded.
Status checkSelection(const Pyramid &pyramid, const Selection &selection, const Scores &scores,
                      double tolerance = 1e-6);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_SELECTION_H
