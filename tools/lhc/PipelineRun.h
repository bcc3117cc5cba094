//===- PipelineRun.h - What run, check and bench do alike ---------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_PIPELINERUN_H
#define LIGHTHOUSE_TOOLS_LHC_PIPELINERUN_H

#include "SpecOptions.h"
#include "Verify.h"

#include <optional>

namespace lhc {

/// Seconds until a pipeline could run, without those for its data.
struct StartTimes {
  /// GPU: the driver and a context.
  double device = 0;
  /// The artifact, made or found in the cache.
  double compile = 0;
  /// Its code: mapped, or made from PTX or found in the cache, and loaded.
  double load = 0;
};

/// A pipeline with its input data, compiled and loaded.
struct PipelineRun {
  std::optional<lighthouse::Compiler> compiler;
  lighthouse::Request request;
  std::vector<NamedArray> arrays;
  std::optional<Execution> execution;
  /// Into `arrays`, in the order of the plan.
  std::vector<lighthouse::runtime::TensorView> inputs;
  StartTimes start;

  /// Does all of it; prints errors and returns an exit code.
  int prepare(const SpecOptions &options, uint64_t seed, bool exposeSelections,
              const Extents &extents = {});

  /// Compares the outputs with the oracle, about `rows` rows of each; prints errors.
  int verify(int64_t rows, std::vector<Verdict> &verdicts);
};

/// "q f32[1, 4096, 2, 64]" and so on, separated by commas.
std::string describeArrays(const std::vector<NamedArray> &arrays);

/// The exit code for `verdicts`: a failed one, or none checked at all, is a failed check.
int exitCode(const std::vector<Verdict> &verdicts);
void printVerdicts(const std::vector<Verdict> &verdicts);
llvm::json::Array toJson(const std::vector<Verdict> &verdicts);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_PIPELINERUN_H
