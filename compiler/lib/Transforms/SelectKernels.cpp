//===- SelectKernels.cpp - choose a kernel for each stage -------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Transforms/KernelProvider.h"
#include "lighthouse/Transforms/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

namespace lighthouse {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// The tensors that stand for a pyramid.
struct PyramidParts {
  Value q, k, v;
  /// Pooled rows of the coarsest level.
  Value coarseQ, coarseK, coarseV;
};

/// The tensors that stand for scores.
struct ScoresParts {
  Value query, key;
};

/// The tensors that stand for a selection.
struct SelectionParts {
  Value indices, rank;
};

bool isStage(Operation *op) {
  return isa<lh::PoolOp, lh::NormScoreOp, lh::PoolScoreOp, lh::MakeScoresOp, lh::SelectOp,
             lh::IndicesOp, lh::GatherOp, lh::AttendOp, lh::ScatterOp>(op);
}

/// Replaces the stages of one function, in order.
class StageLowering {
public:
  StageLowering(ModuleOp module, KernelProvider &provider)
      : module(module), provider(provider), builder(module.getContext()) {}

  LogicalResult run(func::FuncOp function);
  int64_t getNumLaunches() const { return numLaunches; }

private:
  LogicalResult lower(lh::PoolOp op);
  LogicalResult lower(lh::NormScoreOp op);
  LogicalResult lower(lh::PoolScoreOp op);
  LogicalResult lower(lh::MakeScoresOp op);
  LogicalResult lower(lh::SelectOp op);
  LogicalResult lower(lh::IndicesOp op);
  LogicalResult lower(lh::GatherOp op);
  LogicalResult lower(lh::AttendOp op);
  LogicalResult lower(lh::ScatterOp op);

  /// Launches a kernel for `op`. Returns one value per result type; scratch results are dropped.
  FailureOr<ResultRange> launch(Operation *op, ArrayRef<NamedAttribute> params, ValueRange inputs,
                                TypeRange results, ArrayRef<TypedAttr> scalars = {});
  /// The parameters that name a pyramid's shape.
  SmallVector<NamedAttribute> getParams(lh::PyramidAttr shape);
  NamedAttribute getParam(StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  }
  /// The tensors that stand for `value`; emits an error if it has none, which is so for arguments
  /// of a function.
  template <typename Parts>
  FailureOr<Parts> getParts(Operation *user, const DenseMap<Value, Parts> &parts, Value value);

  ModuleOp module;
  KernelProvider &provider;
  OpBuilder builder;
  DenseMap<Value, PyramidParts> pyramids;
  DenseMap<Value, ScoresParts> scores;
  DenseMap<Value, SelectionParts> selections;
  int64_t numLaunches = 0;
};

SmallVector<NamedAttribute> StageLowering::getParams(lh::PyramidAttr shape) {
  return {getParam("L", shape.getLevels()), getParam("P", shape.getFactor())};
}

template <typename Parts>
FailureOr<Parts> StageLowering::getParts(Operation *user, const DenseMap<Value, Parts> &parts,
                                         Value value) {
  auto found = parts.find(value);
  if (found == parts.end())
    return user->emitOpError() << "uses a value of type " << value.getType()
                               << " that no stage of this function makes";
  return found->second;
}

FailureOr<ResultRange> StageLowering::launch(Operation *op, ArrayRef<NamedAttribute> params,
                                             ValueRange inputs, TypeRange results,
                                             ArrayRef<TypedAttr> scalars) {
  StringRef stage = op->getName().stripDialect();
  SmallVector<Type> operandTypes(inputs.getTypes());
  SmallVector<Attribute> scalarValues;
  for (TypedAttr scalar : scalars) {
    operandTypes.push_back(scalar.getType());
    scalarValues.push_back(scalar);
  }
  auto kernel = provider.getKernel(
      module, {stage, builder.getDictionaryAttr(params), operandTypes, results}, op->getLoc());
  if (failed(kernel))
    return failure();
  auto binding = lh::bindKernel(*kernel, inputs.getTypes(), results, scalarValues, op->getLoc());
  if (failed(binding))
    return failure();
  builder.setInsertionPoint(op);
  SmallVector<Type> resultTypes(binding->results.begin(), binding->results.end());
  auto launch = lh::LaunchOp::create(
      builder, op->getLoc(), resultTypes, FlatSymbolRefAttr::get(kernel->getSymNameAttr()), inputs,
      builder.getArrayAttr(scalarValues), builder.getStringAttr(stage));
  ++numLaunches;
  return launch->getResults();
}

LogicalResult StageLowering::lower(lh::PoolOp op) {
  lh::PyramidType type = op.getPyramid().getType();
  auto coarse = launch(
      op, getParams(op.getShape()), op->getOperands(),
      {type.getCoarsestType(true), type.getCoarsestType(false), type.getCoarsestType(false)});
  if (failed(coarse))
    return failure();
  pyramids[op.getPyramid()] = {op.getQ(),    op.getK(),    op.getV(),
                               (*coarse)[0], (*coarse)[1], (*coarse)[2]};
  return success();
}

LogicalResult StageLowering::lower(lh::NormScoreOp op) {
  auto pyramid = getParts(op, pyramids, op.getPyramid());
  if (failed(pyramid))
    return failure();
  RankedTensorType type = op.getScores().getType().getTensorType();
  auto results = launch(op, getParams(op.getScores().getType().getShape()),
                        {pyramid->q, pyramid->k}, {type, type});
  if (failed(results))
    return failure();
  scores[op.getScores()] = {(*results)[0], (*results)[1]};
  return success();
}

LogicalResult StageLowering::lower(lh::PoolScoreOp op) {
  lh::PyramidType pyramid = op.getPyramid().getType();
  RankedTensorType score = op.getScores().getType().getTensorType();
  auto results = launch(op, getParams(op.getShape()), op->getOperands(),
                        {pyramid.getCoarsestType(true), pyramid.getCoarsestType(false),
                         pyramid.getCoarsestType(false), score, score});
  if (failed(results))
    return failure();
  pyramids[op.getPyramid()] = {op.getQ(),     op.getK(),     op.getV(),
                               (*results)[0], (*results)[1], (*results)[2]};
  scores[op.getScores()] = {(*results)[3], (*results)[4]};
  return success();
}

LogicalResult StageLowering::lower(lh::MakeScoresOp op) {
  scores[op.getScores()] = {op.getQuery(), op.getKey()};
  return success();
}

LogicalResult StageLowering::lower(lh::SelectOp op) {
  auto from = getParts(op, scores, op.getScores());
  if (failed(from))
    return failure();
  lh::SelectionType type = op.getSelection().getType();
  SmallVector<NamedAttribute> params = getParams(type.getShape());
  params.push_back(getParam("K", type.getBudget()));
  params.push_back(getParam("M", type.getChunk()));
  params.push_back(builder.getNamedAttr("COVER", builder.getBoolAttr(type.getCoverPrefix())));
  auto results =
      launch(op, params, {from->query, from->key}, {type.getIndicesType(), type.getRankType()},
             {builder.getI32IntegerAttr(type.getLength())});
  if (failed(results))
    return failure();
  selections[op.getSelection()] = {(*results)[0], (*results)[1]};
  return success();
}

LogicalResult StageLowering::lower(lh::IndicesOp op) {
  auto selection = getParts(op, selections, op.getSelection());
  if (failed(selection))
    return failure();
  op.replaceAllUsesWith(selection->indices);
  return success();
}

LogicalResult StageLowering::lower(lh::GatherOp op) {
  auto pyramid = getParts(op, pyramids, op.getPyramid());
  auto selection = getParts(op, selections, op.getSelection());
  if (failed(pyramid) || failed(selection))
    return failure();
  auto results = launch(op, getParams(op.getSelection().getType().getShape()),
                        {pyramid->q, pyramid->k, pyramid->v, pyramid->coarseQ, pyramid->coarseK,
                         pyramid->coarseV, selection->indices},
                        op->getResultTypes());
  if (failed(results))
    return failure();
  op->replaceAllUsesWith(results->take_front(op->getNumResults()));
  return success();
}

LogicalResult StageLowering::lower(lh::AttendOp op) {
  double headDim = op.getQ().getType().getDimSize(3);
  auto scale = op.getScaleAttr() ? op.getScaleAttr()
                                 : builder.getF32FloatAttr(float(1 / std::sqrt(headDim)));
  auto results = launch(op, builder.getNamedAttr("CAUSAL", builder.getBoolAttr(op.getCausal())),
                        op->getOperands(), op->getResultTypes(), {scale});
  if (failed(results))
    return failure();
  op->replaceAllUsesWith(results->take_front(op->getNumResults()));
  return success();
}

LogicalResult StageLowering::lower(lh::ScatterOp op) {
  auto selection = getParts(op, selections, op.getSelection());
  if (failed(selection))
    return failure();
  auto results = launch(op, getParams(op.getSelection().getType().getShape()),
                        {op.getSource(), selection->rank}, op->getResultTypes());
  if (failed(results))
    return failure();
  op->replaceAllUsesWith(results->take_front(op->getNumResults()));
  return success();
}

LogicalResult StageLowering::run(func::FuncOp function) {
  SmallVector<Operation *> stages;
  WalkResult walk = function.walk([&](Operation *op) -> WalkResult {
    if (!isStage(op))
      return WalkResult::advance();
    if (op->getParentOp() != function || op->getBlock() != &function.front())
      return op->emitOpError("must be at the top level of a function of one block");
    stages.push_back(op);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  // No kernel is instantiated for a result that nobody uses.
  for (Operation *&op : llvm::reverse(stages))
    if (op->use_empty()) {
      op->erase();
      op = nullptr;
    }
  llvm::erase(stages, nullptr);

  for (Operation *op : stages) {
    LogicalResult lowered =
        TypeSwitch<Operation *, LogicalResult>(op)
            .Case<lh::PoolOp, lh::NormScoreOp, lh::PoolScoreOp, lh::MakeScoresOp, lh::SelectOp,
                  lh::IndicesOp, lh::GatherOp, lh::AttendOp, lh::ScatterOp>(
                [&](auto stage) { return lower(stage); });
    if (failed(lowered))
      return failure();
  }
  for (Operation *op : llvm::reverse(stages)) {
    if (!op->use_empty())
      return op->emitOpError("has a result that something other than a stage uses");
    op->erase();
  }
  return success();
}

struct SelectKernelsPass : lighthouse::impl::SelectKernelsPassBase<SelectKernelsPass> {
  SelectKernelsPass() = default;
  explicit SelectKernelsPass(KernelProvider &provider) : provider(&provider) {}

  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      StageLowering lowering(getOperation(), provider ? *provider : moduleKernels);
      if (failed(lowering.run(function)))
        return signalPassFailure();
      numLaunches += lowering.getNumLaunches();
    }
  }

private:
  ModuleKernelProvider moduleKernels;
  KernelProvider *provider = nullptr;
};

} // namespace

std::unique_ptr<Pass> lighthouse::createSelectKernelsPass(KernelProvider &provider) {
  return std::make_unique<SelectKernelsPass>(provider);
}
