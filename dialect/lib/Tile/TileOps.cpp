//===- TileOps.cpp - verifiers and folders of the tile ops ------------------------------------===//
//
// Every message ends with the label of the constraint in TileOps.td that it enforces.
//
//===----------------------------------------------------------------------------------------------===//

#include "Verify.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse::tile;

static ParseResult parseKind(OpAsmParser &parser, CombiningKindAttr &kind) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<CombiningKind> value = symbolizeCombiningKind(keyword);
  if (!value)
    return parser.emitError(loc) << "expected add, mul, max, min, and or or, found '" << keyword
                                 << "'";
  kind = CombiningKindAttr::get(parser.getContext(), *value);
  return success();
}

static void printKind(OpAsmPrinter &printer, Operation *, CombiningKindAttr kind) {
  printer << stringifyCombiningKind(kind.getValue());
}

#define GET_OP_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileOps.cpp.inc"

//===----------------------------------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildFunctionType = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                              function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(arguments, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name),
      buildFunctionType, getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

int64_t KernelOp::getDimIndex(StringRef name) {
  for (auto [i, dim] : llvm::enumerate(getDims().getAsValueRange<StringAttr>()))
    if (dim == name)
      return i;
  return -1;
}

std::string KernelOp::getArgName(unsigned i) {
  if (auto name = getArgAttrOfType<StringAttr>(i, "tile.name"))
    return name.str();
  return "arg" + std::to_string(i);
}

int64_t KernelOp::getArgAlignment(unsigned i) {
  if (auto alignment = getArgAttrOfType<IntegerAttr>(i, "tile.alignment"))
    return alignment.getInt();
  return 1;
}

RolesOp KernelOp::getRoles() {
  if (getBody().empty())
    return {};
  auto roles = getBody().front().getOps<RolesOp>();
  return roles.empty() ? RolesOp() : *roles.begin();
}

int64_t KernelOp::getNumWarps() {
  RolesOp roles = getRoles();
  return roles ? roles.getNumWarps() : getWarps().value_or(4);
}

LogicalResult KernelOp::verify() {
  if (!getResultTypes().empty())
    return emitOpError() << "a kernel writes its results to views and returns nothing [kernel_c1]";
  llvm::StringSet<> names;
  for (StringRef name : getDims().getAsValueRange<StringAttr>())
    if (!names.insert(name).second)
      return emitOpError() << "dim \"" << name << "\" is listed twice [kernel_c2]";
  for (auto [i, type] : llvm::enumerate(getArgumentTypes())) {
    auto view = dyn_cast<ViewType>(type);
    if (!view) {
      if (!type.isIntOrFloat())
        return emitOpError() << "argument " << i << " is neither a view nor a scalar: " << type
                             << " [kernel_c1]";
      continue;
    }
    for (int64_t d = 0; d < view.getRank(); ++d)
      if (StringRef name = view.getDimName(d); !name.empty() && !names.contains(name))
        return emitOpError() << "dim \"" << name << "\" of argument " << i
                             << " is not listed in dims [kernel_c2]";
  }
  AffineMap grid = getGrid();
  if (grid.getNumDims() != 0 || grid.getNumSymbols() != getDims().size() ||
      grid.getNumResults() != 3)
    return emitOpError() << "expected a grid map with " << getDims().size()
                         << " symbols and 3 results, found " << getGridAttr() << " [kernel_c3]";
  int64_t inputs = getInputs(), numArguments = getArgumentTypes().size();
  if (inputs < 0 || inputs > numArguments)
    return emitOpError() << "inputs is " << inputs << ", but there are " << numArguments
                         << " arguments [kernel_c4]";
  if (DictionaryAttr exprs = getDimExprsAttr())
    for (NamedAttribute entry : exprs) {
      auto map = dyn_cast<AffineMapAttr>(entry.getValue());
      if (!names.contains(entry.getName()) || !map || map.getValue().getNumResults() != 1)
        return emitOpError()
               << "dim_exprs entry \"" << entry.getName().getValue()
               << "\" must map a listed dim to an affine map with one result [kernel_c5]";
    }
  if (int64_t warps = getWarps().value_or(4);
      warps < 1 || warps > 32 || !llvm::isPowerOf2_64(warps))
    return emitOpError() << "expected 1, 2, 4, 8, 16 or 32 warps, found " << warps
                         << " [kernel_c6]";
  for (auto [i, type] : llvm::enumerate(getArgumentTypes())) {
    Attribute given = getArgAttr(i, "tile.alignment");
    auto alignment = dyn_cast_or_null<IntegerAttr>(given);
    if (given && (!alignment || !isa<ViewType>(type) || alignment.getInt() < 1 ||
                  alignment.getInt() > 16 || !llvm::isPowerOf2_64(alignment.getInt())))
      return emitOpError() << "the alignment of argument " << i
                           << " must be 1, 2, 4, 8 or 16 bytes of a view, found " << given
                           << " [kernel_c7]";
    Attribute init = getArgAttr(i, "tile.init");
    auto view = dyn_cast<ViewType>(type);
    if (init && (!view || int64_t(i) < inputs || !isa<IntegerAttr, FloatAttr>(init) ||
                 cast<TypedAttr>(init).getType() != view.getElementType()))
      return emitOpError() << "the initial value of argument " << i
                           << " must be an element of a result, found " << init << " [kernel_c11]";
  }
  if (getBody().empty())
    return emitOpError() << "has no body [kernel_c8]";
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  // Every lowering knows views by the argument, buffers and barriers by the allocation.
  auto isAllowed = [](Type type, Operation *maker) {
    if (auto tile = dyn_cast<RankedTensorType>(type))
      return tile.getElementType().isIntOrFloat();
    if (isa<BufferType>(type))
      return isa_and_present<AllocSharedOp, SlotOp>(maker);
    if (isa<MBarrierType, NamedBarrierType>(type))
      return isa_and_present<AllocMBarrierOp, AllocNamedBarrierOp>(maker);
    return !isa<ViewType>(type);
  };
  auto inputs = getBody().getArguments().take_front(getInputs());
  WalkResult walked = getBody().walk([&](Operation *op) -> WalkResult {
    for (Type type : op->getResultTypes())
      if (!isAllowed(type, op))
        return op->emitOpError() << "makes a " << type << " in a kernel [kernel_c9]";
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          if (!isAllowed(type, nullptr))
            return op->emitOpError() << "carries a " << type << " in a kernel [kernel_c9]";
    auto written = TypeSwitch<Operation *, Value>(op)
                       .Case<StoreOp, AtomicRMWOp, StoreBulkOp, StoreReleaseOp>(
                           [](auto access) { return access.getView(); })
                       .Default(Value());
    if (llvm::is_contained(inputs, written))
      return op->emitOpError() << "writes to an input of the kernel [kernel_c10]";
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

static LogicalResult verifyGridAxis(Operation *op, StringRef label, int64_t axis) {
  if (axis < 0 || axis > 2)
    return op->emitOpError() << "expected an axis of 0, 1 or 2, found " << axis << " [" << label
                             << "]";
  return success();
}

void ProgramIdOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setResultRange) {
  // The grid extent is known once the kernel is specialised to constant dims.
  APInt most = APInt::getSignedMaxValue(32) - 1;
  if (auto kernel = (*this)->getParentOfType<KernelOp>(); kernel && getAxis() < 3)
    if (auto extent = dyn_cast<AffineConstantExpr>(kernel.getGrid().getResult(getAxis())))
      most = APInt(32, std::max<int64_t>(extent.getValue(), 1) - 1);
  setResultRange(getResult(), ConstantIntRanges::fromSigned(APInt::getZero(32), most));
}

LogicalResult ProgramIdOp::verify() { return verifyGridAxis(*this, "program_id_c1", getAxis()); }

LogicalResult NumProgramsOp::verify() {
  return verifyGridAxis(*this, "num_programs_c1", getAxis());
}

LogicalResult DimOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (!kernel || kernel.getDimIndex(getName()) < 0)
    return emitOpError() << "no dim \"" << getName() << "\" in the enclosing kernel [dim_c1]";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------------------------------===//

LogicalResult LoadOp::verify() {
  if (failed(verifySubscripts(*this, "load_c1", getView().getType(), getIndices())) ||
      failed(verifyAccessed(*this, "load_c2", getView().getType(), getIndices(),
                            getElementTypeOrSelf(getType()), shapeOf(getType()))) ||
      failed(verifyMask(*this, "load_c3", getMask(), shapeOf(getType()))))
    return failure();
  if (getOther() && getOther().getType() != getView().getType().getElementType())
    return emitOpError() << "expected 'other' of type " << getView().getType().getElementType()
                         << ", found " << getOther().getType() << " [load_c4]";
  return verifyInBounds(*this, "load_c5", getView().getType(), getInBounds());
}

LogicalResult StoreOp::verify() {
  Type value = getValue().getType();
  if (failed(verifySubscripts(*this, "store_c1", getView().getType(), getIndices())) ||
      failed(verifyAccessed(*this, "store_c2", getView().getType(), getIndices(),
                            getElementTypeOrSelf(value), shapeOf(value))) ||
      failed(verifyMask(*this, "store_c3", getMask(), shapeOf(value))))
    return failure();
  return verifyInBounds(*this, "store_c4", getView().getType(), getInBounds());
}

LogicalResult AtomicRMWOp::verify() {
  Type value = getValue().getType();
  if (failed(verifySubscripts(*this, "atomic_rmw_c1", getView().getType(), getIndices())) ||
      failed(verifyAccessed(*this, "atomic_rmw_c2", getView().getType(), getIndices(),
                            getElementTypeOrSelf(value), shapeOf(value))) ||
      failed(verifyMask(*this, "atomic_rmw_c3", getMask(), shapeOf(value))))
    return failure();
  if (getKind() == CombiningKind::mul)
    return emitOpError() << "'mul' is not an atomic combination [atomic_rmw_c4]";
  if (getElementTypeOrSelf(value).isInteger(1))
    return emitOpError() << "there is no atomic combination of i1 [atomic_rmw_c4]";
  if (failed(verifyBitwise(*this, "atomic_rmw_c4", getKind(), value)))
    return failure();
  return verifyInBounds(*this, "atomic_rmw_c5", getView().getType(), getInBounds());
}

LogicalResult CopyAsyncOp::verify() {
  BufferType buffer = getBuffer().getType();
  if (failed(verifySubscripts(*this, "copy_async_c1", getView().getType(), getIndices())))
    return failure();
  if (failed(verifyAccessed(*this, "copy_async_c2", getView().getType(), getIndices(),
                            buffer.getElementType(), buffer.getShape())))
    return failure();
  return verifyInBounds(*this, "copy_async_c3", getView().getType(), getInBounds());
}

void LoadOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getViewMutable());
}

void StoreOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getViewMutable());
}

void AtomicRMWOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getViewMutable());
  effects.emplace_back(MemoryEffects::Write::get(), &getViewMutable());
}

namespace {
/// Marks the dims of an access whose constant coordinates lie inside a constant extent.
template <typename AccessOp> struct ProveInBounds : OpRewritePattern<AccessOp> {
  using OpRewritePattern<AccessOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(AccessOp op, PatternRewriter &rewriter) const override {
    ViewType view = op.getView().getType();
    SmallVector<bool> inBounds(view.getRank(), false);
    if (op.getInBounds())
      llvm::copy(*op.getInBounds(), inBounds.begin());
    bool changed = false;
    for (auto [d, index] : llvm::enumerate(op.getIndices())) {
      int64_t extent = view.getStaticDim(d), count = 1;
      Value start = index;
      if (auto range = index.template getDefiningOp<RangeOp>()) {
        start = range.getStart();
        count = range.getType().getDimSize(0);
      }
      APInt first;
      if (inBounds[d] || ShapedType::isDynamic(extent) ||
          !matchPattern(start, m_ConstantInt(&first)) || first.isNegative() ||
          first.getSExtValue() + count > extent)
        continue;
      inBounds[d] = changed = true;
    }
    if (!changed)
      return rewriter.notifyMatchFailure(op, "nothing new is provable");
    rewriter.modifyOpInPlace(op, [&] { op.setInBounds(inBounds); });
    return success();
  }
};
} // namespace

void LoadOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ProveInBounds<LoadOp>>(context);
}

void CopyAsyncOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ProveInBounds<CopyAsyncOp>>(context);
}

void StoreOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ProveInBounds<StoreOp>>(context);
}

void AtomicRMWOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ProveInBounds<AtomicRMWOp>>(context);
}

//===----------------------------------------------------------------------------------------------===//
// Shape changes
//===----------------------------------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getRank() != to.getRank() || from.getElementType() != to.getElementType())
    return emitOpError() << "expected rank and element type of " << from << ", found " << to
                         << " [broadcast_c1]";
  for (int64_t d = 0; d < to.getRank(); ++d)
    if (from.getDimSize(d) != 1 && from.getDimSize(d) != to.getDimSize(d))
      return emitOpError() << "cannot repeat extent " << from.getDimSize(d) << " of dim " << d
                           << " to " << to.getDimSize(d) << " [broadcast_c2]";
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getNumElements() != to.getNumElements() || from.getElementType() != to.getElementType())
    return emitOpError() << "cannot view " << from << " as " << to << " [reshape_c1]";
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  return getSource().getType() == getType() ? OpFoldResult(getSource()) : OpFoldResult();
}

LogicalResult ConvertLayoutOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType()), to = cast<RankedTensorType>(getType());
  if (!sameTile(from, to) || !isa_and_nonnull<LayoutAttr>(from.getEncoding()) ||
      !isa_and_nonnull<LayoutAttr>(to.getEncoding()))
    return emitOpError() << "expected one tile in two layouts, found " << from << " and " << to
                         << " [convert_layout_c1]";
  return success();
}

OpFoldResult ConvertLayoutOp::fold(FoldAdaptor) {
  if (getSource().getType() == getType())
    return getSource();
  // A way back, or two ways one after the other.
  if (auto before = getSource().getDefiningOp<ConvertLayoutOp>()) {
    if (before.getSource().getType() == getType())
      return before.getSource();
    getSourceMutable().assign(before.getSource());
    return getResult();
  }
  return {};
}

LogicalResult TransposeOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getRank() != 2 || to.getRank() != 2 || from.getElementType() != to.getElementType() ||
      from.getDimSize(0) != to.getDimSize(1) || from.getDimSize(1) != to.getDimSize(0))
    return emitOpError() << "cannot transpose " << from << " to " << to << " [transpose_c1]";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Reductions, scans, dots
//===----------------------------------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank())
    return emitOpError() << "axis " << axis << " is not a dim of " << from << " [reduce_c1]";
  SmallVector<int64_t> shape(from.getShape());
  shape.erase(shape.begin() + axis);
  Type expected =
      shape.empty() ? from.getElementType() : RankedTensorType::get(shape, from.getElementType());
  if (!sameTile(getType(), expected))
    return emitOpError() << "expected result " << expected << ", found " << getType()
                         << " [reduce_c2]";
  return verifyBitwise(*this, "reduce_c3", getKind(), from);
}

LogicalResult ScanOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank())
    return emitOpError() << "axis " << axis << " is not a dim of " << from << " [scan_c1]";
  return verifyBitwise(*this, "scan_c2", getKind(), from);
}

LogicalResult DotOp::verify() {
  auto a = cast<RankedTensorType>(getA().getType()), b = cast<RankedTensorType>(getB().getType()),
       acc = cast<RankedTensorType>(getAcc().getType());
  if (a.getRank() != 2 || b.getRank() != 2 || acc.getRank() != 2 ||
      a.getDimSize(1) != b.getDimSize(0) || acc.getDimSize(0) != a.getDimSize(0) ||
      acc.getDimSize(1) != b.getDimSize(1))
    return emitOpError() << "cannot multiply " << a << " and " << b << " into " << acc
                         << " [dot_c1]";
  Type element = a.getElementType();
  if (element != b.getElementType() || !isa<FloatType>(element))
    return emitOpError() << "expected operands of one float type, found " << element << " and "
                         << b.getElementType() << " [dot_c2]";
  Type expected = element.isF64() ? element : Type(Float32Type::get(getContext()));
  if (acc.getElementType() != expected)
    return emitOpError() << "expected an accumulator of " << expected << ", found "
                         << acc.getElementType() << " [dot_c3]";
  if (getTf32() && !element.isF32())
    return emitOpError() << "tf32 is for operands of f32, found " << element << " [dot_c4]";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------------------------------===//

LogicalResult AllocSharedOp::verify() {
  if (getType().getMemory() != MemorySpace::Shared)
    return emitOpError() << "expected a buffer in shared memory, found " << getType()
                         << " [alloc_shared_c1]";
  return success();
}

LogicalResult SlotOp::verify() {
  BufferType buffer = getBuffer().getType();
  if (buffer.getShape().size() < 2 || getType() != buffer.getSlot())
    return emitOpError() << getType() << " is not a slot of " << buffer << " [slot_c1]";
  return success();
}

static LogicalResult verifyWholeBuffer(Operation *op, StringRef label, Type tileType,
                                       BufferType buffer) {
  auto tile = cast<RankedTensorType>(tileType);
  if (tile.getShape() != buffer.getShape() || tile.getElementType() != buffer.getElementType())
    return op->emitOpError() << "expected a tile like " << buffer << ", found " << tile << " ["
                             << label << "]";
  return success();
}

LogicalResult BufferLoadOp::verify() {
  return verifyWholeBuffer(*this, "buffer_load_c1", getType(), getBuffer().getType());
}

LogicalResult BufferStoreOp::verify() {
  return verifyWholeBuffer(*this, "buffer_store_c1", getValue().getType(), getBuffer().getType());
}

LogicalResult WaitOp::verify() {
  if (int64_t pending = getPending(); pending < 0)
    return emitOpError() << "expected a number of groups, found " << pending << " [wait_c1]";
  return success();
}
