//===- ProgramTrials.h - Candidates in this process ---------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TUNING_PROGRAMTRIALS_H
#define LIGHTHOUSE_TUNING_PROGRAMTRIALS_H

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Tuning/Search.h"
#include "lighthouse/runtime/Tensor.h"

namespace lighthouse::tuning {

/// Timed runs unless more are wanted.
inline constexpr unsigned defaultRepeat = 10;

/// Where and on what a program is timed.
struct ProgramOptions {
  /// Which entry point of the artifact; empty if there is only one.
  std::string entryPoint;
  /// CUDA: ordinal of the device, and the stream that all runs are enqueued on.
  int device = 0;
  void *stream = nullptr;
  /// Of kernels, and of what the driver makes of PTX; may be null.
  std::shared_ptr<runtime::Cache> cache;
  /// Timed runs.
  unsigned repeat = defaultRepeat;
  /// The inputs in the order of the program, on its device; they are only read. Empty: random
  /// numbers, which only inputs of floats can be.
  std::vector<runtime::TensorView> inputs;
};

/// Compiles with a compiler and runs in this process, with outputs and a workspace of its own. What
/// crashes or hangs takes the process with it, and on a GPU what faults takes the context: this is
/// for kernels that are trusted as much as their defaults are.
class ProgramTrials : public Trials {
public:
  /// The tables of `compiler` are replaced for good. It must outlive the trials.
  ProgramTrials(Compiler &compiler, Request request, ProgramOptions options);
  ~ProgramTrials() override;

  /// Those of the entry point alone.
  runtime::Result<std::vector<frontend::TunableUse>>
  uses(const runtime::TuningTable &table) override;
  void compile(llvm::ArrayRef<runtime::TuningTable> tables,
               llvm::function_ref<void(size_t, const runtime::Status &)> done) override;
  runtime::Result<std::vector<LaunchTime>> time(size_t index) override;

private:
  struct Results;

  runtime::Result<runtime::Artifact> compileWith(const runtime::TuningTable &table);
  runtime::Status makeInputs(const runtime::Plan &plan);

  Compiler &compiler;
  Request request;
  ProgramOptions options;
  std::vector<std::optional<runtime::Artifact>> artifacts;
  /// The memory behind random inputs.
  std::unique_ptr<Results> randomInputs;
  /// Of the first run.
  std::unique_ptr<Results> reference;
};

/// Whether random numbers can be made for all of `inputs`.
bool canBeRandom(llvm::ArrayRef<ArgumentType> inputs);

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_PROGRAMTRIALS_H
