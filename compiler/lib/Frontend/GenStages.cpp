//===- GenStages.cpp - The stages that pipelines call -----------------------------------===//
#include "PipelineGen.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "mlir/IR/Verifier.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

FailureOr<mlir::SmallVector<mlir::Value>> PipelineGen::stageOperands(const CallExpr *e,
                                                                     unsigned count) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  if (args->size() == 1 && args->front().isTuple() && count > 1) {
    mlir::ArrayRef<Value> spread = args->front().getTuple();
    args = mlir::SmallVector<Value>(spread.begin(), spread.end());
  }
  if (args->size() != count) {
    error(e->loc, "'" + e->callee + "' expects " + Twine(count) + " argument" +
                      (count == 1 ? "" : "s") + ", found " + Twine(args->size()));
    return failure();
  }
  mlir::SmallVector<mlir::Value> operands;
  for (const Value &value : *args) {
    if (!value.isRuntime()) {
      if (!value.isPoison())
        error(e->loc,
              "'" + e->callee + "' expects tensors or results of stages, found " + describe(value));
      return failure();
    }
    operands.push_back(value.getSSA());
  }
  return operands;
}

template <typename TypeT>
FailureOr<TypeT> PipelineGen::expectType(mlir::Value value, const CallExpr *e, StringRef what) {
  if (auto type = mlir::dyn_cast<TypeT>(value.getType()))
    return type;
  error(e->loc, "'" + e->callee + "' expects " + what + ", found " + spell(value.getType()));
  return failure();
}

mlir::LogicalResult PipelineGen::expectHeads(mlir::ValueRange values, const CallExpr *e) {
  for (mlir::Value value : values) {
    auto type = mlir::dyn_cast<RankedTensorType>(value.getType());
    if (type && type.getRank() == 4 &&
        (type.getElementType().isF32() || type.getElementType().isF16() ||
         type.getElementType().isBF16()))
      continue;
    error(e->loc, "'" + e->callee + "' expects tensors of rank 4 of f32, f16 or bf16, found " +
                      spell(value.getType()));
    return failure();
  }
  return mlir::success();
}

static const NamedArg *findOption(const CallExpr *e, StringRef name) {
  for (const NamedArg &arg : e->named)
    if (arg.name.text == name)
      return &arg;
  return nullptr;
}

FailureOr<int64_t> PipelineGen::intOption(const CallExpr *e, StringRef name,
                                          std::optional<int64_t> absent) {
  if (const NamedArg *arg = findOption(e, name))
    return evalInt(arg->value, "'" + name + "'");
  if (absent)
    return *absent;
  error(e->loc, "'" + e->callee + "' needs the option '" + name + "', as in " + name + " = 4");
  return failure();
}

FailureOr<bool> PipelineGen::boolOption(const CallExpr *e, StringRef name, bool absent) {
  if (const NamedArg *arg = findOption(e, name))
    return evalBool(arg->value, "'" + name + "'");
  return absent;
}

template <typename OpT>
Result PipelineGen::addStage(const CallExpr *e, mlir::ValueRange operands,
                             typename OpT::Properties properties) {
  FailureOr<OpT> op = lh::createStage<OpT>(builder, location(e->loc), operands, properties);
  if (failed(op) || failed(mlir::verify(*op)))
    return failure();
  return resultsOf(*op, e->loc);
}

Result PipelineGen::genPool(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 3);
  FailureOr<int64_t> levels = intOption(e, "levels", std::nullopt);
  FailureOr<int64_t> factor = intOption(e, "factor", std::nullopt);
  if (failed(operands) || failed(levels) || failed(factor) || failed(expectHeads(*operands, e)))
    return failure();
  mlir::Location loc = location(e->loc);
  lh::PoolOp::Properties properties;
  properties.shape =
      lh::PyramidAttr::getChecked([&] { return mlir::emitError(loc); }, context, *levels, *factor);
  if (!properties.shape)
    return failure();
  return addStage<lh::PoolOp>(e, *operands, properties);
}

Result PipelineGen::genNormScore(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 1);
  if (failed(operands) || failed(expectType<lh::PyramidType>(operands->front(), e, "a pyramid")))
    return failure();
  return addStage<lh::NormScoreOp>(e, *operands);
}

Result PipelineGen::genMakeScores(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 3);
  if (failed(operands))
    return failure();
  FailureOr<lh::PyramidType> pyramid =
      expectType<lh::PyramidType>(operands->front(), e, "a pyramid first");
  if (failed(pyramid) || failed(expectType<RankedTensorType>((*operands)[1], e, "a tensor")) ||
      failed(expectType<RankedTensorType>((*operands)[2], e, "a tensor")))
    return failure();
  auto type = lh::ScoresType::get(context, pyramid->getBatch(), pyramid->getLength(),
                                  pyramid->getGroups(), pyramid->getShape());
  auto op =
      lh::MakeScoresOp::create(builder, location(e->loc), type, (*operands)[1], (*operands)[2]);
  if (failed(mlir::verify(op)))
    return failure();
  return resultsOf(op, e->loc);
}

Result PipelineGen::genSelect(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 1);
  FailureOr<int64_t> budget = intOption(e, "budget", std::nullopt);
  FailureOr<int64_t> chunk = intOption(e, "chunk", 128);
  FailureOr<bool> coverPrefix = boolOption(e, "cover_prefix", false);
  if (failed(operands) || failed(budget) || failed(chunk) || failed(coverPrefix) ||
      failed(expectType<lh::ScoresType>(operands->front(), e, "scores")))
    return failure();
  lh::SelectOp::Properties properties;
  properties.budget = builder.getI64IntegerAttr(*budget);
  properties.chunk = builder.getI64IntegerAttr(*chunk);
  if (*coverPrefix)
    properties.cover_prefix = builder.getUnitAttr();
  return addStage<lh::SelectOp>(e, *operands, properties);
}

Result PipelineGen::genGather(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 2);
  if (failed(operands) ||
      failed(expectType<lh::PyramidType>((*operands)[0], e, "a pyramid first")) ||
      failed(expectType<lh::SelectionType>((*operands)[1], e, "a selection second")))
    return failure();
  return addStage<lh::GatherOp>(e, *operands);
}

Result PipelineGen::genAttend(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 3);
  FailureOr<bool> causal = boolOption(e, "causal", true);
  if (failed(operands) || failed(causal) || failed(expectHeads(*operands, e)))
    return failure();
  lh::AttendOp::Properties properties;
  if (*causal)
    properties.causal = builder.getUnitAttr();
  if (const NamedArg *arg = findOption(e, "scale")) {
    Result scale = eval(arg->value);
    if (failed(scale))
      return failure();
    mlir::TypedAttr attr = constantAttr(*scale, builder.getF32Type(), arg->value->loc);
    if (!attr)
      return failure();
    properties.scale = mlir::cast<mlir::FloatAttr>(attr);
  }
  return addStage<lh::AttendOp>(e, *operands, properties);
}

Result PipelineGen::genScatter(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 2);
  if (failed(operands) || failed(expectHeads(operands->front(), e)) ||
      failed(expectType<lh::SelectionType>((*operands)[1], e, "a selection second")))
    return failure();
  return addStage<lh::ScatterOp>(e, *operands);
}

Result PipelineGen::genIndices(const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(e, 1);
  if (failed(operands) ||
      failed(expectType<lh::SelectionType>(operands->front(), e, "a selection")))
    return failure();
  return addStage<lh::IndicesOp>(e, *operands);
}
