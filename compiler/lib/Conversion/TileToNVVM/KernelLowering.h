//===- KernelLowering.h - one kernel on its way to code for a GPU thread ----------------*- C++ -*-===//
//
// The state shared by the parts of `tile-to-nvvm`. A tile is a list of scalars, the registers of
// this thread, in the order of its layout. A buffer is a byte offset into shared memory.
//
// Scalars are the same in all threads that run a program together, so structured control flow is uniform
// and every thread passes every barrier; but for votes, which are the same in a warp.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_TILETONVVM_KERNELLOWERING_H
#define LIGHTHOUSE_CONVERSION_TILETONVVM_KERNELLOWERING_H

#include "SharedMemory.h"
#include "ThreadGroup.h"

#include "../TileLayouts/Scratch.h"

#include "lighthouse/Dialect/Tile/IR/Layout.h"
#include "lighthouse/Transforms/TensorMaps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <map>

namespace lighthouse::nvvm {

class KernelLowering {
public:
  static constexpr int64_t mapBytes = 128; ///< Of a CUtensorMap.

  KernelLowering(tile::KernelOp kernel, const tile::TargetInfo &target);

  /// Builds the function beside the kernel. Fails with a diagnostic on an op it cannot lower.
  mlir::LogicalResult run();

  /// `count` operands of an assembly text from `first` on: "{$3, $4}".
  static std::string operandList(unsigned first, size_t count);

  /// The index of each register by its coordinates.
  static std::map<tile::Coordinates, unsigned> registerIndex(const tile::Layout &layout,
                                                        llvm::ArrayRef<int64_t> shape);

  /// Bytes of shared memory that the kernel needs.
  int64_t sharedBytes() const { return shared.size(); }

private:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Registers = llvm::SmallVector<Value>;
  using Layout = tile::Layout;
  using Coordinates = tile::Coordinates;

  struct Argument {
    Value pointer;
    llvm::SmallVector<Value> strides; ///< i64, in bytes.
  };

  // TileToNVVM.cpp: the function, and the walk over the ops.
  mlir::LLVM::LLVMFuncOp createFunction();
  void unpackArguments(Value words);
  /// Finds thread, lane and warp anew. LLVM does not know that they are the ones found before.
  void identifyThread();
  void findPrograms(llvm::function_ref<Value(Type)> word);
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lowerOp(mlir::Operation *op);
  mlir::LogicalResult lowerElementwise(mlir::Operation *op);
  void lowerBroadcast(tile::BroadcastOp op);
  void lowerRange(tile::RangeOp op);

  // Math.cpp
  Value lowerMath(mlir::Operation *op, mlir::ValueRange operands);

  // ControlFlow.cpp
  mlir::LogicalResult lowerFor(mlir::scf::ForOp op);
  mlir::LogicalResult lowerIf(mlir::scf::IfOp op);
  mlir::LogicalResult lowerWhile(mlir::scf::WhileOp op);
  /// The registers of tiles and the values of scalars, one after the other.
  llvm::SmallVector<Value> flatten(mlir::ValueRange values);
  void unflatten(mlir::ValueRange values, mlir::ValueRange flat);

  // Places.cpp: who am I, and which coordinates do I hold.
  /// What lane and warp add to the coordinates along a dim, i32.
  Value threadCoordinate(const Layout &layout, int64_t dim);
  /// i1: whether this thread is the first of those that hold the same elements; null if all are.
  Value isOwner(const Layout &layout);
  Value bitsOf(Value source, llvm::ArrayRef<tile::Basis> bases, int64_t dim);
  /// The most registers that follow each other along the last dim from a multiple of that number.
  static int64_t registerVector(const Layout &layout);

  // Roles.cpp
  mlir::LogicalResult lowerRoles(tile::RolesOp op);
  mlir::LogicalResult lowerRole(tile::RoleOp role);
  /// The warps of the role, and of those that share a warpgroup with it, take or give registers.
  void setRegisterBudget(tile::RoleOp role);

  // Barriers.cpp
  /// All threads of the group meet; what they wrote is visible to all of them afterwards.
  void barrier();
  /// The numbers of hardware barriers that nothing else uses: the first of them.
  int64_t takeBarriers(int64_t count);
  /// Waits until `threads` threads have come to a hardware barrier.
  void synchronise(Value barrier, int64_t threads);
  void lowerNamedSync(tile::NamedSyncOp op);
  void lowerNamedArrive(tile::NamedArriveOp op);
  void lowerAllocMBarrier(tile::AllocMBarrierOp op);
  /// Lets all threads see the counting barriers that one has made.
  void openBarriers();
  std::pair<Value, Value> ringUse(Value ring, Value index);
  void lowerMBarrierWait(tile::MBarrierWaitOp op);
  void lowerMBarrierArrive(tile::MBarrierArriveOp op);

  // Turns.cpp
  /// Code with the pointer of one element of `view`, if it exists.
  void atElement(Value view, mlir::OperandRange indices, llvm::function_ref<void(Value)> body);
  void lowerWaitUntil(tile::WaitUntilOp op);
  void lowerStoreRelease(tile::StoreReleaseOp op);

  // CopyBulk.cpp
  void lowerCopyBulk(tile::CopyBulkOp op);
  void lowerStoreBulk(tile::StoreBulkOp op);
  void waitForBulkStores(int64_t pending, bool written);
  /// The address of the map by which a bulk copy goes.
  Value tensorMapFor(Value view, mlir::OperandRange indices, tile::BufferType buffer);
  /// Moves the panels of a buffer from `view`, which a `barrier` counts, or to it if that is null.
  /// `instruction` is what PTX calls the copy, with the number of dims in the place of "#".
  void movePanels(llvm::StringRef instruction, Value view, mlir::OperandRange indices,
                  mlir::TypedValue<tile::BufferType> buffer, Value barrier);
  /// Code that the first thread of the group runs.
  void byOneThread(llvm::function_ref<void()> body);

  // DotAsync.cpp
  mlir::LogicalResult lowerDotAsync(tile::DotAsyncOp op);
  /// A product that is under way from one iteration of a loop to the next reads its registers until a
  /// wait ends it, so the loop carries them, too: appends what they are at first to the initial values,
  std::size_t numOperandWords(tile::DotAsyncOp product);
  void beginCarriedProducts(mlir::scf::ForOp loop, llvm::SmallVectorImpl<Value> &inits);
  /// counts the products of the iteration before as running,
  void enterCarriedProducts(mlir::scf::ForOp loop, mlir::ValueRange words);
  /// and yields those of this one; behind the loop they are in `results`.
  mlir::LogicalResult leaveCarriedProducts(mlir::scf::ForOp loop,
                                           llvm::SmallVectorImpl<Value> &yielded,
                                           mlir::ValueRange results);
  /// Refuses products that began inside of `op` and run on behind it; if `op` is a loop or a branch,
  /// only those that read registers, which hold their values no longer, unless the loop carries them.
  mlir::LogicalResult checkEnded(mlir::Operation *op);
  void lowerDotWait(tile::DotWaitOp op);

  // Access.cpp: loads, stores, atomics, asynchronous copies.
  /// An access by all threads, with what its registers have in common.
  struct Access {
    tile::ViewType view;
    const Argument *argument;
    llvm::SmallVector<Value> subscripts;
    llvm::SmallVector<bool> inBounds;
    std::optional<Layout> layout; ///< None for a scalar.
    llvm::SmallVector<Coordinates> coordinates;
    Registers mask;               ///< One per register, one for all, or none.
    Value base;                   ///< Offset of what all registers share in bytes, i64.
    /// Dim of the view -> dim of the tile, or -1.
    llvm::SmallVector<int64_t> tileDims;
    /// The element count of one access, at most.
    int64_t vector = 1;
    /// Whether such a vector lies inside or outside of the view as a whole.
    bool isWhole = true;
    /// First coordinate along each dim that is a range, and what is known of others.
    llvm::SmallVector<Value> starts;
    /// First coordinate of the tile along each dim that it lies inside or outside of as a whole.
    llvm::SmallVector<Value> wholes;
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> offsets, checks;
    /// Whether what all registers share is inside; unset until it is needed, null if always.
    std::optional<Value> common;
  };
  /// Where the elements of registers `first` and `width - 1` after it are, and whether they exist.
  struct Place {
    Value pointer;
    Value inside; ///< i1, null if always.
  };
  Access prepare(Value view, mlir::OperandRange subscripts, Value mask,
                 std::optional<llvm::ArrayRef<bool>> inBounds, const std::optional<Layout> &layout,
                 llvm::ArrayRef<int64_t> shape);
  /// The access that reads or writes `tile`, or a scalar.
  Access prepare(Value view, mlir::OperandRange subscripts, Value mask,
                 std::optional<llvm::ArrayRef<bool>> inBounds, Value tile);
  /// The extent of a dim, i32.
  Value extentOf(tile::ViewType view, int64_t dim);
  Value isBelow(Value index, Value extent);
  /// i1: whether what all registers of an access share is inside of the view; null if always.
  Value commonCheck(Access &access);
  Place place(Access &access, unsigned reg);
  /// i1: whether a scalar or a range along `dim` lies inside of the view as a whole.
  Value fitsAlong(const Access &access, int64_t dim);
  void lowerLoad(tile::LoadOp op);
  void lowerStore(tile::StoreOp op);
  void lowerAtomic(tile::AtomicRMWOp op);
  /// Combines with what is in memory by one `red`, whose type PTX calls `type`.
  void reduceVector(const Place &to, llvm::ArrayRef<Value> values, tile::CombiningKind kind,
                    llvm::StringRef type);
  /// The argument of an access with the strides along its tile hidden from LLVM where `op` is in a
  /// loop (see `opaqueInLoop`), as it would keep their multiples for all registers. What the others
  /// contribute is computed once.
  Argument hideStrides(mlir::Operation *op, const Access &access);
  Registers loadVector(const Place &from, Type elementType, int64_t width, Value other);
  void storeVector(const Place &to, llvm::ArrayRef<Value> values, bool streaming);

  /// Other threads may still have to read what is now written: a barrier, if there was none since.
  void orderAfterReads(Value view);
  /// Counts the views that `op` reads inside as read; for the loops and branches around stores.
  void noteReadsIn(mlir::Operation *op);

  // CopyAsync.cpp
  void lowerCopy(tile::CopyAsyncOp op);

  // Shared.cpp
  Value slotOf(tile::SlotOp op);
  void lowerBufferLoad(tile::BufferLoadOp op);
  void lowerBufferStore(tile::BufferStoreOp op);
  /// Writes a tile to a buffer that lies at `offset`, which nothing orders before other accesses.
  void storeTile(Value offset, tile::BufferType type, const Layout &layout,
                 llvm::ArrayRef<Value> values);
  /// Reads one, as part of the lowering of `op`.
  Registers loadTile(mlir::Operation *op, Value offset, tile::BufferType type,
                     const Layout &layout);
  /// With `stmatrix`; false if the layout is not that of its operands, or the target has none.
  bool storeByMatrices(Value offset, tile::BufferType type, const Layout &layout,
                       llvm::ArrayRef<Value> values);
  /// With `ldmatrix`; none if the layout is not that of its results.
  std::optional<Registers> loadByMatrices(mlir::Operation *op, Value offset, tile::BufferType type,
                                          const Layout &layout);
  /// Addresses in a buffer: a thread's part is computed once, a register's is constant.
  struct BufferPlaces {
    tile::BufferType type;
    Value rows;   ///< Offset of the buffer and of the thread's row, in bytes.
    Value chunk;  ///< The thread's chunk in its row, swizzled, in bytes.
    Value inside; ///< The thread's byte in its chunk.
  };
  BufferPlaces placesIn(Value offset, tile::BufferType type, const Layout &layout);
  Value pointerIn(const BufferPlaces &places, llvm::ArrayRef<int64_t> coordinates);
  Value sharedPointer(Value offset, int64_t constant = 0);
  /// The address in shared memory, i32.
  Value sharedAddress(Value offset);
  /// The scratch memory of `op` for this group: bytes from the start of shared memory, i32.
  Value scratchOf(mlir::Operation *op);
  Registers loadShared(Value pointer, Type elementType, int64_t width);
  void storeShared(Value pointer, llvm::ArrayRef<Value> values);

  // Convert.cpp
  void lowerConvert(tile::ConvertLayoutOp op);
  bool shuffle(const Registers &from, const Layout &source, const Layout &target,
               llvm::ArrayRef<int64_t> shape, Registers &to);
  void lowerReshape(tile::ReshapeOp op);
  /// The registers of the transpose of a tile.
  static Registers transposed(const Registers &registers, const Layout &layout,
                              llvm::ArrayRef<int64_t> shape);
  /// Moves a tile through a buffer, from which `ldmatrix` reads it.
  Registers throughBuffer(tile::ConvertLayoutOp op, const FragmentScratch &scratch);
  /// Moves a tile through shared memory. `to` is the shape in which the result sees the elements.
  Registers throughShared(mlir::Operation *op, const Registers &from, const Layout &source,
                          const Layout &target, mlir::RankedTensorType type,
                          llvm::ArrayRef<int64_t> toShape);

  // Reduce.cpp
  void lowerReduce(tile::ReduceOp op);
  void lowerReducePartial(tile::ReducePartialOp op);
  void lowerVote(tile::VoteOp op);
  /// Combines in an order that depends on the registers of the group alone.
  Value combineAll(tile::CombiningKind kind, llvm::SmallVector<Value> values);
  void lowerScan(tile::ScanOp op);
  /// Which of the warps along `axis` this one is, i32.
  Value placeOfWarp(const Layout &layout, int64_t axis);
  /// Each warp along `axis` leaves its part of every line in shared memory: the parts of all warps
  /// in their order, for each of `lines`, the coordinates along the other dims.
  llvm::SmallVector<Registers>
  exchangeParts(mlir::Operation *op, const Layout &layout, llvm::ArrayRef<int64_t> shape,
                int64_t axis, llvm::ArrayRef<llvm::SmallVector<int64_t>> lines,
                llvm::ArrayRef<Value> mine);
  /// Combined values of the lanes before this one, and of all lanes, along an axis on `bits`.
  std::pair<Value, Value> scanLanes(tile::CombiningKind kind, Value own,
                                    llvm::ArrayRef<unsigned> bits);
  Value combine(tile::CombiningKind kind, Value x, Value y);
  Value neutral(tile::CombiningKind kind, Type type);

  // Dot.cpp
  void lowerDot(tile::DotOp op);
  void lowerMatrixProduct(tile::DotOp op);
  void lowerPlainProduct(tile::DotOp op);

  // Builders.cpp: small pieces of code.
  Value i32(int64_t value) { return mlir::arith::ConstantIntOp::create(b, b.getI32Type(), value); }
  Value i64(int64_t value) { return mlir::arith::ConstantIntOp::create(b, b.getI64Type(), value); }
  Value wide(Value value) { return mlir::arith::ExtSIOp::create(b, b.getI64Type(), value); }
  Value add(Value x, Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return mlir::arith::MulIOp::create(b, x, y); }
  Value both(Value x, Value y);
  Value isZero(Value value);
  /// The bits of registers of any type as 32-bit words, and back.
  llvm::SmallVector<Value> toWords(llvm::ArrayRef<Value> values);
  Registers fromWords(llvm::ArrayRef<Value> words, Type elementType, int64_t width);
  /// `bytes` behind `pointer`. Constants stand in the instructions and cost nothing, so they are added
  /// last.
  Value behind(Value pointer, int64_t bytes);
  /// Adds what is before a last constant to `operands`: "[$3+128]".
  static std::string addressText(Value pointer, llvm::SmallVectorImpl<Value> &operands,
                                 unsigned firstOperand = 0);
  /// A bool in memory takes a byte.
  Value toMemory(Value value);
  Value fromMemory(Value value, Type elementType);
  static Type memoryType(Type elementType);

  // Instructions.cpp: what only the GPU has.
  Value inlineAsm(llvm::StringRef text, llvm::StringRef constraints, Type result,
                  mlir::ValueRange operands);
  /// `value`, in a loop as a copy that LLVM does not see through. Of the addresses that follow from a
  /// few values LLVM would keep each in a register over the whole loop, rather than compute it again.
  Value opaqueInLoop(mlir::Operation *op, Value value);
  /// The number of this block in the grid, i32.
  Value readBlockIndex();
  /// The number of blocks of the launch, i32.
  Value readNumBlocks();
  enum class Shuffle { Butterfly, Up, Index };
  /// `value` of another lane, found by `source` as the kind says.
  Value shuffleLanes(Shuffle shuffle, Value value, Value source);
  /// f32 -> the bits of a tf32, i32.
  Value roundToTF32(Value x);
  /// `mma.sync` m16n8k16, or m16n8k8 of tf32 (`element` is f32): the new sums, f32.
  llvm::SmallVector<Value> multiplyMatrices(mlir::ValueRange left, mlir::ValueRange right,
                                            mlir::ValueRange sums, Type element);
  /// `ldmatrix`: a word of each of 1, 2 or 4 matrices of 8 x 8 elements of 16 bits.
  llvm::SmallVector<Value> loadMatrices(Value pointer, unsigned count, bool isTransposed);
  /// `stmatrix`: the reverse.
  void storeMatrices(Value pointer, mlir::ValueRange words, bool isTransposed);
  void commitCopies();
  void waitForCopies(int64_t pending);
  /// What this thread stored to shared memory is there for the copy engine and the matrix units.
  void fenceForCopyEngine();
  /// i1, the same in a warp.
  Value vote(tile::VoteKind kind, Value flag);

  /// An error at what is being lowered.
  void report(const llvm::Twine &message) {
    mlir::emitError(b.getLoc(), message);
    hasErrors = true;
  }
  /// Whether the scalar may differ between the warps of the group.
  bool isDivergent(Value scalar) const { return divergent.contains(scalar); }

  bool isTile(Value value) const { return mlir::isa<mlir::RankedTensorType>(value.getType()); }
  const Registers &registersOf(Value tile) { return tiles.find(tile)->second; }
  static llvm::ArrayRef<int64_t> shapeOf(Value tile) {
    return mlir::cast<mlir::RankedTensorType>(tile.getType()).getShape();
  }
  static Layout layoutOf(Value tile) { return *Layout::of(tile.getType()); }

  tile::KernelOp kernel;
  const tile::TargetInfo &target;
  SharedMemory shared;
  mlir::ImplicitLocOpBuilder b;
  ThreadGroup group;                                  ///< Who runs what is being lowered.
  mlir::IRMapping scalars;                            ///< Scalars of the kernel -> of the function.
  llvm::DenseMap<Value, Registers> tiles;
  llvm::DenseMap<Value, Value> buffers;               ///< Byte offsets in shared memory, i32; of
                                                      ///< counting barriers, too.
  /// First hardware barrier and number of threads.
  llvm::DenseMap<Value, std::pair<int64_t, int64_t>> namedBarriers;
  int64_t nextBarrier = 1;
  bool hasNewBarriers = false;                        ///< Counting ones that not all threads see.
  llvm::SmallVector<TensorMap> maps;                  ///< In the order of the parameters.
  Value parameters;                                   ///< Where they are.
  llvm::DenseSet<Value> divergent;                    ///< Scalars, see `isDivergent`.
  bool hasErrors = false;
  llvm::DenseMap<Value, Argument> arguments;
  llvm::StringMap<Value> dims;                        ///< Named dims, i32.
  Value programIds[3], numPrograms[3];                ///< i32.
};

} // namespace lighthouse::nvvm

#endif // LIGHTHOUSE_CONVERSION_TILETONVVM_KERNELLOWERING_H
