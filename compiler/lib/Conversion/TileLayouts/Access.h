//===- Access.h - how threads share an access to a tensor argument ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_ACCESS_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_ACCESS_H

#include "lighthouse/Dialect/Tile/IR/Layout.h"

namespace lighthouse {

/// The loop whose induction variable `value` is; null if it is none.
mlir::scf::ForOp inductionLoopOf(mlir::Value value);

/// A power of two (at most 2^30) that divides the i32 `value` whenever the kernel runs.
int64_t divisorOf(mlir::Value value);

/// Whether the i32 `value` cannot be negative, as long as nothing overflows and divisors, which are
/// numbers of tiles or their extents, are positive.
bool isNonNegative(mlir::Value value);

/// A number that divides the extent of dim `dim` of `view`: the extent itself where it is constant,
/// else what `tile.divisors` says of it.
int64_t extentDivisor(tile::KernelOp kernel, tile::ViewType view, int64_t dim);

/// Whether a range along dim `dim` of `view` lies inside of it as a whole as soon as its start does:
/// both are multiples of its length.
bool isWholeTile(tile::KernelOp kernel, tile::ViewType view, int64_t dim, tile::RangeOp range);

/// How many neighbouring elements one access to `view` may take, given its subscripts: as many as
/// alignment, 16 bytes and the starts of the ranges allow; 1 if the innermost subscript is no range.
int64_t accessVector(tile::KernelOp kernel, mlir::Value view, mlir::ValueRange indices);

/// Warps of the program that `op` is part of: an instance of a role, or of the kernel.
int64_t warpsAt(mlir::Operation *op);

/// The layout of shape `shape` in which an access to `view` by `warps` warps is coalesced.
tile::Layout accessLayout(tile::KernelOp kernel, int64_t warps, mlir::Value view,
                          mlir::ValueRange indices, llvm::ArrayRef<int64_t> shape);

/// How the threads share the elements of an asynchronous copy.
tile::Layout copyLayout(tile::CopyAsyncOp copy);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_ACCESS_H
