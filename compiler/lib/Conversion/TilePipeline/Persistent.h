//===- Persistent.h - blocks that go through program instances ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_PERSISTENT_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_PERSISTENT_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::pipelining {

/// The attribute of a kernel whose author lets blocks run several instances, and of one whose
/// blocks do.
inline constexpr llvm::StringLiteral persistentName = "tile.persistent",
                                     residentName = "tile.resident";

/// Makes the body of `kernel` a loop over program instances, from that of the block on in steps of
/// the number of blocks.
void loopOverInstances(tile::KernelOp kernel);

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_PERSISTENT_H
