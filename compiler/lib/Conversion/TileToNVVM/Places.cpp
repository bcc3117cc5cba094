//===- Places.cpp - who a thread is and which coordinates it holds ----------------------------===//

#include "KernelLowering.h"

#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;
using tile::Basis;

/// What the bits of `source` add to the coordinates along `dim`; null if nothing.
Value KernelLowering::bitsOf(Value source, ArrayRef<Basis> bases, int64_t dim) {
  Value sum;
  for (size_t i = 0; i < bases.size();) {
    if (bases[i].dim != dim) {
      ++i;
      continue;
    }
    // Bits that follow each other move together.
    size_t count = 1;
    while (i + count < bases.size() && bases[i + count] == Basis{dim, bases[i].stride << count})
      ++count;
    int64_t shift = int64_t(llvm::Log2_64(bases[i].stride)) - int64_t(i);
    Value part = arith::AndIOp::create(b, source, i32(((int64_t(1) << count) - 1) << i));
    if (shift > 0)
      part = arith::ShLIOp::create(b, part, i32(shift));
    else if (shift < 0)
      part = arith::ShRUIOp::create(b, part, i32(-shift));
    sum = sum ? arith::OrIOp::create(b, sum, part).getResult() : part;
    i += count;
  }
  return sum;
}

Value KernelLowering::threadCoordinate(const Layout &layout, int64_t dim) {
  Value &known = group.threadCoordinates[{layout.toAttr(b.getContext()), dim}];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(group.entry.getInsertionBlock(), group.entry.getInsertionPoint());
  Value lanes = bitsOf(group.lane, layout.lanes, dim), warps = bitsOf(group.warp, layout.warps, dim);
  Value sum = lanes && warps ? arith::OrIOp::create(b, lanes, warps).getResult()
              : lanes        ? lanes
              : warps        ? warps
                             : i32(0);
  return group.threadCoordinates[{layout.toAttr(b.getContext()), dim}] = sum;
}

Value KernelLowering::isOwner(const Layout &layout) {
  int64_t copies = 0;
  for (auto [i, basis] : llvm::enumerate(layout.lanes))
    if (basis.isZero())
      copies |= int64_t(1) << i;
  for (auto [i, basis] : llvm::enumerate(layout.warps))
    if (basis.isZero())
      copies |= int64_t(1) << (Layout::laneBits + i);
  if (copies == 0)
    return {};
  Attribute key = layout.toAttr(b.getContext());
  if (Value known = group.owners.lookup(key))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(group.entry.getInsertionBlock(), group.entry.getInsertionPoint());
  return group.owners[key] = isZero(arith::AndIOp::create(b, group.thread, i32(copies)));
}

std::map<SmallVector<int64_t>, unsigned> KernelLowering::registerIndex(const Layout &layout,
                                                                       ArrayRef<int64_t> shape) {
  std::map<SmallVector<int64_t>, unsigned> index;
  for (auto [i, coordinates] : llvm::enumerate(layout.registerCoordinates(shape)))
    index[coordinates] = i;
  return index;
}

int64_t KernelLowering::registerVector(const Layout &layout) {
  int64_t vector = 1;
  for (const Basis &basis : layout.registers) {
    if (basis != Basis{layout.rank - 1, vector})
      break;
    vector *= 2;
  }
  return vector;
}
