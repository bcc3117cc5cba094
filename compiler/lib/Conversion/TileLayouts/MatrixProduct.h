//===- MatrixProduct.h - products for the tensor cores ----------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse {

/// Whether `mma.sync` takes this product: m16n8k16 for 16-bit floats, m16n8k8 for tf32. All others
/// are made by plain multiply-adds.
bool isMatrixProduct(tile::DotOp dot);

/// What `wgmma` multiplies at a time (PTX ISA, "Asynchronous warpgroup level matrix instructions"):
/// a warpgroup has these rows, a step sums `depth` products of 16-bit floats, and an instruction makes
/// a multiple of `columns`, up to `mostColumns`.
struct AsyncProductLimits {
  static constexpr int64_t warps = 4, rows = 64, depth = 16, columns = 8, mostColumns = 256;
};

/// Operand elements in one 32-bit register of `mma.sync`.
int64_t elementsPerRegister(tile::DotOp dot);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H
