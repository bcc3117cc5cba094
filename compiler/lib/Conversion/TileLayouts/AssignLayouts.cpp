//===- AssignLayouts.cpp - choose a layout for every tile -------------------------------------===//
//
// A value is *anchored* if it, or what it is computed from, comes from an op that has a layout of its
// own: large loads, dots, scans, reductions. It is computed in that layout. All others (ranges,
// constants, broadcasts, reads of shared memory, loads of few elements, and what follows from them
// alone) are *free*: they are computed again in each layout in which they are used.
//
// First the layouts of the anchored values are found, walking the kernel until those of the
// loop-carried values are settled. Then the kernel is rewritten: types get their layouts, free
// values are cloned, and `convert_layout` goes where an anchored value is used in another layout.
//
//===------------------------------------------------------------------------------------------===//

#include "Access.h"
#include "Elementwise.h"
#include "MatrixProduct.h"
#include "PartialReduction.h"
#include "lighthouse/Conversion/Passes.h"

#include "mlir/IR/Matchers.h"

namespace lighthouse {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;
using tile::Layout;

static RankedTensorType tileType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

namespace {

/// A layout and how much a value in it is worth keeping there.
struct Home {
  Layout layout;
  bool isDot = false;
};

class LayoutAssignment {
public:
  /// For the tiles in `body`, that of the kernel or of a role, which `numWarps` warps run.
  LayoutAssignment(tile::KernelOp kernel, Block &body, int64_t numWarps)
      : kernel(kernel), body(body), numWarps(numWarps), loaded(body) {}

  void run() {
    infer();
    rewriteBlock(body);
  }
  /// Erases the free values that were made again for all their uses.
  static void eraseUnused(Block &block);

  unsigned numConversions = 0;

private:
  // Inference.
  void infer();
  void inferBlock(Block &block);
  void inferCarried(ValueRange arguments, ValueRange results, ValueRange inits, ValueRange yields);
  void enterCarried(ValueRange arguments, ValueRange results);
  std::optional<Home> anchor(Operation *op);
  Home homeOrDefault(Value value);
  const Home *homeOf(Value value) const {
    auto it = homes.find(value);
    return it == homes.end() ? nullptr : &it->second;
  }
  Layout defaultLayout(RankedTensorType type) const;
  Layout dotLayout(tile::DotOp dot) const;
  /// The home of the tiles that the loaded one meets, element by element, if threads read well by
  /// it: so none need go through shared memory. A product's comes first; else the widest elements of
  /// those that are loaded decide, by whose layout narrower ones are read well, too, but not the
  /// reverse.
  std::optional<Home> homeBeside(tile::LoadOp load);
  Layout storeLayout(Value view, ValueRange indices, Value value);

  // Rewriting.
  void rewriteBlock(Block &block);
  void rewriteOp(Operation *op);
  void rewriteAccess(OperandRange indices, Value mask, const Layout &layout, Operation *op);
  void rewriteOperands(Operation *op, const Layout &result);
  Value inLayout(Value value, const Layout &layout, Operation *user);
  void use(OpOperand &operand, const Layout &layout) {
    operand.set(inLayout(operand.get(), layout, operand.getOwner()));
  }

  tile::KernelOp kernel;
  Block &body;
  int64_t numWarps;
  LoadedTiles loaded;
  DenseMap<Value, Home> homes;
  /// Loop-carried values whose layouts are settled, by the result of the loop.
  DenseMap<Value, Home> carried;
  bool changed = false, settle = false;
  /// Free values by the layouts in which they exist.
  DenseMap<std::pair<Value, Attribute>, Value> copies;
};

} // namespace

//===------------------------------------------------------------------------------------------===//
// Inference
//===------------------------------------------------------------------------------------------===//

Layout LayoutAssignment::defaultLayout(RankedTensorType type) const {
  int64_t threads = 32 * numWarps;
  int64_t vector = std::clamp<int64_t>(type.getNumElements() / threads, 1,
                                       16 / tile::getMemoryBytes(type.getElementType()));
  SmallVector<int64_t> order(llvm::reverse(llvm::seq<int64_t>(0, type.getRank())));
  return Layout::blocked(type.getShape(), order, vector, numWarps);
}

/// Whether `value`, and what is made of it element by element, is only written to memory, summed up
/// further, or carried to the next iteration of a loop.
static bool isWrittenOrCarried(Value value) {
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isElementwise(user) || isa<tile::TransposeOp>(user))
      return isWrittenOrCarried(user->getResult(0));
    if (auto yield = dyn_cast<scf::YieldOp>(user)) {
      auto branch = dyn_cast<scf::IfOp>(yield->getParentOp());
      return !branch || isWrittenOrCarried(branch.getResult(use.getOperandNumber()));
    }
    if (auto dot = dyn_cast<tile::DotOp>(user))
      return use.get() == dot.getAcc() && isWrittenOrCarried(dot);
    return isa<tile::StoreOp, tile::AtomicRMWOp, tile::BufferStoreOp>(user);
  });
}

/// The result of `wgmma` (PTX ISA, "Register Fragments for wgmma"): a warpgroup has 64 rows, of which
/// each warp has 16. Warpgroups go along the rows, then along the columns, each with neighbours.
static Layout warpgroupResult(ArrayRef<int64_t> shape, int64_t numWarps) {
  if (numWarps < 4 || shape[0] % 64 != 0)
    return Layout::mmaResult(shape, numWarps); // the lowering refuses it
  Layout layout;
  layout.registers = {{1, 1}, {0, 8}};
  layout.lanes = {{1, 2}, {1, 4}, {0, 1}, {0, 2}, {0, 4}};
  layout.warps = {{0, 16}, {0, 32}};
  int64_t rows = shape[0] & -shape[0], columns = shape[1] & -shape[1], taken = 64;
  for (int64_t n = 4; n < numWarps; n *= 2) {
    tile::Basis basis;
    if (taken < rows) {
      basis = {0, taken};
      taken *= 2;
    } else if (columns > 8) {
      columns /= 2;
      basis = {1, columns};
    }
    layout.warps.push_back(basis);
  }
  layout.complete(shape);
  return layout;
}

Layout LayoutAssignment::dotLayout(tile::DotOp dot) const {
  auto type = cast<RankedTensorType>(dot.getType());
  if (isMatrixProduct(dot)) {
    // Operands in registers, and what takes the result as it is, want whole rows in a warp.
    Layout rows = Layout::mmaResult(type.getShape(), numWarps);
    if (homeOf(dot.getA()) || homeOf(dot.getB()))
      return rows;
    Layout balanced = Layout::mmaResult(type.getShape(), numWarps, /*balanced=*/true);
    // What is summed up further stays where it is.
    const Home *acc = homeOf(dot.getAcc());
    if (acc && (acc->layout == rows || acc->layout == balanced))
      return acc->layout;
    return isWrittenOrCarried(dot) ? balanced : rows;
  }
  // Each thread a block of 4 by 4, so that what it reads is used four times.
  Layout layout;
  for (int64_t d : {1, 0})
    for (int64_t n = 1; n < 4 && type.getDimSize(d) % (2 * n) == 0; n *= 2)
      layout.registers.push_back({d, n});
  layout.rank = 2;
  int64_t next[2] = {1, 1};
  for (tile::Basis basis : layout.registers)
    next[basis.dim] = 2 * basis.stride;
  auto take = [&]() -> tile::Basis {
    for (int64_t d : {1, 0})
      if (type.getDimSize(d) % (2 * next[d]) == 0) {
        next[d] *= 2;
        return {d, next[d] / 2};
      }
    return {};
  };
  for (unsigned i = 0; i < Layout::laneBits; ++i)
    layout.lanes.push_back(take());
  for (int64_t n = 1; n < numWarps; n *= 2)
    layout.warps.push_back(take());
  layout.complete(type.getShape());
  return layout;
}

/// Bytes that the threads of a warp write side by side along the last dim.
static int64_t bytesSideBySide(const Layout &layout, RankedTensorType type) {
  int64_t run = 1;
  auto extends = [&](tile::Basis basis) {
    if (basis.dim != layout.rank - 1 || basis.stride != run)
      return false;
    run *= 2;
    return true;
  };
  for (tile::Basis basis : layout.registers)
    if (!extends(basis))
      break;
  for (tile::Basis basis : layout.lanes)
    if (!extends(basis))
      break;
  return run * tile::getMemoryBytes(type.getElementType());
}

/// What memory moves at once.
static constexpr int64_t sectorBytes = 32;

/// The most that a thread moves at once.
static constexpr int64_t accessBytes = 16;

/// Whether threads read tiles of `type` well by `home`. By a product's, neighbours read half a sector or
/// more side by side, whose other half is in their next register. By others, a thread reads all that it
/// has side by side at once: more than that is slower than a way through shared memory.
static bool readsWell(const Home &home, RankedTensorType type) {
  Layout ofThread = home.layout;
  ofThread.lanes.clear();
  return bytesSideBySide(home.layout, type) >= sectorBytes / 2 &&
         (home.isDot || bytesSideBySide(ofThread, type) <= accessBytes);
}

std::optional<Home> LayoutAssignment::homeBeside(tile::LoadOp load) {
  // What else takes it, such as a product, is served best by the widest access.
  if (!llvm::all_of(load->getUsers(), isElementwise))
    return std::nullopt;
  RankedTensorType type = tileType(load.getResult());
  auto bytesOf = [](tile::LoadOp op) {
    return tile::getMemoryBytes(getElementTypeOrSelf(op.getType()));
  };
  std::optional<Home> best;
  tile::LoadOp widest = load;
  for (Value value : loaded.meeting(load)) {
    auto other = value.getDefiningOp<tile::LoadOp>();
    if (const Home *home = homeOf(value)) {
      if (readsWell(*home, type) && (!best || (home->isDot && !best->isDot)))
        best = *home;
    } else if (other && bytesOf(other) > bytesOf(widest)) {
      widest = other;
    }
  }
  if (best || widest == load)
    return best;
  Home home{accessLayout(kernel, numWarps, widest.getView(), widest.getIndices(), type.getShape())};
  return readsWell(home, type) ? std::optional(home) : std::nullopt;
}

Layout LayoutAssignment::storeLayout(Value view, ValueRange indices, Value value) {
  RankedTensorType type = tileType(value);
  const Home *home = homeOf(value);
  int64_t rowBytes = type.getShape().back() * tile::getMemoryBytes(type.getElementType());
  // Whole sectors of memory are worth a way through shared memory; a small tile is not.
  if (home &&
      (type.getNumElements() <= 32 * numWarps || !tileType(indices.back()) ||
       bytesSideBySide(home->layout, type) >= std::min(sectorBytes, rowBytes)))
    return home->layout;
  return accessLayout(kernel, numWarps, view, indices, type.getShape());
}

std::optional<Home> LayoutAssignment::anchor(Operation *op) {
  RankedTensorType type = tileType(op->getResult(0));
  auto mapped = [](const Home *home, auto map) -> std::optional<Home> {
    return home ? std::optional(Home{map(home->layout), home->isDot}) : std::nullopt;
  };
  return llvm::TypeSwitch<Operation *, std::optional<Home>>(op)
      .Case([&](tile::LoadOp load) -> std::optional<Home> {
        if (type.getNumElements() <= 32 * numWarps)
          return std::nullopt;
        if (std::optional<Home> beside = homeBeside(load))
          return beside;
        return Home{accessLayout(kernel, numWarps, load.getView(), load.getIndices(),
                                 type.getShape())};
      })
      .Case([&](tile::DotOp dot) {
        return Home{dotLayout(dot), /*isDot=*/true};
      })
      .Case([&](tile::DotAsyncOp dot) {
        return Home{warpgroupResult(type.getShape(), numWarps), /*isDot=*/true};
      })
      .Case([&](tile::ReducePartialOp reduce) {
        Home source = homeOrDefault(reduce.getSource());
        return Home{PartialReduction(reduce, source.layout).layout, source.isDot};
      })
      .Case([&](tile::ScanOp scan) {
        return Home{Layout::scan(type.getShape(), scan.getAxis(), numWarps)};
      })
      .Case([&](tile::ReduceOp reduce) {
        Home source = homeOrDefault(reduce.getSource());
        return Home{source.layout.withoutDim(reduce.getAxis()), source.isDot};
      })
      .Case([&](tile::TransposeOp transpose) {
        return mapped(homeOf(transpose.getSource()),
                      [](const Layout &layout) { return layout.transposed(); });
      })
      .Case([&](tile::ReshapeOp reshape) -> std::optional<Home> {
        ArrayRef<int64_t> from = tileType(reshape.getSource()).getShape();
        Home source = homeOrDefault(reshape.getSource());
        std::optional<Layout> layout = source.layout.reshaped(from, type.getShape());
        // What is not linear goes through memory, into a layout of its own.
        if (!layout)
          return Home{defaultLayout(type)};
        return homeOf(reshape.getSource()) ? std::optional(Home{*layout, source.isDot})
                                           : std::nullopt;
      })
      .Default([&](Operation *) -> std::optional<Home> {
        std::optional<Home> best;
        if (isElementwise(op))
          for (Value operand : op->getOperands())
            if (const Home *home = homeOf(operand); home && (!best || (home->isDot && !best->isDot)))
              best = *home;
        return best;
      });
}

Home LayoutAssignment::homeOrDefault(Value value) {
  const Home *home = homeOf(value);
  return home ? *home : Home{defaultLayout(tileType(value))};
}

void LayoutAssignment::enterCarried(ValueRange arguments, ValueRange results) {
  for (auto [argument, result] : llvm::zip_equal(arguments, results))
    if (auto it = carried.find(result); it != carried.end()) {
      homes[argument] = it->second;
      homes[result] = it->second;
    }
}

void LayoutAssignment::inferCarried(ValueRange arguments, ValueRange results, ValueRange inits,
                                    ValueRange yields) {
  for (auto [result, init, yield] : llvm::zip_equal(results, inits, yields)) {
    if (!tileType(result) || carried.contains(result))
      continue;
    const Home *home = homeOf(yield);
    // Only when nothing in the loop decides.
    if (!home && settle)
      home = homeOf(init);
    if (home)
      carried[result] = *home;
    else if (settle)
      carried[result] = Home{defaultLayout(tileType(result))};
    changed |= carried.contains(result);
  }
  enterCarried(arguments, results);
}

void LayoutAssignment::inferBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      enterCarried(loop.getRegionIterArgs(), loop.getResults());
      inferBlock(*loop.getBody());
      inferCarried(loop.getRegionIterArgs(), loop.getResults(), loop.getInits(),
                   loop.getYieldedValues());
    } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
      // What the condition sees need not be what the body and the results are.
      ValueRange before = loop.getBeforeArguments(), handedOn = loop.getConditionOp().getArgs();
      enterCarried(before, before);
      inferBlock(*loop.getBeforeBody());
      inferCarried(loop.getAfterArguments(), loop.getResults(), handedOn, handedOn);
      inferBlock(*loop.getAfterBody());
      inferCarried(before, before, loop.getInits(), loop.getYieldOp().getResults());
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      inferBlock(*branch.thenBlock());
      if (branch.elseBlock())
        inferBlock(*branch.elseBlock());
      for (auto [i, result] : llvm::enumerate(branch.getResults()))
        if (tileType(result)) {
          const Home *home = homeOf(branch.thenYield().getOperand(i));
          if (!home)
            home = homeOf(branch.elseYield().getOperand(i));
          homes[result] = home ? Home(*home) : Home{defaultLayout(tileType(result))};
        }
    } else if (auto wait = dyn_cast<tile::DotWaitOp>(op)) {
      for (auto [result, value] : llvm::zip_equal(wait.getResults(), wait.getValues()))
        homes[result] = homeOrDefault(value);
    } else if (op.getNumResults() == 1 && tileType(op.getResult(0))) {
      if (std::optional<Home> home = anchor(&op))
        homes[op.getResult(0)] = *home;
    }
  }
}

void LayoutAssignment::infer() {
  // Each round settles the loops whose bodies have become known; the rest is settled by force.
  do {
    changed = false;
    homes.clear();
    inferBlock(body);
    if (!changed && !settle)
      settle = changed = true;
  } while (changed);
}

//===------------------------------------------------------------------------------------------===//
// Rewriting
//===------------------------------------------------------------------------------------------===//

/// Gives a value a layout; a constant's value has the type, too.
static void setLayout(Value value, const Layout &layout) {
  RankedTensorType type = withLayout(cast<RankedTensorType>(value.getType()), layout);
  value.setType(type);
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    constant.setValueAttr(DenseElementsAttr::get(
        type, cast<DenseElementsAttr>(constant.getValue()).getSplatValue<Attribute>()));
}

Value LayoutAssignment::inLayout(Value value, const Layout &layout, Operation *user) {
  OpBuilder builder(user);
  if (homeOf(value)) {
    if (Layout::of(value.getType()) == layout)
      return value;
    ++numConversions;
    return tile::ConvertLayoutOp::create(builder, value.getLoc(),
                                         withLayout(tileType(value), layout), value);
  }
  Value &copy = copies[{value, layout.toAttr(kernel.getContext())}];
  if (copy)
    return copy;
  // A free value is made again beside the original, so that every use is behind it.
  Operation *op = value.getDefiningOp();
  builder.setInsertionPoint(op);
  Operation *clone = builder.clone(*op);
  setLayout(clone->getResult(0), layout);
  Value result = copies[{value, layout.toAttr(kernel.getContext())}] = clone->getResult(0);
  rewriteOperands(clone, layout);
  return result;
}

void LayoutAssignment::rewriteAccess(OperandRange indices, Value mask, const Layout &layout,
                                     Operation *op) {
  int64_t tileDim = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (!tileType(value))
      continue;
    unsigned first = indices.getBeginOperandIndex();
    bool isIndex = operand.getOperandNumber() >= first &&
                   operand.getOperandNumber() < first + indices.size();
    if (isIndex) {
      Layout along = layout;
      for (int64_t d = layout.rank - 1; d >= 0; --d)
        if (d != tileDim)
          along = along.withoutDim(d);
      ++tileDim;
      use(operand, along);
    } else if (value == mask) {
      use(operand, layout);
    }
  }
}

/// Rewrites the operands of an op whose result is in `result`.
void LayoutAssignment::rewriteOperands(Operation *op, const Layout &result) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tile::LoadOp load) {
        rewriteAccess(load.getIndices(), load.getMask(), result, load);
      })
      .Case([&](tile::DotOp dot) {
        Layout left = result, right = result;
        if (isMatrixProduct(dot)) {
          int64_t pack = elementsPerRegister(tileType(dot.getA()).getElementType());
          left = Layout::mmaLeft(tileType(dot.getA()).getShape(), result, pack);
          right = Layout::mmaRight(tileType(dot.getB()).getShape(), result, pack);
        } else {
          // They are read from shared memory; any layout will do.
          left = homeOrDefault(dot.getA()).layout;
          right = homeOrDefault(dot.getB()).layout;
        }
        use(dot.getAMutable(), left);
        use(dot.getBMutable(), right);
        use(dot.getAccMutable(), result);
      })
      .Case([&](tile::DotAsyncOp dot) {
        if (auto type = tileType(dot.getA()))
          use(dot.getAMutable(), Layout::mmaLeft(type.getShape(), result,
                                                 elementsPerRegister(type.getElementType())));
        use(dot.getAccMutable(), result);
      })
      .Case<tile::ReduceOp, tile::ReducePartialOp>([&](auto reduce) {
        use(reduce.getSourceMutable(), homeOrDefault(reduce.getSource()).layout);
      })
      .Case([&](tile::TransposeOp transpose) {
        use(transpose.getSourceMutable(), result.transposed());
      })
      .Case([&](tile::ReshapeOp reshape) {
        std::optional<Layout> source = result.reshaped(
            reshape.getType().getShape(), tileType(reshape.getSource()).getShape());
        use(reshape.getSourceMutable(),
            source ? *source : homeOrDefault(reshape.getSource()).layout);
      })
      .Case([&](tile::BroadcastOp broadcast) {
        use(broadcast.getSourceMutable(),
            result.narrowed(tileType(broadcast.getSource()).getShape()));
      })
      .Default([&](Operation *) {
        for (OpOperand &operand : op->getOpOperands())
          if (tileType(operand.get()))
            use(operand, result);
      });
}

void LayoutAssignment::rewriteOp(Operation *op) {
  auto yieldAs = [&](Operation *terminator, ValueRange results, unsigned firstOperand = 0) {
    for (auto [i, result] : llvm::enumerate(results))
      if (tileType(result))
        use(terminator->getOpOperand(firstOperand + i), *Layout::of(result.getType()));
  };
  auto setCarried = [&](ValueRange values, ValueRange results) {
    for (auto [value, result] : llvm::zip_equal(values, results))
      if (tileType(value))
        setLayout(value, homes.at(result).layout);
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](scf::ForOp loop) {
        setCarried(loop.getResults(), loop.getResults());
        setCarried(loop.getRegionIterArgs(), loop.getResults());
        yieldAs(loop, loop.getResults(), loop.getNumControlOperands());
        rewriteBlock(*loop.getBody());
        yieldAs(loop.getBody()->getTerminator(), loop.getResults());
      })
      .Case([&](scf::WhileOp loop) {
        setCarried(loop.getResults(), loop.getResults());
        setCarried(loop.getBeforeArguments(), loop.getBeforeArguments());
        setCarried(loop.getAfterArguments(), loop.getResults());
        yieldAs(loop, loop.getBeforeArguments());
        rewriteBlock(*loop.getBeforeBody());
        yieldAs(loop.getConditionOp(), loop.getResults(), /*firstOperand=*/1);
        rewriteBlock(*loop.getAfterBody());
        yieldAs(loop.getYieldOp(), loop.getBeforeArguments());
      })
      .Case([&](scf::IfOp branch) {
        setCarried(branch.getResults(), branch.getResults());
        for (Region &region : branch->getRegions())
          if (!region.empty()) {
            rewriteBlock(region.front());
            yieldAs(region.front().getTerminator(), branch.getResults());
          }
      })
      .Case([&](tile::StoreOp store) {
        if (!tileType(store.getValue()))
          return;
        Layout layout = storeLayout(store.getView(), store.getIndices(), store.getValue());
        rewriteAccess(store.getIndices(), store.getMask(), layout, store);
        use(store.getValueMutable(), layout);
      })
      .Case([&](tile::AtomicRMWOp atomic) {
        if (!tileType(atomic.getValue()))
          return;
        const Home *home = homeOf(atomic.getValue());
        Layout layout = home ? home->layout
                             : accessLayout(kernel, numWarps, atomic.getView(),
                                            atomic.getIndices(),
                                            tileType(atomic.getValue()).getShape());
        rewriteAccess(atomic.getIndices(), atomic.getMask(), layout, atomic);
        use(atomic.getValueMutable(), layout);
      })
      .Case([&](tile::DotWaitOp wait) {
        for (auto [operand, result] :
             llvm::zip_equal(wait->getOpOperands(), wait.getResults())) {
          Layout layout = homes.at(result).layout;
          setLayout(result, layout);
          use(operand, layout);
        }
      })
      .Case([&](tile::VoteOp vote) {
        use(vote.getSourceMutable(), homeOrDefault(vote.getSource()).layout);
      })
      .Case([&](tile::CopyAsyncOp copy) {
        rewriteAccess(copy.getIndices(), Value(), copyLayout(copy), copy);
      })
      .Case([&](tile::BufferStoreOp store) {
        use(store.getValueMutable(), homeOrDefault(store.getValue()).layout);
      })
      .Default([&](Operation *) {
        if (op->getNumResults() != 1)
          return;
        Value result = op->getResult(0);
        if (!tileType(result)) {
          // A reduction to a scalar.
          if (auto reduce = dyn_cast<tile::ReduceOp>(op))
            use(reduce.getSourceMutable(), homeOrDefault(reduce.getSource()).layout);
          return;
        }
        if (const Home *home = homeOf(result)) {
          Layout layout = home->layout;
          setLayout(result, layout);
          rewriteOperands(op, layout);
        }
      });
}

void LayoutAssignment::rewriteBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator()))
    rewriteOp(&op);
}

void LayoutAssignment::eraseUnused(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseUnused(inner);
    if (op.getNumResults() == 1 && tileType(op.getResult(0)) && op.use_empty() &&
        (isMemoryEffectFree(&op) || isa<tile::LoadOp, tile::BufferLoadOp>(op)))
      op.erase();
  }
}

namespace {

struct AssignLayoutsPass : lighthouse::impl::AssignLayoutsBase<AssignLayoutsPass> {
  void runOnOperation() override {
    tile::KernelOp kernel = getOperation();
    WalkResult walked = kernel.walk([](arith::ConstantOp constant) {
      auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (!dense || dense.isSplat())
        return WalkResult::advance();
      constant.emitOpError("is a tile constant with different elements, which has no layout");
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    auto assign = [&](Block &body, int64_t numWarps) {
      LayoutAssignment assignment(kernel, body, numWarps);
      assignment.run();
      numConversions += assignment.numConversions;
    };
    if (tile::RolesOp roles = kernel.getRoles())
      for (auto role : roles.getBody().getOps<tile::RoleOp>())
        assign(role.getBody().front(), role.getWarps());
    else
      assign(kernel.getBody().front(), kernel.getNumWarps());
    LayoutAssignment::eraseUnused(kernel.getBody().front());
  }
};

} // namespace
