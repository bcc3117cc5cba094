//===- ThreadGroup.h - the threads that run a program together --------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H
#define LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

namespace lighthouse::nvvm {

/// Consecutive warps of a block that run one program together, and what is known of one of their
/// threads. Layouts, barriers, scratch memory and the choice of who stores are those of a group.
struct ThreadGroup {
  explicit ThreadGroup(mlir::MLIRContext *context) : entry(context) {}

  /// The thread and its warp, counted in the group, and its lane, i32.
  mlir::Value thread, lane, warp;
  /// Where the thread was identified. What depends on the thread alone is computed once, there.
  mlir::OpBuilder entry;
  /// What was computed there: coordinates along a dim by layout, and whether the thread is the first
  /// of those that hold the same elements.
  llvm::DenseMap<std::pair<mlir::Attribute, int64_t>, mlir::Value> threadCoordinates;
  llvm::DenseMap<mlir::Attribute, mlir::Value> owners;
  /// Views that the group has read since its last barrier.
  llvm::DenseSet<mlir::Value> viewsRead;
};

} // namespace lighthouse::nvvm

#endif // LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H
