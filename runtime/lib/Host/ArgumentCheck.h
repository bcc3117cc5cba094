//===- ArgumentCheck.h - What a run accepts ---------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_HOST_ARGUMENTCHECK_H
#define LIGHTHOUSE_RUNTIME_LIB_HOST_ARGUMENTCHECK_H

#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"

#include <span>
#include <vector>

namespace lighthouse::runtime {

/// What is demanded of the tensors of a plan beyond their types: for each input and output, whether
/// some kernel needs a stride of 1 in the last dimension.
struct StrideDemands {
  std::vector<bool> inputs;
  std::vector<bool> outputs;

  explicit StrideDemands(const Plan &plan);
};

/// Checks the arguments of a run against the plan, see `Program::run`. Messages say what was passed
/// and what is allowed.
Status checkArguments(const Plan &plan, const StrideDemands &demands,
                      std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                      const void *workspace, std::size_t workspaceBytes);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_HOST_ARGUMENTCHECK_H
