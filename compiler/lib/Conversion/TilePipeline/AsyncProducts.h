//===- AsyncProducts.h - the products of a loop, started and waited for -------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_ASYNCPRODUCTS_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_ASYNCPRODUCTS_H

#include "PipelinedLoop.h"

namespace lighthouse::pipelining {

/// What `operand` is, transposed or not, and whether it is.
std::pair<mlir::Value, bool> withoutTransposes(mlir::Value operand);

/// Whether `loop` does nothing with the sum that it carries but begin an iteration with it as `first` and
/// end one with it as the result of `last`.
bool carriesSum(mlir::scf::ForOp loop, mlir::Value first, tile::DotOp last);

/// Threads of a warp.
inline constexpr int64_t threadsOfWarp = 32;

/// How the products of a loop become asynchronous ones. Their right operands are loads that come
/// through rings, or buffers that stay as they are, and so are their left ones if they are not in
/// registers.
class AsyncProducts {
public:
  /// Finds the products of `loop`, which `warps` warps run; says what hinders it.
  Obstacle analyse(const PipelinedLoop &loop, int64_t warps);

  /// Whether the products of an iteration run on in the next: all of them do nothing but add to
  /// sums, and none reads registers. Otherwise each is waited for before its result is used.
  bool isOverlapped() const { return overlaps; }

  /// Registers that sums and operands take of a thread.
  int64_t numRegisters() const { return registers; }

  /// Starts the products in their places, with operands of slot `counter` of `rings`, and waits for
  /// them. `begin` makes code before the first product, `release` where the slots of this
  /// iteration, or of the one before if products overlap, have been read.
  void apply(mlir::scf::ForOp loop, const llvm::DenseMap<mlir::Operation *, mlir::Value> &rings,
             mlir::Value counter, llvm::function_ref<void(mlir::OpBuilder &)> begin,
             llvm::function_ref<void(mlir::OpBuilder &)> release) const;

private:
  Obstacle check(const PipelinedLoop &loop, tile::DotOp dot, int64_t warps);

  /// In their order.
  llvm::SmallVector<tile::DotOp> dots;
  bool overlaps = true;
  int64_t registers = 0;
};

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_ASYNCPRODUCTS_H
