//===- Program.cpp - A loaded artifact that can be run --------------------===//

#include "lighthouse/runtime/Program.h"

#include "../Driver/CudaProgram.h"
#include "../Host/HostProgram.h"
#include "ProgramImpl.h"

#include <new>

namespace lighthouse::runtime {

Status ProgramImpl::run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        void *workspace, std::size_t workspaceBytes,
                        const RunOptions &options) const {
  if (Status status = checkArguments(plan, demands, inputs, outputs, options.parameters, workspace,
                                     workspaceBytes);
      !status.ok())
    return status;
  if (options.timings)
    options.timings->clear();
  return launch(inputs, outputs, workspace,
                words.fill(inputs, outputs, options.parameters, workspace), options);
}

LaunchTiming ProgramImpl::timing(std::size_t index, double seconds) const {
  const LaunchSpec &launch = plan.launches[index];
  return {launch.stage, plan.kernels[launch.kernel].name, seconds, words.launches()[index].bytes};
}

Program::Program(std::unique_ptr<ProgramImpl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;
Program::Program(Program &&) noexcept = default;
Program &Program::operator=(Program &&) noexcept = default;

const Plan &Program::plan() const { return impl_->plan; }

Result<Program> Program::load(const Artifact &artifact, const LoadOptions &options) try {
  if (Status status = artifact.verify(); !status.ok())
    return status;
  Result<const Plan *> plan = artifact.entryPoint(options.entryPoint);
  if (!plan)
    return plan.status();
  Result<std::unique_ptr<ProgramImpl>> impl = (*plan)->target == "host"
                                                  ? HostProgram::load(artifact, **plan)
                                                  : CudaProgram::load(artifact, **plan, options);
  if (!impl)
    return impl.status();
  return Program(*std::move(impl));
} catch (const std::bad_alloc &) {
  return Status(StatusCode::OutOfMemory, "not enough memory for a program");
}

Status Program::run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                    void *workspace, std::size_t workspaceBytes, const RunOptions &options) const {
  return impl_->run(inputs, outputs, workspace, workspaceBytes, options);
}

} // namespace lighthouse::runtime
