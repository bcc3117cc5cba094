//===- SharedMemory.h - where the buffers of a kernel lie -------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILETONVVM_SHAREDMEMORY_H
#define LIGHTHOUSE_CONVERSION_TILETONVVM_SHAREDMEMORY_H

#include "lighthouse/Dialect/Tile/IR/Layout.h"

namespace lighthouse::nvvm {

/// Places of the buffers and counting barriers that a kernel declares, and of the scratch memory that conversions,
/// reductions, scans and plain products need while they run. What is never in use at the same time
/// shares memory; a scratch place is entered and left through barriers. Roles run at the same time: each
/// instance has scratch memory of its own.
class SharedMemory {
public:
  explicit SharedMemory(tile::KernelOp kernel);

  /// Bytes of all of it.
  int64_t size() const { return bytes; }
  /// The place of a declared buffer or of the scratch memory of an op, in bytes from the start.
  int64_t offsetOf(mlir::Operation *op) const { return offsets.lookup(op); }
  /// From the scratch memory of an op to that of the same op in the next instance of its role.
  int64_t instanceBytes(mlir::Operation *op) const { return strides.lookup(op); }
  /// Whether the copy engine or the matrix units read the buffer, which may be a slot, or any buffer.
  bool isReadAsynchronously(mlir::Value buffer) const;
  bool isReadAsynchronously() const { return !readAsynchronously.empty(); }
  /// Whether the place served something else before, which other threads may still be reading.
  bool isReused(mlir::Operation *op) const { return reused.contains(op); }

private:
  llvm::DenseMap<mlir::Operation *, int64_t> offsets, strides;
  llvm::DenseSet<mlir::Operation *> reused;
  int64_t bytes = 0;
  llvm::DenseSet<mlir::Operation *> readAsynchronously; ///< Allocations.
};

} // namespace lighthouse::nvvm

#endif // LIGHTHOUSE_CONVERSION_TILETONVVM_SHAREDMEMORY_H
