//===- ThreadGroup.h - the threads that run a program together --------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H
#define LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

namespace lighthouse::nvvm {

/// An asynchronous product that no wait has ended yet.
struct RunningProduct {
  tile::DotAsyncOp op;
  /// The registers that it reads, as words: they must keep what they hold until it has ended.
  llvm::SmallVector<mlir::Value> operands;
};

/// Consecutive warps of a block that run one program together, the whole block or an instance of a
/// role, and what is known of one of their threads. Layouts, barriers, scratch memory and the choice
/// of who stores are those of a group.
struct ThreadGroup {
  ThreadGroup(mlir::MLIRContext *context, tile::RoleOp role, int64_t firstWarp, int64_t numWarps)
      : role(role), firstWarp(firstWarp), numWarps(numWarps), entry(context) {}

  tile::RoleOp role; ///< Null for the whole block.
  /// The first warp of the role's first instance, and the warps of an instance.
  int64_t firstWarp, numWarps;
  /// Whether one thread runs the program, because it needs no other.
  bool isOneThread = false;

  /// The number of the instance, i32.
  mlir::Value instance;
  /// The thread and its warp, counted in the group, and its lane, i32.
  mlir::Value thread, lane, warp;
  /// Where the thread was identified. What depends on the thread alone is computed once, there.
  mlir::OpBuilder entry;
  /// What was computed there: coordinates along a dim by layout, and whether the thread is the first
  /// of those that hold the same elements.
  llvm::DenseMap<std::pair<mlir::Attribute, int64_t>, mlir::Value> threadCoordinates;
  llvm::DenseMap<mlir::Attribute, mlir::Value> owners;

  /// The hardware barrier of the first instance; 0 for the whole block, -1 if there is none yet.
  int64_t barrier = -1;
  /// Views that the group has read since its last barrier.
  llvm::DenseSet<mlir::Value> viewsRead;
  /// How many branches around may have sent its warps different ways.
  int numDivergences = 0;
  llvm::SmallVector<RunningProduct> running;
};

} // namespace lighthouse::nvvm

#endif // LIGHTHOUSE_CONVERSION_TILETONVVM_THREADGROUP_H
