//===- CopyRing.h - a pipelined loop by asynchronous copies -------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_COPYRING_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_COPYRING_H

#include "PipelinedLoop.h"

namespace lighthouse::pipelining {

/// What hinders `makeCopyRing`.
Obstacle checkCopyRing(const PipelinedLoop &loop, const tile::TargetInfo &target);

/// Lets asynchronous copies bring the loads of a loop to rings in shared memory, as many iterations
/// ahead as the ring has slots, but one.
void makeCopyRing(PipelinedLoop &loop);

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_COPYRING_H
