//===- PipelinedLoop.cpp - what a pipelined loop can bring ahead of time ----------------------===//

#include "PipelinedLoop.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

std::string pipelining::nameOf(Value view) {
  auto argument = cast<BlockArgument>(view);
  auto kernel = cast<tile::KernelOp>(argument.getOwner()->getParentOp());
  return "'" + kernel.getArgName(argument.getArgNumber()) + "'";
}

/// Appends the operands of products that `value` is, transposed or not. False if it is anything
/// else.
static bool collectProducts(Value value, SmallVectorImpl<OpOperand *> &products) {
  bool isComplete = true;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (auto dot = dyn_cast<tile::DotOp>(user); dot && use.get() != dot.getAcc())
      products.push_back(&use);
    else if (isa<tile::TransposeOp>(user))
      isComplete &= collectProducts(user->getResult(0), products);
    else
      isComplete = false;
  }
  return isComplete;
}

SmallVector<OpOperand *> pipelining::productsOf(tile::LoadOp load) {
  SmallVector<OpOperand *> products;
  collectProducts(load.getResult(), products);
  return products;
}

//===------------------------------------------------------------------------------------------===//
// Analysis
//===------------------------------------------------------------------------------------------===//

bool PipelinedLoop::addSubscript(Value value) {
  if (value == loop.getInductionVar() || loop.isDefinedOutsideOfLoop(value))
    return true;
  Operation *op = value.getDefiningOp();
  // It is computed for iterations that do not take place, too.
  if (!op || op->getBlock() != loop.getBody() || op->getNumRegions() != 0 || !isPure(op) ||
      !llvm::all_of(op->getOperands(), [&](Value operand) { return addSubscript(operand); }))
    return false;
  subscripts.insert(op);
  return true;
}

Obstacle PipelinedLoop::check(tile::LoadOp load) {
  auto kernel = load->getParentOfType<tile::KernelOp>();
  SmallVector<OpOperand *> products;
  std::string name = nameOf(load.getView());
  if (!collectProducts(load.getResult(), products))
    return "what it loads of " + name + " is used by other than products, too";
  if (cast<BlockArgument>(load.getView()).getArgNumber() >= kernel.getInputs())
    return "the kernel writes " + name;
  if (load.getMask() || (load.getOther() && !matchPattern(load.getOther(), m_AnyZeroFloat())))
    return "its load of " + name + " has a mask or a value for what is outside";
  for (Value index : load.getIndices())
    if (!addSubscript(index))
      return "the place of " + name +
             " follows from what the loop carries or loads, or from a "
             "division by a value of the run";
  return {};
}

Obstacle PipelinedLoop::analyse() {
  WalkResult walked = loop.walk([](Operation *op) {
    return isa<tile::CopyAsyncOp, tile::CommitOp, tile::WaitOp>(op) ? WalkResult::interrupt()
                                                                    : WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return "it makes asynchronous copies itself";
  for (auto load : loop.getBody()->getOps<tile::LoadOp>()) {
    if (productsOf(load).empty())
      continue;
    if (Obstacle obstacle = check(load); obstacle.empty())
      loads.push_back(load);
    else if (others.empty())
      others = obstacle;
  }
  if (!loads.empty())
    return {};
  return others.empty() ? "no load in it is an operand of a product" : others;
}

//===------------------------------------------------------------------------------------------===//
// Rings
//===------------------------------------------------------------------------------------------===//

tile::BufferType pipelining::bufferFor(ArrayRef<int64_t> shape, Type elementType) {
  constexpr int64_t widestSwizzle = 128;
  return tile::BufferType::get(elementType.getContext(), shape, elementType, widestSwizzle);
}

tile::BufferType PipelinedLoop::ringOf(tile::LoadOp load) const {
  auto type = cast<RankedTensorType>(load.getType());
  SmallVector<int64_t> shape{stages};
  llvm::append_range(shape, type.getShape());
  return bufferFor(shape, type.getElementType());
}

int64_t PipelinedLoop::ringBytes() const {
  int64_t bytes = 0;
  for (tile::LoadOp load : loads)
    bytes += ringOf(load).getBytes();
  return bytes;
}

int64_t pipelining::bufferBytes(tile::KernelOp kernel) {
  int64_t bytes = 0;
  kernel.walk([&](tile::AllocSharedOp alloc) { bytes += alloc.getType().getBytes(); });
  return bytes;
}

void PipelinedLoop::makeRings(OpBuilder &builder) {
  for (tile::LoadOp load : loads)
    rings[load] = tile::AllocSharedOp::create(builder, load.getLoc(), ringOf(load));
}

void PipelinedLoop::startCopies(
    OpBuilder &builder, Value variable, Value index, IRMapping &mapping,
    function_ref<void(tile::LoadOp, ValueRange, Value)> copy) const {
  mapping.map(scf::ForOp(loop).getInductionVar(), variable);
  for (Operation *op : subscripts)
    builder.clone(*op, mapping);
  for (tile::LoadOp load : loads) {
    auto indices = llvm::map_to_vector(
        load.getIndices(), [&](Value value) { return mapping.lookupOrDefault(value); });
    copy(load, indices, slotAt(builder, load.getLoc(), rings.lookup(load), index));
  }
}

Value pipelining::addConstant(OpBuilder &builder, Location loc, Value value, int64_t constant) {
  if (constant == 0)
    return value;
  Value number = arith::ConstantIntOp::create(builder, loc, constant, 32);
  return arith::AddIOp::create(builder, loc, value, number);
}

Value pipelining::slotAt(OpBuilder &builder, Location loc, Value ring, Value index) {
  return tile::SlotOp::create(builder, loc, cast<tile::BufferType>(ring.getType()).getSlot(), ring,
                              index);
}

scf::ForOp pipelining::addCounter(scf::ForOp loop, Value start, Value &counter) {
  IRRewriter rewriter(loop);
  auto next = [](OpBuilder &builder, Location loc,
                 ArrayRef<BlockArgument> added) -> SmallVector<Value> {
    return {addConstant(builder, loc, added.front(), 1)};
  };
  auto counting = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, start, /*replaceInitOperandUsesInLoop=*/false, next));
  counter = counting.getRegionIterArgs().back();
  return counting;
}
