//===- Reduce.cpp - reductions and scans ------------------------------------------------------===//

#include "KernelLowering.h"

#include "../Combine.h"
#include "../TileLayouts/Access.h"
#include "../TileLayouts/PartialReduction.h"

#include <map>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;

Value KernelLowering::combine(tile::CombiningKind kind, Value x, Value y) {
  return lighthouse::combine(b, kind, x, y, [&](bool isMax) -> Value {
    return isMax ? arith::MaxNumFOp::create(b, x, y).getResult()
                 : arith::MinNumFOp::create(b, x, y).getResult();
  });
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

Value KernelLowering::placeOfWarp(const Layout &layout, int64_t axis) {
  Value part = i32(0);
  for (auto [i, bit] : llvm::enumerate(bitsAlong(layout.warps, axis))) {
    Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, group.warp, i32(bit)), i32(1));
    part = add(part, arith::ShLIOp::create(b, set, i32(i)));
  }
  return part;
}

SmallVector<KernelLowering::Registers>
KernelLowering::exchangeParts(Operation *op, const Layout &layout, ArrayRef<int64_t> shape,
                              int64_t axis, ArrayRef<SmallVector<int64_t>> lines,
                              ArrayRef<Value> mine) {
  Type element = mine.front().getType();
  int64_t bytes = tile::getMemoryBytes(element);
  int64_t numParts = int64_t(1) << bitsAlong(layout.warps, axis).size();
  SmallVector<int64_t> others = without(shape, axis);
  int64_t partBytes = ShapedType::getNumElements(others) * bytes;
  auto offsetOf = [&](ArrayRef<int64_t> line) {
    int64_t index = 0;
    for (auto [extent, i] : llvm::zip_equal(others, line))
      index = index * extent + i;
    return index * bytes;
  };
  Value place = i32(0);
  if (layout.rank > 1) {
    Layout rest = layout.withoutDim(axis);
    for (size_t d = 0; d < others.size(); ++d)
      place = add(mul(place, i32(others[d])), threadCoordinate(rest, d));
  }
  Value base = add(scratchOf(op), mul(place, i32(bytes)));
  Value own = add(base, mul(placeOfWarp(layout, axis), i32(partBytes)));

  barrier();
  {
    // All lanes along the axis hold the part of their warp; one of them writes it.
    OpBuilder::InsertionGuard guard(b);
    Layout writers = layout;
    for (Basis &basis : writers.lanes)
      if (basis.dim == axis)
        basis = {};
    if (Value first = isOwner(writers))
      b.setInsertionPointToStart(
          scf::IfOp::create(b, first, /*withElseRegion=*/false).thenBlock());
    for (auto [line, value] : llvm::zip_equal(lines, mine))
      storeShared(sharedPointer(own, offsetOf(line)), value);
  }
  barrier();
  SmallVector<Registers> parts;
  for (const SmallVector<int64_t> &line : lines) {
    Registers &all = parts.emplace_back();
    for (int64_t part = 0; part < numParts; ++part) {
      Value address = add(base, i32(part * partBytes + offsetOf(line)));
      all.append(loadShared(sharedPointer(address), element, 1));
    }
  }
  return parts;
}

/// A tree, whose chains are short, but for which the assembler keeps about a register for every other value, since it
/// begins with all leaves. Roles with few registers combine in two chains: with 160 registers attention's forward
/// step spills by a tree.
Value KernelLowering::combineAll(tile::CombiningKind kind, SmallVector<Value> values) {
  constexpr int64_t registersForTrees = 200;
  if (group.role && group.role.getRegisters().value_or(registersForTrees) < registersForTrees) {
    for (size_t i = 2; i < values.size(); ++i)
      values[i % 2] = combine(kind, values[i % 2], values[i]);
    values.truncate(std::min<size_t>(values.size(), 2));
  }
  while (values.size() > 1) {
    SmallVector<Value> half;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      half.push_back(combine(kind, values[i], values[i + 1]));
    if (values.size() % 2)
      half.push_back(values.back());
    values = half;
  }
  return values.front();
}

void KernelLowering::lowerReducePartial(tile::ReducePartialOp op) {
  Layout source = layoutOf(op.getSource());
  PartialReduction reduction(op, source);
  int64_t axis = op.getAxis();
  if (!reduction.warps.empty())
    report("expected a part for each warp that holds elements of a line; use a tile.reduce, or more "
           "parts");
  std::map<Coordinates, SmallVector<Value>> groups;
  for (auto [c, value] : llvm::zip_equal(source.registerCoordinates(shapeOf(op.getSource())),
                                         registersOf(op.getSource()))) {
    Coordinates at = c;
    at[axis] = 0;
    for (auto [from, to] : reduction.registers)
      if (c[axis] & from.stride)
        at[axis] += to.stride;
    groups[at].push_back(value);
  }
  Registers result;
  for (const Coordinates &c : reduction.layout.registerCoordinates(shapeOf(op)))
    result.push_back(combineAll(op.getKind(), groups.at(c)));
  for (unsigned bit : reduction.lanes)
    for (Value &value : result)
      value = combine(op.getKind(), value, shuffleLanes(Shuffle::Butterfly, value, i32(1 << bit)));
  tiles[op] = result;
}

void KernelLowering::lowerVote(tile::VoteOp op) {
  Registers flags = registersOf(op.getSource());
  bool isAny = op.getKind() == tile::VoteKind::any;
  Value mine = combineAll(isAny ? tile::CombiningKind::or_ : tile::CombiningKind::and_, flags);
  scalars.map(op.getResult(), vote(op.getKind(), mine));
  divergent.insert(op.getResult());
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
  SmallVector<SmallVector<int64_t>> order;
  if (layout.rank > 1)
    for (const Coordinates &c :
         layout.withoutDim(axis).registerCoordinates(without(shape, axis)))
      order.push_back(c);
  else
    order.push_back({});
  Registers result;
  for (const SmallVector<int64_t> &c : order)
    result.push_back(combineAll(op.getKind(), groups.at(c)));

  SmallVector<unsigned> laneBits = bitsAlong(layout.lanes, axis);
  for (unsigned bit : laneBits)
    for (Value &value : result)
      value = combine(op.getKind(), value, shuffleLanes(Shuffle::Butterfly, value, i32(1 << bit)));

  if (!bitsAlong(layout.warps, axis).empty())
    // All threads combine the parts of the warps in the same order.
    for (auto [value, parts] :
         llvm::zip_equal(result, exchangeParts(op, layout, shape, axis, order, result))) {
      value = parts.front();
      for (Value part : llvm::drop_begin(parts))
        value = combine(op.getKind(), value, part);
    }
  else if (!laneBits.empty() && groups.begin()->second.size() == 1 &&
           op.getKind() == tile::CombiningKind::add && isa<FloatType>(result.front().getType()))
    // A product may become a part of the first sum of each lane, rounded once, where its neighbour
    // adds it rounded twice. Branches on the result must be the same in all lanes: one lane's counts.
    for (Value &value : result) {
      int64_t others = 31;
      for (unsigned bit : laneBits)
        others &= ~(int64_t(1) << bit);
      value = shuffleLanes(Shuffle::Index, value, arith::AndIOp::create(b, group.lane, i32(others)));
    }
  if (isTile(op.getResult()))
    tiles[op.getResult()] = result;
  else
    scalars.map(op.getResult(), result.front());
}

std::pair<Value, Value> KernelLowering::scanLanes(tile::CombiningKind kind, Value own,
                                                  ArrayRef<unsigned> bits) {
  Value none = neutral(kind, own.getType());
  if (bits.empty())
    return {none, own};
  // The bits follow each other: the distance of neighbours along the axis is that of the lowest.
  Value along = arith::AndIOp::create(b, arith::ShRUIOp::create(b, group.lane, i32(bits.front())),
                                      i32((int64_t(1) << bits.size()) - 1));
  auto earlier = [&](Value value, int64_t distance) -> Value {
    Value moved = shuffleLanes(Shuffle::Up, value, i32(distance << bits.front()));
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, along, i32(distance));
    return arith::SelectOp::create(b, exists, moved, none);
  };
  Value inclusive = own;
  for (size_t k = 0; k < bits.size(); ++k)
    inclusive = combine(kind, earlier(inclusive, int64_t(1) << k), inclusive);
  // The last lane along the axis knows the sum of all.
  int64_t last = 0;
  for (unsigned bit : bits)
    last |= int64_t(1) << bit;
  return {earlier(inclusive, 1),
          shuffleLanes(Shuffle::Index, inclusive, arith::OrIOp::create(b, group.lane, i32(last)))};
}

void KernelLowering::lowerScan(tile::ScanOp op) {
  Layout layout = layoutOf(op.getSource());
  int64_t axis = op.getAxis();
  ArrayRef<int64_t> shape = shapeOf(op.getSource());
  tile::CombiningKind kind = op.getKind();
  Value none = neutral(kind, cast<RankedTensorType>(op.getType()).getElementType());
  auto index = registerIndex(layout, shape);
  const Registers source = registersOf(op.getSource());
  Registers result(source.size());

  SmallVector<unsigned> laneBits = bitsAlong(layout.lanes, axis);
  bool overWarps = !bitsAlong(layout.warps, axis).empty();
  Value mine = placeOfWarp(layout, axis);
  int64_t inThread = 1;
  for (const Basis &basis : layout.registers)
    if (basis.dim == axis)
      inThread *= 2;
  int64_t block = shape[axis] & -shape[axis];

  // The lines of this thread: registers with the same other coordinates.
  SmallVector<SmallVector<int64_t>> lines;
  for (const Coordinates &c : layout.registerCoordinates(shape))
    if (c[axis] == 0)
      lines.push_back(without(c, axis));
  auto registerAt = [&](ArrayRef<int64_t> line, int64_t along) {
    SmallVector<int64_t> c(line);
    c.insert(c.begin() + axis, along);
    return index.at(c);
  };

  Registers carry(lines.size(), none);
  for (int64_t start = 0; start < shape[axis]; start += block) {
    Registers before(lines.size()), totals(lines.size());
    for (auto [i, line] : llvm::enumerate(lines)) {
      Value sum;
      for (int64_t r = 0; r < inThread; ++r) {
        unsigned reg = registerAt(line, start + r);
        sum = sum ? combine(kind, sum, source[reg]) : source[reg];
        result[reg] = sum;
      }
      std::tie(before[i], totals[i]) = scanLanes(kind, sum, laneBits);
    }
    if (overWarps)
      for (auto [i, parts] :
           llvm::enumerate(exchangeParts(op, layout, shape, axis, lines, totals))) {
        Value all = none, upToMine = none;
        for (auto [p, part] : llvm::enumerate(parts)) {
          Value isEarlier = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, i32(p), mine);
          upToMine = arith::SelectOp::create(b, isEarlier, combine(kind, upToMine, part), upToMine);
          all = combine(kind, all, part);
        }
        before[i] = combine(kind, upToMine, before[i]);
        totals[i] = all;
      }
    for (auto [i, line] : llvm::enumerate(lines)) {
      Value first = combine(kind, carry[i], before[i]);
      Value previous = first;
      for (int64_t r = 0; r < inThread; ++r) {
        unsigned reg = registerAt(line, start + r);
        Value inclusive = combine(kind, first, result[reg]);
        result[reg] = op.getExclusive() ? previous : inclusive;
        previous = inclusive;
      }
      carry[i] = combine(kind, carry[i], totals[i]);
    }
  }
  tiles[op.getResult()] = result;
}
