//===- Convert.cpp - changes of layout and of shape -------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/Scratch.h"

#include <map>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;

/// Moves a tile between lanes of a warp. Every target lane bit comes from a source lane bit, moves
/// to all lanes, or, once at most, chooses between two registers of the source.
bool KernelLowering::shuffle(const Registers &from, const Layout &source, const Layout &target,
                             ArrayRef<int64_t> shape, Registers &to) {
  if (source.warps != target.warps)
    return false;
  std::optional<unsigned> choice;
  for (auto [i, basis] : llvm::enumerate(target.lanes)) {
    if (basis.isZero() || llvm::is_contained(source.lanes, basis))
      continue;
    if (choice || !llvm::is_contained(source.registers, basis))
      return false;
    choice = i;
  }
  // Which of this thread's lane bits give the lane to read from.
  Value lanes = i32(0);
  for (auto [i, basis] : llvm::enumerate(source.lanes)) {
    if (basis.isZero())
      continue;
    auto *it = llvm::find(target.lanes, basis);
    if (it == target.lanes.end())
      continue;
    int64_t j = it - target.lanes.begin();
    Value bit = arith::AndIOp::create(b, arith::ShRUIOp::create(b, group.lane, i32(j)), i32(1));
    lanes = arith::OrIOp::create(b, lanes, arith::ShLIOp::create(b, bit, i32(i)));
  }
  Value chosen;
  if (choice)
    chosen = isZero(arith::AndIOp::create(b, group.lane, i32(int64_t(1) << *choice)));

  auto index = registerIndex(source, shape);
  std::map<std::pair<unsigned, int64_t>, Value> known;
  auto fetch = [&](Coordinates at) {
    // Bits of the target's registers that lie in lanes of the source are constant lane bits.
    int64_t constant = 0;
    for (auto [i, basis] : llvm::enumerate(source.lanes))
      if (!basis.isZero() && (at[basis.dim] & basis.stride)) {
        constant |= int64_t(1) << i;
        at[basis.dim] -= basis.stride;
      }
    // What warps contribute is the same on both sides.
    unsigned reg = index.at(at);
    Value &value = known[{reg, constant}];
    if (!value)
      value = shuffleLanes(Shuffle::Index, from[reg], arith::OrIOp::create(b, lanes, i32(constant)));
    return value;
  };
  for (const Coordinates &c : target.registerCoordinates(shape)) {
    Value value = fetch(c);
    if (choice) {
      Coordinates other = c;
      other[target.lanes[*choice].dim] += target.lanes[*choice].stride;
      value = arith::SelectOp::create(b, chosen, value, fetch(other));
    }
    to.push_back(value);
  }
  return true;
}

void KernelLowering::lowerConvert(tile::ConvertLayoutOp op) {
  Layout source = layoutOf(op.getSource()), target = layoutOf(op);
  ArrayRef<int64_t> shape = shapeOf(op);
  const Registers from = registersOf(op.getSource());
  Registers to;
  if (source.lanes == target.lanes && source.warps == target.warps) {
    auto index = registerIndex(source, shape);
    for (const Coordinates &c : target.registerCoordinates(shape))
      to.push_back(from[index.at(c)]);
  } else if (!shuffle(from, source, target, shape, to)) {
    auto scratch = FragmentScratch::of(op);
    to = scratch ? throughBuffer(op, *scratch)
                 : throughShared(op, from, source, target, op.getType(), shape);
  }
  tiles[op] = to;
}

void KernelLowering::lowerReshape(tile::ReshapeOp op) {
  Layout source = layoutOf(op.getSource()), target = layoutOf(op);
  ArrayRef<int64_t> from = shapeOf(op.getSource()), to = shapeOf(op);
  const Registers registers = registersOf(op.getSource());
  if (source.reshaped(from, to) != target) {
    tiles[op] = throughShared(op, registers, source, target,
                              cast<RankedTensorType>(op.getSource().getType()), to);
    return;
  }
  // The same elements in the same threads; odd parts may be enumerated in another order.
  auto flatten = [](ArrayRef<int64_t> shape, ArrayRef<int64_t> coordinates) {
    int64_t flat = 0;
    for (auto [extent, c] : llvm::zip_equal(shape, coordinates))
      flat = flat * extent + c;
    return flat;
  };
  std::map<int64_t, unsigned> index;
  for (auto [i, c] : llvm::enumerate(source.registerCoordinates(from)))
    index[flatten(from, c)] = i;
  Registers result;
  for (const Coordinates &c : target.registerCoordinates(to))
    result.push_back(registers[index.at(flatten(to, c))]);
  tiles[op] = result;
}

KernelLowering::Registers KernelLowering::transposed(const Registers &registers,
                                                     const Layout &layout,
                                                     ArrayRef<int64_t> shape) {
  // The layouts differ by a renaming of the dims, in the same order of registers but where the odd
  // parts of the extents are.
  auto index = registerIndex(layout, shape);
  Registers result;
  for (const Coordinates &c : layout.transposed().registerCoordinates({shape[1], shape[0]}))
    result.push_back(registers[index.at({c[1], c[0]})]);
  return result;
}

KernelLowering::Registers KernelLowering::throughBuffer(tile::ConvertLayoutOp op,
                                                        const FragmentScratch &scratch) {
  Registers from = registersOf(op.getSource());
  Layout source = layoutOf(op.getSource()), target = layoutOf(op);
  if (scratch.isTransposed) {
    from = transposed(from, source, shapeOf(op));
    source = source.transposed();
    target = target.transposed();
  }
  barrier();
  storeTile(scratchOf(op), scratch.buffer, source, from);
  barrier();
  Registers to = loadTile(op, scratchOf(op), scratch.buffer, target);
  return scratch.isTransposed ? transposed(to, target, scratch.buffer.getShape()) : to;
}

KernelLowering::Registers KernelLowering::throughShared(Operation *op, const Registers &from,
                                                        const Layout &source, const Layout &target,
                                                        RankedTensorType type,
                                                        ArrayRef<int64_t> toShape) {
  bool keepsShape = type.getShape() == toShape;
  Type element = type.getElementType();
  int64_t bytes = tile::getMemoryBytes(element), rank = toShape.size();
  // A change of shape needs the elements in row-major order without gaps.
  ScratchOrder order(type.getShape(), keepsShape ? target : Layout());
  ScratchRows scratch(order.shape, element);
  int64_t rowPitch = keepsShape ? scratch.rowBytes : order.shape.back() * bytes;

  /// Byte distances between neighbours along each dim of a shape.
  auto pitches = [&](ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
    SmallVector<int64_t> result(shape.size());
    int64_t pitch = bytes;
    for (int64_t i = int64_t(dims.size()) - 1; i >= 0; --i) {
      result[dims[i]] = pitch;
      pitch = keepsShape && i == int64_t(dims.size()) - 1 ? rowPitch : pitch * shape[dims[i]];
    }
    return result;
  };
  SmallVector<int64_t> inOrder = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  SmallVector<int64_t> fromDims = order.dims;
  SmallVector<int64_t> fromPitch = pitches(type.getShape(), fromDims);
  SmallVector<int64_t> toPitch = keepsShape ? fromPitch : pitches(toShape, inOrder);

  struct Side {
    Value base;
    SmallVector<Coordinates> coordinates;
    int64_t width;
  };
  auto prepareSide = [&](const Layout &layout, ArrayRef<int64_t> shape, ArrayRef<int64_t> pitch) {
    Side side;
    side.base = scratchOf(op);
    for (int64_t d = 0; d < layout.rank; ++d)
      side.base = add(side.base, mul(threadCoordinate(layout, d), i32(pitch[d])));
    side.coordinates = layout.registerCoordinates(shape);
    // Registers that follow each other in memory.
    int64_t inner = llvm::find(pitch, bytes) - pitch.begin();
    side.width = 1;
    for (const Basis &basis : layout.registers) {
      if (basis != Basis{inner, side.width})
        break;
      side.width *= 2;
    }
    int64_t aligned = 16;
    for (auto [d, p] : llvm::enumerate(pitch))
      if (int64_t(d) != inner && shape[d] > 1)
        aligned = std::min(aligned, p & -p);
    side.width = std::max<int64_t>(1, std::min(side.width, aligned / bytes));
    return side;
  };
  auto addressOf = [&](const Side &side, unsigned reg, ArrayRef<int64_t> pitch) {
    int64_t offset = 0;
    for (auto [c, p] : llvm::zip_equal(side.coordinates[reg], pitch))
      offset += c * p;
    return sharedPointer(side.base, offset);
  };

  barrier();
  {
    Side write = prepareSide(source, type.getShape(), fromPitch);
    OpBuilder::InsertionGuard guard(b);
    if (Value owner = isOwner(source))
      b.setInsertionPointToStart(
          scf::IfOp::create(b, owner, /*withElseRegion=*/false).thenBlock());
    for (size_t i = 0; i < from.size(); i += write.width)
      storeShared(addressOf(write, i, fromPitch), ArrayRef<Value>(from).slice(i, write.width));
  }
  barrier();
  Side read = prepareSide(target, toShape, toPitch);
  Registers to;
  for (size_t i = 0; i < read.coordinates.size(); i += read.width)
    llvm::append_range(to, loadShared(addressOf(read, i, toPitch), element, read.width));
  return to;
}
