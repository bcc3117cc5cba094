//===- Elementwise.h - tiles that meet element by element ---------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILELAYOUTS_ELEMENTWISE_H
#define LIGHTHOUSE_CONVERSION_TILELAYOUTS_ELEMENTWISE_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "llvm/ADT/SetVector.h"

namespace lighthouse {

/// Whether each element of the one result of `op` follows from the elements of its operands in the
/// same place.
bool isElementwise(mlir::Operation *op);

/// The tiles of a program that are loaded, or computed element by element from such and others.
class LoadedTiles {
public:
  explicit LoadedTiles(mlir::Block &body);

  /// All that has to lie like the result of `load` lest something be moved: what is computed from
  /// it element by element, the operands of that, and so on. It ends at tiles that other ops make.
  llvm::SetVector<mlir::Value> meeting(tile::LoadOp load) const;

private:
  llvm::DenseSet<mlir::Value> tiles;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILELAYOUTS_ELEMENTWISE_H
