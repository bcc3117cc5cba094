//===- PipelinedLoop.h - what a pipelined loop can bring ahead of time --------------*- C++ -*-===//
//
// What the ways to pipeline a loop have in common: which of its loads may begin iterations before
// they are used, and the subscripts of these loads in another iteration.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_TILEPIPELINE_PIPELINEDLOOP_H
#define LIGHTHOUSE_CONVERSION_TILEPIPELINE_PIPELINEDLOOP_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace lighthouse::pipelining {

/// Why something cannot be done, as the rest of a sentence: "its load of 'a' has a mask". Empty if
/// nothing stands in the way.
using Obstacle = std::string;

/// The attribute of a loop by which its author asks for a number of stages.
inline constexpr llvm::StringLiteral attributeName = "tile.pipelined";

/// A loop and those of its loads that products take. Such a load reads an input, which nobody
/// writes, so it may run at any time before its use.
class PipelinedLoop {
public:
  PipelinedLoop(mlir::scf::ForOp loop, int64_t stages) : loop(loop), stages(stages) {}

  /// Finds `loads`; says why if there are none.
  Obstacle analyse();

  /// The ring of all stages for what `load` brings.
  tile::BufferType ringOf(tile::LoadOp load) const;
  /// Bytes of all rings.
  int64_t ringBytes() const;
  /// Allocates them.
  void makeRings(mlir::OpBuilder &builder);

  /// Makes a copy for each load, to slot `index` of its ring, as they are in the iteration in which
  /// the loop's variable is `variable`. `mapping` says where values from outside of the loop are if
  /// not where they were; it is completed. `copy` gets the load, its subscripts and the slot.
  void startCopies(mlir::OpBuilder &builder, mlir::Value variable, mlir::Value index,
                   mlir::IRMapping &mapping,
                   llvm::function_ref<void(tile::LoadOp, mlir::ValueRange, mlir::Value)> copy) const;

  mlir::scf::ForOp loop;
  int64_t stages;
  /// In their order. They are used by products alone, directly or transposed.
  llvm::SmallVector<tile::LoadOp> loads;
  /// Why other loads that feed products are not among them; empty if there are none.
  Obstacle others;
  /// What computes their subscripts in the loop, in its order.
  llvm::SetVector<mlir::Operation *> subscripts;
  /// By load.
  llvm::DenseMap<mlir::Operation *, mlir::Value> rings;

private:
  Obstacle check(tile::LoadOp load);
  bool addSubscript(mlir::Value value);
};

/// The loop that also counts its iterations from `start` on. `counter` becomes the value in the
/// body; the last result is what the count is behind it.
mlir::scf::ForOp addCounter(mlir::scf::ForOp loop, mlir::Value start, mlir::Value &counter);

/// `value + constant`, i32.
mlir::Value addConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                        int64_t constant);

/// The slot of `ring` at `index`.
mlir::Value slotAt(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value ring,
                   mlir::Value index);

/// What the kernel calls the tensor `view`, in quotes.
std::string nameOf(mlir::Value view);

/// A buffer in shared memory. The last dim is swizzled as far as it goes.
tile::BufferType bufferFor(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

/// The products that take `load`, with the operands that they take it as.
llvm::SmallVector<mlir::OpOperand *> productsOf(tile::LoadOp load);

/// Bytes of the buffers that `kernel` has.
int64_t bufferBytes(tile::KernelOp kernel);

} // namespace lighthouse::pipelining

#endif // LIGHTHOUSE_CONVERSION_TILEPIPELINE_PIPELINEDLOOP_H
