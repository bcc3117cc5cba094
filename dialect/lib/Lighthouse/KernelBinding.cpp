//===- KernelBinding.cpp - what a kernel's signature means for given tensors ------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::lh;

namespace {

constexpr int64_t maxExtent = (int64_t(1) << 31) - 1;
/// An extent that is not known yet.
constexpr int64_t unbound = -1;

/// The value of `expr` for the extents `symbols`, of which some are unbound. None if it needs one
/// of those, overflows or divides by zero.
std::optional<int64_t> evaluate(AffineExpr expr, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    int64_t extent = symbols[symbol.getPosition()];
    return extent == unbound ? std::nullopt : std::optional(extent);
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> x = evaluate(binary.getLHS(), symbols),
                         y = evaluate(binary.getRHS(), symbols);
  if (!x || !y)
    return std::nullopt;
  int64_t result = 0;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return llvm::AddOverflow(*x, *y, result) ? std::nullopt : std::optional(result);
  case AffineExprKind::Mul:
    return llvm::MulOverflow(*x, *y, result) ? std::nullopt : std::optional(result);
  case AffineExprKind::FloorDiv:
    return *y > 0 ? std::optional(llvm::divideFloorSigned(*x, *y)) : std::nullopt;
  case AffineExprKind::CeilDiv:
    return *y > 0 ? std::optional(llvm::divideCeilSigned(*x, *y)) : std::nullopt;
  case AffineExprKind::Mod:
    return *y > 0 ? std::optional(llvm::mod(*x, *y)) : std::nullopt;
  default:
    return std::nullopt;
  }
}

/// Collects the extents of a kernel's named dims, argument by argument.
class Binder {
public:
  Binder(tile::KernelOp kernel, Location location)
      : kernel(kernel), location(location), extents(kernel.getDims().size(), unbound) {}

  LogicalResult bindTensor(unsigned argument, ShapedType type);
  LogicalResult checkScalar(unsigned argument, Attribute value);
  /// Evaluates the kernel's dim expressions; a dim that is bound already must agree.
  LogicalResult evaluateDimExprs();
  RankedTensorType getTensorType(unsigned argument);
  FailureOr<std::array<int64_t, 3>> evaluateGrid();
  ArrayRef<int64_t> getExtents() const { return extents; }
  LogicalResult checkAllBound();

  /// An error about an argument of the kernel (or the kernel as a whole), with a note there.
  InFlightDiagnostic emit() { return annotate(emitError(location), kernel.getLoc()); }

private:
  InFlightDiagnostic emitForArgument(unsigned argument) {
    return annotate(emitError(location), kernel.getBody().getArgument(argument).getLoc());
  }
  InFlightDiagnostic annotate(InFlightDiagnostic diagnostic, Location place) {
    diagnostic.attachNote(place) << "kernel '" << kernel.getSymName() << "' is declared here";
    return diagnostic;
  }
  std::string getArgName(unsigned argument) { return kernel.getArgName(argument); }

  tile::KernelOp kernel;
  Location location;
  /// Of the dims in order: the symbols of the kernel's affine maps.
  SmallVector<int64_t> extents;
};

LogicalResult Binder::bindTensor(unsigned argument, ShapedType type) {
  auto view = cast<tile::ViewType>(kernel.getArgumentTypes()[argument]);
  if (type.getElementType() != view.getElementType() || type.getRank() != view.getRank())
    return emitForArgument(argument)
           << "argument '" << getArgName(argument) << "' of kernel '" << kernel.getSymName()
           << "' takes a tensor of rank " << view.getRank() << " and element type "
           << view.getElementType() << ", got " << type << " [launch_c3]";
  for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
    if (extent > maxExtent)
      return emitForArgument(argument)
             << "dim " << axis << " of " << type << " is 2^31 or more [launch_c3]";
    StringRef name = view.getDimName(axis);
    int64_t expected = name.empty() ? view.getStaticDim(axis) : extents[kernel.getDimIndex(name)];
    if (expected == unbound) {
      extents[kernel.getDimIndex(name)] = extent;
    } else if (extent != expected) {
      auto diagnostic = emitForArgument(argument);
      diagnostic << "dim " << axis << " of argument '" << getArgName(argument) << "' of kernel '"
                 << kernel.getSymName() << "' ";
      if (!name.empty())
        diagnostic << "('" << name << "') ";
      return diagnostic << "must be " << expected << ", got " << extent << " [launch_c3]";
    }
  }
  return success();
}

LogicalResult Binder::checkScalar(unsigned argument, Attribute value) {
  auto typed = dyn_cast<TypedAttr>(value);
  Type expected = kernel.getArgumentTypes()[argument];
  if (!typed || !isa<IntegerAttr, FloatAttr>(value) || typed.getType() != expected)
    return emitForArgument(argument)
           << "scalar argument '" << getArgName(argument) << "' of kernel '" << kernel.getSymName()
           << "' must be " << expected << ", got " << value << " [launch_c4]";
  return success();
}

LogicalResult Binder::evaluateDimExprs() {
  if (!kernel.getDimExprs())
    return success();
  for (auto [index, name] : llvm::enumerate(kernel.getDims().getAsValueRange<StringAttr>())) {
    auto map = kernel.getDimExprs()->getAs<AffineMapAttr>(name);
    if (!map)
      continue;
    std::optional<int64_t> extent = evaluate(map.getValue().getResult(0), extents);
    if (!extent)
      return emit() << "dim '" << name << "' of kernel '" << kernel.getSymName()
                    << "' cannot be computed from the dims of its inputs [launch_c5]";
    if (*extent < 0 || *extent > maxExtent)
      return emit() << "dim '" << name << "' of kernel '" << kernel.getSymName() << "' would be "
                    << *extent << " [launch_c5]";
    if (extents[index] != unbound && extents[index] != *extent)
      return emit() << "dim '" << name << "' of kernel '" << kernel.getSymName() << "' must be "
                    << *extent << ", got " << extents[index] << " [launch_c5]";
    extents[index] = *extent;
  }
  return success();
}

LogicalResult Binder::checkAllBound() {
  for (auto [name, extent] : llvm::zip(kernel.getDims().getAsValueRange<StringAttr>(), extents))
    if (extent == unbound)
      return emit() << "dim '" << name << "' of kernel '" << kernel.getSymName()
                    << "' is given by no input and no dim expression [launch_c5]";
  return success();
}

RankedTensorType Binder::getTensorType(unsigned argument) {
  auto view = cast<tile::ViewType>(kernel.getArgumentTypes()[argument]);
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < view.getRank(); ++axis) {
    StringRef name = view.getDimName(axis);
    shape.push_back(name.empty() ? view.getStaticDim(axis) : extents[kernel.getDimIndex(name)]);
  }
  return RankedTensorType::get(shape, view.getElementType());
}

FailureOr<std::array<int64_t, 3>> Binder::evaluateGrid() {
  std::array<int64_t, 3> grid;
  for (auto [extent, expr] : llvm::zip_equal(grid, kernel.getGrid().getResults())) {
    std::optional<int64_t> value = evaluate(expr, extents);
    if (!value)
      return emit() << "the grid of kernel '" << kernel.getSymName()
                    << "' cannot be computed for these dims [launch_c3]";
    if (*value < 0 || *value > maxExtent)
      return emit() << "the grid of kernel '" << kernel.getSymName()
                    << "' has an extent outside 0 .. 2^31 - 1 [launch_c3]";
    extent = *value;
  }
  return grid;
}

} // namespace

FailureOr<KernelBinding> lighthouse::lh::bindKernel(tile::KernelOp kernel, TypeRange inputs,
                                                    TypeRange results, ArrayRef<Attribute> scalars,
                                                    Location location) {
  Binder binder(kernel, location);
  unsigned numArguments = kernel.getArgumentTypes().size();
  unsigned numInputs = kernel.getInputs();
  unsigned numScalars = llvm::count_if(kernel.getArgumentTypes().take_front(numInputs),
                                       [](Type type) { return !isa<tile::ViewType>(type); });
  if (inputs.size() + numScalars != numInputs || scalars.size() != numScalars ||
      results.size() > numArguments - numInputs)
    return binder.emit() << "kernel '" << kernel.getSymName() << "' takes "
                         << numInputs - numScalars << " tensors and " << numScalars
                         << " scalars and has " << numArguments - numInputs << " results, got "
                         << inputs.size() << ", " << scalars.size() << " and " << results.size()
                         << " [launch_c2]";

  for (Type result : kernel.getArgumentTypes().drop_front(numInputs))
    if (!isa<tile::ViewType>(result))
      return binder.emit() << "kernel '" << kernel.getSymName() << "' has a result of type "
                           << result << ", which is no view [launch_c2]";
  for (unsigned argument = 0; argument < numInputs; ++argument) {
    LogicalResult bound = success();
    if (isa<tile::ViewType>(kernel.getArgumentTypes()[argument])) {
      bound = binder.bindTensor(argument, cast<ShapedType>(inputs.front()));
      inputs = inputs.drop_front();
    } else {
      bound = binder.checkScalar(argument, scalars.front());
      scalars = scalars.drop_front();
    }
    if (failed(bound))
      return failure();
  }
  // Results come first where they are known: a stage fixes the shape of some that no input names.
  for (auto [index, type] : llvm::enumerate(results))
    if (failed(binder.bindTensor(numInputs + index, cast<ShapedType>(type))))
      return failure();
  if (failed(binder.evaluateDimExprs()) || failed(binder.checkAllBound()))
    return failure();

  auto grid = binder.evaluateGrid();
  if (failed(grid))
    return failure();
  KernelBinding binding{SmallVector<int64_t>(binder.getExtents()), *grid, {}};
  for (unsigned argument = numInputs; argument < numArguments; ++argument)
    binding.results.push_back(binder.getTensorType(argument));
  return binding;
}
