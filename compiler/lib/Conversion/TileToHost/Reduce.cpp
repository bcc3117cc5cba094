//===- Reduce.cpp - reductions and scans ----------------------------------------------------------===//

#include "../Combine.h"
#include "KernelLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lighthouse;

Value KernelLowering::combine(tile::CombiningKind kind, Value x, Value y) {
  return lighthouse::combine(b, kind, x, y, [&](bool isMax) -> Value {
    // A comparison and a selection is one instruction; the NaN-propagating ops are several. x is what
    // came before, which a NaN does not replace.
    Value isBetter = arith::CmpFOp::create(
        b, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, y, x);
    return arith::SelectOp::create(b, isBetter, y, x);
  });
}

Value KernelLowering::neutral(tile::CombiningKind kind, Type type) {
  auto vector = dyn_cast<VectorType>(type);
  Value element = arith::ConstantOp::create(b, neutralElement(kind, getElementTypeOrSelf(type)));
  return splat(element, vector ? vector.getDimSize(0) : 1);
}

void KernelLowering::lowerReduce(tile::ReduceOp op) {
  auto from = cast<RankedTensorType>(op.getSource().getType());
  ArrayRef<int64_t> shape = from.getShape();
  int64_t axis = op.getAxis(), last = from.getRank() - 1;
  Type element = from.getElementType();
  tile::CombiningKind kind = op.getKind();

  // Combines the elements along the axis, `width` neighbours of the last dim at a time; several
  // independent chains hide the latency of the combination.
  auto along = [&](Indices outer, int64_t width) {
    int64_t step = axis == last ? width : 1;
    int64_t chains = 4;
    while (shape[axis] % (step * chains) != 0)
      chains /= 2;
    Type type = vectorType(element, width);
    SmallVector<Value> inits(chains, neutral(kind, type));
    auto loop = scf::ForOp::create(b, index(0), index(shape[axis]), index(step * chains), inits);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    for (int64_t c = 0; c < chains; ++c) {
      SmallVector<Value> indices(outer);
      indices.insert(indices.begin() + axis, add(loop.getInductionVar(), index(c * step)));
      next.push_back(combine(kind, loop.getRegionIterArg(c),
                             evaluate(op.getSource(), indices, width)));
    }
    scf::YieldOp::create(b, next);
    b.setInsertionPointAfter(loop);
    Value result = loop.getResult(0);
    for (int64_t c = 1; c < chains; ++c)
      result = combine(kind, result, loop.getResult(c));
    return result;
  };
  /// Folds the lanes of a vector by halves, in an order that does not depend on the target.
  auto acrossLanes = [&](Value value) {
    for (int64_t half = cast<VectorType>(value.getType()).getDimSize(0) / 2; half > 0; half /= 2) {
      auto low = llvm::to_vector(llvm::seq<int64_t>(0, half));
      auto high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
      value = combine(kind, vector::ShuffleOp::create(b, value, value, low),
                      vector::ShuffleOp::create(b, value, value, high));
    }
    return vector::ExtractOp::create(b, value, ArrayRef<int64_t>{0}).getResult();
  };

  SmallVector<int64_t> resultShape(shape);
  resultShape.erase(resultShape.begin() + axis);
  int64_t width = vectorWidth(shape.back());
  auto reduced = [&](Indices outer) {
    Value value = along(outer, width);
    return axis == last && width > 1 ? acrossLanes(value) : value;
  };
  if (resultShape.empty()) {
    scalars.map(op.getResult(), reduced({}));
    return;
  }
  Value buffer = carriedDestination(op.getResult());
  if (buffer && reads(op.getSource(), buffer) != Reads::never)
    buffer = {};
  if (!buffer)
    buffer = allocate(resultShape, element);
  loopNest(resultShape, axis == last ? 1 : width,
           [&](Indices outer) { writeBuffer(reduced(outer), buffer, outer); });
  buffers[op.getResult()] = buffer;
}

void KernelLowering::lowerReducePartial(tile::ReducePartialOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t axis = op.getAxis(), parts = shape[axis];
  int64_t extent = cast<RankedTensorType>(op.getSource().getType()).getDimSize(axis);
  // Part p has elements p, p + parts, ...: neighbours stay neighbours, so that vectors combine.
  int64_t width = vectorWidth(shape.back());
  Value buffer = carriedDestination(op.getResult());
  if (buffer && reads(op.getSource(), buffer) != Reads::never)
    buffer = {};
  if (!buffer)
    buffer = allocate(shape, type.getElementType());
  loopNest(shape, width, [&](Indices to) {
    Value init = neutral(op.getKind(), vectorType(type.getElementType(), width));
    auto loop = scf::ForOp::create(b, index(0), index(extent), index(parts), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> from(to);
    from[axis] = add(to[axis], loop.getInductionVar());
    scf::YieldOp::create(
        b, combine(op.getKind(), loop.getRegionIterArg(0), evaluate(op.getSource(), from, width)));
    b.setInsertionPointAfter(loop);
    writeBuffer(loop.getResult(0), buffer, to);
  });
  buffers[op.getResult()] = buffer;
}

void KernelLowering::expandVotes() {
  // One warp holds all elements here.
  kernel.walk([](tile::VoteOp vote) {
    ImplicitLocOpBuilder builder(vote.getLoc(), vote);
    auto type = RankedTensorType::get(
        cast<RankedTensorType>(vote.getSource().getType()).getNumElements(), builder.getI1Type());
    Value line = tile::ReshapeOp::create(builder, type, vote.getSource());
    auto kind = vote.getKind() == tile::VoteKind::any ? tile::CombiningKind::or_
                                                      : tile::CombiningKind::and_;
    Value agreed = tile::ReduceOp::create(builder, builder.getI1Type(), kind, line, /*axis=*/0);
    vote.replaceAllUsesWith(agreed);
    vote.erase();
  });
}

void KernelLowering::lowerScan(tile::ScanOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t axis = op.getAxis(), last = type.getRank() - 1;
  // Along an outer axis whole vectors run in parallel; along the last one elements follow each other.
  int64_t width = axis == last ? 1 : vectorWidth(shape.back());
  Value buffer = allocate(shape, type.getElementType());
  SmallVector<int64_t> outerShape(shape);
  outerShape.erase(outerShape.begin() + axis);
  loopNest(outerShape, width, [&](Indices outer) {
    Value init = neutral(op.getKind(), vectorType(type.getElementType(), width));
    auto loop = scf::ForOp::create(b, index(0), index(shape[axis]), index(1), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> indices(outer);
    indices.insert(indices.begin() + axis, loop.getInductionVar());
    Value before = loop.getRegionIterArg(0);
    Value after = combine(op.getKind(), before, evaluate(op.getSource(), indices, width));
    writeBuffer(op.getExclusive() ? before : after, buffer, indices);
    scf::YieldOp::create(b, after);
  });
  buffers[op.getResult()] = buffer;
}
