//===- BulkStores.h - results that leave by the copy engine -------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_BULKSTORES_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_BULKSTORES_H

#include "PipelinedLoop.h"

namespace lighthouse::pipelining {

/// Whether the copy engine can move a tile of `type` between `view` and a buffer, by these
/// subscripts.
Obstacle checkBulk(mlir::Value view, mlir::ValueRange indices, mlir::Type type);

/// Whether `value` is held as products leave their results: it is one, or is computed from one
/// element by element.
bool isInFragments(mlir::Value value);

/// How the tiles that a kernel stores get to memory.
struct StorePlan {
  /// Those that go through a buffer each, by bulk stores.
  llvm::SmallVector<tile::StoreOp> bulk;
  /// Bytes of these buffers.
  int64_t bufferBytes = 0;
  /// Bytes that changes of layout of the other stores may take, one after the other.
  int64_t scratchBytes = 0;

  /// Chooses bulk stores as long as there are `freeBytes`, among those in the kernel's own block
  /// and in the loops of `nest` but the last.
  StorePlan(tile::KernelOp kernel, llvm::ArrayRef<mlir::scf::ForOp> nest, int64_t freeBytes);

  /// Makes the bulk stores; their buffers are created by `outside`.
  void apply(mlir::OpBuilder &outside);
};

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_BULKSTORES_H
