//===- ArgumentCheck.h - What a run accepts ---------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PROGRAM_ARGUMENTCHECK_H
#define LIGHTHOUSE_RUNTIME_LIB_PROGRAM_ARGUMENTCHECK_H

#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"

#include <span>
#include <vector>

namespace lighthouse::runtime {

/// What some kernel demands of a tensor beyond its type; see `KernelArg`.
struct TensorDemand {
  bool innerContiguous = false;
  std::int64_t alignment = 1;
  /// It becomes a tensor map, which has limits for strides.
  bool isMapped = false;
};

/// The demands on each input and output of a plan.
struct TensorDemands {
  std::vector<TensorDemand> inputs;
  std::vector<TensorDemand> outputs;

  explicit TensorDemands(const Plan &plan);
};

/// Checks the arguments of a run against the plan, see `Program::run`. Messages say what was passed
/// and what is allowed. Where the memory really lies is not checked, only what the views say.
Status checkArguments(const Plan &plan, const TensorDemands &demands,
                      std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                      std::span<const std::uint64_t> parameters, const void *workspace,
                      std::size_t workspaceBytes);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PROGRAM_ARGUMENTCHECK_H
