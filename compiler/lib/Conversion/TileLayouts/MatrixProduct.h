//===- MatrixProduct.h - products for the tensor cores ----------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H

#include "lighthouse/Dialect/Tile/IR/Layout.h"

namespace lighthouse {

/// Whether `mma.sync` takes this product: m16n8k16 for 16-bit floats, m16n8k8 for tf32. All others
/// are made by plain multiply-adds.
bool isMatrixProduct(tile::DotOp dot);

/// What `wgmma` multiplies at a time (PTX ISA, "Asynchronous warpgroup level matrix instructions"):
/// a warpgroup has these rows, a step sums products of operands of `depthBytes`, and an instruction makes
/// a multiple of `columns`, up to `mostColumns`.
struct AsyncProductLimits {
  static constexpr int64_t warps = 4, rows = 64, depthBytes = 32, columns = 8, mostColumns = 256;
};

/// How many operands of this element type are in one 32-bit register of a fragment.
int64_t elementsPerRegister(mlir::Type element);

/// The dim along which lanes have words of two elements, if a tile of 16-bit elements lies as
/// `ldmatrix` and `stmatrix` move it: in matrices of 8 x 8, a row or a column of which four lanes
/// share.
std::optional<int64_t> fragmentDim(const tile::Layout &layout);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_MATRIXPRODUCT_H
