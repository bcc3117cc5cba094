//===- Stages.cpp - how specifications call the stages ----------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

using namespace mlir;
using namespace lighthouse::lh;

#include "lighthouse/Dialect/Lighthouse/IR/StageInterface.cpp.inc"

//===------------------------------------------------------------------------------------------===//
// Signatures
//===------------------------------------------------------------------------------------------===//

using Kind = StageOption::Kind;

static constexpr StageOperand threeHeads[] = {StageOperand::Heads, StageOperand::Heads,
                                              StageOperand::Heads};
static constexpr StageOption pyramidOptions[] = {
    {.name = "levels", .kind = Kind::Int, .isRequired = true},
    {.name = "factor", .kind = Kind::Int, .isRequired = true}};
static constexpr llvm::StringLiteral pyramidParameters[] = {"levels", "factor"};
static constexpr StageOption ropeOptions[] = {{.name = "interleaved", .kind = Kind::Flag}};
static constexpr llvm::StringLiteral ropeParameters[] = {"levels", "factor", "interleaved"};
static constexpr llvm::StringLiteral maskParameters[] = {"causal"};

/// Of a stage that passes make and kernels implement.
static constexpr StageSignature madeByPasses(ArrayRef<llvm::StringLiteral> parameters = {}) {
  return {.isCallable = false, .operands = {}, .options = {}, .parameters = parameters};
}

const StageSignature &PoolOp::getStageSignature() {
  static constexpr StageSignature signature{
      .operands = threeHeads, .options = pyramidOptions, .parameters = pyramidParameters};
  return signature;
}

const StageSignature &MakePyramidOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads, StageOperand::Heads,
                                              StageOperand::Heads, StageOperand::Heads,
                                              StageOperand::Heads, StageOperand::Heads};
  static constexpr StageSignature signature{
      .hasKernel = false, .operands = operands, .options = pyramidOptions, .parameters = {}};
  return signature;
}

const StageSignature &CoarsestOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid};
  static constexpr StageSignature signature{
      .hasKernel = false, .operands = operands, .options = {}, .parameters = {}};
  return signature;
}

const StageSignature &NormScoreOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
  return signature;
}

const StageSignature &PoolScoreOp::getStageSignature() {
  static constexpr StageSignature signature = madeByPasses(pyramidParameters);
  return signature;
}

const StageSignature &MakeScoresOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid, StageOperand::Tensor,
                                              StageOperand::Tensor};
  static constexpr StageOption options[] = {{.name = "length", .kind = Kind::Int},
                                            {.name = "levels", .kind = Kind::Int},
                                            {.name = "factor", .kind = Kind::Int}};
  static constexpr StageSignature signature{.hasKernel = false,
                                            .isFirstOptional = true,
                                            .operands = operands,
                                            .options = options,
                                            .parameters = {}};
  return signature;
}

const StageSignature &ScoreTensorsOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Scores};
  static constexpr StageSignature signature{
      .hasKernel = false, .operands = operands, .options = {}, .parameters = {}};
  return signature;
}

const StageSignature &SelectOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Scores};
  static constexpr StageOption options[] = {
      {.name = "budget", .kind = Kind::Int, .isRequired = true},
      {.name = "chunk", .kind = Kind::Int},
      {.name = "cover_prefix", .kind = Kind::Flag}};
  static constexpr llvm::StringLiteral parameters[] = {"levels", "factor", "budget", "chunk",
                                                       "cover_prefix"};
  static constexpr StageSignature signature{
      .operands = operands, .options = options, .parameters = parameters};
  return signature;
}

const StageSignature &IndicesOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Selection};
  static constexpr StageSignature signature{
      .hasKernel = false, .operands = operands, .options = {}, .parameters = {}};
  return signature;
}

const StageSignature &MakeSelectionOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Tensor};
  static constexpr StageOption options[] = {
      {.name = "length", .kind = Kind::Int, .isRequired = true},
      {.name = "levels", .kind = Kind::Int, .isRequired = true},
      {.name = "factor", .kind = Kind::Int, .isRequired = true},
      {.name = "budget", .kind = Kind::Int, .isRequired = true},
      {.name = "chunk", .kind = Kind::Int},
      {.name = "cover_prefix", .kind = Kind::Flag}};
  static constexpr StageSignature signature{
      .operands = operands, .options = options, .parameters = {}};
  return signature;
}

const StageSignature &GatherOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid, StageOperand::Selection};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
  return signature;
}

const StageSignature &GatherRopeOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid, StageOperand::Selection,
                                              StageOperand::Tensor, StageOperand::Tensor};
  static constexpr StageSignature signature{
      .operands = operands, .options = ropeOptions, .parameters = ropeParameters};
  return signature;
}

const StageSignature &AttendOp::getStageSignature() {
  static constexpr StageOption options[] = {
      {.name = "causal", .kind = Kind::Flag, .fallback = true},
      {.name = "scale", .kind = Kind::Float}};
  static constexpr StageSignature signature{
      .operands = threeHeads, .options = options, .parameters = maskParameters};
  return signature;
}

const StageSignature &ScatterOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads, StageOperand::Selection};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
  return signature;
}

//===------------------------------------------------------------------------------------------===//
// Signatures of the backward pass
//===------------------------------------------------------------------------------------------===//

const StageSignature &ScatterBackwardOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads, StageOperand::Selection};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
  return signature;
}

const StageSignature &AttendDeltaOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads, StageOperand::Heads};
  static constexpr StageSignature signature{.operands = operands, .options = {}, .parameters = {}};
  return signature;
}

static constexpr StageOperand attendBackwardOperands[] = {
    StageOperand::Heads, StageOperand::Heads,  StageOperand::Heads,
    StageOperand::Heads, StageOperand::Tensor, StageOperand::Tensor};
static constexpr StageOption attendBackwardOptions[] = {
    {.name = "causal", .kind = Kind::Flag, .fallback = true},
    {.name = "scale", .kind = Kind::Float, .isRequired = true}};
/// Of the halves of attention's adjoint.
static constexpr StageSignature attendBackwardHalf{.operands = attendBackwardOperands,
                                                   .options = attendBackwardOptions,
                                                   .parameters = maskParameters};

const StageSignature &AttendBackwardOp::getStageSignature() {
  static constexpr StageOption options[] = {
      attendBackwardOptions[0], attendBackwardOptions[1],
      {.name = "deterministic", .kind = Kind::Flag},
      {.name = "reversed_heads", .kind = Kind::Int}};
  static constexpr llvm::StringLiteral parameters[] = {"causal", "deterministic",
                                                       "reversed_heads"};
  static constexpr StageSignature signature{
      .operands = attendBackwardOperands, .options = options, .parameters = parameters};
  return signature;
}
const StageSignature &AttendBackwardQOp::getStageSignature() { return attendBackwardHalf; }
const StageSignature &AttendBackwardKVOp::getStageSignature() { return attendBackwardHalf; }

const StageSignature &GatherBackwardOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads, StageOperand::Heads,
                                              StageOperand::Heads, StageOperand::Selection};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
  return signature;
}

const StageSignature &GatherRopeBackwardOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Heads,  StageOperand::Heads,
                                              StageOperand::Heads,  StageOperand::Selection,
                                              StageOperand::Tensor, StageOperand::Tensor};
  static constexpr StageSignature signature{
      .operands = operands, .options = ropeOptions, .parameters = ropeParameters};
  return signature;
}

#define SIGNATURE_OF_PASSES(op, parameters)                                                        \
  const StageSignature &op::getStageSignature() {                                                  \
    static constexpr StageSignature signature = madeByPasses(parameters);                          \
    return signature;                                                                              \
  }
SIGNATURE_OF_PASSES(ScatterBackwardDeltaOp, pyramidParameters)
SIGNATURE_OF_PASSES(AddOp, {})
SIGNATURE_OF_PASSES(ConvertOp, {})
SIGNATURE_OF_PASSES(ZerosOp, {})
#undef SIGNATURE_OF_PASSES

//===------------------------------------------------------------------------------------------===//
// Stages with result types that operands do not give
//===------------------------------------------------------------------------------------------===//

static int64_t getInt(DictionaryAttr options, StringRef name, int64_t fallback) {
  auto option = options.getAs<IntegerAttr>(name);
  return option ? option.getInt() : fallback;
}

/// The type of a tensor [B, G, ...]; null after an error that says what stage `name` expects.
static RankedTensorType getGroupedTensor(Location loc, StringRef name, StringRef expected,
                                         Value value) {
  auto tensor = cast<RankedTensorType>(value.getType());
  if (tensor.getRank() == 3)
    return tensor;
  (void)(mlir::emitError(loc) << "'" << name << "' expects " << expected << ", found " << tensor);
  return {};
}

static PyramidAttr getPyramidShape(Location loc, DictionaryAttr options) {
  return PyramidAttr::getChecked([&] { return mlir::emitError(loc); }, loc.getContext(),
                                 getInt(options, "levels", 0), getInt(options, "factor", 0));
}

FailureOr<Operation *> MakeScoresOp::buildStage(OpBuilder &builder, Location loc,
                                                ValueRange operands, DictionaryAttr options) {
  ScoresType type;
  if (operands.size() == 3) {
    if (!options.empty())
      return mlir::emitError(loc) << "the pyramid says what '"
                                  << options.begin()->getName().getValue() << "' is";
    auto pyramid = cast<PyramidType>(operands[0].getType());
    type = ScoresType::get(builder.getContext(), pyramid.getBatch(), pyramid.getLength(),
                           pyramid.getGroups(), pyramid.getShape());
  } else {
    for (StringRef name : {"length", "levels", "factor"})
      if (!options.contains(name))
        return mlir::emitError(loc)
               << "'make_scores' without a pyramid needs the option '" << name << "'";
    RankedTensorType query = getGroupedTensor(loc, "make_scores", "f32[B, G, NS]", operands[0]);
    PyramidAttr shape = query ? getPyramidShape(loc, options) : PyramidAttr();
    if (!shape)
      return failure();
    type = ScoresType::getChecked([&] { return mlir::emitError(loc); }, builder.getContext(),
                                  query.getDimSize(0), getInt(options, "length", 0),
                                  query.getDimSize(1), shape);
  }
  if (!type)
    return failure();
  ValueRange tensors = operands.take_back(2);
  return MakeScoresOp::create(builder, loc, type, tensors[0], tensors[1]).getOperation();
}

FailureOr<Operation *> MakeSelectionOp::buildStage(OpBuilder &builder, Location loc,
                                                   ValueRange operands, DictionaryAttr options) {
  RankedTensorType indices = getGroupedTensor(loc, "make_selection", "i32[B, G, S]", operands[0]);
  PyramidAttr shape = indices ? getPyramidShape(loc, options) : PyramidAttr();
  if (!shape)
    return failure();
  auto type = SelectionType::getChecked(
      [&] { return mlir::emitError(loc); }, builder.getContext(), indices.getDimSize(0),
      getInt(options, "length", 0), indices.getDimSize(1), getInt(options, "budget", 0),
      getInt(options, "chunk", defaultChunk), options.contains("cover_prefix"), shape);
  if (!type)
    return failure();
  return MakeSelectionOp::create(builder, loc, type, operands[0]).getOperation();
}

//===------------------------------------------------------------------------------------------===//
// The list of all
//===------------------------------------------------------------------------------------------===//

template <typename... Ops> static std::vector<StageInfo> collectStages() {
  std::vector<StageInfo> stages;
  auto collect = [&]<typename OpT>(OpT *) {
    if constexpr (OpT::template hasTrait<StageOpInterface::Trait>()) {
      if (OpT::getStageSignature().isDeclared)
        return;
      stages.push_back({OpT::getOperationName().split('.').second, &OpT::getStageSignature(),
                        &OpT::buildStage});
    }
  };
  (collect(static_cast<Ops *>(nullptr)), ...);
  return stages;
}

ArrayRef<StageInfo> lighthouse::lh::getStages() {
  static const std::vector<StageInfo> stages = collectStages<
#define GET_OP_LIST
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.cpp.inc"
      >();
  return stages;
}

const StageInfo *lighthouse::lh::findStage(StringRef name) {
  auto *found = llvm::find_if(getStages(), [&](const StageInfo &info) { return info.name == name; });
  return found == getStages().end() ? nullptr : found;
}
