//===- Tile.h - the tile dialect -------------------------------------------------------*- C++ -*-===//
//
// Declarations of the tile dialect; the documentation of its ops is in TileOps.td.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TILE_H
#define LIGHTHOUSE_DIALECT_TILE_IR_TILE_H

#include "lighthouse/Dialect/Tile/IR/Target.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "lighthouse/Dialect/Tile/IR/TileDialect.h.inc"
#include "lighthouse/Dialect/Tile/IR/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileOps.h.inc"

namespace lighthouse::tile {

/// Bytes of an element in memory, of any int or float type: a bool takes a byte.
int64_t getMemoryBytes(mlir::Type elementType);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_TILE_H
