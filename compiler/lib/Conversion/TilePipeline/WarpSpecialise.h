//===- WarpSpecialise.h - a kernel around a pipelined loop as two roles -------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_WARPSPECIALISE_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_WARPSPECIALISE_H

#include "PipelinedLoop.h"

namespace lighthouse::pipelining {

/// What hinders `specialiseWarps`. The target has the units for it.
Obstacle checkSpecialisation(const PipelinedLoop &loop, const tile::TargetInfo &target);

/// Makes two roles of the kernel. A producer brings what the products of the loop take, by bulk
/// copies; a consumer, of the kernel's warps, multiplies asynchronously and does all else.
void specialiseWarps(PipelinedLoop &loop, const tile::TargetInfo &target);

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_WARPSPECIALISE_H
