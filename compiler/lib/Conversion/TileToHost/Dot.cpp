//===- Dot.cpp - matrix products from registers ---------------------------------------------------===//
//
// C[m, n..] += A[m, k] * B[k, n..]: a block of C stays in vector registers while k runs, each step
// multiplies one broadcast element of A with a row of vectors of B (Goto and van de Geijn, Anatomy
// of High-Performance Matrix Multiplication, 2008). The tiles are small enough to be their own
// panels, so only a right operand that is written as a transpose has to be packed.
//
//===----------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lighthouse;

namespace {
struct RegisterBlock {
  int64_t rows, vectors;
};
} // namespace

/// The block with the most multiplications per load whose accumulators, one row of B and one
/// broadcast of A fit the registers.
static RegisterBlock chooseBlock(int64_t m, int64_t n, int64_t width, unsigned registers) {
  RegisterBlock best{1, 1};
  double bestRatio = 0;
  for (int64_t vectors = 1; vectors * width <= n; ++vectors)
    for (int64_t rows = 1; rows <= m; ++rows) {
      if (n % (vectors * width) != 0 || m % rows != 0 ||
          rows * vectors + vectors + 1 > registers)
        continue;
      double ratio = double(rows * vectors) / double(rows + vectors);
      if (ratio > bestRatio) {
        best = {rows, vectors};
        bestRatio = ratio;
      }
    }
  return best;
}

/// A buffer with the transpose of the tile `source`, in blocks of one vector by one vector: each
/// of log2(width) steps exchanges the off-diagonal halves of ever smaller sub-blocks.
Value KernelLowering::packTransposed(Value source, Type elementType) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(source.getType()).getShape();
  Value packed = allocate({shape[1], shape[0]}, elementType);
  int64_t width = std::min(vectorWidth(shape[0]), vectorWidth(shape[1]));
  auto narrow = [&](Value value) -> Value {
    return getElementTypeOrSelf(value) == elementType
               ? value
               : arith::ExtFOp::create(b, vectorType(elementType, width), value).getResult();
  };
  SmallVector<int64_t> blocks{shape[0] / width, shape[1] / width};
  loopNest(blocks, 1, [&](Indices block) {
    Value row = arith::MulIOp::create(b, block[0], index(width));
    Value column = arith::MulIOp::create(b, block[1], index(width));
    SmallVector<Value> rows;
    for (int64_t i = 0; i < width; ++i)
      rows.push_back(narrow(evaluate(source, {add(row, index(i)), column}, width)));
    for (int64_t half = width / 2; half > 0; half /= 2) {
      SmallVector<int64_t> low, high; // lane numbers in the concatenation of two rows
      for (int64_t lane = 0; lane < width; ++lane) {
        bool upper = lane & half;
        low.push_back(upper ? width + lane - half : lane);
        high.push_back(upper ? width + lane : lane + half);
      }
      for (int64_t i = 0; i < width; ++i) {
        if (i & half)
          continue;
        Value x = rows[i], y = rows[i + half];
        rows[i] = vector::ShuffleOp::create(b, x, y, low);
        rows[i + half] = vector::ShuffleOp::create(b, x, y, high);
      }
    }
    for (int64_t i = 0; i < width; ++i)
      writeBuffer(rows[i], packed, {add(column, index(i)), row});
  });
  return packed;
}

void KernelLowering::lowerDot(tile::DotOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t m = type.getDimSize(0), n = type.getDimSize(1);
  int64_t depth = cast<RankedTensorType>(op.getA().getType()).getDimSize(1);
  Type element = type.getElementType();
  auto transposed = [&](Value operand) -> Value {
    auto transpose = operand.getDefiningOp<tile::TransposeOp>();
    return transpose && !buffers.contains(operand) ? transpose.getSource() : Value();
  };
  // A is read element by element, so its transpose is as good as itself.
  Value aSource = transposed(op.getA());
  Value a = materializeAs(aSource ? aSource : op.getA(), element);
  Value bSource = transposed(op.getB());
  int64_t width = vectorWidth(n);
  bool pack = bSource && width > 1;
  Value rhs = pack ? packTransposed(bSource, element) : materializeAs(op.getB(), element);
  for (Value operand : {op.getA(), op.getB()})
    pending.remove(operand);

  Value result = carriedDestination(op.getResult());
  if (result && (result == a || result == rhs || reads(op.getAcc(), result) == Reads::elsewhere))
    result = {};
  if (!result)
    result = allocate({m, n}, element);

  RegisterBlock block = chooseBlock(m, n, width, unit.registers);
  loopNest({n / (block.vectors * width), m / block.rows}, 1, [&](Indices position) {
    Value column = arith::MulIOp::create(b, position[0], index(block.vectors * width));
    Value row = arith::MulIOp::create(b, position[1], index(block.rows));
    SmallVector<Value> rows, columns;
    for (int64_t i = 0; i < block.rows; ++i)
      rows.push_back(add(row, index(i)));
    for (int64_t j = 0; j < block.vectors; ++j)
      columns.push_back(add(column, index(j * width)));

    SmallVector<Value> inits;
    for (Value i : rows)
      for (Value j : columns)
        inits.push_back(evaluate(op.getAcc(), {i, j}, width));
    auto loop = scf::ForOp::create(b, index(0), index(depth), index(1), inits);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value k = loop.getInductionVar();
      SmallVector<Value> right, next;
      for (Value j : columns)
        right.push_back(readBuffer(rhs, {k, j}, width));
      for (int64_t i = 0; i < block.rows; ++i) {
        Value left = splat(
            aSource ? readBuffer(a, {k, rows[i]}, 1) : readBuffer(a, {rows[i], k}, 1), width);
        for (int64_t j = 0; j < block.vectors; ++j)
          // Fused into one instruction where the target has it.
          next.push_back(arith::AddFOp::create(
              b, arith::MulFOp::create(b, left, right[j], arith::FastMathFlags::contract),
              loop.getRegionIterArg(i * block.vectors + j), arith::FastMathFlags::contract));
      }
      scf::YieldOp::create(b, next);
    }
    for (auto [i, r] : llvm::enumerate(rows))
      for (auto [j, c] : llvm::enumerate(columns))
        writeBuffer(loop.getResult(i * block.vectors + j), result, {r, c});
  });
  pending.remove(op.getAcc());
  buffers[op.getResult()] = result;
}
