//===- Access.cpp - loads, stores, atomics and copies ---------------------------------------------===//

#include "../Combine.h"
#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace lighthouse;

/// Where `width` lanes of an access lie, and which of them exist.
struct KernelLowering::Address {
  Value pointer; ///< Of the first lane, or one per lane for a gather.
  Value inside;  ///< i1: whether any lane may be touched; null if always.
  Value lanes;   ///< Vector of i1: which lanes may be touched; null if all.
  bool gather;   ///< The lanes are not consecutive in memory.
};

/// The type of an element in memory: a bool takes a byte.
static Type memoryType(Type elementType) {
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

/// A mask that repeats one value along the last dim: that value's tile, else null.
static Value rowMask(Value mask) {
  auto broadcast = mask.getDefiningOp<tile::BroadcastOp>();
  if (!broadcast || cast<RankedTensorType>(broadcast.getSource().getType()).getShape().back() != 1)
    return {};
  return broadcast.getSource();
}

KernelLowering::Address KernelLowering::address(Value view, OperandRange subscripts,
                                                std::optional<ArrayRef<bool>> inBounds, Value mask,
                                                Indices indices, int64_t width) {
  auto type = cast<tile::ViewType>(view.getType());
  const Argument &argument = arguments.find(view)->second;
  Type element = memoryType(type.getElementType());
  Address result{{}, {}, {}, false};

  // Whether the scalar subscripts are inside, which is the same for the whole tile.
  Value tileInside;
  auto both = [&](Value &condition, Value other) {
    condition = condition ? arith::AndIOp::create(b, condition, other).getResult() : other;
  };
  auto checkBounds = [&](Value coordinate, int64_t d, Value &condition) {
    if (inBounds && (*inBounds)[d])
      return;
    StringRef name = type.getDimName(d);
    Value extent = name.empty() ? i32(type.getStaticDim(d)) : dims.lookup(name);
    auto vector = dyn_cast<VectorType>(coordinate.getType());
    if (vector && tileInside) {
      // No lane of a tile outside is below a limit of 0: cheaper than a branch at every vector.
      extent = arith::SelectOp::create(b, tileInside, extent, i32(0));
      tileInside = {};
    }
    // Unsigned, so that a negative coordinate is outside as well.
    both(condition, arith::CmpIOp::create(b, arith::CmpIPredicate::ult, coordinate,
                                          splat(extent, vector ? vector.getDimSize(0) : 1)));
  };
  auto scaled = [&](Value coordinate, int64_t d) -> Value {
    auto vector = dyn_cast<VectorType>(coordinate.getType());
    int64_t count = vector ? vector.getDimSize(0) : 1;
    Value wide = arith::ExtSIOp::create(b, vectorType(b.getI64Type(), count), coordinate);
    if (d + 1 == type.getRank())
      return wide;
    return arith::MulIOp::create(b, wide, splat(argument.strides[d], count));
  };

  Value offset = i64(0), laneOffsets;
  size_t tileDim = 0;
  for (auto [d, subscript] : llvm::enumerate(subscripts)) {
    if (!isTile(subscript)) {
      Value coordinate = scalars.lookup(subscript);
      checkBounds(coordinate, d, tileInside);
      offset = add(offset, scaled(coordinate, d));
      continue;
    }
    Value position = indices[tileDim++];
    bool lane = tileDim == indices.size() && width > 1;
    bool consecutive = subscript.getDefiningOp<tile::RangeOp>() &&
                       static_cast<int64_t>(d) + 1 == type.getRank();
    if (lane && !consecutive) {
      Value coordinates = evaluate(subscript, position, width);
      checkBounds(coordinates, d, result.lanes);
      laneOffsets = scaled(coordinates, d);
      continue;
    }
    Value coordinate = evaluate(subscript, position, 1);
    if (!inBounds || !(*inBounds)[d]) {
      if (lane)
        checkBounds(evaluate(subscript, position, width), d, result.lanes);
      else
        checkBounds(coordinate, d, result.inside);
    }
    offset = add(offset, scaled(coordinate, d));
  }

  if (tileInside)
    both(result.inside, tileInside);
  if (mask && !isTile(mask))
    both(result.inside, scalars.lookup(mask));
  else if (mask && !buffers.contains(mask) && rowMask(mask)) {
    SmallVector<Value> row(indices);
    row.back() = index(0);
    // The source may itself repeat along outer dims.
    ArrayRef<int64_t> from = cast<RankedTensorType>(rowMask(mask).getType()).getShape();
    for (auto [i, extent] : llvm::zip_equal(row, from))
      if (extent == 1)
        i = index(0);
    both(result.inside, evaluate(rowMask(mask), row, 1));
    if (mask.hasOneUse())
      pending.remove(mask);
  } else if (mask)
    both(width == 1 ? result.inside : result.lanes, evaluate(mask, indices, width));

  auto pointerType = LLVM::LLVMPointerType::get(b.getContext());
  if (laneOffsets) {
    result.gather = true;
    laneOffsets = add(laneOffsets, splat(offset, width));
    result.pointer = LLVM::GEPOp::create(b, VectorType::get({width}, pointerType), element,
                                         argument.pointer, laneOffsets);
  } else {
    result.pointer = LLVM::GEPOp::create(b, pointerType, element, argument.pointer, offset);
  }
  return result;
}

Value KernelLowering::loadAt(const Address &address, Type elementType, Value other,
                             int64_t width) {
  Type memory = memoryType(elementType);
  unsigned alignment = tile::getMemoryBytes(memory);
  Type type = vectorType(memory, width);
  Value fallback;
  if (address.inside || address.lanes || address.gather) {
    fallback = other ? other : arith::ConstantOp::create(b, b.getZeroAttr(elementType)).getResult();
    if (elementType.isInteger(1))
      fallback = arith::ExtUIOp::create(b, memory, fallback);
    fallback = splat(fallback, width);
  }
  auto load = [&]() -> Value {
    if (!address.lanes && !address.gather)
      return LLVM::LoadOp::create(b, type, address.pointer, alignment);
    Value lanes = address.lanes ? address.lanes : splat(arith::ConstantOp::create(b, b.getBoolAttr(true)), width);
    if (address.gather)
      return LLVM::masked_gather::create(b, type, address.pointer, lanes, fallback,
                                         b.getI32IntegerAttr(alignment));
    return LLVM::MaskedLoadOp::create(b, type, address.pointer, lanes, fallback,
                                      b.getI32IntegerAttr(alignment));
  };
  Value value;
  if (address.inside) {
    auto branch = scf::IfOp::create(b, TypeRange(type), address.inside, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, load());
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, fallback);
    value = branch.getResult(0);
  } else {
    value = load();
  }
  if (elementType.isInteger(1))
    value = arith::TruncIOp::create(b, vectorType(elementType, width), value);
  return value;
}

Value KernelLowering::evaluateLoad(tile::LoadOp op, Indices indices, int64_t width) {
  Value other = op.getOther() ? scalars.lookup(op.getOther()) : Value();
  return loadAt(address(op.getView(), op.getIndices(), op.getInBounds(), op.getMask(), indices, width),
                op.getView().getType().getElementType(), other, width);
}

static SmallVector<int64_t> shapeOf(Value value) {
  auto tile = dyn_cast<RankedTensorType>(value.getType());
  return tile ? llvm::to_vector(tile.getShape()) : SmallVector<int64_t>();
}

void KernelLowering::lowerStore(tile::StoreOp op) {
  // Everything read before the store must hold the old contents.
  flush([&](Value tile) { return tile != op.getValue() && loadsFrom(tile, op.getView()); });
  if (isTile(op.getValue()) && loadsFrom(op.getValue(), op.getView()))
    materialize(op.getValue());

  SmallVector<int64_t> shape = shapeOf(op.getValue());
  int64_t width = shape.empty() ? 1 : vectorWidth(shape.back());
  loopNest(shape, width, [&](Indices indices) {
    Address to = address(op.getView(), op.getIndices(), op.getInBounds(), op.getMask(), indices, width);
    OpBuilder::InsertionGuard guard(b);
    if (to.inside)
      b.setInsertionPointToStart(
          scf::IfOp::create(b, to.inside, /*withElseRegion=*/false).thenBlock());
    Value value = evaluate(op.getValue(), indices, width);
    Type element = op.getView().getType().getElementType(), memory = memoryType(element);
    unsigned alignment = tile::getMemoryBytes(memory);
    if (element.isInteger(1))
      value = arith::ExtUIOp::create(b, vectorType(memory, width), value);
    Value lanes = to.lanes;
    if (to.gather && !lanes)
      lanes = splat(arith::ConstantOp::create(b, b.getBoolAttr(true)), width);
    if (to.gather)
      LLVM::masked_scatter::create(b, value, to.pointer, lanes, b.getI32IntegerAttr(alignment));
    else if (lanes)
      LLVM::MaskedStoreOp::create(b, value, to.pointer, lanes, b.getI32IntegerAttr(alignment));
    else if (op.getStreaming() && width == unit.lanes())
      storeStreaming(value, to.pointer, alignment);
    else
      LLVM::StoreOp::create(b, value, to.pointer, alignment);
  });
}

void KernelLowering::storeStreaming(Value value, Value pointer, unsigned alignment) {
  // Non-temporal stores must be aligned to the whole vector, which only the address can tell.
  auto type = cast<VectorType>(value.getType());
  unsigned bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  Value address = LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer);
  Value aligned = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                        arith::AndIOp::create(b, address, i64(bytes - 1)), i64(0));
  auto branch = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  LLVM::StoreOp::create(b, value, pointer, bytes, /*isVolatile=*/false, /*isNonTemporal=*/true);
  b.setInsertionPointToStart(branch.elseBlock());
  LLVM::StoreOp::create(b, value, pointer, alignment);
  hasStreamingStores = true;
}

void KernelLowering::combineAtomically(tile::CombiningKind kind, Value pointer, Value value) {
  constexpr auto order = LLVM::AtomicOrdering::monotonic;
  Type bits = b.getI16Type();
  Value first = LLVM::LoadOp::create(b, bits, pointer, /*alignment=*/2, /*isVolatile=*/false,
                                     /*isNonTemporal=*/false, /*isInvariant=*/false,
                                     /*isInvariantGroup=*/false, order);
  auto loop = scf::WhileOp::create(b, TypeRange(bits), ValueRange(first));
  OpBuilder::InsertionGuard guard(b);
  Value old = b.createBlock(&loop.getBefore(), {}, bits, b.getLoc())->getArgument(0);
  Value combined = combine(kind, arith::BitcastOp::create(b, value.getType(), old), value);
  Value exchange = LLVM::AtomicCmpXchgOp::create(
      b, pointer, old, arith::BitcastOp::create(b, bits, combined), order, order);
  Value done = LLVM::ExtractValueOp::create(b, exchange, 1);
  Value again = arith::XOrIOp::create(b, done, arith::ConstantOp::create(b, b.getBoolAttr(true)));
  scf::ConditionOp::create(b, again, LLVM::ExtractValueOp::create(b, exchange, 0).getResult());
  Value seen = b.createBlock(&loop.getAfter(), {}, bits, b.getLoc())->getArgument(0);
  scf::YieldOp::create(b, seen);
}

void KernelLowering::lowerAtomic(tile::AtomicRMWOp op) {
  flush([&](Value tile) { return tile != op.getValue() && loadsFrom(tile, op.getView()); });
  if (isTile(op.getValue()) && loadsFrom(op.getValue(), op.getView()))
    materialize(op.getValue());

  bool isFloat = isa<FloatType>(op.getView().getType().getElementType());
  loopNest(shapeOf(op.getValue()), 1, [&](Indices indices) {
    Address to =
        address(op.getView(), op.getIndices(), op.getInBounds(), op.getMask(), indices, 1);
    OpBuilder::InsertionGuard guard(b);
    if (to.inside)
      b.setInsertionPointToStart(
          scf::IfOp::create(b, to.inside, /*withElseRegion=*/false).thenBlock());
    Value value = evaluate(op.getValue(), indices, 1);
    if (isFloat && value.getType().getIntOrFloatBitWidth() == 16)
      combineAtomically(op.getKind(), to.pointer, value);
    else
      LLVM::AtomicRMWOp::create(b, atomicKind(op.getKind(), isFloat), to.pointer, value,
                                LLVM::AtomicOrdering::monotonic);
  });
}

void KernelLowering::lowerCopy(tile::CopyAsyncOp op) {
  Value buffer = buffers.lookup(op.getBuffer());
  ArrayRef<int64_t> shape = op.getBuffer().getType().getShape();
  int64_t width = vectorWidth(shape.back());
  loopNest(shape, width, [&](Indices indices) {
    Address from = address(op.getView(), op.getIndices(), op.getInBounds(), {}, indices, width);
    writeBuffer(loadAt(from, op.getView().getType().getElementType(), {}, width), buffer, indices);
  });
}

Value KernelLowering::slotOf(tile::SlotOp op) {
  Value buffer = buffers.lookup(op.getBuffer());
  auto type = cast<MemRefType>(buffer.getType());
  Value extent = i32(type.getDimSize(0));
  Value slot = arith::IndexCastOp::create(
      b, b.getIndexType(), arith::RemUIOp::create(b, scalars.lookup(op.getIndex()), extent));
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)), sizes, strides(rank, b.getIndexAttr(1));
  offsets[0] = slot;
  for (int64_t extentOfDim : type.getShape())
    sizes.push_back(b.getIndexAttr(extentOfDim));
  sizes[0] = b.getIndexAttr(1);
  auto resultType = memref::SubViewOp::inferRankReducedResultType(type.getShape().drop_front(), type,
                                                                  offsets, sizes, strides);
  return memref::SubViewOp::create(b, cast<MemRefType>(resultType), buffer, offsets, sizes, strides);
}
