//===- Pooling.h - One pooled row, one scattered row ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_POOLING_H
#define LIGHTHOUSE_ORACLE_POOLING_H

#include "oracle/Selection.h"

#include <algorithm>

namespace lighthouse::oracle {

/// mean[headDim] = the mean of the rows that entry (level, entry) covers.
inline void poolRow(const Tensor &tensor, const Pyramid &pyramid, int64_t b, int64_t head,
                    int64_t level, int64_t entry, double *mean) {
  int64_t begin = entry * pyramid.window(level);
  int64_t end = std::min(begin + pyramid.window(level), pyramid.tokens());
  std::fill(mean, mean + tensor.headDim, 0.0);
  for (int64_t token = begin; token < end; ++token)
    for (int64_t d = 0; d < tensor.headDim; ++d)
      mean[d] += tensor.row(b, token, head)[d];
  for (int64_t d = 0; d < tensor.headDim; ++d)
    mean[d] /= static_cast<double>(end - begin);
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

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_POOLING_H
