//===- Evaluate.cpp - lazy values and their buffers
//-----------------------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lighthouse;

static RankedTensorType tileType(Value tile) { return cast<RankedTensorType>(tile.getType()); }

static bool isElementwise(Operation *op) {
  return op && OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1;
}

//===----------------------------------------------------------------------------------------------===//
// What is lazy
//===----------------------------------------------------------------------------------------------===//

/// Whether computing the result of `op` at each use may pay.
static bool hasFewUses(Operation *op) { return llvm::range_size(op->getUses()) <= 3; }

/// Whether `op` is a small load of whole rows with few uses: reading it again at each use, from the
/// nearest cache, costs less than a copy and lets the first use compute while memory answers.
static bool isReload(Operation *op) {
  constexpr int64_t mostBytes = 64 << 10;
  auto load = dyn_cast<tile::LoadOp>(op);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return load && type && !load.getMask() &&
         load.getIndices().back().getDefiningOp<tile::RangeOp>() && hasFewUses(op) &&
         type.getNumElements() * type.getElementTypeBitWidth() / 8 <= mostBytes;
}

/// The number of operations that computing one element of `tile` from scalars, and if `mayReload`
/// from what `isReload`, takes, or -1 if it needs other memory or more than `budget`.
int KernelLowering::cost(Value tile, int budget, bool mayReload) {
  if (!isTile(tile))
    return 0;
  Operation *op = tile.getDefiningOp();
  if (!op || buffers.contains(tile) || budget < 0)
    return -1;
  if (mayReload && isReload(op))
    return 1;
  if (isa<arith::ConstantOp, tensor::SplatOp, tile::RangeOp>(op))
    return 1;
  if (!isElementwise(op) && !isa<tile::BroadcastOp, tile::ReshapeOp, tile::TransposeOp>(op))
    return -1;
  int sum = isa<math::MathDialect>(op->getDialect()) ? 8 : 1;
  for (Value operand : op->getOperands()) {
    int part = cost(operand, budget - sum, mayReload);
    if (part < 0)
      return -1;
    sum += part;
  }
  return sum <= budget ? sum : -1;
}

/// Whether `user` repeats its operand, at once or after a change of shape.
static bool isRepeated(Operation *user) {
  if (isa<tile::ReshapeOp>(user))
    return llvm::any_of(user->getUsers(), isRepeated);
  return isa<tile::BroadcastOp>(user);
}

/// Whether `op` is a `isReload`, or few uses of it cost less each than a copy after one.
bool KernelLowering::isCheapReload(Operation *op) {
  return hasFewUses(op) && cost(op->getResult(0), 4, /*mayReload=*/true) >= 0;
}

/// Whether the result of `op` is computed where it is used. Such an op is recomputed at every use
/// if it costs next to nothing, at most after a `isReload`, else it has one use, in the same block.
bool KernelLowering::isLazy(Operation *op) {
  bool shapeOnly = isa<tile::BroadcastOp, tile::ReshapeOp, tile::TransposeOp>(op);
  if (!isElementwise(op) && !shapeOnly &&
      !isa<tile::LoadOp, arith::ConstantOp, tensor::SplatOp, tile::RangeOp>(op))
    return false;
  Value result = op->getResult(0);
  if (isLeaf(result))
    return true;
  // A value that is repeated along a dim would be recomputed for every copy of it.
  if (!shapeOnly && llvm::any_of(result.getUsers(), isRepeated))
    return false;
  bool oneBlock = llvm::all_of(result.getUsers(), [&](Operation *user) {
    return user->getBlock() == op->getBlock() && user->getNumRegions() == 0;
  });
  // A change of shape costs nothing, so it may be repeated, but not where the buffer that it reads
  // may be overwritten between two uses: that of a loop-carried tile.
  auto isStable = [&](Value tile) { return buffers.contains(tile) && !isa<BlockArgument>(tile); };
  return oneBlock && (result.hasOneUse() || isCheapReload(op) ||
                      (shapeOnly && isStable(op->getOperand(0))));
}

KernelLowering::Reads KernelLowering::reads(Value tile, Value buffer) {
  if (!isTile(tile))
    return Reads::never;
  if (auto it = buffers.find(tile); it != buffers.end())
    return it->second == buffer ? Reads::sameElement : Reads::never;
  Operation *op = tile.getDefiningOp();
  Reads result = Reads::never;
  for (Value operand : op->getOperands()) {
    Reads part = reads(operand, buffer);
    if (part == Reads::sameElement && !isElementwise(op))
      part = Reads::elsewhere;
    result = std::max(result, part);
  }
  return result;
}

bool KernelLowering::loadsFrom(Value tile, Value view) {
  if (!isTile(tile) || buffers.contains(tile))
    return false;
  Operation *op = tile.getDefiningOp();
  if (auto load = dyn_cast<tile::LoadOp>(op); load && load.getView() == view)
    return true;
  return llvm::any_of(op->getOperands(), [&](Value operand) { return loadsFrom(operand, view); });
}

/// Whether every use of a pending value has been lowered and waits for it no more.
bool KernelLowering::isSpent(Value tile) {
  // Nothing stays pending on entry to an inner block, so another block is one that was left.
  return tile.getParentBlock() != current->getBlock() ||
         llvm::all_of(tile.getUsers(), [&](Operation *user) {
           return user->isBeforeInBlock(current) &&
                  (user->getNumResults() == 0 || !pending.contains(user->getResult(0)));
         });
}

void KernelLowering::flush(llvm::function_ref<bool(Value)> affected) {
  // The latest first: what is spent then shows.
  SmallVector<Value> waiting = llvm::to_vector(pending);
  for (Value tile : llvm::reverse(waiting))
    if (pending.contains(tile) && isSpent(tile))
      pending.remove(tile);
  for (Value tile : llvm::to_vector(pending))
    if (pending.contains(tile) && affected(tile))
      materialize(tile);
}

//===----------------------------------------------------------------------------------------------===//
// Small builders
//===----------------------------------------------------------------------------------------------===//

Type KernelLowering::vectorType(Type elementType, int64_t width) {
  return width == 1 ? elementType : VectorType::get({width}, elementType);
}

Value KernelLowering::splat(Value scalar, int64_t width) {
  return width == 1 ? scalar
                    : vector::BroadcastOp::create(b, vectorType(scalar.getType(), width), scalar);
}

Value KernelLowering::add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }

int64_t KernelLowering::vectorWidth(int64_t extent) const {
  int64_t width = unit.lanes();
  while (extent % width != 0)
    width /= 2;
  return width;
}

void KernelLowering::loopNest(ArrayRef<int64_t> shape, int64_t width, BodyFn body) {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Value> indices;
  for (auto [d, extent] : llvm::enumerate(shape)) {
    int64_t step = d + 1 == shape.size() ? width : 1;
    if (extent == step) {
      indices.push_back(index(0));
      continue;
    }
    auto loop = scf::ForOp::create(b, index(0), index(extent), index(step));
    indices.push_back(loop.getInductionVar());
    b.setInsertionPointToStart(loop.getBody());
  }
  body(indices);
}

//===----------------------------------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------------------------------===//

Value KernelLowering::allocate(ArrayRef<int64_t> shape, Type elementType) {
  // A bool takes a byte: vectors of i1 would be packed into bits in memory.
  if (elementType.isInteger(1))
    elementType = b.getI8Type();
  auto type = MemRefType::get(shape, elementType);
  uint64_t bytes = type.getNumElements() * tile::getMemoryBytes(elementType);
  stackBytes += llvm::alignTo(bytes, 64);
  ++numBuffers;
  return memref::AllocaOp::create(allocas, b.getLoc(), type, b.getI64IntegerAttr(64));
}

Value KernelLowering::readBuffer(Value buffer, Indices indices, int64_t width) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  if (width == 1)
    return memref::LoadOp::create(b, buffer, indices);
  return vector::LoadOp::create(b, cast<VectorType>(vectorType(element, width)), buffer, indices);
}

void KernelLowering::writeBuffer(Value value, Value buffer, Indices indices) {
  if (getElementTypeOrSelf(value).isInteger(1)) {
    auto vector = dyn_cast<VectorType>(value.getType());
    value = arith::ExtUIOp::create(b, vectorType(b.getI8Type(), vector ? vector.getDimSize(0) : 1),
                                   value);
  }
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(b, value, buffer, indices);
  else
    memref::StoreOp::create(b, value, buffer, indices);
}

void KernelLowering::writeTo(Value buffer, Value tile) {
  if (auto it = buffers.find(tile); it != buffers.end() && it->second == buffer)
    return;
  RankedTensorType type = tileType(tile);
  int64_t width = vectorWidth(type.getShape().back());
  loopNest(type.getShape(), width,
           [&](Indices indices) { writeBuffer(evaluate(tile, indices, width), buffer, indices); });
}

Value KernelLowering::materialize(Value tile) {
  if (auto it = buffers.find(tile); it != buffers.end())
    return it->second;
  Value buffer = allocate(tileType(tile).getShape(), tileType(tile).getElementType());
  // A value that is recomputed at every use may have uses where this place was not passed.
  bool everywhere = !isLeaf(tile);
  writeTo(buffer, tile);
  if (everywhere)
    buffers[tile] = buffer;
  pending.remove(tile);
  return buffer;
}

Value KernelLowering::materializeAs(Value tile, Type elementType) {
  RankedTensorType type = tileType(tile);
  if (type.getElementType() == elementType)
    return materialize(tile);
  Value buffer = allocate(type.getShape(), elementType);
  int64_t width = vectorWidth(type.getShape().back());
  loopNest(type.getShape(), width, [&](Indices indices) {
    Value value = evaluate(tile, indices, width);
    writeBuffer(arith::ExtFOp::create(b, vectorType(elementType, width), value), buffer, indices);
  });
  return buffer;
}

//===----------------------------------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------------------------------===//

Value KernelLowering::evaluateLanes(Type elementType, int64_t width,
                                    llvm::function_ref<Value(Value)> lane) {
  if (width == 1)
    return lane(index(0));
  SmallVector<Value> lanes;
  for (int64_t i = 0; i < width; ++i)
    lanes.push_back(lane(index(i)));
  return vector::FromElementsOp::create(b, cast<VectorType>(vectorType(elementType, width)), lanes);
}

Value KernelLowering::evaluateReshape(tile::ReshapeOp op, Indices indices, int64_t width) {
  ArrayRef<int64_t> from = tileType(op.getSource()).getShape();
  ArrayRef<int64_t> to = op.getType().getShape();
  // Dims of extent 1 that come or go need no index arithmetic.
  SmallVector<Value> kept;
  SmallVector<int64_t> keptShape;
  for (auto [extent, i] : llvm::zip_equal(to, indices))
    if (extent != 1) {
      kept.push_back(i);
      keptShape.push_back(extent);
    }
  SmallVector<int64_t> fromKept(llvm::make_filter_range(from, [](int64_t n) { return n != 1; }));
  if (fromKept == keptShape) {
    SmallVector<Value> sourceIndices;
    unsigned next = 0;
    for (int64_t extent : from)
      sourceIndices.push_back(extent == 1 ? index(0) : kept[next++]);
    if (width == 1 || from.back() == to.back())
      return evaluate(op.getSource(), sourceIndices, width);
  }

  auto elementAt = [&](Value linear, int64_t count) {
    SmallVector<Value> sourceIndices(from.size());
    for (int64_t d = from.size() - 1; d >= 0; --d) {
      Value extent = index(from[d]);
      sourceIndices[d] = d == 0 ? linear : arith::RemUIOp::create(b, linear, extent).getResult();
      if (d != 0)
        linear = arith::DivUIOp::create(b, linear, extent);
    }
    return evaluate(op.getSource(), sourceIndices, count);
  };
  Value linear = index(0);
  for (auto [extent, i] : llvm::zip_equal(to, indices))
    linear = add(arith::MulIOp::create(b, linear, index(extent)), i);
  if (from.back() % width == 0)
    return elementAt(linear, width);
  return evaluateLanes(op.getType().getElementType(), width,
                       [&](Value lane) { return elementAt(add(linear, lane), 1); });
}

Value KernelLowering::evaluate(Value tile, Indices indices, int64_t width) {
  if (!isTile(tile))
    return splat(scalars.lookup(tile), width);
  Type element = tileType(tile).getElementType();
  if (auto it = buffers.find(tile); it != buffers.end()) {
    Value value = readBuffer(it->second, indices, width);
    if (element.isInteger(1))
      value = arith::TruncIOp::create(b, vectorType(element, width), value);
    return value;
  }

  Operation *op = tile.getDefiningOp();
  if (tile.hasOneUse())
    pending.remove(tile);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ConstantOp constant) {
        auto value = cast<DenseElementsAttr>(constant.getValue()).getSplatValue<TypedAttr>();
        return splat(arith::ConstantOp::create(b, value), width);
      })
      .Case(
          [&](tensor::SplatOp splatOp) { return splat(scalars.lookup(splatOp.getInput()), width); })
      .Case([&](tile::RangeOp range) {
        Value start = scalars.lookup(range.getStart());
        Value first = add(start, arith::IndexCastOp::create(b, b.getI32Type(), indices.back()));
        if (width == 1)
          return first;
        SmallVector<int32_t> steps(llvm::to_vector(llvm::seq<int32_t>(0, width)));
        Value lanes = arith::ConstantOp::create(
            b, DenseIntElementsAttr::get(cast<VectorType>(vectorType(b.getI32Type(), width)),
                                         ArrayRef<int32_t>(steps)));
        return add(splat(first, width), lanes);
      })
      .Case([&](tile::BroadcastOp broadcast) {
        SmallVector<Value> sourceIndices(indices);
        ArrayRef<int64_t> from = tileType(broadcast.getSource()).getShape();
        ArrayRef<int64_t> to = broadcast.getType().getShape();
        for (size_t d = 0; d < from.size(); ++d)
          if (from[d] == 1 && to[d] != 1)
            sourceIndices[d] = index(0);
        if (width != 1 && from.back() == 1)
          return splat(evaluate(broadcast.getSource(), sourceIndices, 1), width);
        return evaluate(broadcast.getSource(), sourceIndices, width);
      })
      .Case([&](tile::ReshapeOp reshape) { return evaluateReshape(reshape, indices, width); })
      .Case([&](tile::TransposeOp transpose) {
        return evaluateLanes(element, width, [&](Value lane) {
          return evaluate(transpose.getSource(), {add(indices[1], lane), indices[0]}, 1);
        });
      })
      .Case([&](tile::LoadOp load) { return evaluateLoad(load, indices, width); })
      .Default([&](Operation *elementwise) {
        SmallVector<Value> operands;
        for (Value operand : elementwise->getOperands())
          operands.push_back(evaluate(operand, indices, width));
        return b
            .create(b.getLoc(), elementwise->getName().getIdentifier(), operands,
                    TypeRange(vectorType(element, width)),
                    elementwise->getAttrDictionary().getValue())
            ->getResult(0);
      });
}
