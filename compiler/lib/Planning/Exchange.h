//===- Exchange.h - What cards that share a sequence send to each other -------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PLANNING_EXCHANGE_H
#define LIGHTHOUSE_LIB_PLANNING_EXCHANGE_H

#include "lighthouse/Planning/ModelPlan.h"

namespace lighthouse::planning {

/// Whether the cards share out the heads in attention: W divides H, and divides G or is a multiple
/// of it. Otherwise k~ and v~ of all cards are gathered.
bool exchangesHeads(const ModelOptions &options);

/// Bytes that a card sends for one layer: the most that any does.
struct Exchange {
  int64_t forward = 0, backward = 0;
  /// Forward, what is sent once more where the block is recomputed but for `select` and `attend`.
  int64_t again = 0;
};

/// For attention over S = `rows` positions; `isSelected`: of the sub-sequence, whose scatter
/// crosses the borders of pieces. The formula is that of `exchanged_bytes` in
/// python/lighthouse_attention/shapes.py, which explains it.
Exchange exchangeOf(const ModelOptions &options, int64_t rows, bool isSelected);

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_LIB_PLANNING_EXCHANGE_H
