//===- WarpgroupProducts.cpp - the tile-warpgroup-products pass -------------------------------===//
//
// A product becomes an asynchronous one that is waited for at once. Its right operand is read from
// a buffer, as is its left one unless that follows from another product, which leaves it in
// registers. What lies in a swizzled buffer already is read there; anything else is stored to a
// buffer of its own, where it is made: once before a loop that does not change it, else just before
// the product.
//
// A product whose loop adds it to a sum and does nothing else with it is waited for in the next
// iteration, behind the loads of that.
//
//===------------------------------------------------------------------------------------------===//

#include "AsyncProducts.h"
#include "BulkStores.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/MatrixProduct.h"
#include "../TileLayouts/Scratch.h"

#include "lighthouse/Conversion/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace lighthouse {
#define GEN_PASS_DEF_WARPGROUPPRODUCTS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

using Limits = AsyncProductLimits;

namespace {

/// The most elements of a sum that a thread may hold.
constexpr int64_t mostSums = 128;
/// The fewest multiplications of a warp that pay for a wait. On an H200 attention's forward step of
/// 2^15 (128 x 64 x 16 for 4 warps) is 6% faster than by `mma.sync`, its backward step of 2^15 (128
/// x 64 x 32 for 8 warps) 6% faster, of 2^14 3% slower.
constexpr int64_t fewestOfWarp = 1 << 15;
/// The fewest bytes that a thread stores to a buffer at a time, where that is known.
constexpr int64_t narrowestStore = 8;

/// An operand without its transposes.
struct Operand {
  Value source;
  bool isTransposed;
  /// Where it lies already; null if it does not.
  Value place;
  bool isInRegisters = false;

  bool needsBuffer() const { return !place && !isInRegisters; }
  tile::BufferType bufferType() const {
    auto type = cast<RankedTensorType>(source.getType());
    return bufferFor(type.getShape(), type.getElementType());
  }
};

struct Product {
  tile::DotOp dot;
  Operand a, b;
};

/// Makes products of `kernel` asynchronous, all or some.
class WarpgroupProducts {
public:
  WarpgroupProducts(tile::KernelOp kernel, const tile::TargetInfo &target)
      : kernel(kernel), target(target), warps(kernel.getNumWarps()) {}

  /// Returns how many.
  unsigned run();

private:
  void choose();
  void place();
  void start(Block *block, ArrayRef<Product> inBlock);
  std::optional<Product> match(tile::DotOp dot) const;
  Value operandOf(const Operand &operand) const {
    return operand.place           ? operand.place
           : operand.isInRegisters ? operand.source
                                   : buffers.lookup(operand.source);
  }
  void storeTo(OpBuilder &builder, Value source, bool unordered) {
    tile::BufferStoreOp::create(builder, source.getLoc(), source, buffers.lookup(source),
                                unordered);
  }

  tile::KernelOp kernel;
  const tile::TargetInfo &target;
  int64_t warps;
  llvm::MapVector<Block *, SmallVector<Product>> products;
  /// By what they hold.
  llvm::MapVector<Value, Value> buffers;
  /// What is stored just before a product.
  DenseMap<Operation *, SmallVector<Value>> stored;
  /// The ops that use a buffer, in the block in which it is stored.
  DenseMap<Value, SmallVector<Operation *>> readers;
};

} // namespace

//===------------------------------------------------------------------------------------------===//
// Which products
//===------------------------------------------------------------------------------------------===//

/// Whether the loops around `dot`, and nothing else, are between it and its kernel.
static bool isInLoopsOnly(tile::DotOp dot) {
  Operation *op = dot->getParentOp();
  while (isa<scf::ForOp, scf::WhileOp>(op))
    op = op->getParentOp();
  return isa<tile::KernelOp>(op);
}

/// Whether `value` is loaded, or is computed element by element from what is, and from no product.
static bool isLoaded(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_present<tile::LoadOp>(op))
    return true;
  return op && OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::any_of(op->getOperands(), isLoaded) && !isInFragments(value);
}

/// Neighbours that a thread holds of `value`, as far as loads decide it.
static int64_t neighboursOf(tile::KernelOp kernel, Value value) {
  int64_t fewest = 8;
  Operation *op = value.getDefiningOp();
  if (auto load = dyn_cast_if_present<tile::LoadOp>(op))
    return std::min(fewest, accessVector(kernel, load.getView(), load.getIndices()));
  if (op && OpTrait::hasElementwiseMappableTraits(op) && !isInFragments(value))
    for (Value operand : op->getOperands())
      fewest = std::min(fewest, neighboursOf(kernel, operand));
  return fewest;
}

/// The buffer that `load` reads, if the product can read it in its place: nothing in between has an
/// effect on it.
static Value bufferBehind(tile::BufferLoadOp load, tile::DotOp dot) {
  tile::BufferType type = load.getBuffer().getType();
  if (load->getBlock() != dot->getBlock() || type.getShape().size() != 2 || type.getSpan() == 0)
    return {};
  for (Operation *op = load->getNextNode(); op != dot; op = op->getNextNode())
    if (!isMemoryEffectFree(op) && !isa<tile::LoadOp, tile::BufferLoadOp, tile::DotOp>(op))
      return {};
  return load.getBuffer();
}

std::optional<Product> WarpgroupProducts::match(tile::DotOp dot) const {
  auto a = cast<RankedTensorType>(dot.getA().getType());
  auto result = cast<RankedTensorType>(dot.getType());
  Type element = a.getElementType();
  int64_t rows = result.getDimSize(0), columns = result.getDimSize(1), depth = a.getDimSize(1);
  int64_t threads = threadsOfWarp * warps;
  if (!(element.isF16() || element.isBF16()) ||
      rows % (Limits::rows * warps / Limits::warps) != 0 || columns % Limits::columns != 0 ||
      depth * tile::getMemoryBytes(element) % Limits::depthBytes != 0 ||
      rows * columns * depth < fewestOfWarp * warps ||
      result.getNumElements() > mostSums * threads || !isInLoopsOnly(dot))
    return std::nullopt;

  auto operand = [&](Value value) {
    auto [source, isTransposed] = withoutTransposes(value);
    auto load = source.getDefiningOp<tile::BufferLoadOp>();
    return Operand{source, isTransposed, load ? bufferBehind(load, dot) : Value()};
  };
  Product product{dot, operand(dot.getA()), operand(dot.getB())};
  product.a.isInRegisters =
      !product.a.place && !product.a.isTransposed && !isLoaded(product.a.source);
  for (const Operand &operand : {product.a, product.b}) {
    if (!operand.needsBuffer())
      continue;
    auto type = cast<RankedTensorType>(operand.source.getType());
    // What is in a buffer comes from there by `ldmatrix`, which is better than one more copy.
    if (operand.source.getDefiningOp<tile::BufferLoadOp>() || operand.bufferType().getSpan() == 0)
      return std::nullopt;
    int64_t bytes = tile::getMemoryBytes(element);
    if (std::min(neighboursOf(kernel, operand.source), type.getNumElements() / threads) * bytes <
        narrowestStore)
      return std::nullopt;
  }
  return product;
}

/// Bytes of scratch memory that changes of layout may take: those of the largest tile.
static int64_t scratchOf(tile::KernelOp kernel) {
  int64_t most = 0;
  kernel.walk([&](Operation *op) {
    for (Type result : op->getResultTypes())
      if (auto type = dyn_cast<RankedTensorType>(result); type && type.getRank() > 0)
        most = std::max(most, mostScratchBytes(type.getShape(), type.getElementType()));
  });
  return most;
}

void WarpgroupProducts::choose() {
  int64_t freeBytes = target.sharedBytes - bufferBytes(kernel) - scratchOf(kernel);
  kernel.walk([&](tile::DotOp dot) {
    std::optional<Product> product = match(dot);
    if (!product)
      return;
    llvm::SmallSetVector<Value, 2> added;
    int64_t bytes = 0;
    for (const Operand &operand : {product->a, product->b})
      if (operand.needsBuffer() && !buffers.contains(operand.source) &&
          added.insert(operand.source))
        bytes += operand.bufferType().getBytes();
    if (bytes > freeBytes)
      return;
    freeBytes -= bytes;
    for (Value source : added)
      buffers[source] = Value();
    products[dot->getBlock()].push_back(*product);
  });
}

//===------------------------------------------------------------------------------------------===//
// Buffers, stores and products
//===------------------------------------------------------------------------------------------===//

void WarpgroupProducts::place() {
  for (auto &[block, inBlock] : products)
    for (const Product &product : inBlock)
      for (const Operand &operand : {product.a, product.b})
        if (Value source = operand.source; operand.needsBuffer())
          readers[source].push_back(
              source.getParentBlock()->findAncestorOpInBlock(*tile::DotOp(product.dot)));
  OpBuilder outside = OpBuilder::atBlockBegin(&kernel.getBody().front());
  for (auto &[source, buffer] : buffers) {
    auto type = cast<RankedTensorType>(source.getType());
    buffer = tile::AllocSharedOp::create(outside, source.getLoc(),
                                         bufferFor(type.getShape(), type.getElementType()));
    Operation *first = *llvm::min_element(readers[source], [](Operation *left, Operation *right) {
      return left->isBeforeInBlock(right);
    });
    if (isa<tile::DotOp>(first)) {
      stored[first].push_back(source);
    } else {
      OpBuilder builder(first);
      storeTo(builder, source, /*unordered=*/false);
    }
  }
}

/// The loop that does nothing with the only product in it but add it to a sum, if what it reads is
/// stored for it alone.
static scf::ForOp loopOfSum(ArrayRef<Product> inBlock) {
  const Product &product = inBlock.front();
  tile::DotOp dot = product.dot;
  auto loop = dyn_cast<scf::ForOp>(dot->getParentOp());
  bool isAlone = inBlock.size() == 1 && product.a.needsBuffer() && product.b.needsBuffer();
  return loop && isAlone && carriesSum(loop, dot.getAcc(), dot) ? loop : scf::ForOp();
}

void WarpgroupProducts::start(Block *block, ArrayRef<Product> inBlock) {
  scf::ForOp sumLoop = loopOfSum(inBlock);
  auto storesBefore = [&](tile::DotOp dot) { return !stored.lookup(dot).empty(); };
  // Behind the stores of a product all threads meet. So they have met since a buffer was last read
  // if there are stores of another product between that and its own, from one time around the loop
  // to the next.
  auto haveMet = [&](tile::DotOp dot) {
    if (isa<tile::KernelOp>(block->getParentOp()))
      return true;
    Operation *last = dot;
    for (Value source : stored.lookup(dot))
      for (Operation *reader : readers[source])
        if (last->isBeforeInBlock(reader))
          last = reader;
    return llvm::any_of(inBlock, [&](const Product &other) {
      tile::DotOp otherDot = other.dot;
      return otherDot != dot && storesBefore(otherDot) &&
             (last->isBeforeInBlock(otherDot) || otherDot->isBeforeInBlock(dot));
    });
  };
  SmallVector<bool> met =
      llvm::map_to_vector(inBlock, [&](const Product &product) { return haveMet(product.dot); });

  for (auto [product, isSafe] : llvm::zip_equal(inBlock, met)) {
    tile::DotOp dot = product.dot;
    Location loc = dot.getLoc();
    OpBuilder builder(dot);
    if (sumLoop)
      tile::DotWaitOp::create(builder, loc, TypeRange(), /*pending=*/0, ValueRange());
    if (storesBefore(dot)) {
      if (!isSafe)
        tile::BarrierOp::create(builder, loc);
      for (Value source : stored.lookup(dot))
        storeTo(builder, source, /*unordered=*/true);
      tile::BarrierOp::create(builder, loc);
    }
    auto running = tile::DotAsyncOp::create(
        builder, loc, dot.getType(), operandOf(product.a), operandOf(product.b), dot.getAcc(),
        !product.a.isInRegisters && product.a.isTransposed, product.b.isTransposed, /*tf32=*/false);
    Value result = running.getResult(), sum = result;
    dot.replaceAllUsesWith(result);
    if (sumLoop) {
      sum = sumLoop.getResult(result.use_begin()->getOperandNumber());
      builder.setInsertionPointAfter(sumLoop);
    }
    auto wait = tile::DotWaitOp::create(builder, loc, sum.getType(), /*pending=*/0, sum);
    sum.replaceAllUsesExcept(wait.getResult(0), wait);
    dot.erase();
  }
}

unsigned WarpgroupProducts::run() {
  if (warps % Limits::warps != 0)
    return 0;
  choose();
  place();
  unsigned count = 0;
  for (auto &[block, inBlock] : products) {
    start(block, inBlock);
    count += inBlock.size();
  }
  return count;
}

namespace {

struct WarpgroupProductsPass : lighthouse::impl::WarpgroupProductsBase<WarpgroupProductsPass> {
  void runOnOperation() override {
    tile::KernelOp kernel = getOperation();
    const tile::TargetInfo *target = tile::targetOf(kernel, tile::TargetInfo::Kind::Cuda);
    if (!target)
      return signalPassFailure();
    // An author's schedule stays, and a vote may send warps different ways.
    WalkResult walked = kernel.walk([](Operation *op) {
      return isa<tile::RolesOp, tile::DotAsyncOp, tile::VoteOp>(op) ? WalkResult::interrupt()
                                                                    : WalkResult::advance();
    });
    if (target->matrixUnit == tile::TargetInfo::MatrixUnit::Wgmma && !walked.wasInterrupted())
      numProducts += WarpgroupProducts(kernel, *target).run();
  }
};

} // namespace
