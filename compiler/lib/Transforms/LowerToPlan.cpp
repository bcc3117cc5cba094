//===- LowerToPlan.cpp - lower functions of launches to launch plans --------------------------===//

#include "lighthouse/Transforms/Workspace.h"
#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Transforms/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_LOWERTOPLANPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// A tensor of the caller: static shape, strides of the caller's choice.
MemRefType getCallerType(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  return MemRefType::get(type.getShape(), type.getElementType(),
                         StridedLayoutAttr::get(type.getContext(), /*offset=*/0, strides));
}

/// Lowers one function.
class PlanBuilder {
public:
  explicit PlanBuilder(func::FuncOp function)
      : function(function), module(function->getParentOfType<ModuleOp>()), builder(function) {}

  /// Replaces the function by a plan.
  LogicalResult run(bool reuseWorkspace);

  int64_t workspaceBytes = 0;
  int64_t bufferBytes = 0;
  int64_t numDispatches = 0;

private:
  /// Collects the launches that contribute to a result; anything else is an error.
  LogicalResult collectLaunches();
  /// Maps each value that is returned to the output that it becomes.
  LogicalResult collectOutputs();
  LogicalResult checkTensors();
  /// Places the values that are not returned.
  LogicalResult placeBuffers(bool reuse);
  lh::PlanOp createPlan();
  /// The dispatch of a launch, and the fills of results that have an initial value.
  LogicalResult createDispatch(lh::LaunchOp launch);

  ArrayAttr getNames(StringRef fallback, unsigned count,
                     function_ref<StringAttr(unsigned)> getName);

  func::FuncOp function;
  ModuleOp module;
  OpBuilder builder;
  SmallVector<lh::LaunchOp> launches;
  /// Values that are returned, in order.
  SmallVector<Value> outputs;
  /// Values that live in the workspace, in order of definition, with their places.
  SmallVector<Value> buffered;
  SmallVector<WorkspaceBuffer> buffers;
  /// From tensors to the memrefs of the plan.
  IRMapping memory;
};

LogicalResult PlanBuilder::collectLaunches() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have one block to become a plan");
  SmallVector<Operation *> ops;
  for (Operation &op : function.front().without_terminator())
    ops.push_back(&op);
  // Backwards, so that what only unused launches use is unused in its turn.
  for (Operation *op : llvm::reverse(ops)) {
    auto launch = dyn_cast<lh::LaunchOp>(op);
    if (!launch)
      return op->emitOpError("cannot be part of a plan; stages become launches by "
                             "lighthouse-select-kernels");
    if (launch->use_empty())
      launch.erase();
    else
      launches.push_back(launch);
  }
  std::reverse(launches.begin(), launches.end());
  return success();
}

LogicalResult PlanBuilder::collectOutputs() {
  Operation *terminator = function.front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    if (auto argument = dyn_cast<BlockArgument>(operand.get()))
      return emitError(terminator->getLoc())
             << "result " << operand.getOperandNumber() << " is argument "
             << argument.getArgNumber()
             << " unchanged; every result of a pipeline must be computed by a stage or kernel";
    if (llvm::is_contained(outputs, operand.get())) {
      // Returned twice, or two equal launches became one. Outputs are different memory.
      auto result = cast<OpResult>(operand.get());
      auto launch = cast<lh::LaunchOp>(result.getOwner());
      auto copy = cast<lh::LaunchOp>(OpBuilder(launch->getNextNode()).clone(*launch));
      launches.insert(std::next(llvm::find(launches, launch)), copy);
      operand.set(copy->getResult(result.getResultNumber()));
    }
    outputs.push_back(operand.get());
  }
  return success();
}

LogicalResult PlanBuilder::checkTensors() {
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape())
      return emitError(function.getArgument(index).getLoc())
             << "arguments of a pipeline must be ranked tensors of static shape, got " << type;
  }
  return success();
}

LogicalResult PlanBuilder::placeBuffers(bool reuse) {
  DenseMap<Operation *, int64_t> step;
  for (auto [index, launch] : llvm::enumerate(launches))
    step[launch] = index;
  for (auto [index, launch] : llvm::enumerate(launches)) {
    for (Value result : launch.getOutputs()) {
      if (llvm::is_contained(outputs, result))
        continue;
      auto type = cast<RankedTensorType>(result.getType());
      std::optional<int64_t> size = lh::BufferOp::getSizeInBytes(type);
      if (!size)
        return emitError(launch.getLoc())
               << "this makes " << type << ", which no workspace can hold";
      int64_t last = index;
      for (Operation *user : result.getUsers())
        last = std::max(last, step.at(user));
      buffered.push_back(result);
      buffers.push_back({*size, int64_t(index), last});
      bufferBytes += *size;
    }
  }
  workspaceBytes = assignOffsets(buffers, reuse);
  return success();
}

ArrayAttr PlanBuilder::getNames(StringRef fallback, unsigned count,
                                function_ref<StringAttr(unsigned)> getName) {
  SmallVector<Attribute> names;
  for (unsigned index = 0; index < count; ++index) {
    StringAttr name = getName(index);
    names.push_back(name ? name : builder.getStringAttr(fallback + Twine(index)));
  }
  return builder.getArrayAttr(names);
}

lh::PlanOp PlanBuilder::createPlan() {
  StringRef nameAttr = lh::LighthouseDialect::getNameAttrName();
  auto plan = lh::PlanOp::create(
      builder, function.getLoc(), function.getSymNameAttr(),
      getNames("arg", function.getNumArguments(),
               [&](unsigned i) { return function.getArgAttrOfType<StringAttr>(i, nameAttr); }),
      getNames("result", outputs.size(),
               [&](unsigned i) { return function.getResultAttrOfType<StringAttr>(i, nameAttr); }),
      builder.getI64IntegerAttr(workspaceBytes));
  Block &body = plan.getBody().emplaceBlock();
  for (auto values : {ValueRange(function.getArguments()), ValueRange(outputs)})
    for (Value value : values)
      memory.map(value, body.addArgument(getCallerType(cast<RankedTensorType>(value.getType())),
                                         value.getLoc()));
  builder.setInsertionPointToStart(&body);
  for (auto [value, buffer] : llvm::zip(buffered, buffers)) {
    auto type = cast<RankedTensorType>(value.getType());
    memory.map(value, lh::BufferOp::create(builder, value.getLoc(),
                                           MemRefType::get(type.getShape(), type.getElementType()),
                                           builder.getI64IntegerAttr(buffer.offset))
                          .getMemory());
  }
  return plan;
}

/// The work of a launch: its stage's, or every tensor that is used once.
static lh::CostAttr getCost(lh::LaunchOp launch) {
  if (lh::CostAttr cost = launch.getCostAttr())
    return cost;
  auto bytes = [](Value value) {
    return lh::BufferOp::getSizeInBytes(cast<ShapedType>(value.getType())).value_or(0);
  };
  int64_t read = 0, written = 0;
  llvm::SmallPtrSet<Value, 8> seen;
  for (Value input : launch.getInputs())
    read += seen.insert(input).second ? bytes(input) : 0;
  for (Value output : launch.getOutputs())
    written += output.use_empty() ? 0 : bytes(output);
  return lh::CostAttr::get(launch.getContext(), read, written, /*flops=*/0);
}

LogicalResult PlanBuilder::createDispatch(lh::LaunchOp launch) {
  auto kernel = module.lookupSymbol<tile::KernelOp>(launch.getKernelAttr());
  auto binding =
      lh::bindKernel(kernel, launch.getInputs().getTypes(), launch.getOutputs().getTypes(),
                     launch.getScalars().getValue(), launch.getLoc());
  if (failed(binding))
    return failure();
  SmallVector<Value> args;
  for (auto values : {ValueRange(launch.getInputs()), ValueRange(launch.getOutputs())})
    for (Value value : values)
      args.push_back(memory.lookup(value));
  for (auto [i, result] : llvm::enumerate(launch.getOutputs())) {
    const unsigned index = kernel.getInputs() + i;
    TypedAttr init = kernel.getArgInit(index);
    // What an instance of a kernel does not use and nobody reads stays as it is.
    if (init && !(result.use_empty() && kernel.getBody().getArgument(index).use_empty()))
      lh::FillOp::create(builder, launch.getLoc(), memory.lookup(result), init);
  }
  StringAttr stage = launch.getStageAttr() ? launch.getStageAttr() : kernel.getSymNameAttr();
  lh::DispatchOp::create(
      builder, launch.getLoc(), launch.getKernelAttr(), builder.getDenseI64ArrayAttr(binding->grid),
      builder.getDenseI64ArrayAttr(binding->dims), args, launch.getScalarsAttr(), stage,
      getCost(launch));
  ++numDispatches;
  return success();
}

LogicalResult PlanBuilder::run(bool reuseWorkspace) {
  if (failed(checkTensors()) || failed(collectLaunches()) || failed(collectOutputs()) ||
      failed(placeBuffers(reuseWorkspace)))
    return failure();
  createPlan();
  for (lh::LaunchOp launch : launches)
    if (failed(createDispatch(launch)))
      return failure();
  function.erase();
  return success();
}

struct LowerToPlanPass : lighthouse::impl::LowerToPlanPassBase<LowerToPlanPass> {
  using LowerToPlanPassBase::LowerToPlanPassBase;

  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      PlanBuilder plan(function);
      if (failed(plan.run(reuseWorkspace)))
        return signalPassFailure();
      numDispatches += plan.numDispatches;
      workspaceBytes += plan.workspaceBytes;
      bufferBytes += plan.bufferBytes;
    }
  }
};

} // namespace
