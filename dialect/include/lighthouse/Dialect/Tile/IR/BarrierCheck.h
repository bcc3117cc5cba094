//===- BarrierCheck.h - waits that have no end --------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_BARRIERCHECK_H
#define LIGHTHOUSE_DIALECT_TILE_IR_BARRIERCHECK_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::tile {

/// Reports waits at barriers that never end, with notes at the barrier and at the roles that stand
/// still with them. The constraints, by their labels:
///
/// - (barriers_c1) something arrives at a barrier that is waited for;
/// - (barriers_c2) as many arrivals come as complete the phase that is waited for;
/// - (barriers_c3) no further phase is complete by then: a wait tells phases by their parity;
/// - (barriers_c4) what completes a phase does not come behind a wait for it;
/// - (barriers_c5) as many threads come to a named barrier as meet there;
/// - (barriers_c6) an instance of a role has no more threads than meet at a named barrier that it
///   comes to, and where it has all of them no other instance comes there.
///
/// The programs of the roles are run as far as barriers are concerned, for a first and a last
/// program instance, once with small and once with large extents. What hangs both times is
/// reported. The run is one that a GPU may choose, so a kernel that is right is accepted. Waits at
/// mbarriers that depend on data are left out, which lets instances go further than they do. Where
/// data decide who arrives, c1 alone is checked.
mlir::LogicalResult checkBarriers(KernelOp kernel);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_BARRIERCHECK_H
