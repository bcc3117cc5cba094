//===- WarpSpecialise.cpp - a kernel around a pipelined loop as two roles ---------------------===//
//
// The producer runs the loop for its copies alone. Iteration i of it fills slot i of the rings,
// whose bytes complete use i of the barriers `full`. The consumer is the kernel as it was;
// iteration i of its loop waits for use i of `full`, starts the products, and completes use i of
// `free`. Where products overlap that says that those of iteration i - 1 have ended, so slot i - 1
// was read, and the producer waits for use i - n + 1; else it says that slot i was read, and the
// producer waits for use i - n.
//
// Both run the whole loop, whatever it counts, so no barrier is used more often by one of them.
//
//===------------------------------------------------------------------------------------------===//

#include "WarpSpecialise.h"

#include "AsyncProducts.h"
#include "BulkStores.h"

#include "../TileLayouts/MatrixProduct.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

namespace {

constexpr int64_t warpsOfWarpgroup = AsyncProductLimits::warps, warpsOfProducer = warpsOfWarpgroup;
/// The most registers of a thread that products may take, so that 40 are left of the largest
/// budget.
constexpr int64_t mostRegisters = 200;
/// From so many on the budget of the consumer is the largest.
constexpr int64_t manyRegisters = 176;
constexpr int64_t barrierBytes = 8;

/// How many registers the threads of the roles have.
struct Budgets {
  int64_t producer, consumer;
};

/// Two warpgroups of consumers share what a multiprocessor has with a producer that needs little;
/// what is launched with one warpgroup has enough anyway.
std::optional<Budgets> budgetsFor(int64_t consumerWarps, int64_t registers) {
  if (consumerWarps != 2 * warpsOfWarpgroup)
    return std::nullopt;
  return registers >= manyRegisters ? Budgets{24, 240} : Budgets{40, 232};
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// Analysis
//===------------------------------------------------------------------------------------------===//

/// The loops that end with that of `pipelined`, outermost first; none if one is in something else
/// than a loop or the kernel.
static SmallVector<scf::ForOp> nestOf(const PipelinedLoop &pipelined) {
  SmallVector<scf::ForOp> nest;
  Operation *op = pipelined.loop;
  for (; isa<scf::ForOp>(op); op = op->getParentOp())
    nest.push_back(cast<scf::ForOp>(op));
  if (!isa<tile::KernelOp>(op))
    return {};
  std::reverse(nest.begin(), nest.end());
  return nest;
}

/// Adds what `value` is computed from outside of the pipelined loop, in order. False if that has
/// effects, or follows from what a loop carries.
static bool addSources(Value value, llvm::SetVector<Operation *> &sources) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    return !loop || loop.getInductionVar() == argument;
  }
  Operation *op = value.getDefiningOp();
  if (sources.contains(op))
    return true;
  if (op->getNumRegions() != 0 || !isMemoryEffectFree(op) ||
      !llvm::all_of(op->getOperands(), [&](Value operand) { return addSources(operand, sources); }))
    return false;
  sources.insert(op);
  return true;
}

/// What the producer has to compute outside of the pipelined loop. False if it cannot.
static bool findSources(const PipelinedLoop &pipelined, ArrayRef<scf::ForOp> nest,
                        llvm::SetVector<Operation *> &sources) {
  scf::ForOp loop = pipelined.loop;
  auto add = [&](Value value) {
    return !loop.isDefinedOutsideOfLoop(value) || addSources(value, sources);
  };
  auto addAll = [&](ValueRange values) { return llvm::all_of(values, add); };
  return llvm::all_of(
             nest,
             [&](scf::ForOp around) {
               return addAll({around.getLowerBound(), around.getUpperBound(), around.getStep()});
             }) &&
         llvm::all_of(pipelined.subscripts,
                      [&](Operation *op) { return addAll(op->getOperands()); }) &&
         llvm::all_of(pipelined.loads,
                      [&](tile::LoadOp load) { return addAll(load.getIndices()); });
}

/// Bytes beside the results on their way to memory.
static int64_t fixedBytes(const PipelinedLoop &loop, tile::KernelOp kernel) {
  return loop.ringBytes() + 2 * barrierBytes * loop.stages + bufferBytes(kernel);
}

Obstacle pipelining::checkSpecialisation(const PipelinedLoop &pipelined,
                                         const tile::TargetInfo &target) {
  scf::ForOp loop = pipelined.loop;
  SmallVector<scf::ForOp> nest = nestOf(pipelined);
  if (nest.empty())
    return "it is part of a branch, a 'while' or a role";
  auto kernel = loop->getParentOfType<tile::KernelOp>();
  int64_t warps = kernel.getNumWarps();
  if (warps != warpsOfWarpgroup && warps != 2 * warpsOfWarpgroup)
    return "the kernel has " + std::to_string(warps) + " warps, not 4 or 8";
  Obstacle obstacle;
  kernel.walk([&](Operation *op) {
    if (isa<tile::RolesOp, tile::AllocMBarrierOp, tile::AllocNamedBarrierOp, tile::DotAsyncOp,
            tile::StoreBulkOp, tile::WaitUntilOp>(op))
      obstacle = "the kernel has a schedule for the units of the target already";
    else if (op != loop && op->hasAttr(attributeName))
      obstacle = "the kernel has another pipelined loop";
  });
  AsyncProducts products;
  if (obstacle.empty())
    obstacle = products.analyse(pipelined, warps);
  for (tile::LoadOp load : pipelined.loads)
    if (obstacle.empty())
      obstacle = checkBulk(load.getView(), load.getIndices(), load.getType());
  if (!obstacle.empty())
    return obstacle;
  if (int64_t registers = products.numRegisters(); registers > mostRegisters)
    return "its products take " + std::to_string(registers) +
           " registers of each thread, more than " + std::to_string(mostRegisters);
  llvm::SetVector<Operation *> sources;
  if (!findSources(pipelined, nest, sources))
    return "its bounds or the places of its loads follow from memory or from a branch";
  int64_t bytes = fixedBytes(pipelined, kernel);
  StorePlan stores(kernel, nest, target.sharedBytes - bytes);
  bytes += stores.bufferBytes + stores.scratchBytes;
  if (bytes > target.sharedBytes)
    return "its " + std::to_string(pipelined.stages) + " stages and the results take " +
           std::to_string(bytes) + " bytes of shared memory, the limit of the target is " +
           std::to_string(target.sharedBytes);
  return {};
}

//===------------------------------------------------------------------------------------------===//
// Transformation
//===------------------------------------------------------------------------------------------===//

namespace {

class WarpSpecialisation {
public:
  WarpSpecialisation(PipelinedLoop &pipelined, const tile::TargetInfo &target)
      : pipelined(pipelined), target(target),
        kernel(pipelined.loop->getParentOfType<tile::KernelOp>()), nest(nestOf(pipelined)),
        warps(kernel.getNumWarps()), outside(OpBuilder::atBlockBegin(&kernel.getBody().front())) {}

  void run();

private:
  void makeBuffers();
  Block *makeRole(OpBuilder &builder, StringRef name, int64_t warps,
                  std::optional<int64_t> registers);
  /// Makes the loops of `rest`, with copies in the last, and what they need, of `sources`.
  /// `counter` counts iterations of that; returns what the count is behind the loops.
  Value copyNest(OpBuilder &builder, ArrayRef<scf::ForOp> rest,
                 const llvm::SetVector<Operation *> &sources, Value counter, IRMapping &mapping);
  void startCopies(OpBuilder &builder, Value variable, Value counter, IRMapping &mapping);
  void fillProducer(Block *body);
  void countIterations(Value &counter);
  void fillConsumer(Block *body);

  PipelinedLoop &pipelined;
  const tile::TargetInfo &target;
  tile::KernelOp kernel;
  /// The loops around the pipelined one, and that.
  SmallVector<scf::ForOp> nest;
  int64_t warps;
  AsyncProducts products;
  /// Before the roles.
  OpBuilder outside;
  Value full, free;
};

} // namespace

void WarpSpecialisation::makeBuffers() {
  Location loc = pipelined.loop.getLoc();
  pipelined.makeRings(outside);
  auto type = tile::MBarrierType::get(kernel.getContext(), pipelined.stages);
  full = tile::AllocMBarrierOp::create(outside, loc, type, pipelined.loads.size());
  free = tile::AllocMBarrierOp::create(outside, loc, type, warps);
}

Block *WarpSpecialisation::makeRole(OpBuilder &builder, StringRef name, int64_t warps,
                                    std::optional<int64_t> registers) {
  Location loc = pipelined.loop.getLoc();
  auto role =
      tile::RoleOp::create(builder, loc, name, warps, /*instances=*/1,
                           registers ? builder.getI64IntegerAttr(*registers) : IntegerAttr());
  Block *body = builder.createBlock(&role.getBody(), {}, builder.getI32Type(), loc);
  tile::EndRoleOp::create(builder, loc);
  builder.setInsertionPointAfter(role);
  return body;
}

void WarpSpecialisation::startCopies(OpBuilder &builder, Value variable, Value counter,
                                     IRMapping &mapping) {
  Location loc = pipelined.loop.getLoc();
  int64_t lag = products.isOverlapped() ? 1 : 0;
  tile::MBarrierWaitOp::create(builder, loc, free,
                               addConstant(builder, loc, counter, lag - pipelined.stages));
  pipelined.startCopies(builder, variable, counter, mapping,
                        [&](tile::LoadOp load, ValueRange indices, Value to) {
                          tile::CopyBulkOp::create(builder, load.getLoc(), load.getView(), indices,
                                                   to, full, counter);
                        });
}

Value WarpSpecialisation::copyNest(OpBuilder &builder, ArrayRef<scf::ForOp> rest,
                                   const llvm::SetVector<Operation *> &sources, Value counter,
                                   IRMapping &mapping) {
  scf::ForOp loop = rest.front();
  for (Operation *op : sources)
    if (op->getBlock() == loop->getBlock())
      builder.clone(*op, mapping);
  auto copy = scf::ForOp::create(
      builder, loop.getLoc(), mapping.lookupOrDefault(loop.getLowerBound()),
      mapping.lookupOrDefault(loop.getUpperBound()), mapping.lookupOrDefault(loop.getStep()),
      counter, [&](OpBuilder &inner, Location loc, Value variable, ValueRange carried) {
        mapping.map(loop.getInductionVar(), variable);
        Value count = carried.front();
        if (rest.size() > 1) {
          count = copyNest(inner, rest.drop_front(), sources, count, mapping);
        } else {
          startCopies(inner, variable, count, mapping);
          count = addConstant(inner, loc, count, 1);
        }
        scf::YieldOp::create(inner, loc, count);
      });
  return copy.getResults().back();
}

void WarpSpecialisation::fillProducer(Block *body) {
  OpBuilder builder = OpBuilder::atBlockBegin(body);
  llvm::SetVector<Operation *> sources;
  findSources(pipelined, nest, sources);
  IRMapping mapping;
  Value zero = arith::ConstantIntOp::create(builder, pipelined.loop.getLoc(), 0, 32);
  copyNest(builder, nest, sources, zero, mapping);
}

/// Lets the loops of the consumer count iterations of the pipelined one, through all loops around
/// it.
void WarpSpecialisation::countIterations(Value &counter) {
  IRRewriter rewriter(nest.front());
  Value count = arith::ConstantIntOp::create(rewriter, pipelined.loop.getLoc(), 0, 32);
  auto keep = [](OpBuilder &, Location, ArrayRef<BlockArgument> added) -> SmallVector<Value> {
    return {added.front()};
  };
  for (scf::ForOp &around : MutableArrayRef(nest).drop_back()) {
    around = cast<scf::ForOp>(*around.replaceWithAdditionalYields(
        rewriter, count, /*replaceInitOperandUsesInLoop=*/false, keep));
    count = around.getRegionIterArgs().back();
  }
  nest.back() = pipelined.loop = addCounter(pipelined.loop, count, counter);
  for (auto [around, inner] : llvm::zip(nest, MutableArrayRef(nest).drop_front())) {
    auto yield = cast<scf::YieldOp>(around.getBody()->getTerminator());
    yield->setOperand(yield->getNumOperands() - 1, inner.getResults().back());
  }
}

void WarpSpecialisation::fillConsumer(Block *body) {
  for (Operation &op : llvm::make_early_inc_range(kernel.getBody().front()))
    if (!isa<tile::RolesOp, tile::ReturnOp, tile::AllocSharedOp, tile::AllocMBarrierOp>(op))
      op.moveBefore(body->getTerminator());

  Value counter;
  countIterations(counter);
  scf::ForOp loop = pipelined.loop;
  Location loc = loop.getLoc();
  products.apply(
      loop, pipelined.rings, counter,
      [&](OpBuilder &builder) { tile::MBarrierWaitOp::create(builder, loc, full, counter); },
      [&](OpBuilder &builder) { tile::MBarrierArriveOp::create(builder, loc, free, counter); });
  // Transposes, then the loads: nothing else uses them.
  for (tile::LoadOp load : pipelined.loads) {
    for (Operation *user : llvm::make_early_inc_range(load->getUsers()))
      if (user->use_empty())
        user->erase();
    if (load->use_empty())
      load.erase();
  }

  if (!products.isOverlapped())
    return;
  OpBuilder builder(loop->getContext());
  builder.setInsertionPointAfter(loop);
  SmallVector<Value> sums;
  for (auto [result, yielded] : llvm::zip(loop.getResults(), loop.getYieldedValues()))
    if (yielded.getDefiningOp<tile::DotAsyncOp>())
      sums.push_back(result);
  auto wait = tile::DotWaitOp::create(builder, loc, TypeRange(ValueRange(sums)), /*pending=*/0,
                                      ValueRange(sums));
  for (auto [sum, waited] : llvm::zip_equal(sums, wait.getResults()))
    sum.replaceAllUsesExcept(waited, wait);
}

void WarpSpecialisation::run() {
  int64_t bytes = fixedBytes(pipelined, kernel);
  (void)products.analyse(pipelined, warps);
  kernel.walk([&](tile::AllocSharedOp alloc) {
    alloc->moveBefore(&kernel.getBody().front(), kernel.getBody().front().begin());
  });
  makeBuffers();
  StorePlan(kernel, nest, target.sharedBytes - bytes).apply(outside);

  Location loc = pipelined.loop.getLoc();
  OpBuilder builder(kernel.getBody().front().getTerminator());
  auto roles = tile::RolesOp::create(builder, loc);
  builder.createBlock(&roles.getBody());
  std::optional<Budgets> budgets = budgetsFor(warps, products.numRegisters());
  Block *producer = makeRole(builder, "producer", warpsOfProducer,
                             budgets ? std::optional(budgets->producer) : std::nullopt);
  Block *consumer = makeRole(builder, "consumer", warps,
                             budgets ? std::optional(budgets->consumer) : std::nullopt);
  kernel.removeWarpsAttr();
  fillProducer(producer);
  fillConsumer(consumer);
}

void pipelining::specialiseWarps(PipelinedLoop &loop, const tile::TargetInfo &target) {
  WarpSpecialisation(loop, target).run();
}
