//===- Dot.cpp - matrix products --------------------------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/MatrixProduct.h"
#include "../TileLayouts/Scratch.h"

#include <map>
#include <set>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

void KernelLowering::lowerDot(tile::DotOp op) {
  if (isMatrixProduct(op))
    lowerMatrixProduct(op);
  else
    lowerPlainProduct(op);
}

/// One `mma.sync` for each 16 x 8 part of the result and step along K; fragments as in the PTX ISA.
void KernelLowering::lowerMatrixProduct(tile::DotOp op) {
  Type element = cast<RankedTensorType>(op.getA().getType()).getElementType();
  int64_t pack = elementsPerRegister(element), half = 4 * pack, step = 8 * pack;
  auto indexOf = [](Value tile) { return registerIndex(layoutOf(tile), shapeOf(tile)); };
  auto aIndex = indexOf(op.getA()), bIndex = indexOf(op.getB()), cIndex = indexOf(op);
  const Registers aRegisters = registersOf(op.getA()), bRegisters = registersOf(op.getB());
  Registers result = registersOf(op.getAcc());

  std::set<int64_t> rows, columns, depths;
  for (auto &[c, reg] : cIndex) {
    if ((c[0] & 8) == 0)
      rows.insert(c[0]);
    if ((c[1] & 1) == 0)
      columns.insert(c[1]);
  }
  for (auto &[c, reg] : aIndex)
    if (c[1] % step == 0)
      depths.insert(c[1]);

  // Fragments as words; f16 ones are pairs for the intrinsic.
  auto word = [&](const Registers &registers, const auto &index, int64_t row, int64_t column,
                  bool alongRow) -> Value {
    SmallVector<Value> values;
    for (int64_t i = 0; i < pack; ++i)
      values.push_back(registers[index.at({row + (alongRow ? 0 : i), column + (alongRow ? i : 0)})]);
    Value bits = toWords(values).front();
    if (pack == 1)
      return roundToTF32(arith::BitcastOp::create(b, b.getF32Type(), bits));
    if (element.isF16())
      return LLVM::BitcastOp::create(b, VectorType::get(2, element), bits);
    return bits;
  };
  for (int64_t k : depths) {
    // Made where they are used, so that what is read for them can wait until then.
    SmallVector<SmallVector<Value>> left;
    for (int64_t m : rows)
      left.push_back({word(aRegisters, aIndex, m, k, true), word(aRegisters, aIndex, m + 8, k, true),
                      word(aRegisters, aIndex, m, k + half, true),
                      word(aRegisters, aIndex, m + 8, k + half, true)});
    for (int64_t n : columns) {
      Value right[] = {word(bRegisters, bIndex, k, n, false),
                       word(bRegisters, bIndex, k + half, n, false)};
      for (auto [m, fragment] : llvm::zip_equal(rows, left)) {
        unsigned place[] = {cIndex.at({m, n}), cIndex.at({m, n + 1}), cIndex.at({m + 8, n}),
                            cIndex.at({m + 8, n + 1})};
        SmallVector<Value> sums;
        for (unsigned reg : place)
          sums.push_back(result[reg]);
        for (auto [reg, sum] :
             llvm::zip_equal(place, multiplyMatrices(fragment, right, sums, element)))
          result[reg] = sum;
      }
    }
  }
  tiles[op] = result;
}

/// Both operands are laid out in shared memory, in the type of the sum; each thread then goes along
/// K for the rows and columns that it holds.
void KernelLowering::lowerPlainProduct(tile::DotOp op) {
  Type sumType = cast<RankedTensorType>(op.getType()).getElementType();
  int64_t bytes = tile::getMemoryBytes(sumType);
  ScratchRows aRows(shapeOf(op.getA()), sumType), bRows(shapeOf(op.getB()), sumType);
  Value aBase = scratchOf(op), bBase = add(aBase, i32(aRows.bytes()));

  barrier();
  auto stage = [&](Value tile, Value base, const ScratchRows &rows) {
    Layout layout = layoutOf(tile);
    Value place = add(base, add(mul(threadCoordinate(layout, 0), i32(rows.rowBytes)),
                                mul(threadCoordinate(layout, 1), i32(bytes))));
    OpBuilder::InsertionGuard guard(b);
    if (Value owner = isOwner(layout))
      b.setInsertionPointToStart(
          scf::IfOp::create(b, owner, /*withElseRegion=*/false).thenBlock());
    for (auto [c, value] :
         llvm::zip_equal(layout.registerCoordinates(shapeOf(tile)), registersOf(tile))) {
      Value stored = value.getType() == sumType
                         ? value
                         : arith::ExtFOp::create(b, sumType, value).getResult();
      storeShared(sharedPointer(place, c[0] * rows.rowBytes + c[1] * bytes), stored);
    }
  };
  stage(op.getA(), aBase, aRows);
  stage(op.getB(), bBase, bRows);
  barrier();

  Layout layout = layoutOf(op);
  auto coordinates = layout.registerCoordinates(shapeOf(op));
  Value row = add(aBase, mul(threadCoordinate(layout, 0), i32(aRows.rowBytes)));
  Value column = add(bBase, mul(threadCoordinate(layout, 1), i32(bytes)));
  auto loop = scf::ForOp::create(b, i32(0), i32(shapeOf(op.getA())[1]), i32(1),
                                 registersOf(op.getAcc()));
  {
    OpBuilder::InsertionGuard guard(b);
    if (!loop.getBody()->empty())
      loop.getBody()->getTerminator()->erase();
    b.setInsertionPointToEnd(loop.getBody());
    Value k = loop.getInductionVar();
    Value rowAtK = add(row, mul(k, i32(bytes))), columnAtK = add(column, mul(k, i32(bRows.rowBytes)));
    std::map<int64_t, Value> left, right;
    Registers sums;
    for (auto [c, sum] : llvm::zip_equal(coordinates, loop.getRegionIterArgs())) {
      Value &x = left[c[0]], &y = right[c[1]];
      if (!x)
        x = loadShared(sharedPointer(rowAtK, c[0] * aRows.rowBytes), sumType, 1).front();
      if (!y)
        y = loadShared(sharedPointer(columnAtK, c[1] * bytes), sumType, 1).front();
      sums.push_back(math::FmaOp::create(b, x, y, sum));
    }
    scf::YieldOp::create(b, sums);
  }
  tiles[op] = Registers(loop.getResults());
}
