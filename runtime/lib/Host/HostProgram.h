//===- HostProgram.h - A program of native code -----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_HOST_HOSTPROGRAM_H
#define LIGHTHOUSE_RUNTIME_LIB_HOST_HOSTPROGRAM_H

#include "../Program/ProgramImpl.h"
#include "CodeMapping.h"

#include <map>

namespace lighthouse::runtime {

/// Native code in executable memory, run by a thread pool.
class HostProgram final : public ProgramImpl {
public:
  /// `Program::load` of an entry point of a verified artifact for the host.
  static Result<std::unique_ptr<ProgramImpl>> load(const Artifact &artifact, const Plan &plan);

protected:
  Status launch(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                void *workspace, std::span<std::int64_t> runWords,
                const RunOptions &options) const override;

private:
  using Code = std::map<std::int64_t, std::shared_ptr<const CodeMapping>>;

  HostProgram(const Plan &plan, Code code) : ProgramImpl(plan), code(std::move(code)) {}

  /// By their index in the artifact, those that the plan uses.
  const Code code;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_HOST_HOSTPROGRAM_H
