//===- StageAdjoints.cpp - the adjoints of the stages ------------------------------------------===//
//
// No gradient flows through scores and selections: which entries are selected is a constant. So all
// of the gradient of pooled rows goes through the gathers. Rotary tables are constants, too.
//
//===------------------------------------------------------------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

using namespace mlir;
using namespace lighthouse::lh;

//===------------------------------------------------------------------------------------------===//
// Cotangents
//===------------------------------------------------------------------------------------------===//

bool Cotangents::isNonzero(Value value) const {
  return llvm::any_of(lookup(value), [](Value tensor) { return tensor != nullptr; });
}

SmallVector<Value> Cotangents::lookup(Value value) const {
  auto found = sums.find(value);
  return found != sums.end() ? found->second
                             : SmallVector<Value>(getCotangentTypes(value.getType()).size());
}

Value Cotangents::get(Value value, unsigned index, Location loc) {
  if (Value sum = lookup(value)[index])
    return sum;
  return ZerosOp::create(builder, loc, getCotangentTypes(value.getType())[index]);
}

void Cotangents::add(Value value, ArrayRef<Value> tensors, Location loc) {
  SmallVector<Value> sum = lookup(value);
  for (auto [old, tensor] : llvm::zip_equal(sum, tensors)) {
    if (!tensor)
      continue;
    if (!old) {
      old = tensor;
      continue;
    }
    auto type = cast<RankedTensorType>(tensor.getType());
    old = AddOp::create(builder, loc, type.clone(builder.getF32Type()), old, tensor,
                        builder.getF32FloatAttr(1));
  }
  sums[value] = sum;
}

Value Cotangents::getRounded(Value tensor, Location loc) {
  Value cotangent = get(tensor, 0, loc);
  if (cotangent.getType() == tensor.getType())
    return cotangent;
  return ConvertOp::create(builder, loc, tensor.getType(), cotangent);
}

//===------------------------------------------------------------------------------------------===//
// Adjoints
//===------------------------------------------------------------------------------------------===//

/// A pyramid's cotangent is that of q, k and v, the first operands of what makes it.
static LogicalResult passThroughPyramid(Operation *maker, Value pyramid, Cotangents &cotangents) {
  for (auto [operand, tensor] :
       llvm::zip_equal(maker->getOperands().take_front(3), cotangents.lookup(pyramid)))
    cotangents.add(operand, tensor, maker->getLoc());
  return success();
}

LogicalResult PoolOp::buildAdjoint(OpBuilder &, Cotangents &cotangents, bool) {
  return passThroughPyramid(*this, getPyramid(), cotangents);
}

LogicalResult PoolScoreOp::buildAdjoint(OpBuilder &, Cotangents &cotangents, bool) {
  return passThroughPyramid(*this, getPyramid(), cotangents);
}

LogicalResult MakePyramidOp::buildAdjoint(OpBuilder &, Cotangents &cotangents, bool) {
  return passThroughPyramid(*this, getPyramid(), cotangents);
}

/// The adjoint of a gather: `create(dq~, dk~, dv~)` builds the stage.
template <typename OpT, typename Create>
static LogicalResult buildGatherAdjoint(OpT gather, Cotangents &cotangents, const Create &create) {
  Location loc = gather.getLoc();
  // q~ may stay f32, as attention's adjoint sums it.
  Value q = cotangents.get(gather.getQ(), 0, loc);
  Value k = cotangents.getRounded(gather.getK(), loc);
  Value v = cotangents.getRounded(gather.getV(), loc);
  auto op = create(q, k, v);
  cotangents.add(gather.getPyramid(), {op.getDQ(), op.getDK(), op.getDV()}, loc);
  return success();
}

LogicalResult GatherOp::buildAdjoint(OpBuilder &builder, Cotangents &cotangents, bool) {
  return buildGatherAdjoint(*this, cotangents, [&](Value q, Value k, Value v) {
    return GatherBackwardOp::create(builder, getLoc(), q, k, v, getSelection());
  });
}

LogicalResult GatherRopeOp::buildAdjoint(OpBuilder &builder, Cotangents &cotangents, bool) {
  return buildGatherAdjoint(*this, cotangents, [&](Value q, Value k, Value v) {
    return GatherRopeBackwardOp::create(builder, getLoc(), q, k, v, getSelection(), getCos(),
                                        getSin(), getInterleaved());
  });
}

LogicalResult AttendOp::buildAdjoint(OpBuilder &builder, Cotangents &cotangents,
                                     bool deterministic) {
  Value output = cotangents.getRounded(getO(), getLoc());
  Value delta = AttendDeltaOp::create(builder, getLoc(), getO(), output);
  // lse adds its cotangent times P to that of every score.
  if (cotangents.isNonzero(getLse()))
    delta = AddOp::create(builder, getLoc(), delta.getType(), delta,
                          cotangents.get(getLse(), 0, getLoc()), builder.getF32FloatAttr(-1));
  AttendBackwardOp::Properties properties;
  properties.causal = getCausalAttr();
  properties.scale = getScaleOrDefault();
  if (deterministic)
    properties.deterministic = builder.getUnitAttr();
  auto op = *createStage<AttendBackwardOp>(
      builder, getLoc(), {getQ(), getK(), getV(), output, getLse(), delta}, properties);
  cotangents.add(getQ(), op.getDQ(), getLoc());
  cotangents.add(getK(), op.getDK(), getLoc());
  cotangents.add(getV(), op.getDV(), getLoc());
  return success();
}

LogicalResult ScatterOp::buildAdjoint(OpBuilder &builder, Cotangents &cotangents, bool) {
  Value result = cotangents.getRounded(getResult(), getLoc());
  cotangents.add(getSource(),
                 ScatterBackwardOp::create(builder, getLoc(), result, getSelection()).getDSource(),
                 getLoc());
  return success();
}
