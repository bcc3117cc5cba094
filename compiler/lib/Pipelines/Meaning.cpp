//===- Meaning.cpp - What the results of a pipeline are, for a reference to check -------------===//

#include "lighthouse/Pipelines/Meaning.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace lighthouse;

namespace {

std::optional<unsigned> argumentOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? std::optional(argument.getArgNumber()) : std::nullopt;
}

/// Fills in which arguments q, k and v are; fails if one of them is computed.
LogicalResult setArguments(ResultMeaning &meaning, Value q, Value k, Value v) {
  auto query = argumentOf(q), key = argumentOf(k), value = argumentOf(v);
  if (!query || !key || !value)
    return failure();
  meaning.query = *query;
  meaning.key = *key;
  meaning.value = *value;
  return success();
}

/// Whether the softmax scale is the algorithm's own.
bool hasUsualScale(lh::AttendOp attend) {
  double dim = cast<RankedTensorType>(attend.getQ().getType()).getShape().back();
  return !attend.getScale() ||
         std::abs(attend.getScale()->convertToFloat() * std::sqrt(dim) - 1) < 1e-6;
}

/// The arguments and the pyramid's shape from the op that pooled.
LogicalResult setPyramid(ResultMeaning &meaning, Operation *pooling) {
  lh::PyramidAttr shape;
  if (auto pool = dyn_cast_if_present<lh::PoolOp>(pooling))
    shape = pool.getShape();
  else if (auto pool = dyn_cast_if_present<lh::PoolScoreOp>(pooling))
    shape = pool.getShape();
  else
    return failure();
  meaning.levels = shape.getLevels();
  meaning.factor = shape.getFactor();
  return setArguments(meaning, pooling->getOperand(0), pooling->getOperand(1),
                      pooling->getOperand(2));
}

/// The parameters of a selection by norm.
LogicalResult setSelection(ResultMeaning &meaning, Value selection,
                           ArrayRef<lh::SelectOp> selections) {
  auto select = selection.getDefiningOp<lh::SelectOp>();
  if (!select)
    return failure();
  meaning.selection = llvm::find(selections, select) - selections.begin();
  meaning.budget = select.getBudget();
  meaning.chunk = select.getChunk();
  meaning.coverPrefix = select.getCoverPrefix();
  Operation *scoring = select.getScores().getDefiningOp();
  if (auto score = dyn_cast_if_present<lh::NormScoreOp>(scoring))
    scoring = score.getPyramid().getDefiningOp();
  return setPyramid(meaning, scoring);
}

ResultMeaning describe(Value result, ArrayRef<lh::SelectOp> selections) {
  using Kind = ResultMeaning::Kind;
  ResultMeaning meaning;
  Operation *op = result.getDefiningOp();
  if (auto indices = dyn_cast_if_present<lh::IndicesOp>(op)) {
    if (succeeded(setSelection(meaning, indices.getSelection(), selections)))
      meaning.kind = Kind::Indices;
  } else if (auto attend = dyn_cast_if_present<lh::AttendOp>(op)) {
    meaning.causal = attend.getCausal();
    if (hasUsualScale(attend) &&
        succeeded(setArguments(meaning, attend.getQ(), attend.getK(), attend.getV())))
      meaning.kind = result == attend.getO() ? Kind::Dense : Kind::DenseLse;
  } else if (auto scatter = dyn_cast_if_present<lh::ScatterOp>(op)) {
    auto attend = scatter.getSource().getDefiningOp<lh::AttendOp>();
    auto gather = attend ? attend.getQ().getDefiningOp<lh::GatherOp>() : nullptr;
    if (!gather || !hasUsualScale(attend) || attend.getQ() != gather.getQ() ||
        attend.getK() != gather.getK() || attend.getV() != gather.getV() ||
        gather.getSelection() != scatter.getSelection())
      return meaning;
    meaning.causal = attend.getCausal();
    ResultMeaning pooled;
    if (failed(setSelection(meaning, scatter.getSelection(), selections)) ||
        failed(setPyramid(pooled, gather.getPyramid().getDefiningOp())))
      return meaning;
    // The rows must come from the tensors that were scored.
    if (pooled.query == meaning.query && pooled.key == meaning.key)
      meaning.kind = Kind::Output, meaning.value = pooled.value;
  }
  return meaning;
}

SmallVector<lh::SelectOp> selectionsOf(func::FuncOp pipeline) {
  return llvm::to_vector(pipeline.getOps<lh::SelectOp>());
}

} // namespace

SmallVector<ResultMeaning> lighthouse::describeResults(func::FuncOp pipeline) {
  SmallVector<lh::SelectOp> selections = selectionsOf(pipeline);
  SmallVector<ResultMeaning> meanings;
  for (Value result : pipeline.front().getTerminator()->getOperands())
    meanings.push_back(describe(result, selections));
  return meanings;
}

std::string lighthouse::nameOfSelection(unsigned index) {
  // No name of a specification has a dot.
  return "selection." + std::to_string(index);
}

void lighthouse::exposeSelections(func::FuncOp pipeline) {
  Operation *terminator = pipeline.front().getTerminator();
  OpBuilder builder(terminator);
  for (auto [i, select] : llvm::enumerate(selectionsOf(pipeline))) {
    // A plan cannot have the same output twice.
    if (llvm::any_of(terminator->getOperands(), [&](Value result) {
          auto indices = result.getDefiningOp<lh::IndicesOp>();
          return indices && indices.getSelection() == select.getSelection();
        }))
      continue;
    Value indices = lh::IndicesOp::create(builder, select.getLoc(), select.getSelection());
    unsigned position = pipeline.getNumResults();
    DictionaryAttr attributes = builder.getDictionaryAttr(builder.getNamedAttr(
        lh::LighthouseDialect::getNameAttrName(), builder.getStringAttr(nameOfSelection(i))));
    (void)pipeline.insertResult(position, indices.getType(), attributes);
    terminator->insertOperands(position, indices);
  }
}
