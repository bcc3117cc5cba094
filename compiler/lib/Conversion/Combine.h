//===- Combine.h - combinations of reductions, scans and atomics ------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_COMBINE_H
#define LIGHTHOUSE_CONVERSION_COMBINE_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lighthouse {

/// The element that combines with any other to that other.
mlir::TypedAttr neutralElement(tile::CombiningKind kind, mlir::Type elementType);

/// x combined with y, scalars or vectors. How the larger or the smaller of two floats is found is the
/// choice of the target: `extremum`.
mlir::Value combine(mlir::ImplicitLocOpBuilder &b, tile::CombiningKind kind, mlir::Value x,
                    mlir::Value y, llvm::function_ref<mlir::Value(bool isMax)> extremum);

/// The atomic operation of memory; there is none for `mul`, which the verifier refuses.
mlir::LLVM::AtomicBinOp atomicKind(tile::CombiningKind kind, bool isFloat);

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_COMBINE_H
