//===- Reduce.cpp - reductions and scans ------------------------------------------------------===//

#include "KernelLowering.h"

#include "../Combine.h"
#include "../TileLayouts/Access.h"

#include <map>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;

Value KernelLowering::combine(tile::CombiningKind kind, Value x, Value y) {
  bool isFloat = isa<FloatType>(x.getType());
  switch (kind) {
  case tile::CombiningKind::add:
    return isFloat ? arith::AddFOp::create(b, x, y).getResult() : add(x, y);
  case tile::CombiningKind::mul:
    return isFloat ? arith::MulFOp::create(b, x, y).getResult() : mul(x, y);
  case tile::CombiningKind::max:
    return isFloat ? arith::MaxNumFOp::create(b, x, y).getResult()
                   : arith::MaxSIOp::create(b, x, y).getResult();
  case tile::CombiningKind::min:
    return isFloat ? arith::MinNumFOp::create(b, x, y).getResult()
                   : arith::MinSIOp::create(b, x, y).getResult();
  case tile::CombiningKind::and_:
    return arith::AndIOp::create(b, x, y);
  case tile::CombiningKind::or_:
    return arith::OrIOp::create(b, x, y);
  }
  llvm_unreachable("unknown combining kind");
}

Value KernelLowering::neutral(tile::CombiningKind kind, Type type) {
  return arith::ConstantOp::create(b, neutralElement(kind, type));
}

/// The coordinates without the one along `axis`.
static SmallVector<int64_t> without(ArrayRef<int64_t> coordinates, int64_t axis) {
  SmallVector<int64_t> rest(coordinates);
  rest.erase(rest.begin() + axis);
  return rest;
}

/// Which bits of a place lie along `axis`.
static SmallVector<unsigned> bitsAlong(ArrayRef<Basis> bases, int64_t axis) {
  SmallVector<unsigned> bits;
  for (auto [i, basis] : llvm::enumerate(bases))
    if (basis.dim == axis)
      bits.push_back(i);
  return bits;
}

/// Goes on inside of a branch for one lane of those that hold the same part of the sum of their warp.
void KernelLowering::enterFirstAlong(Layout layout, int64_t axis) {
  for (Basis &basis : layout.lanes)
    if (basis.dim == axis)
      basis = {};
  if (Value first = isOwner(layout))
    b.setInsertionPointToStart(
        scf::IfOp::create(b, first, /*withElseRegion=*/false).thenBlock());
}

void KernelLowering::lowerReduce(tile::ReduceOp op) {
  Layout layout = layoutOf(op.getSource());
  int64_t axis = op.getAxis();
  ArrayRef<int64_t> shape = shapeOf(op.getSource());
  const Registers &source = registersOf(op.getSource());

  // In the thread: two chains at a time would not help, as the other registers give enough of them.
  std::map<SmallVector<int64_t>, SmallVector<Value>> groups;
  for (auto [c, value] : llvm::zip_equal(layout.registerCoordinates(shape), source))
    groups[without(c, axis)].push_back(value);
  Layout rest;
  SmallVector<SmallVector<int64_t>> order;
  if (layout.rank > 1) {
    rest = layout.withoutDim(axis);
    for (const Coordinates &c : rest.registerCoordinates(without(shape, axis)))
      order.push_back(c);
  } else {
    order.push_back({});
  }
  Registers result;
  for (const SmallVector<int64_t> &c : order) {
    SmallVector<Value> values = groups.at(c);
    // As a tree: the order is fixed and the chains are short.
    while (values.size() > 1) {
      SmallVector<Value> half;
      for (size_t i = 0; i + 1 < values.size(); i += 2)
        half.push_back(combine(op.getKind(), values[i], values[i + 1]));
      if (values.size() % 2)
        half.push_back(values.back());
      values = half;
    }
    result.push_back(values.front());
  }

  for (unsigned bit : bitsAlong(layout.lanes, axis))
    for (Value &value : result)
      value = combine(op.getKind(), value, shuffleLanes("bfly", value, i32(1 << bit)));

  if (SmallVector<unsigned> warpBits = bitsAlong(layout.warps, axis); !warpBits.empty()) {
    // Each warp leaves its part; all threads then combine those of all warps in the same order.
    Type element = result.front().getType();
    int64_t bytes = memoryBytes(element), parts = int64_t(1) << warpBits.size();
    SmallVector<int64_t> others = without(shape, axis);
    int64_t count = ShapedType::getNumElements(others);
    Value part = i32(0);
    for (auto [i, bit] : llvm::enumerate(warpBits)) {
      Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, warp, i32(bit)), i32(1));
      part = add(part, arith::ShLIOp::create(b, set, i32(i)));
    }
    Value place = i32(0);
    for (size_t d = 0; d < others.size(); ++d)
      place = add(mul(place, i32(others[d])), threadCoordinate(rest, d));
    auto flat = [&](ArrayRef<int64_t> c) {
      int64_t index = 0;
      for (auto [extent, i] : llvm::zip_equal(others, c))
        index = index * extent + i;
      return index;
    };
    Value base = add(i32(shared.offsetOf(op)), mul(place, i32(bytes)));
    barrier();
    Value mine = add(base, mul(part, i32(count * bytes)));
    {
      OpBuilder::InsertionGuard guard(b);
      enterFirstAlong(layout, axis);
      for (auto [c, value] : llvm::zip_equal(order, result))
        storeShared(sharedPointer(add(mine, i32(flat(c) * bytes))), value);
    }
    barrier();
    for (auto [c, value] : llvm::zip_equal(order, result)) {
      value = Value();
      for (int64_t p = 0; p < parts; ++p) {
        Value other = loadShared(sharedPointer(add(base, i32((p * count + flat(c)) * bytes))),
                                 element, 1)
                          .front();
        value = value ? combine(op.getKind(), value, other) : other;
      }
    }
  }
  if (isTile(op.getResult()))
    tiles[op.getResult()] = result;
  else
    scalars.map(op.getResult(), result.front());
}

void KernelLowering::lowerScan(tile::ScanOp op) {
  Layout layout = layoutOf(op.getSource());
  int64_t axis = op.getAxis();
  ArrayRef<int64_t> shape = shapeOf(op.getSource());
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  Value none = neutral(op.getKind(), element);
  auto coordinates = layout.registerCoordinates(shape);
  auto index = registerIndex(layout, shape);
  const Registers source = registersOf(op.getSource());
  Registers result(source.size());

  SmallVector<unsigned> laneBits = bitsAlong(layout.lanes, axis),
                        warpBits = bitsAlong(layout.warps, axis);
  int64_t inThread = 1;
  for (const Basis &basis : layout.registers)
    if (basis.dim == axis)
      inThread *= 2;
  int64_t block = shape[axis] & -shape[axis], numBlocks = shape[axis] / block;
  int64_t bytes = memoryBytes(element), parts = int64_t(1) << warpBits.size();

  // Place of this warp along the axis.
  Value part = i32(0);
  for (auto [i, bit] : llvm::enumerate(warpBits)) {
    Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, warp, i32(bit)), i32(1));
    part = add(part, arith::ShLIOp::create(b, set, i32(i)));
  }
  SmallVector<int64_t> others = without(shape, axis);
  int64_t count = ShapedType::getNumElements(others);
  Value place = i32(0);
  Layout rest;
  if (layout.rank > 1) {
    rest = layout.withoutDim(axis);
    for (size_t d = 0; d < others.size(); ++d)
      place = add(mul(place, i32(others[d])), threadCoordinate(rest, d));
  }
  auto flat = [&](ArrayRef<int64_t> c) {
    int64_t at = 0;
    for (auto [extent, i] : llvm::zip_equal(others, c))
      at = at * extent + i;
    return at;
  };

  // The lines of this thread: registers with the same other coordinates.
  SmallVector<SmallVector<int64_t>> lines;
  for (const Coordinates &c : coordinates)
    if (c[axis] == 0)
      lines.push_back(without(c, axis));
  auto registerAt = [&](ArrayRef<int64_t> line, int64_t along) {
    SmallVector<int64_t> c(line);
    c.insert(c.begin() + axis, along);
    return index.at(c);
  };

  SmallVector<Value> carry(lines.size(), none);
  for (int64_t blockIndex = 0; blockIndex < numBlocks; ++blockIndex) {
    SmallVector<Value> before(lines.size()), totals(lines.size());
    for (auto [i, line] : llvm::enumerate(lines)) {
      // In the thread.
      Value sum;
      for (int64_t r = 0; r < inThread; ++r) {
        unsigned reg = registerAt(line, blockIndex * block + r);
        sum = sum ? combine(op.getKind(), sum, source[reg]) : source[reg];
        result[reg] = sum;
      }
      // Over the lanes: the sums of all lanes before, by doubling steps.
      Value inclusive = sum, exclusive = none;
      if (!laneBits.empty()) {
        int64_t lowest = int64_t(1) << laneBits.front();
        Value along = arith::AndIOp::create(
            b, arith::ShRUIOp::create(b, lane, i32(laneBits.front())),
            i32((int64_t(1) << laneBits.size()) - 1));
        auto earlier = [&](Value value, int64_t distance) -> Value {
          Value moved = shuffleLanes("up", value, i32(distance * lowest));
          Value exists =
              arith::CmpIOp::create(b, arith::CmpIPredicate::uge, along, i32(distance));
          return arith::SelectOp::create(b, exists, moved, none);
        };
        for (size_t k = 0; k < laneBits.size(); ++k)
          inclusive = combine(op.getKind(), earlier(inclusive, int64_t(1) << k), inclusive);
        exclusive = earlier(inclusive, 1);
        // The last lane along the axis knows the sum of all.
        int64_t lastLane = 0;
        for (unsigned bit : laneBits)
          lastLane |= int64_t(1) << bit;
        inclusive = shuffleLanes("idx", inclusive,
                                 arith::OrIOp::create(b, lane, i32(lastLane)));
      }
      before[i] = exclusive;
      totals[i] = inclusive;
    }
    if (!warpBits.empty()) {
      Value base = add(i32(shared.offsetOf(op)), mul(place, i32(bytes)));
      Value mine = add(base, mul(part, i32(count * bytes)));
      barrier();
      {
        OpBuilder::InsertionGuard guard(b);
        enterFirstAlong(layout, axis);
        for (auto [i, line] : llvm::enumerate(lines))
          storeShared(sharedPointer(add(mine, i32(flat(line) * bytes))), totals[i]);
      }
      barrier();
      for (auto [i, line] : llvm::enumerate(lines)) {
        Value all = none, upToMine = none;
        for (int64_t p = 0; p < parts; ++p) {
          Value other = loadShared(sharedPointer(add(base, i32((p * count + flat(line)) * bytes))),
                                   element, 1)
                            .front();
          Value isEarlier = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, i32(p), part);
          upToMine = arith::SelectOp::create(b, isEarlier, combine(op.getKind(), upToMine, other),
                                             upToMine);
          all = combine(op.getKind(), all, other);
        }
        before[i] = combine(op.getKind(), upToMine, before[i]);
        totals[i] = all;
      }
    }
    for (auto [i, line] : llvm::enumerate(lines)) {
      Value first = combine(op.getKind(), carry[i], before[i]);
      Value previous = first;
      for (int64_t r = 0; r < inThread; ++r) {
        unsigned reg = registerAt(line, blockIndex * block + r);
        Value inclusive = combine(op.getKind(), first, result[reg]);
        result[reg] = op.getExclusive() ? previous : inclusive;
        previous = inclusive;
      }
      carry[i] = combine(op.getKind(), carry[i], totals[i]);
    }
  }
  tiles[op.getResult()] = result;
}
