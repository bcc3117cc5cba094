//===- KernelLowering.h - one kernel on its way to host loops ---------------------------*- C++ -*-===//
//
// The state shared by the parts of `tile-to-host`. A tile of the kernel is in one of two states:
//
// - it has a *buffer*, a statically shaped memref on the stack, or
// - it is *lazy*: an expression over other tiles that `evaluate` computes where it is consumed.
//
// A lazy value that reads memory is pending until its only use; whoever is about to change that
// memory first gives it a buffer (`flush...`).
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_TILETOHOST_KERNELLOWERING_H
#define LIGHTHOUSE_CONVERSION_TILETOHOST_KERNELLOWERING_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "llvm/ADT/SetVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lighthouse {

/// How the host's vector unit looks.
struct VectorUnit {
  unsigned bits;      ///< Width of a register.
  unsigned registers; ///< Number of registers.
  unsigned lanes() const { return bits / 32; }
};

class KernelLowering {
public:
  KernelLowering(tile::KernelOp kernel, VectorUnit unit);

  /// Builds the function beside the kernel. Fails with a diagnostic on an op it cannot lower.
  mlir::LogicalResult run();

  uint64_t stackBytes = 0; ///< Bytes of all buffers.
  unsigned numBuffers = 0;
  unsigned numInPlace = 0;

private:
  using Value = mlir::Value;
  using Indices = llvm::ArrayRef<Value>;
  using BodyFn = llvm::function_ref<void(Indices)>;

  /// Where the words of one argument are.
  struct Argument {
    Value pointer;
    llvm::SmallVector<Value> strides; ///< i64, in elements; none for the innermost dim (1).
  };

  // TileToHost.cpp: the function, and the walk over the ops.
  void unpackArguments(mlir::func::FuncOp function);
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lowerOp(mlir::Operation *op);
  void lowerTileResult(mlir::Operation *op);

  // ControlFlow.cpp: structured control flow with carried tiles.
  mlir::LogicalResult lowerFor(mlir::scf::ForOp op);
  mlir::LogicalResult lowerIf(mlir::scf::IfOp op);
  mlir::LogicalResult lowerWhile(mlir::scf::WhileOp op);
  /// Moves `values` into `buffers` as one parallel assignment.
  void assign(mlir::ValueRange values, llvm::ArrayRef<Value> buffers);
  /// The buffer of the loop-carried tile that `value` may overwrite, or null.
  Value carriedDestination(Value value);

  // Evaluate.cpp: lazy values and buffers.
  bool isLeaf(Value tile) { return cost(tile, 16, /*mayReload=*/false) >= 0; }
  int cost(Value tile, int budget, bool mayReload);
  bool isCheapReload(mlir::Operation *op);
  bool isLazy(mlir::Operation *op);
  /// The value of `width` consecutive elements of `tile` along its last dim, starting at `indices`:
  /// a vector, or a scalar if width is 1.
  Value evaluate(Value tile, Indices indices, int64_t width);
  Value evaluateReshape(tile::ReshapeOp op, Indices indices, int64_t width);
  Value evaluateLanes(mlir::Type elementType, int64_t width, llvm::function_ref<Value(Value)> lane);
  /// The buffer of `tile`, which gets one now if it has none.
  Value materialize(Value tile);
  /// The buffer of `tile` with its elements converted to `elementType`.
  Value materializeAs(Value tile, mlir::Type elementType);
  void writeTo(Value buffer, Value tile);
  Value allocate(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);
  Value readBuffer(Value buffer, Indices indices, int64_t width);
  void writeBuffer(Value value, Value buffer, Indices indices);
  /// Gives the pending values that `affected` names a buffer.
  void flush(llvm::function_ref<bool(Value)> affected);
  bool isSpent(Value tile);
  /// Whether evaluating `tile` reads `buffer`, and if so whether always at the element written.
  enum class Reads { never, sameElement, elsewhere };
  Reads reads(Value tile, Value buffer);
  bool loadsFrom(Value tile, Value view);

  /// A loop nest over `shape` whose innermost step is `width`.
  void loopNest(llvm::ArrayRef<int64_t> shape, int64_t width, BodyFn body);
  int64_t vectorWidth(int64_t extent) const;

  // Access.cpp: loads, stores, atomics, copies.
  struct Address;
  Address address(Value view, mlir::OperandRange subscripts, std::optional<llvm::ArrayRef<bool>> inBounds,
                  Value mask, Indices indices, int64_t width);
  Value evaluateLoad(tile::LoadOp op, Indices indices, int64_t width);
  Value loadAt(const Address &address, mlir::Type elementType, Value other, int64_t width);
  void lowerStore(tile::StoreOp op);
  void storeStreaming(Value value, Value pointer, unsigned alignment);
  void lowerAtomic(tile::AtomicRMWOp op);
  /// The loop that LLVM has no library-free form of for 16-bit floats.
  void combineAtomically(tile::CombiningKind kind, Value pointer, Value value);
  void lowerCopy(tile::CopyAsyncOp op);
  Value slotOf(tile::SlotOp op);

  // Reduce.cpp
  void lowerReduce(tile::ReduceOp op);
  void lowerReducePartial(tile::ReducePartialOp op);
  /// Makes reductions of the kernel's votes.
  void expandVotes();
  void lowerScan(tile::ScanOp op);
  Value combine(tile::CombiningKind kind, Value a, Value b);
  Value neutral(tile::CombiningKind kind, mlir::Type type);

  // Dot.cpp
  void lowerDot(tile::DotOp op);
  Value packTransposed(Value source, mlir::Type elementType);

  // Small builders.
  Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(b, value); }
  Value i64(int64_t value) { return mlir::arith::ConstantIntOp::create(b, b.getI64Type(), value); }
  Value i32(int64_t value) { return mlir::arith::ConstantIntOp::create(b, b.getI32Type(), value); }
  Value splat(Value scalar, int64_t width);
  Value add(Value x, Value y);
  mlir::Type vectorType(mlir::Type elementType, int64_t width);
  bool isTile(Value value) const { return mlir::isa<mlir::RankedTensorType>(value.getType()); }

  tile::KernelOp kernel;
  VectorUnit unit;
  mlir::ImplicitLocOpBuilder b;
  mlir::OpBuilder allocas;                        ///< At the start of the function.
  mlir::IRMapping scalars;                        ///< Scalars of the kernel -> of the function.
  llvm::DenseMap<Value, Value> buffers;           ///< Tiles and shared buffers -> memrefs.
  llvm::DenseMap<Value, Argument> arguments;      ///< Views -> pointers and strides.
  llvm::StringMap<Value> dims;                    ///< Named dims, i32.
  Value programIds[3], numPrograms[3];            ///< i32.
  bool hasStreamingStores = false;                ///< A fence must follow them.
  mlir::Operation *current = nullptr;             ///< The op that is being lowered.
  llvm::SetVector<Value> pending;                 ///< Lazy values that read memory.
};

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_TILETOHOST_KERNELLOWERING_H
