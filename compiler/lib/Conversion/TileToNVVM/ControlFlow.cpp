//===- ControlFlow.cpp - structured control flow with carried tiles ---------------------------===//
//
// A tile that is carried becomes one carried value per register.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

SmallVector<Value> KernelLowering::flatten(ValueRange values) {
  SmallVector<Value> flat;
  for (Value value : values) {
    if (isTile(value))
      llvm::append_range(flat, registersOf(value));
    else
      flat.push_back(scalars.lookup(value));
  }
  return flat;
}

void KernelLowering::unflatten(ValueRange values, ValueRange flat) {
  for (Value value : values) {
    size_t count = isTile(value) ? layoutOf(value).numRegisters(shapeOf(value)) : 1;
    if (isTile(value))
      tiles[value] = llvm::to_vector(flat.take_front(count));
    else
      scalars.map(value, flat.front());
    flat = flat.drop_front(count);
  }
}

/// The types of `flatten(values)`.
static SmallVector<Type> flatTypes(ValueRange values) {
  SmallVector<Type> types;
  for (Value value : values) {
    auto tile = dyn_cast<RankedTensorType>(value.getType());
    types.append(tile ? tile::Layout::of(tile)->numRegisters(tile.getShape()) : 1,
                 tile ? tile.getElementType() : value.getType());
  }
  return types;
}

LogicalResult KernelLowering::lowerFor(scf::ForOp op) {
  if (op.getUnsignedCmp())
    return op.emitOpError("compares unsigned, which has no lowering");
  // A step of more than one could pass the end by way of the largest i32.
  bool isWide = op.getStep().getType().isInteger(32) && !matchPattern(op.getStep(), m_One());
  APInt end, step;
  if (matchPattern(op.getUpperBound(), m_ConstantInt(&end)) &&
      matchPattern(op.getStep(), m_ConstantInt(&step)) &&
      end.getSExtValue() + step.getSExtValue() <= INT32_MAX)
    isWide = false;
  auto bound = [&](Value value) {
    value = scalars.lookup(value);
    return isWide ? wide(value) : value;
  };
  Value lower = bound(op.getLowerBound()), upper = bound(op.getUpperBound()),
        increment = bound(op.getStep());
  SmallVector<Value> inits = flatten(op.getInits());
  size_t numValues = inits.size();
  beginCarriedProducts(op, inits);
  auto loop = scf::ForOp::create(b, lower, upper, increment, inits);
  OpBuilder::InsertionGuard guard(b);
  if (Block *body = loop.getBody(); !body->empty())
    body->getTerminator()->erase();
  b.setInsertionPointToEnd(loop.getBody());
  Value counter = loop.getInductionVar();
  if (isWide)
    counter = arith::TruncIOp::create(b, b.getI32Type(), counter);
  scalars.map(op.getInductionVar(), counter);
  unflatten(op.getRegionIterArgs(), loop.getRegionIterArgs());
  enterCarriedProducts(op, loop.getRegionIterArgs().drop_front(numValues));
  if (failed(lowerBlock(*op.getBody())))
    return failure();
  SmallVector<Value> yielded = flatten(op.getYieldedValues());
  if (failed(leaveCarriedProducts(op, yielded, loop.getResults().drop_front(numValues))))
    return failure();
  scf::YieldOp::create(b, yielded);
  unflatten(op.getResults(), loop.getResults());
  return success();
}

LogicalResult KernelLowering::lowerIf(scf::IfOp op) {
  auto branch = scf::IfOp::create(b, flatTypes(op.getResults()), scalars.lookup(op.getCondition()),
                                  /*addThenBlock=*/true, /*addElseBlock=*/op.elseBlock() != nullptr);
  const llvm::DenseSet<Value> readBefore = group.viewsRead;
  auto lowerSide = [&](Block *from, Block *to) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    group.viewsRead = readBefore;
    if (!to->empty())
      to->getTerminator()->erase();
    b.setInsertionPointToEnd(to);
    if (failed(lowerBlock(*from)))
      return failure();
    scf::YieldOp::create(b, flatten(from->getTerminator()->getOperands()));
    return success();
  };
  bool isDivergentBranch = isDivergent(op.getCondition());
  group.numDivergences += isDivergentBranch;
  LogicalResult lowered = success(
      succeeded(lowerSide(op.thenBlock(), branch.thenBlock())) &&
      (!op.elseBlock() || succeeded(lowerSide(op.elseBlock(), branch.elseBlock()))));
  group.numDivergences -= isDivergentBranch;
  if (failed(lowered))
    return failure();
  unflatten(op.getResults(), branch.getResults());
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (!isTile(result) && (isDivergentBranch || isDivergent(op.thenYield().getOperand(i)) ||
                            isDivergent(op.elseYield().getOperand(i))))
      divergent.insert(result);
  return success();
}

LogicalResult KernelLowering::lowerWhile(scf::WhileOp op) {
  // What the condition sees need not be what the body and the results are.
  auto loop = scf::WhileOp::create(b, flatTypes(op.getResults()), flatten(op.getInits()));
  auto createBlock = [&](Region &region, ValueRange arguments) {
    SmallVector<Type> types = flatTypes(arguments);
    return b.createBlock(&region, {}, types, SmallVector<Location>(types.size(), b.getLoc()));
  };
  OpBuilder::InsertionGuard guard(b);
  Block *before = createBlock(loop.getBefore(), op.getBeforeArguments());
  unflatten(op.getBeforeArguments(), before->getArguments());
  if (failed(lowerBlock(*op.getBeforeBody())))
    return failure();
  scf::ConditionOp condition = op.getConditionOp();
  scf::ConditionOp::create(b, scalars.lookup(condition.getCondition()),
                           flatten(condition.getArgs()));
  Block *after = createBlock(loop.getAfter(), op.getAfterArguments());
  unflatten(op.getAfterArguments(), after->getArguments());
  if (failed(lowerBlock(*op.getAfterBody())))
    return failure();
  scf::YieldOp::create(b, flatten(op.getYieldOp().getResults()));
  unflatten(op.getResults(), loop.getResults());
  return success();
}
