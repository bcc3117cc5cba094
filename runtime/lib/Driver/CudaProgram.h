//===- CudaProgram.h - A program on a CUDA device ---------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAPROGRAM_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAPROGRAM_H

#include "lighthouse/runtime/Cuda.h"

#include "../Program/ProgramImpl.h"
#include "Context.h"
#include "CudaModule.h"
#include "EventPool.h"

#include <map>

namespace lighthouse::runtime {

/// Kernels in the primary context of a device, whose launches go to the caller's stream.
class CudaProgram final : public ProgramImpl {
public:
  /// `Program::load` of an entry point of a verified artifact for cuda.
  static Result<std::unique_ptr<ProgramImpl>> load(const Artifact &artifact, const Plan &plan,
                                                   const LoadOptions &options);
  ~CudaProgram() override;

  /// `cuda::kernelResources`.
  Result<std::vector<cuda::KernelResources>> resources() const;

protected:
  Status launch(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                void *workspace, std::span<std::int64_t> runWords,
                const RunOptions &options) const override;

private:
  CudaProgram(const Plan &plan, PrimaryContext context)
      : ProgramImpl(plan), context(std::move(context)) {}

  // The functions below need the context to be current.

  /// Checks the device and gets the modules and kernels that the plan uses.
  Status loadImages(const Artifact &artifact, const LoadOptions &options);
  /// The most blocks that a launch of a kernel has: of one that goes through instances by itself, those
  /// that the device holds at once.
  Result<std::int64_t> mostBlocks(const KernelSpec &kernel, CUfunction function) const;

  /// Checks that all memory of a run lies on the device.
  Status checkPlacement(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        const void *workspace) const;
  /// Enqueues the fills of a launch, then its kernel.
  Status launchKernel(std::size_t index, std::int64_t *runWords, CUstream stream) const;
  Status launchTimed(std::int64_t *runWords, const RunOptions &options) const;

  const PrimaryContext context;
  std::map<std::int64_t, std::shared_ptr<const CudaModule>> modules;
  /// One for each kernel of the plan.
  std::vector<CUfunction> functions;
  std::vector<std::int64_t> blockLimits;
  mutable EventPool events;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAPROGRAM_H
