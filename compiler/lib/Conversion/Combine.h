//===- Combine.h - neutral elements of combinations -------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_COMBINE_H
#define LIGHTHOUSE_CONVERSION_COMBINE_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse {

/// The element that combines with any other to that other.
mlir::TypedAttr neutralElement(tile::CombiningKind kind, mlir::Type elementType);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_COMBINE_H
