//===- ModelPlan.h - What attention of a model costs, before anything runs ----------*- C++ -*-===//
//
// Bytes, flops and shapes are those of the launch plans that attention would run (the pipelines of
// kernels/operators.lh for a card's architecture), and the costs that their stages state. Times are
// floors: each stage takes the longer of bytes over copy rate and flops over matrix rate, one after
// the other, and exchanges take bytes sent over link rate, beside nothing. Only attention is
// counted: no projections, no other layers, no launches.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_PLANNING_MODELPLAN_H
#define LIGHTHOUSE_PLANNING_MODELPLAN_H

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Planning/Cards.h"

#include "llvm/Support/JSON.h"

#include <array>
#include <optional>
#include <string>

namespace lighthouse::planning {

/// What a plan is made for. The defaults are those of `lighthouse_attention.attention`.
struct ModelOptions {
  /// N, the positions of a sequence, on all cards together.
  int64_t length = 0;
  int64_t batch = 1;
  /// H query heads, G key/value heads, D.
  int64_t heads = 8, kvHeads = 8, headDim = 128;
  /// bf16, f16 or f32.
  runtime::DType dtype = runtime::DType::BF16;
  /// The pyramid, and what is selected of it.
  int64_t levels = 3, factor = 4, budget = 1536, chunk = 128;
  /// Attention layers of the model, and how many of them attend to all positions.
  int64_t layers = 1, denseLayers = 0;
  /// W, the cards that share each sequence (context parallel).
  int64_t world = 1;
  /// Each card has two pieces of the sequence, one from each end, instead of one.
  bool headTail = false;
  /// Gradients that are equal from run to run.
  bool deterministic = false;
  /// Whether to search for the length at which dense attention stops being faster, which takes most
  /// of a plan's time.
  bool searchCrossover = true;
  Card card = knownCards().front();
};

/// What is recomputed in the backward pass.
enum class Policy {
  None,         ///< Nothing.
  Checkpointed, ///< The block but for `select` and `attend`: `checkpoint_policy`.
  Recomputed,   ///< The whole block.
};
inline constexpr std::array<Policy, 3> allPolicies = {Policy::None, Policy::Checkpointed,
                                                      Policy::Recomputed};
/// "none", "checkpointed", "recomputed".
llvm::StringRef nameOf(Policy policy);

/// A stage of a pass: its work in one pass of one layer on one card, and its floor in seconds.
struct StageFloor {
  StageWork work;
  double seconds = 0;
};

/// One pass of a layer on one card; of several that differ, on the one that does the most.
struct Pass {
  std::vector<StageFloor> stages;
  /// What the card sends to others.
  int64_t exchangedBytes = 0;
  double exchangeSeconds = 0;

  double stageSeconds() const;
  double seconds() const { return stageSeconds() + exchangeSeconds; }
};

/// Memory of one layer on one card under a policy, in bytes, of tensors of attention alone.
struct PolicyMemory {
  Policy policy = Policy::None;
  /// What attention keeps from its forward to its backward pass beside its output.
  int64_t kept = 0;
  /// The output, where it is kept: the projection behind attention needs it.
  int64_t output = 0;
  /// The most that is alive at a time in the backward pass of this layer: what is kept or
  /// recomputed, the cotangent of the output, gradients, workspace. Without the buffers of
  /// collectives.
  int64_t peak = 0;
  /// What runs again before the backward pass.
  Pass again;
};

/// One layer on one card.
struct LayerPlan {
  Pass forward, backward;
  /// By policy, in the order of `allPolicies`.
  std::array<PolicyMemory, 3> policies;

  double seconds() const { return forward.seconds() + backward.seconds(); }
};

/// What a Lighthouse layer keeps without checkpointing, in bytes: q~, k~, v~; o~ and lse; the
/// indices. Their sum is `PolicyMemory::kept`.
struct KeptBytes {
  int64_t gathered = 0, attended = 0, selection = 0;
};

/// All layers on one card under a policy.
struct ModelTotal {
  Policy policy = Policy::None;
  /// Kept by all layers, outputs included.
  int64_t kept = 0;
  /// The same and what the layer with the most needs in its backward pass.
  int64_t peak = 0;
  /// Attention of a training step; what is recomputed counts as backward.
  double forwardSeconds = 0, backwardSeconds = 0;
  /// Whether `peak` is within the memory of the card, which other things need, too.
  bool fits = false;
};

struct ModelPlan {
  ModelOptions options;
  /// S, the positions of the sub-sequence.
  int64_t gatheredLength = 0;
  LayerPlan lighthouse, dense;
  KeptBytes kept;
  /// The N from which on a Lighthouse layer's floor is below that of a dense one, to 1/64 of p k
  /// positions, and at least p k; none if there is none up to `crossoverLimit` or to what launches
  /// can take, and without a search.
  std::optional<int64_t> crossover;
  std::array<ModelTotal, 3> totals;
};

/// The longest sequence that the search for the crossover looks at.
inline constexpr int64_t crossoverLimit = int64_t(1) << 26;

/// Checks options. `InvalidArgument` with the rules and words of `lighthouse_attention.attention`,
/// which checks the same in python/lighthouse_attention/functional.py and context_parallel.py.
runtime::Status checkOptions(const ModelOptions &options);

/// Makes a plan with the pipelines of `compiler`, which has kernels/operators.lh. Compiles no
/// kernel. Errors are those of `checkOptions` and `Compiler::plans`.
runtime::Result<ModelPlan> planModel(Compiler &compiler, const ModelOptions &options);

/// The plan as a table, for people.
std::string formatTable(const ModelPlan &plan);

/// All numbers of the plan: bytes, flops, seconds. docs/cli.md lists the members.
llvm::json::Object toJson(const ModelPlan &plan);

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_PLANNING_MODELPLAN_H
