//===- SelectKernels.cpp - choose a kernel for each stage -------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Transforms/KernelProvider.h"
#include "lighthouse/Transforms/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// Replaces the stages of one function, in order.
class StageLowering {
public:
  StageLowering(ModuleOp module, KernelProvider &provider)
      : module(module), provider(provider), builder(module.getContext()) {}

  LogicalResult run(func::FuncOp function);
  int64_t getNumLaunches() const { return numLaunches; }

private:
  LogicalResult lower(lh::StageOpInterface stage);
  /// Launches a kernel for `stage`, or lowers the stages that it consists of.
  LogicalResult launch(lh::StageOpInterface stage);
  /// Lowers the stages that make `values`, which stand for the results of `stage`.
  LogicalResult lowerParts(lh::StageOpInterface stage, ValueRange values);

  ModuleOp module;
  KernelProvider &provider;
  OpBuilder builder;
  lh::Expansion expansion;
  SmallVector<lh::StageOpInterface> lowered;
  int64_t numLaunches = 0;
};

LogicalResult StageLowering::launch(lh::StageOpInterface stage) {
  Location loc = stage.getLoc();
  StringRef name = stage.getStageName();
  lh::KernelCall call = stage.getKernelCall(expansion);
  SmallVector<Type> operandTypes(ValueRange(call.inputs).getTypes());
  SmallVector<Attribute> scalars;
  for (TypedAttr scalar : call.scalars) {
    operandTypes.push_back(scalar.getType());
    scalars.push_back(scalar);
  }
  SmallVector<KernelRefusal> refusals;
  auto kernel = provider.getKernel(
      module,
      {name, builder.getDictionaryAttr(stage.getStageParameters()), operandTypes, call.results},
      loc, refusals);
  if (failed(kernel))
    return failure();
  builder.setInsertionPoint(stage);
  if (!*kernel) {
    SmallVector<Value> values = stage.decompose(builder);
    if (!values.empty())
      return lowerParts(stage, values);
    InFlightDiagnostic diagnostic = emitError(loc) << "no kernel implements stage '" << name
                                                   << "' for these parameters and types";
    for (const KernelRefusal &refusal : refusals)
      diagnostic.attachNote(refusal.loc)
          << "kernel '" << refusal.kernel << "' does not apply: " << refusal.reason;
    return failure();
  }
  auto binding = lh::bindKernel(*kernel, ValueRange(call.inputs).getTypes(), call.results, scalars,
                                loc);
  if (failed(binding))
    return failure();
  SmallVector<Type> resultTypes(binding->results.begin(), binding->results.end());
  auto launch = lh::LaunchOp::create(
      builder, loc, resultTypes, FlatSymbolRefAttr::get(kernel->getSymNameAttr()), call.inputs,
      builder.getArrayAttr(scalars), builder.getStringAttr(name), stage.getStageCost());
  ++numLaunches;
  // Scratch is at the end of the results.
  stage.expandResults(expansion, launch->getResults());
  return success();
}

LogicalResult StageLowering::lowerParts(lh::StageOpInterface stage, ValueRange values) {
  llvm::SetVector<Operation *> parts;
  for (Value value : values)
    parts.insert(value.getDefiningOp());
  stage->replaceAllUsesWith(values);
  for (Operation *part : parts) {
    if (part->use_empty())
      part->erase();
    else if (failed(lower(cast<lh::StageOpInterface>(part))))
      return failure();
  }
  return success();
}

LogicalResult StageLowering::lower(lh::StageOpInterface stage) {
  for (Value operand : stage->getOperands())
    if (expansion.lookup(operand).empty())
      return stage->emitOpError() << "uses a value of type " << operand.getType()
                                  << " that no stage of this function makes";
  if (!stage.getStageSignature().hasKernel)
    stage.expandResults(expansion, ValueRange());
  else if (failed(launch(stage)))
    return failure();
  lowered.push_back(stage);
  return success();
}

LogicalResult StageLowering::run(func::FuncOp function) {
  SmallVector<lh::StageOpInterface> stages;
  WalkResult walk = function.walk([&](lh::StageOpInterface stage) -> WalkResult {
    if (stage->getParentOp() != function || stage->getBlock() != &function.front())
      return stage->emitOpError("must be at the top level of a function of one block");
    stages.push_back(stage);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  // No kernel is instantiated for a result that nobody uses.
  for (lh::StageOpInterface &stage : llvm::reverse(stages))
    if (stage->use_empty()) {
      stage->erase();
      stage = nullptr;
    }
  llvm::erase(stages, nullptr);

  for (lh::StageOpInterface stage : stages)
    if (failed(lower(stage)))
      return failure();
  for (lh::StageOpInterface stage : llvm::reverse(lowered)) {
    if (!stage->use_empty())
      return stage->emitOpError("has a result that something other than a stage uses");
    stage->erase();
  }
  return success();
}

struct SelectKernelsPass : lighthouse::impl::SelectKernelsPassBase<SelectKernelsPass> {
  SelectKernelsPass() = default;
  explicit SelectKernelsPass(KernelProvider &provider) : provider(&provider) {}

  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal() || function.isPrivate())
        continue;
      StageLowering lowering(getOperation(), provider ? *provider : moduleKernels);
      if (failed(lowering.run(function)))
        return signalPassFailure();
      numLaunches += lowering.getNumLaunches();
    }
    // Adjoints are for stages alone, and those are gone.
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (function.isPrivate() && !function.isExternal())
        function.erase();
  }

private:
  ModuleKernelProvider moduleKernels;
  KernelProvider *provider = nullptr;
};

} // namespace

std::unique_ptr<Pass> lighthouse::createSelectKernelsPass(KernelProvider &provider) {
  return std::make_unique<SelectKernelsPass>(provider);
}
