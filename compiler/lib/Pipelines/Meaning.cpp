//===- Meaning.cpp - What the results of a pipeline are, for a reference to check -------------===//

#include "lighthouse/Pipelines/Meaning.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

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

/// What q~, k~ and v~ are made of.
struct Gathering {
  Value pyramid, selection;
  lh::GatherRopeOp rope; ///< Null if they are not rotated.
};

/// The gather whose results `attend` attends to, if it is one.
std::optional<Gathering> gatheringOf(lh::AttendOp attend) {
  Operation *op = attend.getQ().getDefiningOp();
  Gathering gathering;
  if (auto gather = dyn_cast_if_present<lh::GatherOp>(op))
    gathering = {gather.getPyramid(), gather.getSelection(), {}};
  else if (auto rope = dyn_cast_if_present<lh::GatherRopeOp>(op))
    gathering = {rope.getPyramid(), rope.getSelection(), rope};
  else
    return std::nullopt;
  if (!llvm::equal(attend.getOperands(), op->getResults()))
    return std::nullopt;
  return gathering;
}

/// Fills in which arguments the rotary tables are; fails if one of them is computed.
LogicalResult setRotary(ResultMeaning &meaning, lh::GatherRopeOp rope) {
  auto cos = argumentOf(rope.getCos()), sin = argumentOf(rope.getSin());
  if (!cos || !sin)
    return failure();
  meaning.rotary = {*cos, *sin, rope.getInterleaved()};
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
    std::optional<Gathering> gathering = attend ? gatheringOf(attend) : std::nullopt;
    if (!gathering || !hasUsualScale(attend) || gathering->selection != scatter.getSelection())
      return meaning;
    meaning.causal = attend.getCausal();
    ResultMeaning pooled;
    if (failed(setSelection(meaning, scatter.getSelection(), selections)) ||
        failed(setPyramid(pooled, gathering->pyramid.getDefiningOp())) ||
        (gathering->rope && failed(setRotary(meaning, gathering->rope))))
      return meaning;
    // The rows must come from the tensors that were scored.
    if (pooled.query == meaning.query && pooled.key == meaning.key)
      meaning.kind = Kind::Output, meaning.value = pooled.value;
  }
  return meaning;
}

/// Where in a specification an op comes from, as "FILE:LINE:COLUMN".
std::string placeOf(Operation *op) {
  std::string place = "an unknown place";
  op->getLoc()->walk([&](Location location) {
    auto file = dyn_cast<FileLineColLoc>(location);
    if (!file)
      return WalkResult::advance();
    place = llvm::formatv("{0}:{1}:{2}", file.getFilename().getValue(), file.getLine(),
                          file.getColumn());
    return WalkResult::interrupt();
  });
  return place;
}

/// `ResultMeaning::obstacle` of a result.
std::string findObstacle(Value result) {
  llvm::SetVector<Operation *> behind;
  auto add = [&](Value value) {
    if (Operation *op = value.getDefiningOp())
      behind.insert(op);
  };
  add(result);
  for (unsigned i = 0; i < behind.size(); ++i) {
    Operation *op = behind[i];
    if (auto stage = dyn_cast<lh::UserStageOp>(op))
      return "stage '" + stage.getStage().str() + "' at " + placeOf(op);
    if (auto launch = dyn_cast<lh::LaunchOp>(op))
      return "kernel '" + launch.getKernel().str() + "' at " + placeOf(op);
    for (Value operand : op->getOperands())
      add(operand);
  }
  return "";
}

SmallVector<lh::SelectOp> selectionsOf(func::FuncOp pipeline) {
  return llvm::to_vector(pipeline.getOps<lh::SelectOp>());
}

} // namespace

static bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

/// What the gradient of argument `argument` is; `meanings` are those of the results.
static ResultMeaning describeGradient(func::FuncOp pipeline, unsigned argument,
                                      ArrayRef<ResultMeaning> meanings) {
  using Role = ResultMeaning::Role;
  ResultMeaning gradient;
  gradient.gradient = Role::Query;
  if (llvm::count_if(pipeline.getResultTypes(), isFloat) == 1) {
    unsigned result = llvm::find_if(pipeline.getResultTypes(), isFloat) -
                      pipeline.getResultTypes().begin();
    const ResultMeaning &of = meanings[result];
    gradient.obstacle = of.obstacle;
    std::pair<unsigned, Role> roles[] = {
        {of.query, Role::Query}, {of.key, Role::Key}, {of.value, Role::Value}};
    auto plays = [&](auto &pair) { return pair.first == argument; };
    bool isKnown = of.kind == ResultMeaning::Kind::Output || of.kind == ResultMeaning::Kind::Dense;
    // One tensor in several roles has a sum of gradients.
    if (isKnown && llvm::count_if(roles, plays) == 1) {
      gradient = of;
      gradient.gradient = llvm::find_if(roles, plays)->second;
      gradient.cotangent = pipeline.getNumArguments();
    } else if (isKnown && of.rotary &&
               (argument == of.rotary->cos || argument == of.rotary->sin)) {
      gradient = of;
      gradient.gradient = Role::Table;
    }
  }
  gradient.name = "d" + lh::getArgumentName(pipeline, argument).str();
  return gradient;
}

SmallVector<ResultMeaning> lighthouse::describeResults(func::FuncOp pipeline, bool gradients) {
  SmallVector<lh::SelectOp> selections = selectionsOf(pipeline);
  SmallVector<ResultMeaning> meanings;
  for (auto [i, result] : llvm::enumerate(pipeline.front().getTerminator()->getOperands())) {
    meanings.push_back(describe(result, selections));
    if (meanings.back().kind == ResultMeaning::Kind::Unknown)
      meanings.back().obstacle = findObstacle(result);
    meanings.back().name = lh::getResultName(pipeline, i).str();
  }
  if (!gradients)
    return meanings;
  unsigned numResults = meanings.size();
  for (auto [i, type] : llvm::enumerate(pipeline.getArgumentTypes()))
    if (isFloat(type))
      meanings.push_back(
          describeGradient(pipeline, i, ArrayRef(meanings).take_front(numResults)));
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
