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
static constexpr llvm::StringLiteral pyramidParameters[] = {"levels", "factor"};
static constexpr llvm::StringLiteral maskParameters[] = {"causal"};

/// Of a stage that passes make and kernels implement.
static constexpr StageSignature madeByPasses(ArrayRef<llvm::StringLiteral> parameters = {}) {
  return {.isCallable = false, .operands = {}, .options = {}, .parameters = parameters};
}

const StageSignature &PoolOp::getStageSignature() {
  static constexpr StageOption options[] = {
      {.name = "levels", .kind = Kind::Int, .isRequired = true},
      {.name = "factor", .kind = Kind::Int, .isRequired = true}};
  static constexpr StageSignature signature{
      .operands = threeHeads, .options = options, .parameters = pyramidParameters};
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

const StageSignature &GatherOp::getStageSignature() {
  static constexpr StageOperand operands[] = {StageOperand::Pyramid, StageOperand::Selection};
  static constexpr StageSignature signature{
      .operands = operands, .options = {}, .parameters = pyramidParameters};
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

#define SIGNATURE_OF_PASSES(op, parameters)                                                        \
  const StageSignature &op::getStageSignature() {                                                  \
    static constexpr StageSignature signature = madeByPasses(parameters);                          \
    return signature;                                                                              \
  }
SIGNATURE_OF_PASSES(MakeSelectionOp, {})
SIGNATURE_OF_PASSES(ScatterBackwardOp, pyramidParameters)
SIGNATURE_OF_PASSES(ScatterBackwardDeltaOp, pyramidParameters)
SIGNATURE_OF_PASSES(AttendDeltaOp, {})
SIGNATURE_OF_PASSES(AttendBackwardOp, maskParameters)
SIGNATURE_OF_PASSES(AttendBackwardQOp, maskParameters)
SIGNATURE_OF_PASSES(AttendBackwardKVOp, maskParameters)
SIGNATURE_OF_PASSES(GatherBackwardOp, pyramidParameters)
SIGNATURE_OF_PASSES(AddOp, {})
SIGNATURE_OF_PASSES(ConvertOp, {})
SIGNATURE_OF_PASSES(ZerosOp, {})
#undef SIGNATURE_OF_PASSES

FailureOr<Operation *> MakeScoresOp::buildStage(OpBuilder &builder, Location loc,
                                                ValueRange operands, DictionaryAttr options) {
  auto pyramid = cast<PyramidType>(operands[0].getType());
  auto type = ScoresType::get(builder.getContext(), pyramid.getBatch(), pyramid.getLength(),
                              pyramid.getGroups(), pyramid.getShape());
  return MakeScoresOp::create(builder, loc, type, operands[1], operands[2]).getOperation();
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
