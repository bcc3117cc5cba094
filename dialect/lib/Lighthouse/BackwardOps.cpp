//===- BackwardOps.cpp - result types and verifiers of the stages of the backward pass ---------===//

#include "StageTypes.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

using namespace mlir;
using namespace lighthouse::lh;

LogicalResult MakeSelectionOp::verify() {
  RankedTensorType expected = getSelection().getType().getIndicesType();
  if (getIndices().getType() != expected)
    return emitOpError() << "the entries must be " << expected << ", got "
                         << getIndices().getType() << " [make_selection_c1]";
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Scatter
//===------------------------------------------------------------------------------------------===//

/// The cotangent [B, H, S, D] of what was scattered to `result` [B, N, H, D]; null after an error.
static RankedTensorType inferScatterBackward(std::optional<Location> location, StringRef op,
                                             Type resultType, Type selectionType) {
  auto result = cast<RankedTensorType>(resultType);
  auto selection = cast<SelectionType>(selectionType);
  if (result.getDimSize(0) != selection.getBatch() || result.getDimSize(1) != selection.getLength()) {
    (void)(emitAt(location) << "the cotangent must have batch " << selection.getBatch() << " and "
                            << selection.getLength() << " positions, as the selection, got "
                            << result << " [" << op << "_c1]");
    return {};
  }
  int64_t heads = result.getDimSize(2);
  if (heads % selection.getGroups() != 0) {
    (void)(emitAt(location) << selection.getGroups() << " groups of the selection do not divide "
                            << heads << " heads [" << op << "_c2]");
    return {};
  }
  return RankedTensorType::get(
      {selection.getBatch(), heads, selection.getGatheredLength(), result.getDimSize(3)},
      result.getElementType());
}

LogicalResult ScatterBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType source =
      inferScatterBackward(location, "scatter_backward", adaptor.getDResult().getType(),
                           adaptor.getSelection().getType());
  types.assign({source});
  return success(source != nullptr);
}

LogicalResult ScatterBackwardDeltaOp::inferReturnTypes(MLIRContext *,
                                                       std::optional<Location> location,
                                                       Adaptor adaptor,
                                                       SmallVectorImpl<Type> &types) {
  RankedTensorType source =
      inferScatterBackward(location, "scatter_backward_delta", adaptor.getDResult().getType(),
                           adaptor.getSelection().getType());
  if (!source)
    return failure();
  if (adaptor.getSource().getType() != source)
    return emitAt(location) << "the source must be " << source << ", got "
                            << adaptor.getSource().getType() << " [scatter_backward_delta_c3]";
  types.assign({source, getRowType(source)});
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Attention
//===------------------------------------------------------------------------------------------===//

LogicalResult AttendDeltaOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                              Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto o = cast<RankedTensorType>(adaptor.getO().getType());
  if (adaptor.getDO().getType() != o)
    return emitAt(location) << "o and d_o must have the same type, got " << o << " and "
                            << adaptor.getDO().getType() << " [attend_delta_c1]";
  types.assign({getRowType(o)});
  return success();
}

/// Checks the operands of attention's adjoint and its halves.
template <typename Adaptor>
static LogicalResult verifyBackward(std::optional<Location> location, Adaptor adaptor) {
  if (failed(verifyAttention(location, "attend_backward", adaptor)))
    return failure();
  auto q = cast<RankedTensorType>(adaptor.getQ().getType());
  for (auto [name, value, expected] :
       {std::tuple("d_o", adaptor.getDO(), q), std::tuple("lse", adaptor.getLse(), getRowType(q)),
        std::tuple("delta", adaptor.getDelta(), getRowType(q))})
    if (value.getType() != expected)
      return emitAt(location) << name << " must be " << expected << ", got " << value.getType()
                              << " [attend_backward_c3]";
  return verifyScale(location, "attend_backward", adaptor.getScale());
}

/// q's shape in f32.
static RankedTensorType getQueryCotangent(Type q) {
  return cast<RankedTensorType>(q).clone(Float32Type::get(q.getContext()));
}

LogicalResult AttendBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  Type k = adaptor.getK().getType();
  auto q = cast<RankedTensorType>(adaptor.getQ().getType());
  types.assign({getQueryCotangent(q), k, k});
  if (failed(verifyBackward(location, adaptor)))
    return failure();
  int64_t reversed = adaptor.getReversedHeads(), heads = q.getDimSize(1);
  if (reversed < -1 || reversed > heads)
    return emitAt(location) << "reversed_heads must be from 0 to the " << heads
                            << " query heads, or -1 for the kernel's own choice, got " << reversed
                            << " [attend_backward_c5]";
  return success();
}

LogicalResult AttendBackwardQOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.assign({getQueryCotangent(adaptor.getQ().getType())});
  return verifyBackward(location, adaptor);
}

LogicalResult AttendBackwardKVOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                   Adaptor adaptor, SmallVectorImpl<Type> &types) {
  Type k = adaptor.getK().getType();
  types.assign({k, k});
  return verifyBackward(location, adaptor);
}

//===------------------------------------------------------------------------------------------===//
// Gather
//===------------------------------------------------------------------------------------------===//

/// The types of the cotangents of base rows; `op` is the mnemonic, which prefixes the labels c1 and
/// c2.
template <typename Adaptor>
static LogicalResult inferGatherBackward(std::optional<Location> location, StringRef op,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto q = cast<RankedTensorType>(adaptor.getDGatheredQ().getType());
  auto k = cast<RankedTensorType>(adaptor.getDGatheredK().getType());
  auto v = cast<RankedTensorType>(adaptor.getDGatheredV().getType());
  auto selection = cast<SelectionType>(adaptor.getSelection().getType());
  bool agree = k == v && q.getDimSize(0) == k.getDimSize(0) && q.getDimSize(2) == k.getDimSize(2) &&
               q.getDimSize(3) == k.getDimSize(3) &&
               (q.getElementType().isF32() || q.getElementType() == k.getElementType());
  if (!agree)
    return emitAt(location) << "the cotangents of q~, k~ and v~ do not agree: " << q << ", " << k
                            << " and " << v << " [" << op << "_c1]";
  int64_t heads = q.getDimSize(1), groups = k.getDimSize(1);
  if (k.getDimSize(0) != selection.getBatch() || groups != selection.getGroups() ||
      k.getDimSize(2) != selection.getGatheredLength() || heads % groups != 0)
    return emitAt(location) << "the cotangents " << q << " and " << k
                            << " do not fit the selection " << selection << " [" << op << "_c2]";
  auto base = [&](int64_t count) {
    return RankedTensorType::get(
        {selection.getBatch(), selection.getLength(), count, k.getDimSize(3)}, k.getElementType());
  };
  types.assign({base(heads), base(groups), base(groups)});
  return success();
}

LogicalResult GatherBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferGatherBackward(location, "gather_backward", adaptor, types);
}

LogicalResult GatherRopeBackwardOp::inferReturnTypes(MLIRContext *,
                                                     std::optional<Location> location,
                                                     Adaptor adaptor,
                                                     SmallVectorImpl<Type> &types) {
  if (failed(inferGatherBackward(location, "gather_rope_backward", adaptor, types)))
    return failure();
  auto result = cast<RankedTensorType>(types.front());
  return verifyRotaryTables(location, "gather_rope_backward_c3", adaptor.getCos().getType(),
                            adaptor.getSin().getType(), result.getDimSize(1),
                            result.getDimSize(3));
}

//===------------------------------------------------------------------------------------------===//
// Sums
//===------------------------------------------------------------------------------------------===//

/// Whether an elementwise op has one shape throughout.
static LogicalResult verifyShapes(Operation *op, StringRef label) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  for (Type type : op->getOperandTypes())
    if (cast<RankedTensorType>(type).getShape() != shape)
      return op->emitOpError() << "operands and result must have one shape, got " << type << " and "
                               << op->getResult(0).getType() << " [" << label << "]";
  return success();
}

LogicalResult AddOp::verify() { return verifyShapes(*this, "add_c1"); }
LogicalResult ConvertOp::verify() { return verifyShapes(*this, "convert_c1"); }
