//===- Scratch.h - tiles in scratch memory ----------------------------------------------*- C++ -*-===//
//
// A tile that changes its layout passes through shared memory. The lowering knows in which order;
// passes that plan shared memory before there are layouts ask for the most that it may take.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_SCRATCH_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_SCRATCH_H

#include "lighthouse/Dialect/Tile/IR/Layout.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse {

/// Row-major placement of a tile in scratch memory, the rows padded so that threads that hold one
/// column meet different banks.
struct ScratchRows {
  int64_t rows, rowBytes;

  ScratchRows(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);
  int64_t bytes() const { return rows * rowBytes; }
};

/// The shape in which a conversion keeps a tile in scratch memory: one dim goes last, that along
/// which the reader has neighbours in a thread.
struct ScratchOrder {
  llvm::SmallVector<int64_t> dims;  ///< Position in memory -> dim of the tile.
  llvm::SmallVector<int64_t> shape; ///< Extents in that order.

  ScratchOrder(llvm::ArrayRef<int64_t> tileShape, int64_t last);
  ScratchOrder(llvm::ArrayRef<int64_t> tileShape, const tile::Layout &reader);
};

/// The scratch memory of a conversion of 16-bit elements whose result lies as `ldmatrix` delivers
/// it, transposing or not: a buffer with a swizzle, whose rows go along the dim in which the writer
/// has neighbours, so that it writes them at once. Roles do without.
struct FragmentScratch {
  tile::BufferType buffer;
  bool isTransposed; ///< Whether the buffer holds the transpose of the tile.

  /// None if the conversion is not such a one.
  static std::optional<FragmentScratch> of(tile::ConvertLayoutOp convert);
};

/// The most bytes that a tile of this shape takes, whichever dim goes last.
int64_t mostScratchBytes(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

/// Bytes in which a product lays out its operands, as elements of its sums; none if the tensor cores
/// take it.
int64_t productScratchBytes(tile::DotOp dot);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_SCRATCH_H
