//===- PartialReduction.h - which elements a part combines ------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_PARTIALREDUCTION_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_PARTIALREDUCTION_H

#include "lighthouse/Dialect/Tile/IR/Layout.h"

namespace lighthouse {

/// How a partial reduction of a tile in some layout goes: threads that share a line keep parts of
/// their own, as far as there are parts; what is left of them goes to registers.
struct PartialReduction {
  tile::Layout layout; ///< Of the result.
  /// Register bases of the source along the axis that tell parts apart, and those of the parts.
  llvm::SmallVector<std::pair<tile::Basis, tile::Basis>> registers;
  /// Bits of the lane's and the warp's number along the axis whose parts are combined.
  llvm::SmallVector<unsigned> lanes, warps;

  PartialReduction(tile::ReducePartialOp op, const tile::Layout &source);
};

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_PARTIALREDUCTION_H
