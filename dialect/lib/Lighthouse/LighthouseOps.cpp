//===- LighthouseOps.cpp - result types and verifiers of the stages ---------------------------===//

#include "StageTypes.h"

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

#include <cmath>

using namespace mlir;
using namespace lighthouse::lh;

LogicalResult lighthouse::lh::verifyHeads(std::optional<Location> location, StringRef op,
                                          unsigned headsAxis, RankedTensorType q,
                                          RankedTensorType k, RankedTensorType v) {
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

LogicalResult lighthouse::lh::verifyScale(std::optional<Location> location, StringRef op,
                                          const APFloat &scale) {
  // Masked scores are minus infinity before they are scaled.
  if (scale.isFinite() && scale.convertToFloat() > 0)
    return success();
  return emitAt(location) << "the scale must be positive and finite, got "
                          << scale.convertToFloat() << " [" << op << "_c4]";
}

LogicalResult lighthouse::lh::verifyRotaryTables(std::optional<Location> location, StringRef label,
                                                 Type cos, Type sin, int64_t length, int64_t dim) {
  if (dim % 2 != 0)
    return emitAt(location) << "rotation turns pairs of columns, but the head dim is " << dim
                            << " [" << label << "]";
  auto expected = RankedTensorType::get({length, dim / 2}, Float32Type::get(cos.getContext()));
  for (auto [name, type] : {std::pair("cos", cos), std::pair("sin", sin)})
    if (type != expected)
      return emitAt(location) << name << " must be " << expected
                              << ", a row for each position and a column for each pair, got "
                              << type << " [" << label << "]";
  return success();
}

/// The pyramid over q [B, N, H, D] and k, v [B, N, G, D]; null after an error.
template <typename Adaptor>
static PyramidType inferPyramid(MLIRContext *context, std::optional<Location> location,
                                StringRef op, Adaptor adaptor) {
  auto q = cast<RankedTensorType>(adaptor.getQ().getType());
  auto k = cast<RankedTensorType>(adaptor.getK().getType());
  auto shape = PyramidAttr::getChecked([&] { return emitAt(location); }, context,
                                       int64_t(adaptor.getLevels()), int64_t(adaptor.getFactor()));
  if (!shape || failed(verifyHeads(location, op, /*headsAxis=*/2, q, k,
                                   cast<RankedTensorType>(adaptor.getV().getType()))))
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

LogicalResult PoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  PyramidType pyramid = inferPyramid(context, location, "pool", adaptor);
  types.assign({pyramid});
  return success(pyramid != nullptr);
}

LogicalResult MakePyramidOp::inferReturnTypes(MLIRContext *context,
                                              std::optional<Location> location, Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  PyramidType pyramid = inferPyramid(context, location, "make_pyramid", adaptor);
  types.assign({pyramid});
  if (!pyramid)
    return failure();
  for (auto [name, value, ofQuery] :
       {std::tuple("qc", adaptor.getQc(), true), std::tuple("kc", adaptor.getKc(), false),
        std::tuple("vc", adaptor.getVc(), false)})
    if (RankedTensorType expected = pyramid.getCoarsestType(ofQuery); value.getType() != expected)
      return emitAt(location) << name << " must be " << expected << ", got " << value.getType()
                              << " [make_pyramid_c3]";
  return success();
}

LogicalResult CoarsestOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto pyramid = cast<PyramidType>(adaptor.getPyramid().getType());
  RankedTensorType keyValue = pyramid.getCoarsestType(/*ofQuery=*/false);
  types.assign({pyramid.getCoarsestType(/*ofQuery=*/true), keyValue, keyValue});
  return success();
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

LogicalResult PoolScoreOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  PyramidType pyramid = inferPyramid(context, location, "pool_score", adaptor);
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

LogicalResult ScoreTensorsOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                               Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.assign(2, cast<ScoresType>(adaptor.getScores().getType()).getTensorType());
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

/// The types of what a gather makes; `op` is its mnemonic, which prefixes the label c1.
template <typename Adaptor>
static LogicalResult inferGather(std::optional<Location> location, StringRef op, Adaptor adaptor,
                                 SmallVectorImpl<Type> &types) {
  auto pyramid = cast<PyramidType>(adaptor.getPyramid().getType());
  auto selection = cast<SelectionType>(adaptor.getSelection().getType());
  if (pyramid.getBatch() != selection.getBatch() || pyramid.getLength() != selection.getLength() ||
      pyramid.getGroups() != selection.getGroups() || pyramid.getShape() != selection.getShape())
    return emitAt(location)
           << "pyramid and selection must agree in batch, length, groups and shape, "
              "got "
           << pyramid << " and " << selection << " [" << op << "_c1]";
  int64_t length = selection.getGatheredLength();
  auto rows = [&](int64_t heads) {
    return RankedTensorType::get({pyramid.getBatch(), heads, length, pyramid.getDim()},
                                 pyramid.getElement());
  };
  types.assign({rows(pyramid.getHeads()), rows(pyramid.getGroups()), rows(pyramid.getGroups())});
  return success();
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferGather(location, "gather", adaptor, types);
}

LogicalResult GatherRopeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                             Adaptor adaptor, SmallVectorImpl<Type> &types) {
  if (failed(inferGather(location, "gather_rope", adaptor, types)))
    return failure();
  auto pyramid = cast<PyramidType>(adaptor.getPyramid().getType());
  return verifyRotaryTables(location, "gather_rope_c2", adaptor.getCos().getType(),
                            adaptor.getSin().getType(), pyramid.getLength(), pyramid.getDim());
}

LogicalResult AttendOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  if (failed(verifyAttention(location, "attend", adaptor)))
    return failure();
  if (std::optional<APFloat> scale = adaptor.getScale();
      scale && failed(verifyScale(location, "attend", *scale)))
    return failure();
  auto q = cast<RankedTensorType>(adaptor.getQ().getType());
  types.assign({q, getRowType(q)});
  return success();
}

FloatAttr AttendOp::getScaleOrDefault() {
  if (FloatAttr scale = getScaleAttr())
    return scale;
  double headDim = getQ().getType().getDimSize(3);
  return Builder(getContext()).getF32FloatAttr(float(1 / std::sqrt(headDim)));
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
