//===- Shared.cpp - buffers in shared memory --------------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/Access.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;

Value KernelLowering::slotOf(tile::SlotOp op) {
  int64_t extent = op.getBuffer().getType().getShape().front();
  Value slot = scalars.lookup(op.getIndex());
  slot = llvm::isPowerOf2_64(extent)
             ? arith::AndIOp::create(b, slot, i32(extent - 1)).getResult()
             : arith::RemUIOp::create(b, slot, i32(extent)).getResult();
  return add(buffers.lookup(op.getBuffer()), mul(slot, i32(op.getType().getBytes())));
}

//===------------------------------------------------------------------------------------------===//
// Addresses
//===------------------------------------------------------------------------------------------===//
//
// Rows, all dims but the last, follow each other. With a swizzle of s bytes the number of the
// 16-byte chunk in its row is combined by exclusive or with the low bits of the row's number. The
// bits of a coordinate that the thread contributes and those of the register are disjoint, so each
// combines its own, and the register's part is a constant. For that the number counts every dim as a
// power of two: in rows of 3 by 3 the sum of the parts 3 and 1 is not their exclusive or.

static int64_t rowBytes(tile::BufferType type) {
  return type.getShape().back() * tile::getMemoryBytes(type.getElementType());
}

/// How many chunks, less one, are permuted: those of the span asked for, or of the largest part of it
/// that rows consist of.
static int64_t chunkMask(tile::BufferType type) {
  int64_t span = type.getSwizzle();
  while (span > 16 && rowBytes(type) % span != 0)
    span /= 2;
  return span > 16 ? span / 16 - 1 : 0;
}

/// The number of a row from its coordinates.
static int64_t rowOf(tile::BufferType type, ArrayRef<int64_t> coordinates) {
  int64_t row = 0;
  for (auto [c, extent] :
       llvm::zip_equal(coordinates.drop_back(), type.getShape().drop_back()))
    row = row * extent + c;
  return row;
}

/// The number by which a row is swizzled.
static int64_t turnOf(tile::BufferType type, ArrayRef<int64_t> coordinates) {
  int64_t turn = 0;
  for (auto [c, extent] :
       llvm::zip_equal(coordinates.drop_back(), type.getShape().drop_back()))
    turn = turn * int64_t(llvm::PowerOf2Ceil(extent)) + c;
  return turn;
}

KernelLowering::BufferPlaces KernelLowering::placesIn(Value offset, tile::BufferType type,
                                                      const Layout &layout) {
  int64_t last = layout.rank - 1;
  Value row = i32(0), turn = i32(0);
  for (int64_t d = 0; d < last; ++d) {
    int64_t extent = type.getShape()[d];
    row = add(mul(row, i32(extent)), threadCoordinate(layout, d));
    turn = add(mul(turn, i32(llvm::PowerOf2Ceil(extent))), threadCoordinate(layout, d));
  }
  Value byte =
      mul(threadCoordinate(layout, last), i32(tile::getMemoryBytes(type.getElementType())));
  Value chunk = arith::AndIOp::create(b, byte, i32(~int64_t(15)));
  if (int64_t mask = chunkMask(type))
    chunk = arith::XOrIOp::create(
        b, chunk, arith::ShLIOp::create(b, arith::AndIOp::create(b, turn, i32(mask)), i32(4)));
  return {type, add(offset, mul(row, i32(rowBytes(type)))), chunk,
          arith::AndIOp::create(b, byte, i32(15))};
}

Value KernelLowering::pointerIn(const BufferPlaces &places, ArrayRef<int64_t> coordinates) {
  int64_t row = rowOf(places.type, coordinates);
  int64_t byte = coordinates.back() * tile::getMemoryBytes(places.type.getElementType());
  int64_t turn = turnOf(places.type, coordinates) & chunkMask(places.type);
  int64_t chunk = (byte & ~int64_t(15)) ^ (turn << 4);
  Value address = arith::XOrIOp::create(b, places.chunk, i32(chunk));
  return sharedPointer(add(add(places.rows, address), places.inside),
                       row * rowBytes(places.type) + (byte & 15));
}

//===------------------------------------------------------------------------------------------===//
// Reading and writing whole buffers
//===------------------------------------------------------------------------------------------===//

/// Neighbours that one access to a buffer may take: within a chunk, and aligned.
static int64_t bufferVector(tile::BufferType type, int64_t registers) {
  int64_t bytes = tile::getMemoryBytes(type.getElementType()), row = rowBytes(type);
  return std::max<int64_t>(1, std::min({registers, 16 / bytes, (row & -row) / bytes}));
}

void KernelLowering::lowerBufferStore(tile::BufferStoreOp op) {
  tile::BufferType type = op.getBuffer().getType();
  Layout layout = layoutOf(op.getValue());
  BufferPlaces places = placesIn(buffers.lookup(op.getBuffer()), type, layout);
  auto coordinates = layout.registerCoordinates(type.getShape());
  const Registers values = registersOf(op.getValue());
  int64_t width = bufferVector(type, registerVector(layout));
  // Other threads have read the old contents, and will see the new.
  if (!op.getUnordered())
    barrier();
  {
    OpBuilder::InsertionGuard guard(b);
    if (Value owner = isOwner(layout))
      b.setInsertionPointToStart(
          scf::IfOp::create(b, owner, /*withElseRegion=*/false).thenBlock());
    for (size_t i = 0; i < values.size(); i += width)
      storeShared(pointerIn(places, coordinates[i]),
                  ArrayRef<Value>(values).slice(i, width));
  }
  if (!op.getUnordered())
    barrier();
}

void KernelLowering::lowerBufferLoad(tile::BufferLoadOp op) {
  tile::BufferType type = op.getBuffer().getType();
  Layout layout = layoutOf(op);
  if (lowerMatrixLoad(op, layout))
    return;
  BufferPlaces places = placesIn(buffers.lookup(op.getBuffer()), type, layout);
  auto coordinates = layout.registerCoordinates(type.getShape());
  int64_t width = bufferVector(type, registerVector(layout));
  Registers registers;
  for (size_t i = 0; i < coordinates.size(); i += width)
    llvm::append_range(registers, loadShared(pointerIn(places, coordinates[i]),
                                             type.getElementType(), width));
  tiles[op] = registers;
}

/// Reads operands of `mma.sync` with `ldmatrix`, four matrices of 8 x 8 at a time.
bool KernelLowering::lowerMatrixLoad(tile::BufferLoadOp op, const Layout &layout) {
  tile::BufferType type = op.getBuffer().getType();
  if (type.getElementType().getIntOrFloatBitWidth() != 16 || layout.rank != 2 ||
      rowBytes(type) % 16 != 0 || layout.registers.empty())
    return false;
  // The two elements of a register lie in one row of the buffer, or in one column.
  int64_t along = layout.registers.front().dim;
  int64_t across = 1 - along;
  Basis lanes[] = {{along, 2}, {along, 4}, {across, 1}, {across, 2}, {across, 4}};
  if (layout.registers.front() != Basis{along, 1} || ArrayRef<Basis>(lanes) != layout.lanes)
    return false;
  bool isTransposed = along == 0;

  // Lanes 8 i to 8 i + 7 give the addresses of the rows of matrix i. Seen as a layout: the low lane
  // bits are rows, and the high ones choose a matrix, which moves along two register bits.
  SmallVector<Basis> choices;
  for (const Basis &basis : ArrayRef(layout.registers).drop_front())
    if (choices.size() < 2)
      choices.push_back(basis);
  unsigned numMatrices = 1u << choices.size();
  Layout addresses;
  addresses.rank = 2;
  addresses.lanes = {{0, 1}, {0, 2}, {0, 4}};
  addresses.lanes.append(choices.begin(), choices.end());
  addresses.lanes.resize(Layout::laneBits);
  addresses.warps = layout.warps;
  BufferPlaces places = placesIn(buffers.lookup(op.getBuffer()), type, addresses);
  places.chunk = opaqueInLoop(op, places.chunk);

  auto index = registerIndex(layout, type.getShape());
  auto coordinates = layout.registerCoordinates(type.getShape());
  Registers registers(coordinates.size());
  for (const Coordinates &c : coordinates) {
    // Each load begins at the register that is zero in all bits that vary within it.
    auto isFirst = [&](const Basis &basis) { return (c[basis.dim] & basis.stride) == 0; };
    if (!isFirst(layout.registers.front()) || !llvm::all_of(choices, isFirst))
      continue;
    for (auto [m, matrix] :
         llvm::enumerate(loadMatrices(pointerIn(places, c), numMatrices, isTransposed))) {
      SmallVector<int64_t> at(c);
      for (auto [i, basis] : llvm::enumerate(choices))
        if (m >> i & 1)
          at[basis.dim] += basis.stride;
      Registers pair = fromWords(matrix, type.getElementType(), 2);
      unsigned first = index.at(at);
      at[along] += 1;
      registers[first] = pair[0];
      registers[index.at(at)] = pair[1];
    }
  }
  tiles[op] = registers;
  return true;
}
