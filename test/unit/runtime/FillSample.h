//===- FillSample.h - Programs that fill an output --------------*- C++ -*-===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_FILLSAMPLE_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_FILLSAMPLE_H

#include "lighthouse/runtime/Program.h"

#include <string>
#include <vector>

namespace lighthouse::runtime::test {

/// An output, and the bits that fill it.
struct FillCase {
  std::string name;
  DType dtype;
  std::uint64_t bits;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  /// How many memsets it takes on CUDA.
  int memsets;
};

/// Each width, with contiguous, pitched, permuted, reversed and scattered elements.
const std::vector<FillCase> &fillCases();

/// A program that fills its output and launches nothing: the grid is empty.
Artifact fillArtifact(const FillCase &c, Device device);

/// Runs that program and checks every byte in and around the output.
void expectFilled(const FillCase &c, Device device, const RunOptions &options = {});

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_FILLSAMPLE_H
