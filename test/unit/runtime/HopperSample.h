//===- HopperSample.h - Programs with tensor maps and clusters --*- C++ -*-===//
//
// Real PTX for sm_90, as in CudaSample.h. The two entry points have an image each.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_HOPPERSAMPLE_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_HOPPERSAMPLE_H

#include "lighthouse/runtime/Artifact.h"

namespace lighthouse::runtime::test {

/// Of "copy". The output is whole boxes of 8 x 16, the input less than that.
inline constexpr std::int64_t copyRows = 20, copyColumns = 40, copyOutRows = 24,
                              copyOutColumns = 48;

/// Of "ranks": blocks, in clusters of two.
inline constexpr std::int64_t rankedBlocks = 6;

/// The entry point "copy" copies x, f32[20, 40], to y, f32[24, 48], box by box through a tensor map
/// and shared memory; where there is no x, y becomes 0. "ranks" makes out, i32[6, 2], for each
/// block the blocks of its cluster and its rank in it.
Artifact hopperArtifact();

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_HOPPERSAMPLE_H
