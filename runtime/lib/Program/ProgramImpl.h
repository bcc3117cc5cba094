//===- ProgramImpl.h - What a program is on each target ---------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PROGRAM_PROGRAMIMPL_H
#define LIGHTHOUSE_RUNTIME_LIB_PROGRAM_PROGRAMIMPL_H

#include "lighthouse/runtime/Program.h"

#include "ArgumentCheck.h"
#include "LaunchWords.h"

namespace lighthouse::runtime {

/// The part of a program that all targets share, and what each target adds.
class ProgramImpl {
public:
  explicit ProgramImpl(const Plan &given) : plan(given), demands(plan), words(plan) {}
  virtual ~ProgramImpl() = default;
  ProgramImpl(const ProgramImpl &) = delete;
  ProgramImpl &operator=(const ProgramImpl &) = delete;

  /// `Program::run`.
  Status run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
             void *workspace, std::size_t workspaceBytes, const RunOptions &options) const;

  const Plan plan;

protected:
  /// Makes all launches. The arguments have passed `checkArguments`; `runWords` are theirs.
  virtual Status launch(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        void *workspace, std::span<std::int64_t> runWords,
                        const RunOptions &options) const = 0;

  /// The entry of `RunOptions::timings` for launch `index`.
  LaunchTiming timing(std::size_t index, double seconds) const;

  const TensorDemands demands;
  const LaunchWords words;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PROGRAM_PROGRAMIMPL_H
