//===- ModelPlan.cpp - What attention of a model costs, before anything runs ------------------===//

#include "lighthouse/Planning/ModelPlan.h"

#include "Layers.h"
#include "ModelOptions.h"

#include <algorithm>

using namespace lighthouse;
using namespace lighthouse::planning;
using runtime::Result;
using runtime::Status;

llvm::StringRef planning::nameOf(Policy policy) {
  switch (policy) {
  case Policy::None:
    return "none";
  case Policy::Checkpointed:
    return "checkpointed";
  case Policy::Recomputed:
    return "recomputed";
  }
  llvm_unreachable("unknown policy");
}

//===------------------------------------------------------------------------------------------===//
// Crossover
//===------------------------------------------------------------------------------------------===//

/// Whether a Lighthouse layer's floor is below that of a dense one at another length.
static Result<bool> isLighthouseFaster(Compiler &compiler, ModelOptions options, int64_t length) {
  options.length = length;
  Result<LayerPlan> lighthouse = planLighthouse(compiler, options, nullptr, nullptr);
  if (!lighthouse)
    return lighthouse.status();
  Result<LayerPlan> dense = planDense(compiler, options);
  if (!dense)
    return dense.status();
  return lighthouse->seconds() < dense->seconds();
}

/// Doubles a length that is too short until it is not, then halves the interval. Up to p k
/// positions all entries are expanded, and the sub-sequence is longer than the sequence. Lengths
/// that no launch can take end the search.
static Result<std::optional<int64_t>> findCrossover(Compiler &compiler,
                                                    const ModelOptions &options) {
  const int64_t unit = piecesOf(options) == 1 ? 1 : piecesOf(options) * windowOf(options);
  const int64_t shortest = options.factor * options.budget;
  // Whole units, about 1/64 of the shortest length.
  const int64_t step = std::max<int64_t>(1, shortest / (64 * unit)) * unit;
  int64_t dense = std::max<int64_t>(1, shortest / step) * step, sparse = dense;
  for (;; dense = sparse, sparse *= 2) {
    if (sparse > crossoverLimit)
      return std::optional<int64_t>();
    Result<bool> faster = isLighthouseFaster(compiler, options, sparse);
    if (!faster && faster.status().code() == runtime::StatusCode::InvalidArgument)
      return std::optional<int64_t>();
    if (!faster)
      return faster.status();
    if (*faster)
      break;
  }
  while (sparse - dense > step) {
    int64_t middle = dense + (sparse - dense) / (2 * step) * step;
    if (middle == dense)
      middle += step;
    Result<bool> faster = isLighthouseFaster(compiler, options, middle);
    if (!faster)
      return faster.status();
    (*faster ? sparse : dense) = middle;
  }
  return std::optional(sparse);
}

//===------------------------------------------------------------------------------------------===//
// The whole
//===------------------------------------------------------------------------------------------===//

/// All layers under policy number `index`.
static ModelTotal totalOf(const ModelPlan &plan, size_t index) {
  ModelTotal total;
  total.policy = allPolicies[index];
  int64_t most = 0;
  const std::pair<const LayerPlan *, int64_t> kinds[] = {
      {&plan.lighthouse, plan.options.layers - plan.options.denseLayers},
      {&plan.dense, plan.options.denseLayers}};
  for (auto [layer, count] : kinds) {
    if (count == 0)
      continue;
    const PolicyMemory &memory = layer->policies[index];
    total.kept += count * (memory.kept + memory.output);
    // The peak has what the layer itself kept; its output is with the projection by then.
    most = std::max(most, memory.peak - memory.kept);
    total.forwardSeconds += double(count) * layer->forward.seconds();
    total.backwardSeconds += double(count) * (memory.again.seconds() + layer->backward.seconds());
  }
  total.peak = total.kept + most;
  total.fits = double(total.peak) <= plan.options.card.memory;
  return total;
}

Result<ModelPlan> planning::planModel(Compiler &compiler, const ModelOptions &options) {
  if (Status status = checkOptions(options); !status.ok())
    return status;
  ModelPlan plan;
  plan.options = options;
  Result<LayerPlan> lighthouse =
      planLighthouse(compiler, plan.options, &plan.gatheredLength, &plan.kept);
  if (!lighthouse)
    return lighthouse.status();
  plan.lighthouse = *std::move(lighthouse);
  Result<LayerPlan> dense = planDense(compiler, plan.options);
  if (!dense)
    return dense.status();
  plan.dense = *std::move(dense);
  if (options.searchCrossover) {
    Result<std::optional<int64_t>> crossover = findCrossover(compiler, plan.options);
    if (!crossover)
      return crossover.status();
    plan.crossover = *crossover;
  }
  for (size_t i = 0; i < allPolicies.size(); ++i)
    plan.totals[i] = totalOf(plan, i);
  return plan;
}
