//===- BulkCopy.h - what the copy engine takes --------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_BULKCOPY_H
#define LIGHTHOUSE_DIALECT_TILE_IR_BULKCOPY_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::tile {

struct BulkCopyLimits {
  /// Most dims of a tensor.
  static constexpr int64_t dims = 5;
  /// Most rows of a buffer, and columns where it has no swizzle.
  static constexpr int64_t extent = 256;
  /// Bytes that divide the address of a tensor, its rows and those of buffers, and where the last
  /// subscript starts.
  static constexpr int64_t alignment = 16;
};

/// Whether a buffer has one or two dims, within the limits.
bool fitsCopyEngine(BufferType buffer);

/// Whether the copy engine finds the elements of a buffer, or of a slot of one, where threads do.
/// It permutes by bits of the address, so each panel begins at a multiple of 8 rows of the span,
/// and without a swizzle of 128 bytes.
bool isAlignedForEngine(mlir::Value buffer);

/// Whether bulk stores combine elements of this type with those of a tensor.
bool canCombineInBulk(CombiningKind kind, mlir::Type elementType);

/// The first coordinate that a scalar subscript, or a range, takes.
mlir::Value startOf(mlir::Value subscript);

/// Whether the last subscript of a bulk copy starts at a multiple of 16 bytes, as the copy engine
/// demands, or is not a constant.
bool hasAlignedStart(mlir::ValueRange indices, mlir::Type elementType);

/// A subscript, or the start of a range among them, that is a negative constant, if there is one. A
/// bulk store that begins before a tensor faults; only bulk copies may.
std::optional<int64_t> findNegativeStart(mlir::ValueRange indices);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_BULKCOPY_H
