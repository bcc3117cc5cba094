//===- Pooling.h - Rows of pooling and scatter, and back --------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_POOLING_H
#define LIGHTHOUSE_ORACLE_POOLING_H

#include "oracle/Softmax.h"

#include <algorithm>

namespace lighthouse::oracle {

/// sum[headDim] = the sum of the rows of the tokens [begin, end).
inline void sumRows(const Tensor &tensor, int64_t b, int64_t head, int64_t begin, int64_t end,
                    double *sum) {
  std::fill_n(sum, tensor.headDim, 0.0);
  for (int64_t token = begin; token < end; ++token)
    for (int64_t d = 0; d < tensor.headDim; ++d)
      sum[d] += tensor.row(b, token, head)[d];
}

/// mean[headDim] = the mean of the rows that entry (level, entry) covers.
inline void poolRow(const Tensor &tensor, const Pyramid &pyramid, int64_t b, int64_t head,
                    int64_t level, int64_t entry, double *mean) {
  int64_t begin = entry * pyramid.window(level);
  int64_t count = pyramid.covered(level, entry);
  sumRows(tensor, b, head, begin, begin + count, mean);
  for (int64_t d = 0; d < tensor.headDim; ++d)
    mean[d] /= static_cast<double>(count);
}

/// row[headDim] = the row that the gather takes of entry (level, entry): its mean, with `rotary`
/// rotated at the last token that it covers. It is rounded once, at the end, but at the coarsest
/// level, whose means pooling stored.
inline void gatherRow(const Tensor &tensor, const Pyramid &pyramid,
                      const std::optional<Rotary> &rotary, int64_t b, int64_t head, int64_t level,
                      int64_t entry, Rounding rounding, double *row) {
  poolRow(tensor, pyramid, b, head, level, entry, row);
  std::span<double> elements(row, tensor.headDim);
  if (rotary) {
    if (level == pyramid.levels() - 1)
      roundTo(rounding, elements);
    rotary->rotate(pyramid.lastCovered(level, entry), tensor.headDim, row);
  }
  roundTo(rounding, elements);
}

/// sum[headDim] = the sum of the rows of the base positions that entry (level, entry) adds its
/// output row to; zero if there are none.
inline void sumScatterRange(const Tensor &tensor, const Pyramid &pyramid, int64_t b, int64_t head,
                            int64_t level, int64_t entry, double *sum) {
  int64_t window = pyramid.window(level);
  int64_t begin = entry * window + window - 1;
  sumRows(tensor, b, head, begin, std::min(begin + window, pyramid.tokens()), sum);
}

/// Calls visit(position) for every sub-sequence position whose output row adds to base position
/// `token`; `rank` is the row of ranks of the batch and group. An entry adds to the positions from
/// the last token that it has seen: at most one entry per level.
template <typename Visit>
void forEachContributor(const Pyramid &pyramid, const int32_t *rank, int64_t token,
                        const Visit &visit) {
  for (int64_t level = 0; level < pyramid.levels(); ++level) {
    int64_t entry = (token + 1) / pyramid.window(level) - 1;
    if (entry >= 0 && rank[pyramid.offset(level) + entry] >= 0)
      visit(rank[pyramid.offset(level) + entry]);
  }
}

/// Calls visit(position, count) for every sub-sequence position whose entry covers base position
/// `token`, at most one per level; `count` is the number of tokens that the entry covers.
template <typename Visit>
void forEachCovering(const Pyramid &pyramid, const int32_t *rank, int64_t token,
                     const Visit &visit) {
  for (int64_t level = 0; level < pyramid.levels(); ++level) {
    int64_t entry = token / pyramid.window(level);
    if (int64_t position = rank[pyramid.offset(level) + entry]; position >= 0)
      visit(position, pyramid.covered(level, entry));
  }
}

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_POOLING_H
