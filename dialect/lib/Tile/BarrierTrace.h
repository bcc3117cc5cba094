//===- BarrierTrace.h - what the roles of a kernel do at barriers -------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_LIB_TILE_BARRIERTRACE_H
#define LIGHTHOUSE_DIALECT_LIB_TILE_BARRIERTRACE_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include <optional>
#include <vector>

namespace lighthouse::tile {

/// A use of a barrier: `op` is a wait, an arrival or a bulk copy at an mbarrier, or comes to a
/// named barrier.
struct BarrierUse {
  mlir::Operation *op;
  mlir::Value ring;
  int64_t index;
};

/// The uses of an instance of a role, or of a kernel without roles, in their order.
struct BarrierTrace {
  RoleOp role;
  int64_t warps;
  std::vector<BarrierUse> uses;
};

/// What the instances of all roles of a kernel do at barriers.
struct BarrierTraces {
  std::vector<BarrierTrace> instances;
  /// Whether waits are left out because data decide if they come: instances may go further here
  /// than they do.
  bool omitsWaits = false;
};

/// Which barrier a use is of, and its index; none for other ops.
std::optional<std::pair<mlir::Value, mlir::Value>> findBarrier(mlir::Operation *op);

/// The traces of all instances of all roles, in the first or last program instance of a launch
/// whose extents are `extent`. None if data decide who arrives at barriers or comes to named ones,
/// or if they are too long.
std::optional<BarrierTraces> traceBarriers(KernelOp kernel, int64_t extent, bool isLastProgram);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_LIB_TILE_BARRIERTRACE_H
