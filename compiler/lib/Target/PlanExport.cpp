//===- PlanExport.cpp - from plan IR to the runtime's plan ------------------------------------===//

#include "lighthouse/Target/PlanExport.h"

#include "lighthouse/Transforms/TensorMaps.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

using namespace mlir;
using namespace lighthouse;

std::optional<runtime::DType> lighthouse::dtypeOf(Type type) {
  using runtime::DType;
  if (type.isF32())
    return DType::F32;
  if (type.isF16())
    return DType::F16;
  if (type.isBF16())
    return DType::BF16;
  if (type.isF64())
    return DType::F64;
  if (type.isSignlessInteger(8))
    return DType::I8;
  if (type.isSignlessInteger(32))
    return DType::I32;
  if (type.isSignlessInteger(64))
    return DType::I64;
  if (type.isSignlessInteger(1))
    return DType::Bool;
  return std::nullopt;
}

namespace {

/// The bits of an integer or float.
APInt getBits(Attribute constant) {
  if (auto value = dyn_cast<FloatAttr>(constant))
    return value.getValue().bitcastToAPInt();
  return cast<IntegerAttr>(constant).getValue();
}

/// The word in which a scalar is passed: integers sign-extended, floats and bools zero-extended.
uint64_t getWord(Attribute scalar) {
  APInt bits = getBits(scalar);
  bool isSigned = isa<IntegerAttr>(scalar) && bits.getBitWidth() > 1;
  return isSigned ? bits.getSExtValue() : bits.getZExtValue();
}

class PlanExporter {
public:
  PlanExporter(lh::PlanOp plan, int64_t maxInstances) : plan(plan), maxInstances(maxInstances) {}

  FailureOr<runtime::Plan> run();

private:
  FailureOr<runtime::DType> getDTypeOrError(Type type, Location location);
  LogicalResult exportTensors(Block::BlockArgListType arguments, ArrayAttr names,
                              std::vector<runtime::TensorSpec> &specs);
  LogicalResult exportBuffer(lh::BufferOp buffer);
  /// The index of `kernel` in the plan; it is added at its first use.
  FailureOr<int64_t> exportKernel(tile::KernelOp kernel);
  /// Exports a dispatch with the fills before it.
  LogicalResult exportDispatch(lh::DispatchOp dispatch);
  runtime::LaunchArg getArg(Value memory);

  lh::PlanOp plan;
  int64_t maxInstances;
  runtime::Plan result;
  DenseMap<Operation *, int64_t> kernelIndex;
  DenseMap<Value, int64_t> bufferIndex;
  /// Those of the next dispatch.
  SmallVector<lh::FillOp> fills;
};

FailureOr<runtime::DType> PlanExporter::getDTypeOrError(Type type, Location location) {
  if (std::optional<runtime::DType> dtype = dtypeOf(type))
    return *dtype;
  return emitError(location) << "the runtime has no element type " << type;
}

LogicalResult PlanExporter::exportTensors(Block::BlockArgListType arguments, ArrayAttr names,
                                          std::vector<runtime::TensorSpec> &specs) {
  for (auto [argument, name] : llvm::zip(arguments, names.getAsValueRange<StringAttr>())) {
    auto type = cast<MemRefType>(argument.getType());
    auto dtype = getDTypeOrError(type.getElementType(), argument.getLoc());
    if (failed(dtype))
      return failure();
    specs.push_back({name.str(), *dtype, type.getShape().vec()});
  }
  return success();
}

LogicalResult PlanExporter::exportBuffer(lh::BufferOp buffer) {
  MemRefType type = buffer.getMemory().getType();
  auto dtype = getDTypeOrError(type.getElementType(), buffer.getLoc());
  if (failed(dtype))
    return failure();
  bufferIndex[buffer.getMemory()] = result.buffers.size();
  result.buffers.push_back({int64_t(buffer.getOffset()), *dtype, type.getShape().vec()});
  return success();
}

FailureOr<int64_t> PlanExporter::exportKernel(tile::KernelOp kernel) {
  auto [entry, inserted] = kernelIndex.try_emplace(kernel, result.kernels.size());
  if (!inserted)
    return entry->second;
  runtime::KernelSpec spec;
  spec.name = kernel.getSymName().str();
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto view = dyn_cast<tile::ViewType>(type);
    auto dtype = getDTypeOrError(view ? view.getElementType() : type, kernel.getLoc());
    if (failed(dtype))
      return failure();
    runtime::KernelArg arg;
    arg.kind = view ? runtime::KernelArg::Kind::Tensor : runtime::KernelArg::Kind::Scalar;
    arg.dtype = *dtype;
    arg.rank = view ? view.getRank() : 0;
    // Rows are vectors in memory.
    arg.innerContiguous = arg.rank > 0;
    arg.alignment = view ? kernel.getArgAlignment(i) : 1;
    spec.args.push_back(arg);
  }
  // Behind its arguments, those of them that it sees as tensor maps, too.
  for (const TensorMap &map : tensorMapsOf(kernel)) {
    runtime::KernelArg arg = spec.args[map.argument];
    arg.kind = runtime::KernelArg::Kind::TensorMap;
    arg.alignment = 16;
    arg.map.box.assign(map.box.begin(), map.box.end());
    arg.map.swizzle = map.swizzle;
    arg.map.l2Promotion = 256;
    spec.args.push_back(std::move(arg));
  }
  for (StringRef dim : kernel.getDims().getAsValueRange<StringAttr>())
    spec.dims.push_back(dim.str());
  result.kernels.push_back(std::move(spec));
  return entry->second;
}

runtime::LaunchArg PlanExporter::getArg(Value memory) {
  if (auto argument = dyn_cast<BlockArgument>(memory)) {
    int64_t numInputs = plan.getInputs().size(), index = argument.getArgNumber();
    return index < numInputs ? runtime::LaunchArg::input(index)
                             : runtime::LaunchArg::output(index - numInputs);
  }
  return runtime::LaunchArg::buffer(bufferIndex.at(memory));
}

LogicalResult PlanExporter::exportDispatch(lh::DispatchOp dispatch) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(plan->getParentOp(),
                                                                     dispatch.getKernelAttr());
  auto index = exportKernel(kernel);
  if (failed(index))
    return failure();
  runtime::LaunchSpec launch;
  launch.kernel = *index;
  launch.stage = dispatch.getStage().str();
  if (lh::CostAttr cost = dispatch.getCostAttr())
    launch.cost = {cost.getRead(), cost.getWritten(), cost.getFlops()};
  llvm::copy(dispatch.getGrid(), launch.grid.begin());
  int64_t instances = 1;
  ArrayRef<int64_t> grid = dispatch.getGrid();
  for (int64_t extent : grid)
    if (llvm::MulOverflow(instances, extent, instances) || instances > maxInstances)
      return emitError(dispatch.getLoc())
             << "a grid of " << grid[0] << " by " << grid[1] << " by " << grid[2]
             << " program instances; at most " << maxInstances << " are allowed on this target";
  launch.dims = dispatch.getDims().vec();
  // The kernel declares tensors and scalars in any order; the op lists each kind on its own.
  auto tensor = dispatch.getArgs().begin();
  auto scalar = dispatch.getScalars().begin();
  for (Type type : kernel.getArgumentTypes()) {
    if (!isa<tile::ViewType>(type)) {
      launch.args.push_back(runtime::LaunchArg::scalar(getWord(*scalar++)));
      continue;
    }
    for (lh::FillOp fill : fills)
      if (fill.getDestination() == *tensor)
        launch.fills.push_back(
            {int64_t(launch.args.size()), getBits(fill.getValue()).getZExtValue()});
    launch.args.push_back(getArg(*tensor++));
  }
  for (const TensorMap &map : tensorMapsOf(kernel))
    launch.args.push_back(launch.args[map.argument]);
  fills.clear();
  result.launches.push_back(std::move(launch));
  return success();
}

FailureOr<runtime::Plan> PlanExporter::run() {
  result.name = plan.getSymName().str();
  result.workspaceBytes = plan.getWorkspace();
  if (result.workspaceBytes > runtime::PlanLimits::workspaceBytes)
    return emitError(plan.getLoc())
           << "the tensors between the launches take " << result.workspaceBytes
           << " bytes; at most " << runtime::PlanLimits::workspaceBytes << " are allowed";
  if (failed(exportTensors(plan.getInputs(), plan.getInputNames(), result.inputs)) ||
      failed(exportTensors(plan.getOutputs(), plan.getOutputNames(), result.outputs)))
    return failure();
  for (Operation &op : plan.getBody().getOps()) {
    if (auto fill = dyn_cast<lh::FillOp>(op))
      fills.push_back(fill);
    else if (auto buffer = dyn_cast<lh::BufferOp>(op); buffer && failed(exportBuffer(buffer)))
      return failure();
    else if (auto dispatch = dyn_cast<lh::DispatchOp>(op);
             dispatch && failed(exportDispatch(dispatch)))
      return failure();
  }
  return std::move(result);
}

} // namespace

FailureOr<runtime::Plan> lighthouse::exportPlan(lh::PlanOp plan, int64_t maxInstances) {
  return PlanExporter(plan, maxInstances).run();
}
