//===- ControlFlow.cpp - loops and branches with carried tiles ------------------------------------===//
//
// Scalars are carried as values, tiles in buffers: one buffer per carried tile, written before the
// loop, and again at the end of every iteration.
//
//===----------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lighthouse;

/// The carried scalars among `values`, as values of the function.
static SmallVector<Value> scalarsOf(ValueRange values, const IRMapping &map) {
  SmallVector<Value> result;
  for (Value value : values)
    if (!isa<RankedTensorType>(value.getType()))
      result.push_back(map.lookup(value));
  return result;
}

void KernelLowering::assign(ValueRange values, ArrayRef<Value> destinations) {
  // A value that reads a destination other than its own element of its own destination must be
  // computed before anything is overwritten.
  SmallVector<std::pair<Value, Value>> moves; // temporary or tile, destination
  for (auto [value, destination] : llvm::zip_equal(values, destinations)) {
    if (auto it = buffers.find(value); it != buffers.end() && it->second == destination)
      continue;
    bool conflict = llvm::any_of(destinations, [&, value = value, own = destination](Value other) {
      Reads kind = reads(value, other);
      return kind == Reads::elsewhere || (kind == Reads::sameElement && other != own);
    });
    if (conflict) {
      auto type = cast<RankedTensorType>(value.getType());
      Value temporary = allocate(type.getShape(), type.getElementType());
      writeTo(temporary, value);
      buffers[value] = temporary;
      pending.remove(value);
    }
    moves.push_back({value, destination});
  }
  for (auto [value, destination] : moves) {
    writeTo(destination, value);
    pending.remove(value);
  }
}

Value KernelLowering::carriedDestination(Value value) {
  if (!value.hasOneUse())
    return {};
  OpOperand &use = *value.use_begin();
  auto loop = dyn_cast<scf::ForOp>(use.getOwner()->getParentOp());
  Operation *definition = value.getDefiningOp();
  if (!loop || !isa<scf::YieldOp>(use.getOwner()) || definition->getBlock() != loop.getBody())
    return {};
  BlockArgument carried = loop.getRegionIterArg(use.getOperandNumber());
  for (Operation *user : carried.getUsers()) {
    Operation *ancestor = loop.getBody()->findAncestorOpInBlock(*user);
    if (definition->isBeforeInBlock(ancestor))
      return {};
  }
  // Other lazy values may still need the old contents; those used by the definition itself are
  // read element by element before the element is overwritten, or not at all (see the caller).
  Value buffer = buffers.lookup(carried);
  flush([&](Value tile) {
    return reads(tile, buffer) != Reads::never && !llvm::is_contained(tile.getUsers(), definition);
  });
  ++numInPlace;
  return buffer;
}

LogicalResult KernelLowering::lowerFor(scf::ForOp op) {
  if (op.getUnsignedCmp())
    return op.emitOpError("compares unsigned, which has no lowering");
  flush([](Value) { return true; });
  SmallVector<Value> carriedBuffers;
  for (auto [argument, init] : llvm::zip_equal(op.getRegionIterArgs(), op.getInitArgs())) {
    if (!isTile(argument))
      continue;
    auto type = cast<RankedTensorType>(argument.getType());
    Value buffer = allocate(type.getShape(), type.getElementType());
    writeTo(buffer, init);
    buffers[argument] = buffer;
    carriedBuffers.push_back(buffer);
  }
  // A step of more than one could pass the end by way of the largest i32.
  bool isWide = op.getStep().getType().isInteger(32) && !matchPattern(op.getStep(), m_One());
  auto bound = [&](Value value) -> Value {
    value = scalars.lookup(value);
    return isWide ? arith::ExtSIOp::create(b, b.getI64Type(), value).getResult() : value;
  };
  Value begin = bound(op.getLowerBound()), end = bound(op.getUpperBound());
  auto loop = scf::ForOp::create(b, begin, end, bound(op.getStep()),
                                 scalarsOf(op.getInitArgs(), scalars));
  {
    OpBuilder::InsertionGuard guard(b);
    if (Block *body = loop.getBody(); !body->empty())
      body->getTerminator()->erase();
    b.setInsertionPointToEnd(loop.getBody());
    Value counter = loop.getInductionVar();
    if (isWide)
      counter = arith::TruncIOp::create(b, b.getI32Type(), counter);
    scalars.map(op.getInductionVar(), counter);
    unsigned next = 0;
    for (Value argument : op.getRegionIterArgs())
      if (!isTile(argument))
        scalars.map(argument, loop.getRegionIterArg(next++));
    if (failed(lowerBlock(*op.getBody())))
      return failure();
    auto yield = cast<scf::YieldOp>(op.getBody()->getTerminator());
    SmallVector<Value> tiles(
        llvm::make_filter_range(yield.getOperands(), [&](Value v) { return isTile(v); }));
    assign(tiles, carriedBuffers);
    scf::YieldOp::create(b, scalarsOf(yield.getOperands(), scalars));
  }
  unsigned nextScalar = 0, nextTile = 0;
  for (Value result : op.getResults())
    if (isTile(result))
      buffers[result] = carriedBuffers[nextTile++];
    else
      scalars.map(result, loop.getResult(nextScalar++));
  return success();
}

LogicalResult KernelLowering::lowerIf(scf::IfOp op) {
  flush([](Value) { return true; });
  SmallVector<Value> resultBuffers;
  SmallVector<Type> scalarTypes;
  for (Value result : op.getResults()) {
    if (auto type = dyn_cast<RankedTensorType>(result.getType()))
      resultBuffers.push_back(allocate(type.getShape(), type.getElementType()));
    else
      scalarTypes.push_back(result.getType());
  }
  bool hasElse = !op.getElseRegion().empty();
  auto branch = scf::IfOp::create(b, scalarTypes, scalars.lookup(op.getCondition()), hasElse);
  auto lowerRegion = [&](Block &from, Block &to) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    if (!to.empty())
      to.getTerminator()->erase();
    b.setInsertionPointToEnd(&to);
    if (failed(lowerBlock(from)))
      return failure();
    Operation *yield = from.getTerminator();
    SmallVector<Value> tiles(
        llvm::make_filter_range(yield->getOperands(), [&](Value v) { return isTile(v); }));
    assign(tiles, resultBuffers);
    scf::YieldOp::create(b, scalarsOf(yield->getOperands(), scalars));
    return success();
  };
  if (failed(lowerRegion(*op.thenBlock(), *branch.thenBlock())) ||
      (hasElse && failed(lowerRegion(*op.elseBlock(), *branch.elseBlock()))))
    return failure();
  unsigned nextScalar = 0, nextTile = 0;
  for (Value result : op.getResults())
    if (isTile(result))
      buffers[result] = resultBuffers[nextTile++];
    else
      scalars.map(result, branch.getResult(nextScalar++));
  return success();
}

LogicalResult KernelLowering::lowerWhile(scf::WhileOp op) {
  flush([](Value) { return true; });
  auto makeBuffers = [&](ValueRange values) {
    SmallVector<Value> result;
    for (Value value : values)
      if (auto type = dyn_cast<RankedTensorType>(value.getType())) {
        result.push_back(allocate(type.getShape(), type.getElementType()));
        buffers[value] = result.back();
      }
    return result;
  };
  auto tilesOf = [&](ValueRange values) {
    return SmallVector<Value>(
        llvm::make_filter_range(values, [&](Value v) { return isTile(v); }));
  };
  auto scalarTypes = [&](TypeRange types) {
    return SmallVector<Type>(llvm::make_filter_range(
        types, [](Type type) { return !isa<RankedTensorType>(type); }));
  };
  SmallVector<Value> before = makeBuffers(op.getBeforeArguments());
  SmallVector<Value> after = makeBuffers(op.getAfterArguments());
  assign(tilesOf(op.getInits()), before);

  auto loop = scf::WhileOp::create(b, scalarTypes(op.getResultTypes()),
                                   scalarsOf(op.getInits(), scalars));
  auto enter = [&](Region &region, ValueRange arguments) {
    SmallVector<Type> types = scalarTypes(arguments.getTypes());
    Block *block = b.createBlock(&region, {}, types, SmallVector<Location>(types.size(), b.getLoc()));
    unsigned next = 0;
    for (Value argument : arguments)
      if (!isTile(argument))
        scalars.map(argument, block->getArgument(next++));
  };
  OpBuilder::InsertionGuard guard(b);
  enter(loop.getBefore(), op.getBeforeArguments());
  if (failed(lowerBlock(*op.getBeforeBody())))
    return failure();
  auto condition = op.getConditionOp();
  assign(tilesOf(condition.getArgs()), after);
  scf::ConditionOp::create(b, scalars.lookup(condition.getCondition()),
                           scalarsOf(condition.getArgs(), scalars));

  enter(loop.getAfter(), op.getAfterArguments());
  if (failed(lowerBlock(*op.getAfterBody())))
    return failure();
  auto yield = op.getYieldOp();
  assign(tilesOf(yield.getOperands()), before);
  scf::YieldOp::create(b, scalarsOf(yield.getOperands(), scalars));

  unsigned nextScalar = 0, nextTile = 0;
  for (Value result : op.getResults())
    if (isTile(result))
      buffers[result] = after[nextTile++];
    else
      scalars.map(result, loop.getResult(nextScalar++));
  return success();
}
