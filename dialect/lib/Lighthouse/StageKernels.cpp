//===- StageKernels.cpp - the tensors behind stages, and what their kernels get ----------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse::lh;

//===------------------------------------------------------------------------------------------===//
// Expansion
//===------------------------------------------------------------------------------------------===//

namespace {

// Places in what `getExpandedTypes` lists.
enum PyramidPart { pyramidQ, pyramidK, pyramidV, coarsestQ, coarsestK, coarsestV };
enum SelectionPart { selectionIndices, selectionRank };

/// The types of q, k and v of a pyramid: [B, N, heads, D].
SmallVector<RankedTensorType> getBaseTypes(PyramidType pyramid) {
  auto base = [&](int64_t heads) {
    return RankedTensorType::get(
        {pyramid.getBatch(), pyramid.getLength(), heads, pyramid.getDim()}, pyramid.getElement());
  };
  return {base(pyramid.getHeads()), base(pyramid.getGroups()), base(pyramid.getGroups())};
}

} // namespace

SmallVector<Value> Expansion::lookup(Value value) const {
  if (isa<RankedTensorType>(value.getType()))
    return {value};
  return tensors.lookup(value);
}

void Expansion::set(Value value, ValueRange standing) {
  if (isa<RankedTensorType>(value.getType()))
    value.replaceAllUsesWith(standing.front());
  else
    tensors[value] = SmallVector<Value>(standing);
}

SmallVector<RankedTensorType> lighthouse::lh::getExpandedTypes(Type type) {
  return llvm::TypeSwitch<Type, SmallVector<RankedTensorType>>(type)
      .Case([](RankedTensorType tensor) { return SmallVector<RankedTensorType>{tensor}; })
      .Case([](PyramidType pyramid) {
        SmallVector<RankedTensorType> types = getBaseTypes(pyramid);
        for (bool ofQuery : {true, false, false})
          types.push_back(pyramid.getCoarsestType(ofQuery));
        return types;
      })
      .Case([](ScoresType scores) {
        return SmallVector<RankedTensorType>(2, scores.getTensorType());
      })
      .Case([](SelectionType selection) {
        return SmallVector<RankedTensorType>{selection.getIndicesType(), selection.getRankType()};
      });
}

SmallVector<RankedTensorType> lighthouse::lh::getCotangentTypes(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && isa<FloatType>(tensor.getElementType()))
    return {tensor};
  if (auto pyramid = dyn_cast<PyramidType>(type))
    return getBaseTypes(pyramid);
  return {};
}

//===------------------------------------------------------------------------------------------===//
// Parameters
//===------------------------------------------------------------------------------------------===//

static NamedAttribute getParameter(MLIRContext *context, StringRef name, int64_t value) {
  Builder builder(context);
  return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
}

static NamedAttribute getFlag(MLIRContext *context, StringRef name, bool value) {
  Builder builder(context);
  return builder.getNamedAttr(name, builder.getBoolAttr(value));
}

static SmallVector<NamedAttribute> getPyramidParameters(PyramidAttr shape) {
  return {getParameter(shape.getContext(), "levels", shape.getLevels()),
          getParameter(shape.getContext(), "factor", shape.getFactor())};
}

static SmallVector<NamedAttribute> getRopeParameters(PyramidAttr shape, bool interleaved) {
  SmallVector<NamedAttribute> parameters = getPyramidParameters(shape);
  parameters.push_back(getFlag(shape.getContext(), "interleaved", interleaved));
  return parameters;
}

SmallVector<NamedAttribute> PoolOp::getStageParameters() {
  return getPyramidParameters(getShape());
}
SmallVector<NamedAttribute> NormScoreOp::getStageParameters() {
  return getPyramidParameters(getScores().getType().getShape());
}
SmallVector<NamedAttribute> PoolScoreOp::getStageParameters() {
  return getPyramidParameters(getShape());
}
SmallVector<NamedAttribute> SelectOp::getStageParameters() {
  SelectionType type = getSelection().getType();
  SmallVector<NamedAttribute> parameters = getPyramidParameters(type.getShape());
  parameters.push_back(getParameter(getContext(), "budget", type.getBudget()));
  parameters.push_back(getParameter(getContext(), "chunk", type.getChunk()));
  parameters.push_back(getFlag(getContext(), "cover_prefix", type.getCoverPrefix()));
  return parameters;
}
SmallVector<NamedAttribute> GatherOp::getStageParameters() {
  return getPyramidParameters(getSelection().getType().getShape());
}
SmallVector<NamedAttribute> GatherRopeOp::getStageParameters() {
  return getRopeParameters(getSelection().getType().getShape(), getInterleaved());
}
SmallVector<NamedAttribute> ScatterOp::getStageParameters() {
  return getPyramidParameters(getSelection().getType().getShape());
}
SmallVector<NamedAttribute> ScatterBackwardOp::getStageParameters() {
  return getPyramidParameters(getSelection().getType().getShape());
}
SmallVector<NamedAttribute> ScatterBackwardDeltaOp::getStageParameters() {
  return getPyramidParameters(getSelection().getType().getShape());
}
SmallVector<NamedAttribute> GatherBackwardOp::getStageParameters() {
  return getPyramidParameters(getSelection().getType().getShape());
}
SmallVector<NamedAttribute> GatherRopeBackwardOp::getStageParameters() {
  return getRopeParameters(getSelection().getType().getShape(), getInterleaved());
}
SmallVector<NamedAttribute> AttendOp::getStageParameters() {
  return {getFlag(getContext(), "causal", getCausal())};
}
SmallVector<NamedAttribute> AttendBackwardOp::getStageParameters() {
  return {getFlag(getContext(), "causal", getCausal()),
          getFlag(getContext(), "deterministic", getDeterministic()),
          getParameter(getContext(), "reversed_heads", getReversedHeads())};
}
SmallVector<NamedAttribute> AttendBackwardQOp::getStageParameters() {
  return {getFlag(getContext(), "causal", getCausal())};
}
SmallVector<NamedAttribute> AttendBackwardKVOp::getStageParameters() {
  return {getFlag(getContext(), "causal", getCausal())};
}

//===------------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------------===//

/// A call on tensors alone, with the results that the op has.
static KernelCall getPlainCall(Operation *op, ArrayRef<Value> inputs) {
  KernelCall call;
  call.inputs.assign(inputs.begin(), inputs.end());
  llvm::append_range(call.results, op->getResultTypes());
  return call;
}

/// The results of pooling that kernels make; q, k and v of the pyramid are the operands.
static SmallVector<Type> getPooledTypes(PyramidType pyramid) {
  return llvm::to_vector_of<Type>(llvm::drop_begin(getExpandedTypes(pyramid), coarsestQ));
}

static void expandPyramid(Expansion &expansion, Value pyramid, ValueRange base, ValueRange made) {
  SmallVector<Value> parts(base);
  llvm::append_range(parts, made.take_front(3));
  expansion.set(pyramid, parts);
}

KernelCall PoolOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, {getQ(), getK(), getV()});
  call.results = getPooledTypes(getPyramid().getType());
  return call;
}

void PoolOp::expandResults(Expansion &expansion, ValueRange made) {
  expandPyramid(expansion, getPyramid(), getOperands(), made);
}

void MakePyramidOp::expandResults(Expansion &expansion, ValueRange) {
  expansion.set(getPyramid(), getOperands());
}

void CoarsestOp::expandResults(Expansion &expansion, ValueRange) {
  SmallVector<Value> pyramid = expansion.lookup(getPyramid());
  expansion.set(getQc(), pyramid[coarsestQ]);
  expansion.set(getKc(), pyramid[coarsestK]);
  expansion.set(getVc(), pyramid[coarsestV]);
}

KernelCall NormScoreOp::getKernelCall(const Expansion &expansion) {
  SmallVector<Value> pyramid = expansion.lookup(getPyramid());
  KernelCall call;
  call.inputs = {pyramid[pyramidQ], pyramid[pyramidK]};
  call.results.append(2, getScores().getType().getTensorType());
  return call;
}

KernelCall PoolScoreOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, {getQ(), getK(), getV()});
  call.results = getPooledTypes(getPyramid().getType());
  call.results.append(2, getScores().getType().getTensorType());
  return call;
}

void PoolScoreOp::expandResults(Expansion &expansion, ValueRange made) {
  expandPyramid(expansion, getPyramid(), getOperands(), made);
  expansion.set(getScores(), made.drop_front(3).take_front(2));
}

void MakeScoresOp::expandResults(Expansion &expansion, ValueRange) {
  expansion.set(getScores(), getOperands());
}

void ScoreTensorsOp::expandResults(Expansion &expansion, ValueRange) {
  SmallVector<Value> scores = expansion.lookup(getScores());
  expansion.set(getQuery(), scores[0]);
  expansion.set(getKey(), scores[1]);
}

KernelCall SelectOp::getKernelCall(const Expansion &expansion) {
  KernelCall call;
  call.inputs = expansion.lookup(getScores());
  SelectionType type = getSelection().getType();
  call.scalars = {Builder(getContext()).getI32IntegerAttr(type.getLength())};
  call.results = {type.getIndicesType(), type.getRankType()};
  return call;
}

void IndicesOp::expandResults(Expansion &expansion, ValueRange) {
  expansion.set(getIndices(), expansion.lookup(getSelection())[selectionIndices]);
}

KernelCall MakeSelectionOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, {getIndices()});
  // The entries are the operand.
  call.results = {getExpandedTypes(getSelection().getType())[selectionRank]};
  return call;
}

void MakeSelectionOp::expandResults(Expansion &expansion, ValueRange made) {
  expansion.set(getSelection(), {getIndices(), made.front()});
}

template <typename OpT> static KernelCall getGatherCall(OpT op, const Expansion &expansion) {
  KernelCall call = getPlainCall(op, expansion.lookup(op.getPyramid()));
  call.inputs.push_back(expansion.lookup(op.getSelection())[selectionIndices]);
  return call;
}

KernelCall GatherOp::getKernelCall(const Expansion &expansion) {
  return getGatherCall(*this, expansion);
}

KernelCall GatherRopeOp::getKernelCall(const Expansion &expansion) {
  KernelCall call = getGatherCall(*this, expansion);
  call.inputs.append({getCos(), getSin()});
  return call;
}

KernelCall AttendOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, {getQ(), getK(), getV()});
  call.scalars = {getScaleOrDefault()};
  return call;
}

KernelCall ScatterOp::getKernelCall(const Expansion &expansion) {
  return getPlainCall(*this, {getSource(), expansion.lookup(getSelection())[selectionRank]});
}

KernelCall ScatterBackwardOp::getKernelCall(const Expansion &expansion) {
  KernelCall call = getPlainCall(*this, {getDResult()});
  llvm::append_range(call.inputs, expansion.lookup(getSelection()));
  return call;
}

KernelCall ScatterBackwardDeltaOp::getKernelCall(const Expansion &expansion) {
  KernelCall call = getPlainCall(*this, {getDResult(), getSource()});
  llvm::append_range(call.inputs, expansion.lookup(getSelection()));
  return call;
}

template <typename OpT> static KernelCall getAttendBackwardCall(OpT op) {
  KernelCall call = getPlainCall(op, SmallVector<Value>(op->getOperands()));
  call.scalars = {op.getScaleAttr()};
  return call;
}

KernelCall AttendBackwardOp::getKernelCall(const Expansion &) {
  return getAttendBackwardCall(*this);
}
KernelCall AttendBackwardQOp::getKernelCall(const Expansion &) {
  return getAttendBackwardCall(*this);
}
KernelCall AttendBackwardKVOp::getKernelCall(const Expansion &) {
  return getAttendBackwardCall(*this);
}

/// One half of attention's adjoint.
template <typename OpT> static OpT createHalf(OpBuilder &builder, AttendBackwardOp op) {
  typename OpT::Properties properties;
  properties.causal = op.getCausalAttr();
  properties.scale = op.getScaleAttr();
  return *createStage<OpT>(builder, op.getLoc(), op->getOperands(), properties);
}

SmallVector<Value> AttendBackwardOp::decompose(OpBuilder &builder) {
  auto query = createHalf<AttendBackwardQOp>(builder, *this);
  auto keyValue = createHalf<AttendBackwardKVOp>(builder, *this);
  return {query.getDQ(), keyValue.getDK(), keyValue.getDV()};
}

template <typename OpT>
static KernelCall getGatherBackwardCall(OpT op, const Expansion &expansion) {
  return getPlainCall(op, {op.getDGatheredQ(), op.getDGatheredK(), op.getDGatheredV(),
                           expansion.lookup(op.getSelection())[selectionRank]});
}

KernelCall GatherBackwardOp::getKernelCall(const Expansion &expansion) {
  return getGatherBackwardCall(*this, expansion);
}

KernelCall GatherRopeBackwardOp::getKernelCall(const Expansion &expansion) {
  KernelCall call = getGatherBackwardCall(*this, expansion);
  call.inputs.append({getCos(), getSin()});
  return call;
}

KernelCall AddOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, {getA(), getB()});
  call.scalars = {getAlphaAttr()};
  return call;
}

KernelCall UserStageOp::getKernelCall(const Expansion &) {
  KernelCall call = getPlainCall(*this, SmallVector<Value>(getInputs()));
  llvm::append_range(call.scalars, getScalars().getAsRange<TypedAttr>());
  return call;
}
