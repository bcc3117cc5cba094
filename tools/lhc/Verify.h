//===- Verify.h - Results of a pipeline against the fp64 oracle ---------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_VERIFY_H
#define LIGHTHOUSE_TOOLS_LHC_VERIFY_H

#include "Execution.h"

#include "lighthouse/Pipelines/Meaning.h"

#include "llvm/ADT/ArrayRef.h"

namespace lhc {

/// What the oracle says about one result of a pipeline.
struct Verdict {
  std::string result;
  /// False: the result is not made of Lighthouse stages in a way that the oracle knows.
  bool checked = false;
  bool passed = false;
  /// Of values; absolute.
  double maxError = 0, meanError = 0, allowedMax = 0, allowedMean = 0;
  /// Of indices: how many there are, and how many differ from the oracle's.
  int64_t indices = 0, differing = 0;
  /// For people: "max error ... (allowed ...)", or why it is not checked.
  std::string text;
};

/// Checks the results that `meanings` name; the other `outputs` are the selections that the pipeline
/// exposed. `inputs` are in the order of the pipeline, cotangents last. At most about `rows` base
/// positions of an output are compared; of a gradient whose length makes all heads too slow for the
/// oracle, the first and the last KV head.
Result<std::vector<Verdict>> verify(llvm::ArrayRef<lighthouse::ResultMeaning> meanings,
                                    llvm::ArrayRef<lighthouse::runtime::TensorView> inputs,
                                    const std::vector<NamedArray> &outputs, int64_t rows);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_VERIFY_H
