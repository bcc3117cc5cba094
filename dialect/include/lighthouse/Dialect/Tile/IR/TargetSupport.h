//===- TargetSupport.h - constructs that a target has no unit for -------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TARGETSUPPORT_H
#define LIGHTHOUSE_DIALECT_TILE_IR_TARGETSUPPORT_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::tile {

struct TargetInfo;

/// Reports the first op of `kernel` that `target` has no unit for, by the name that the construct
/// has in the language: all that roles and barriers do on the host, and on a GPU without them bulk
/// copies and mbarriers, asynchronous products, and register budgets of roles.
mlir::LogicalResult checkTargetSupport(KernelOp kernel, const TargetInfo &target);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_TARGETSUPPORT_H
