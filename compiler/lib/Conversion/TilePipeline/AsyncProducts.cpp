//===- AsyncProducts.cpp - the products of a loop, started and waited for ---------------------===//
//
// Products end in the order in which they were started, so a wait says how many of those started
// last may still be running. A product whose only use is to be added to by the next one needs none.
//
//===------------------------------------------------------------------------------------------===//

#include "AsyncProducts.h"

#include "../TileLayouts/MatrixProduct.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

using Limits = AsyncProductLimits;

std::pair<Value, bool> pipelining::withoutTransposes(Value operand) {
  bool isTransposed = false;
  while (auto transpose = operand.getDefiningOp<tile::TransposeOp>()) {
    isTransposed = !isTransposed;
    operand = transpose.getSource();
  }
  return {operand, isTransposed};
}

/// The load that `operand` is, transposed or not; null if it is none that comes through a ring.
static tile::LoadOp findStaged(ArrayRef<tile::LoadOp> loads, Value operand) {
  auto load = withoutTransposes(operand).first.getDefiningOp<tile::LoadOp>();
  return llvm::is_contained(loads, load) ? load : tile::LoadOp();
}

/// The buffer that `operand` is, transposed or not, if it stays as it is while `loop` runs; else null.
/// What copies bring to a buffer is not ordered before the reads of products.
static Value findBuffer(scf::ForOp loop, Value operand) {
  auto load = withoutTransposes(operand).first.getDefiningOp<tile::BufferLoadOp>();
  auto alloc = load ? load.getBuffer().getDefiningOp<tile::AllocSharedOp>() : tile::AllocSharedOp();
  if (!alloc || !loop->isAncestor(load) || alloc.getType().getSpan() == 0)
    return {};
  bool isFixed = llvm::all_of(alloc->getUsers(), [&](Operation *user) {
    return isa<tile::BufferLoadOp>(user) ||
           (isa<tile::BufferStoreOp>(user) && !loop->isAncestor(user));
  });
  return isFixed ? alloc.getResult() : Value();
}

/// Whether a product of `pipelined` reads `operand` from shared memory.
static bool isInMemory(const PipelinedLoop &pipelined, Value operand) {
  return findStaged(pipelined.loads, operand) || findBuffer(pipelined.loop, operand);
}

/// The product that adds to `dot` if nothing else uses that; null if there is none.
static tile::DotOp nextOnSum(tile::DotOp dot) {
  if (!dot->hasOneUse())
    return {};
  OpOperand &use = *dot->use_begin();
  auto next = dyn_cast<tile::DotOp>(use.getOwner());
  return next && next.getAcc() == use.get() && next->getBlock() == dot->getBlock() ? next
                                                                                   : tile::DotOp();
}

bool pipelining::carriesSum(scf::ForOp loop, Value first, tile::DotOp last) {
  auto sum = dyn_cast<BlockArgument>(first);
  return sum && sum.getOwner() == loop.getBody() && sum.hasOneUse() && last->hasOneUse() &&
         loop.getTiedLoopYieldedValue(sum) &&
         loop.getTiedLoopYieldedValue(sum)->get() == last.getResult();
}

/// Whether `dot` only adds to a sum that `loop` carries, by itself or with other products.
static bool isSummedOnly(scf::ForOp loop, tile::DotOp dot) {
  Value first = dot.getAcc();
  for (auto before = first.getDefiningOp<tile::DotOp>(); before;
       before = first.getDefiningOp<tile::DotOp>()) {
    if (!nextOnSum(before))
      return false;
    first = before.getAcc();
  }
  while (tile::DotOp next = nextOnSum(dot))
    dot = next;
  return carriesSum(loop, first, dot);
}

static int64_t elementsOfThread(Value tile, int64_t warps) {
  return cast<RankedTensorType>(tile.getType()).getNumElements() / (threadsOfWarp * warps);
}

Obstacle AsyncProducts::check(const PipelinedLoop &pipelined, tile::DotOp dot, int64_t warps) {
  scf::ForOp loop = pipelined.loop;
  if (dot->getBlock() != loop.getBody())
    return "a product is in a loop or branch inside of it";
  Type element = getElementTypeOrSelf(dot.getA().getType());
  if (!element.isBF16() && !element.isF16() && !dot.getTf32())
    return "its products are neither of 16-bit floats nor in tf32";
  if (!isInMemory(pipelined, dot.getB()))
    return pipelined.others.empty() ? "the right operand of a product is no load"
                                    : pipelined.others;
  bool readsRegisters = !isInMemory(pipelined, dot.getA());
  bool isLeftTransposed = !readsRegisters && withoutTransposes(dot.getA()).second;
  if (dot.getTf32() && (isLeftTransposed || !withoutTransposes(dot.getB()).second))
    return "the rows of its operands in tf32 do not go along what is summed";
  auto result = cast<RankedTensorType>(dot.getType());
  int64_t rows = result.getDimSize(0), columns = result.getDimSize(1);
  int64_t depth = cast<RankedTensorType>(dot.getA().getType()).getDimSize(1);
  int64_t rowsAtOnce = Limits::rows * warps / Limits::warps,
          step = Limits::depthBytes / tile::getMemoryBytes(element);
  if (rows % rowsAtOnce != 0 || columns % Limits::columns != 0 || depth % step != 0)
    return "a product of " + std::to_string(rows) + " x " + std::to_string(depth) + " by " +
           std::to_string(depth) + " x " + std::to_string(columns) + " is not made of parts of " +
           std::to_string(rowsAtOnce) + " rows, " + std::to_string(Limits::columns) +
           " columns and " + std::to_string(step) + " elements to sum";
  dots.push_back(dot);
  overlaps &= !readsRegisters && isSummedOnly(loop, dot);
  // Products on one sum share its registers.
  if (!dot.getAcc().getDefiningOp<tile::DotOp>())
    registers += elementsOfThread(dot.getResult(), warps);
  if (readsRegisters)
    registers += elementsOfThread(dot.getA(), warps) / elementsPerRegister(element);
  return {};
}

Obstacle AsyncProducts::analyse(const PipelinedLoop &pipelined, int64_t warps) {
  Obstacle obstacle;
  scf::ForOp(pipelined.loop).walk([&](tile::DotOp dot) {
    if (obstacle.empty())
      obstacle = check(pipelined, dot, warps);
  });
  return obstacle;
}

/// The first op of the block of `dot` that uses its result, itself or inside, or the last op.
static Operation *firstUser(tile::DotOp dot) {
  Operation *first = dot->getBlock()->getTerminator();
  for (Operation *user : dot->getUsers()) {
    Operation *here = dot->getBlock()->findAncestorOpInBlock(*user);
    if (here->isBeforeInBlock(first))
      first = here;
  }
  return first;
}

void AsyncProducts::apply(scf::ForOp loop, const DenseMap<Operation *, Value> &rings, Value counter,
                          function_ref<void(OpBuilder &)> begin,
                          function_ref<void(OpBuilder &)> release) const {
  Location loc = loop.getLoc();
  OpBuilder builder(dots.front());
  begin(builder);

  // Where to wait, and for which products: none has been replaced yet.
  llvm::MapVector<Operation *, SmallVector<unsigned>> waits;
  if (!overlaps)
    for (auto [i, dot] : llvm::enumerate(dots))
      if (!nextOnSum(dot))
        waits[firstUser(dot)].push_back(i);

  auto operand = [&](Value value) -> std::pair<Value, bool> {
    auto [source, isTransposed] = withoutTransposes(value);
    auto ring = rings.find(source.getDefiningOp());
    if (ring != rings.end())
      return {slotAt(builder, loc, ring->second, counter), isTransposed};
    Value buffer = findBuffer(loop, value);
    return buffer ? std::pair(buffer, isTransposed) : std::pair(value, false);
  };
  SmallVector<Operation *> started;
  for (tile::DotOp dot : dots) {
    builder.setInsertionPoint(dot);
    auto [a, transposeA] = operand(dot.getA());
    auto [b, transposeB] = operand(dot.getB());
    auto running = tile::DotAsyncOp::create(builder, dot.getLoc(), dot.getType(), a, b,
                                            dot.getAcc(), transposeA, transposeB, dot.getTf32());
    dot.replaceAllUsesWith(running.getResult());
    started.push_back(running);
  }
  if (overlaps) {
    builder.setInsertionPointAfter(dots.back());
    tile::DotWaitOp::create(builder, loc, TypeRange(), dots.size(), ValueRange());
    release(builder);
  }
  for (auto &[user, products] : waits) {
    // A product may be the first to use another one's result.
    auto place = llvm::find(dots, user);
    Operation *before = place == dots.end() ? user : started[place - dots.begin()];
    builder.setInsertionPoint(before);
    int64_t pending =
        llvm::count_if(ArrayRef(started).drop_front(products.back() + 1),
                       [&](Operation *later) { return later->isBeforeInBlock(before); });
    SmallVector<Value> results = llvm::map_to_vector(
        products, [&](unsigned i) -> Value { return started[i]->getResult(0); });
    auto wait = tile::DotWaitOp::create(builder, loc, TypeRange(ValueRange(results)), pending,
                                        ValueRange(results));
    for (auto [result, waited] : llvm::zip_equal(results, wait.getResults()))
      result.replaceAllUsesExcept(waited, wait);
  }
  if (!overlaps) {
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    release(builder);
  }
  for (tile::DotOp dot : dots)
    dot.erase();
}
