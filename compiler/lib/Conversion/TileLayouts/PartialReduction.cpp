//===- PartialReduction.cpp - which elements a part combines ----------------------------------===//

#include "PartialReduction.h"

using namespace mlir;
using namespace lighthouse;
using tile::Basis;
using tile::Layout;

PartialReduction::PartialReduction(tile::ReducePartialOp op, const Layout &source) {
  int64_t axis = op.getAxis();
  int64_t parts = cast<RankedTensorType>(op.getType()).getDimSize(axis), next = 1;
  auto takePart = [&]() -> Basis {
    if (next == parts)
      return {};
    next *= 2;
    return {axis, next / 2};
  };
  layout = source;
  auto share = [&](SmallVectorImpl<Basis> &bases, SmallVectorImpl<unsigned> &combined) {
    for (auto [i, basis] : llvm::enumerate(bases)) {
      if (basis.dim != axis)
        continue;
      basis = takePart();
      if (basis.isZero())
        combined.push_back(i);
    }
  };
  // Warps first: lanes combine their parts by shuffles, warps could only through memory.
  share(layout.warps, warps);
  share(layout.lanes, lanes);
  layout.registers.clear();
  for (const Basis &basis : source.registers) {
    if (basis.dim != axis) {
      layout.registers.push_back(basis);
    } else if (Basis part = takePart(); !part.isZero()) {
      registers.emplace_back(basis, part);
      layout.registers.push_back(part);
    }
  }
}
