//===- Shared.cpp - buffers in shared memory --------------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/MatrixProduct.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;
using tile::Layout;

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
// The last two dims are a matrix; matrices follow each other. Without a swizzle the rows of a matrix
// follow each other, too. With one of s bytes the matrix is cut into panels of s bytes of each row, as
// the units for bulk copies and `wgmma` see it, and in a panel the number of a 16-byte chunk is
// combined by exclusive or with bits of the row's number, those that are bits 7 and up of the address.
// Eight rows read at one column then meet eight different groups of banks.
//
// The bits of a coordinate that the thread contributes and those of the register are disjoint, so each
// makes its own part of the address, and the register's part is a constant.

namespace {

/// How the matrices of a buffer lie in memory.
struct MatrixForm {
  int64_t rows, rowBytes;
  int64_t panelBytes; ///< Bytes of a row in a panel: a power of two, or the whole row.
  int64_t chunkMask;  ///< How many chunks, less one, are permuted.
  int64_t rowShift;   ///< The lowest bit of the row's number that permutes.

  explicit MatrixForm(tile::BufferType type) {
    ArrayRef<int64_t> shape = type.getShape();
    rows = shape.size() > 1 ? shape[shape.size() - 2] : 1;
    rowBytes = type.getRowBytes();
    panelBytes = type.getPanelBytes();
    chunkMask = rowShift = 0;
    if (int64_t span = type.getSpan()) {
      chunkMask = span / 16 - 1;
      rowShift = llvm::Log2_64(128 / span);
    }
  }

  bool hasPanels() const { return panelBytes != rowBytes; }
};

} // namespace

KernelLowering::BufferPlaces KernelLowering::placesIn(Value offset, tile::BufferType type,
                                                      const Layout &layout) {
  MatrixForm form(type);
  int64_t last = layout.rank - 1;
  // The number of the row in its matrix, and of the matrix.
  Value row = last > 0 ? threadCoordinate(layout, last - 1) : i32(0), matrix;
  for (int64_t d = 0; d < last - 1; ++d) {
    Value along = threadCoordinate(layout, d);
    matrix = matrix ? add(mul(matrix, i32(type.getShape()[d])), along) : along;
  }
  Value byte =
      mul(threadCoordinate(layout, last), i32(tile::getMemoryBytes(type.getElementType())));
  Value place = mul(row, i32(form.panelBytes));
  if (matrix)
    place = add(place, mul(matrix, i32(form.rows * form.rowBytes)));
  int64_t inPanel = -1;
  if (form.hasPanels()) {
    inPanel = form.panelBytes - 1;
    Value panel = arith::ShRUIOp::create(b, byte, i32(llvm::Log2_64(form.panelBytes)));
    place = add(place, mul(panel, i32(form.rows * form.panelBytes)));
  }
  Value chunk = arith::AndIOp::create(b, byte, i32(inPanel & ~int64_t(15)));
  if (form.chunkMask) {
    Value turn = row;
    if (form.rowShift)
      turn = arith::ShRUIOp::create(b, turn, i32(form.rowShift));
    turn = arith::AndIOp::create(b, turn, i32(form.chunkMask));
    chunk = arith::XOrIOp::create(b, chunk, arith::ShLIOp::create(b, turn, i32(4)));
  }
  return {type, add(offset, place), chunk, arith::AndIOp::create(b, byte, i32(15))};
}

Value KernelLowering::pointerIn(const BufferPlaces &places, ArrayRef<int64_t> coordinates) {
  MatrixForm form(places.type);
  int64_t last = coordinates.size() - 1, row = last > 0 ? coordinates[last - 1] : 0, matrix = 0;
  for (int64_t d = 0; d < last - 1; ++d)
    matrix = matrix * places.type.getShape()[d] + coordinates[d];
  int64_t byte = coordinates.back() * tile::getMemoryBytes(places.type.getElementType());
  int64_t panel = byte / form.panelBytes, inPanel = byte % form.panelBytes;
  int64_t chunk = (inPanel & ~int64_t(15)) ^ ((row >> form.rowShift & form.chunkMask) << 4);
  int64_t constant = matrix * form.rows * form.rowBytes + panel * form.rows * form.panelBytes +
                     row * form.panelBytes + (byte & 15);
  // Chunks that are not permuted are part of what an instruction adds to an address.
  Value address = places.chunk;
  if (form.chunkMask)
    address = arith::XOrIOp::create(b, address, i32(chunk));
  else
    constant += chunk;
  return sharedPointer(add(add(places.rows, address), places.inside), constant);
}

//===------------------------------------------------------------------------------------------===//
// Reading and writing whole buffers
//===------------------------------------------------------------------------------------------===//

/// Neighbours that one access to a buffer may take: within a chunk, and aligned.
static int64_t bufferVector(tile::BufferType type, int64_t registers) {
  int64_t bytes = tile::getMemoryBytes(type.getElementType()), row = MatrixForm(type).rowBytes;
  return std::max<int64_t>(1, std::min({registers, 16 / bytes, (row & -row) / bytes}));
}

void KernelLowering::lowerBufferStore(tile::BufferStoreOp op) {
  // Other threads have read the old contents, and will see the new.
  if (!op.getUnordered())
    barrier();
  storeTile(buffers.lookup(op.getBuffer()), op.getBuffer().getType(), layoutOf(op.getValue()),
            registersOf(op.getValue()));
  if (shared.isReadAsynchronously(op.getBuffer()))
    fenceForCopyEngine();
  if (!op.getUnordered())
    barrier();
}

void KernelLowering::lowerBufferLoad(tile::BufferLoadOp op) {
  tiles[op] = loadTile(op, buffers.lookup(op.getBuffer()), op.getBuffer().getType(), layoutOf(op));
}

void KernelLowering::storeTile(Value offset, tile::BufferType type, const Layout &layout,
                               ArrayRef<Value> values) {
  OpBuilder::InsertionGuard guard(b);
  if (Value owner = isOwner(layout))
    b.setInsertionPointToStart(scf::IfOp::create(b, owner, /*withElseRegion=*/false).thenBlock());
  if (storeByMatrices(offset, type, layout, values))
    return;
  BufferPlaces places = placesIn(offset, type, layout);
  auto coordinates = layout.registerCoordinates(type.getShape());
  int64_t width = bufferVector(type, registerVector(layout));
  for (size_t i = 0; i < values.size(); i += width)
    storeShared(pointerIn(places, coordinates[i]), values.slice(i, width));
}

KernelLowering::Registers KernelLowering::loadTile(Operation *op, Value offset,
                                                   tile::BufferType type, const Layout &layout) {
  if (std::optional<Registers> registers = loadByMatrices(op, offset, type, layout))
    return *registers;
  BufferPlaces places = placesIn(offset, type, layout);
  auto coordinates = layout.registerCoordinates(type.getShape());
  int64_t width = bufferVector(type, registerVector(layout));
  Registers registers;
  for (size_t i = 0; i < coordinates.size(); i += width)
    llvm::append_range(registers,
                       loadShared(pointerIn(places, coordinates[i]), type.getElementType(), width));
  return registers;
}

namespace {

/// How `ldmatrix` and `stmatrix` move a tile, four matrices of 8 x 8 elements of 16 bits at a time.
class MatrixMove {
public:
  /// None if the layout is not that of these instructions.
  static std::optional<MatrixMove> match(tile::BufferType type, const Layout &layout) {
    if (type.getElementType().getIntOrFloatBitWidth() != 16 || MatrixForm(type).rowBytes % 16 != 0)
      return std::nullopt;
    // The two elements of a register lie in one row of the buffer, or in one column.
    std::optional<int64_t> along = fragmentDim(layout);
    return along ? std::optional(MatrixMove(type, layout, *along)) : std::nullopt;
  }

  bool isTransposed() const { return along == 0; }

  /// Whose addresses the instructions take: lanes 8 i to 8 i + 7 give those of the rows of matrix i.
  /// Seen as a layout, the low lane bits are rows, and the high ones choose a matrix, which moves
  /// along two register bits.
  Layout addresses() const {
    Layout addresses;
    addresses.rank = 2;
    addresses.lanes = {{0, 1}, {0, 2}, {0, 4}};
    addresses.lanes.append(choices.begin(), choices.end());
    addresses.lanes.resize(Layout::laneBits);
    addresses.warps = layout.warps;
    return addresses;
  }

  /// For each instruction the coordinates of its first register, and the registers of the first and
  /// the second element of each matrix.
  void forEach(
      llvm::function_ref<void(ArrayRef<int64_t>, ArrayRef<std::pair<unsigned, unsigned>>)> visit) const {
    auto index = KernelLowering::registerIndex(layout, type.getShape());
    for (const auto &c : layout.registerCoordinates(type.getShape())) {
      // Each begins at the register that is zero in all bits that vary within it.
      auto isFirst = [&](const Basis &basis) { return (c[basis.dim] & basis.stride) == 0; };
      if (!isFirst(layout.registers.front()) || !llvm::all_of(choices, isFirst))
        continue;
      SmallVector<std::pair<unsigned, unsigned>> matrices;
      for (unsigned m = 0; m < 1u << choices.size(); ++m) {
        auto at = c;
        for (auto [i, basis] : llvm::enumerate(choices))
          if (m >> i & 1)
            at[basis.dim] += basis.stride;
        unsigned first = index.at(at);
        at[along] += 1;
        matrices.push_back({first, index.at(at)});
      }
      visit(c, matrices);
    }
  }

private:
  MatrixMove(tile::BufferType type, const Layout &layout, int64_t along)
      : type(type), layout(layout), along(along) {
    for (const Basis &basis : ArrayRef(layout.registers).drop_front())
      if (choices.size() < 2)
        choices.push_back(basis);
  }

  tile::BufferType type;
  const Layout &layout;
  int64_t along;
  SmallVector<Basis> choices; ///< Register bits along which the matrices of an instruction lie.
};

} // namespace

std::optional<KernelLowering::Registers> KernelLowering::loadByMatrices(Operation *op, Value offset,
                                                                        tile::BufferType type,
                                                                        const Layout &layout) {
  auto move = MatrixMove::match(type, layout);
  if (!move)
    return std::nullopt;
  BufferPlaces places = placesIn(offset, type, move->addresses());
  places.chunk = opaqueInLoop(op, places.chunk);
  Registers registers(layout.numRegisters(type.getShape()));
  move->forEach([&](ArrayRef<int64_t> c, ArrayRef<std::pair<unsigned, unsigned>> matrices) {
    auto words = loadMatrices(pointerIn(places, c), matrices.size(), move->isTransposed());
    for (auto [word, pair] : llvm::zip_equal(words, matrices)) {
      Registers elements = fromWords(word, type.getElementType(), 2);
      registers[pair.first] = elements[0];
      registers[pair.second] = elements[1];
    }
  });
  return registers;
}

bool KernelLowering::storeByMatrices(Value offset, tile::BufferType type, const Layout &layout,
                                     ArrayRef<Value> values) {
  // `stmatrix` came with compute capability 9.0.
  auto move = target.major >= 9 ? MatrixMove::match(type, layout) : std::nullopt;
  if (!move)
    return false;
  BufferPlaces places = placesIn(offset, type, move->addresses());
  move->forEach([&](ArrayRef<int64_t> c, ArrayRef<std::pair<unsigned, unsigned>> matrices) {
    SmallVector<Value> words;
    for (auto [first, second] : matrices)
      words.push_back(toWords({values[first], values[second]}).front());
    storeMatrices(pointerIn(places, c), words, move->isTransposed());
  });
  return true;
}
