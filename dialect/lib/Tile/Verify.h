//===- Verify.h - verifiers that tile ops share ------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_LIB_TILE_VERIFY_H
#define LIGHTHOUSE_DIALECT_LIB_TILE_VERIFY_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::tile {

/// The extents of a tile; none for a scalar.
llvm::ArrayRef<int64_t> shapeOf(mlir::Type type);

/// "[2, 64]"
std::string text(llvm::ArrayRef<int64_t> shape);

// Each reports an error that ends with `label` if its constraint does not hold.

/// One subscript per dim of the view.
mlir::LogicalResult verifySubscripts(mlir::Operation *op, llvm::StringRef label, ViewType view,
                                     mlir::OperandRange indices);

/// What orthogonal subscripts select has these elements and this shape.
mlir::LogicalResult verifyAccessed(mlir::Operation *op, llvm::StringRef label, ViewType view,
                                   mlir::OperandRange indices, mlir::Type elementType,
                                   llvm::ArrayRef<int64_t> shape);

/// A mask that is a tile has this shape.
mlir::LogicalResult verifyMask(mlir::Operation *op, llvm::StringRef label, mlir::Value mask,
                               llvm::ArrayRef<int64_t> shape);

/// `in_bounds`, if present, has one entry per dim.
mlir::LogicalResult verifyInBounds(mlir::Operation *op, llvm::StringRef label, ViewType view,
                                   std::optional<llvm::ArrayRef<bool>> inBounds);

/// `and` and `or` combine integers.
mlir::LogicalResult verifyBitwise(mlir::Operation *op, llvm::StringRef label, CombiningKind kind,
                                  mlir::Type type);

/// Whether two tile types are the same but for their layouts.
bool sameTile(mlir::Type a, mlir::Type b);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_LIB_TILE_VERIFY_H
