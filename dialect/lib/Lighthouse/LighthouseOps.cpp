//===- LighthouseOps.cpp - result types and verifiers of the stages ---------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

using namespace mlir;
using namespace lighthouse::lh;

/// An error at `location`, or an inert diagnostic where type inference is asked without one.
static InFlightDiagnostic emitAt(std::optional<Location> location) {
  return location ? emitError(*location) : InFlightDiagnostic();
}

/// Checks q against k and v, both [B, rows, ...] or both [B, heads, rows, ...]: equal but in the
/// dim `headsAxis`. `op` is the mnemonic, which prefixes the labels c1 and c2.
static LogicalResult verifyHeads(std::optional<Location> location, StringRef op, unsigned headsAxis,
                                 RankedTensorType q, RankedTensorType k, RankedTensorType v) {
  if (k != v)
    return emitAt(location) << "k and v must have the same type, got " << k << " and " << v << " ["
                            << op << "_c1]";
  SmallVector<int64_t> expected(k.getShape());
  expected[headsAxis] = q.getDimSize(headsAxis);
  if (q != k.clone(expected))
    return emitAt(location) << "q must agree with k in everything but the number of heads (dim "
                            << headsAxis << "), got " << q << " and " << k << " [" << op << "_c2]";
  return success();
}

/// The pyramid over q [B, N, H, D] and k, v [B, N, G, D]; null after an error.
static PyramidType inferPyramid(std::optional<Location> location, StringRef op, PyramidAttr shape,
                                Type qType, Type kType, Type vType) {
  auto q = cast<RankedTensorType>(qType), k = cast<RankedTensorType>(kType);
  if (failed(verifyHeads(location, op, /*headsAxis=*/2, q, k, cast<RankedTensorType>(vType))))
    return {};
  return PyramidType::getChecked([&] { return emitAt(location); }, shape.getContext(),
                                 q.getDimSize(0), q.getDimSize(1), q.getDimSize(2), k.getDimSize(2),
                                 q.getDimSize(3), q.getElementType(), shape);
}

/// The scores of a pyramid's entries. A valid pyramid always has them.
static ScoresType getScoresOf(PyramidType pyramid) {
  return ScoresType::get(pyramid.getContext(), pyramid.getBatch(), pyramid.getLength(),
                         pyramid.getGroups(), pyramid.getShape());
}

//===------------------------------------------------------------------------------------------===//
// Pre-selection
//===------------------------------------------------------------------------------------------===//

LogicalResult PoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto pyramid =
      inferPyramid(location, getOperationName().split('.').second, adaptor.getShape(),
                   adaptor.getQ().getType(), adaptor.getK().getType(), adaptor.getV().getType());
  types.assign({pyramid});
  return success(pyramid != nullptr);
}

LogicalResult NormScoreOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  types.assign({getScoresOf(cast<PyramidType>(adaptor.getPyramid().getType()))});
  return success();
}

OpFoldResult NormScoreOp::fold(FoldAdaptor) {
  if (auto fused = getPyramid().getDefiningOp<PoolScoreOp>())
    return fused.getScores();
  return {};
}

LogicalResult PoolScoreOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto pyramid =
      inferPyramid(location, getOperationName().split('.').second, adaptor.getShape(),
                   adaptor.getQ().getType(), adaptor.getK().getType(), adaptor.getV().getType());
  if (!pyramid)
    return failure();
  types.assign({pyramid, getScoresOf(pyramid)});
  return success();
}

LogicalResult MakeScoresOp::verify() {
  RankedTensorType expected = getScores().getType().getTensorType();
  for (Type type : {getQuery().getType(), getKey().getType()})
    if (type != expected)
      return emitOpError() << "score tensors must be " << expected << ", got " << type
                           << " [make_scores_c1]";
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto scores = cast<ScoresType>(adaptor.getScores().getType());
  auto selection = SelectionType::getChecked(
      [&] { return emitAt(location); }, context, scores.getBatch(), scores.getLength(),
      scores.getGroups(), int64_t(adaptor.getBudget()), int64_t(adaptor.getChunk()),
      adaptor.getCoverPrefix(), scores.getShape());
  types.assign({selection});
  return success(selection != nullptr);
}

LogicalResult IndicesOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.assign({cast<SelectionType>(adaptor.getSelection().getType()).getIndicesType()});
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Attention over the sub-sequence
//===------------------------------------------------------------------------------------------===//

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto pyramid = cast<PyramidType>(adaptor.getPyramid().getType());
  auto selection = cast<SelectionType>(adaptor.getSelection().getType());
  if (pyramid.getBatch() != selection.getBatch() || pyramid.getLength() != selection.getLength() ||
      pyramid.getGroups() != selection.getGroups() || pyramid.getShape() != selection.getShape())
    return emitAt(location)
           << "pyramid and selection must agree in batch, length, groups and shape, "
              "got "
           << pyramid << " and " << selection << " [gather_c1]";
  int64_t length = selection.getGatheredLength();
  auto rows = [&](int64_t heads) {
    return RankedTensorType::get({pyramid.getBatch(), heads, length, pyramid.getDim()},
                                 pyramid.getElement());
  };
  types.assign({rows(pyramid.getHeads()), rows(pyramid.getGroups()), rows(pyramid.getGroups())});
  return success();
}

LogicalResult AttendOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto q = cast<RankedTensorType>(adaptor.getQ().getType());
  auto k = cast<RankedTensorType>(adaptor.getK().getType());
  if (failed(verifyHeads(location, "attend", /*headsAxis=*/1, q, k,
                         cast<RankedTensorType>(adaptor.getV().getType()))))
    return failure();
  int64_t heads = q.getDimSize(1), groups = k.getDimSize(1);
  if (groups == 0 || heads % groups != 0)
    return emitAt(location) << groups << " key/value heads do not divide " << heads
                            << " query heads [attend_c3]";
  // Masked scores are minus infinity before they are scaled.
  if (std::optional<APFloat> scale = adaptor.getScale();
      scale && !(scale->isFinite() && scale->convertToFloat() > 0))
    return emitAt(location) << "the scale must be positive and finite, got "
                            << scale->convertToFloat() << " [attend_c4]";
  types.assign({q, RankedTensorType::get(q.getShape().drop_back(), Float32Type::get(context))});
  return success();
}

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto source = cast<RankedTensorType>(adaptor.getSource().getType());
  auto selection = cast<SelectionType>(adaptor.getSelection().getType());
  int64_t batch = source.getDimSize(0), heads = source.getDimSize(1);
  if (batch != selection.getBatch() || source.getDimSize(2) != selection.getGatheredLength())
    return emitAt(location) << "the source must have batch " << selection.getBatch() << " and "
                            << selection.getGatheredLength()
                            << " rows a head, as the selection, got " << source << " [scatter_c1]";
  if (heads % selection.getGroups() != 0)
    return emitAt(location) << selection.getGroups() << " groups of the selection do not divide "
                            << heads << " heads [scatter_c2]";
  types.assign({RankedTensorType::get({batch, selection.getLength(), heads, source.getDimSize(3)},
                                      source.getElementType())});
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Kernels applied to tensors
//===------------------------------------------------------------------------------------------===//

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel = symbolTable.lookupNearestSymbolFrom<tile::KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "refers to " << getKernelAttr()
                         << ", which is not a kernel of the module [launch_c1]";
  auto binding = bindKernel(kernel, getInputs().getTypes(), getOutputs().getTypes(),
                            getScalars().getValue(), getLoc());
  if (failed(binding))
    return failure();
  if (binding->results.size() != getOutputs().size())
    return emitOpError() << "has " << getOutputs().size() << " results, but " << getKernelAttr()
                         << " has " << binding->results.size() << " [launch_c2]";
  return success();
}

#define GET_OP_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.cpp.inc"
