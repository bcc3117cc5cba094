//===- CudaSample.h - A CUDA program for tests ------------------*- C++ -*-===//
//
// Real PTX, so that it runs on a GPU, and simple enough for the fake driver to read.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDASAMPLE_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDASAMPLE_H

#include "TestSupport.h"

#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Program.h"

#include <gtest/gtest.h>

namespace lighthouse::runtime::test {

/// A program of two launches over a grid of 2 x 2 x 2 blocks on f32[sampleLength]: t = a + b in the
/// workspace, then out = t * 0.5 + the number of blocks, through 64 KiB of shared memory.
Artifact cudaSampleArtifact(std::string key = "cuda sample");

/// What `out` is for the inputs of `CudaSampleRun`, at `index`.
float cudaSampleResult(std::int64_t index);

/// Device memory for runs of the sample program: a[i] = i, b[i] = i / 4.
struct CudaSampleRun {
  explicit CudaSampleRun(int device = 0);

  Status run(const Program &program, const RunOptions &options = {}) const {
    return program.run(inputs, outputs, workspace.data(), workspace.size(), options);
  }

  /// Clears `out`.
  void clear() const;
  /// Whether `out` is right; compared on the host.
  testing::AssertionResult isRight() const;

  cuda::DeviceBuffer a, b, out, workspace;
  std::vector<TensorView> inputs, outputs;
};

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDASAMPLE_H
