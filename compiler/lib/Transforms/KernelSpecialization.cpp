//===- KernelSpecialization.cpp - what code may assume of a dispatch --------------------------===//

#include "lighthouse/Transforms/KernelSpecialization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;

/// Tiles longer than this, or of odd parts, are cut by masks rather than by the ends of tensors; then it
/// only matters whether accesses of this many elements of 16 bits, 16 bytes, are whole.
static constexpr int64_t longestTile = 1024, vectorLength = 8;

static SmallVector<int64_t> tilesOf(tile::KernelOp kernel) {
  SmallVector<int64_t> tiles(kernel.getDims().size(), 1);
  auto visit = [&](auto access) {
    tile::ViewType view = access.getView().getType();
    for (auto [d, index] : llvm::enumerate(access.getIndices())) {
      auto range = index.template getDefiningOp<tile::RangeOp>();
      StringRef name = view.getDimName(d);
      if (!range || name.empty())
        continue;
      int64_t count = range.getType().getDimSize(0);
      int64_t &tile = tiles[kernel.getDimIndex(name)];
      bool isWhole = count <= longestTile && llvm::isPowerOf2_64(count);
      tile = std::max(tile, isWhole ? count : std::min(vectorLength, count & -count));
    }
  };
  kernel.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<tile::LoadOp, tile::StoreOp, tile::CopyAsyncOp, tile::AtomicRMWOp>(visit);
  });
  return tiles;
}

/// The largest extent that becomes a constant.
static constexpr int64_t largestConstant = 256;

static bool isDivision(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp,
             arith::FloorDivSIOp>(op);
}

/// Whether an integer division has `value`, or something that is computed from it, as its divisor.
static bool isDividedBy(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isDivision(user))
      return use.getOperandNumber() == 1 || isDividedBy(user->getResult(0));
    return isa<arith::ArithDialect>(user->getDialect()) && user->getNumResults() == 1 &&
           user->getResult(0).getType().isInteger() && isDividedBy(user->getResult(0));
  });
}

/// Whether `dim` is divided by another dim, as heads are by groups.
static bool isDividedByDim(tile::DimOp dim) {
  return llvm::any_of(dim->getUsers(), [](Operation *user) {
    return isDivision(user) && user->getOperand(1).getDefiningOp<tile::DimOp>();
  });
}

static llvm::SmallBitVector divisionsOf(tile::KernelOp kernel) {
  llvm::SmallBitVector divisions(kernel.getDims().size());
  kernel.walk([&](tile::DimOp dim) {
    if (isDividedBy(dim) || isDividedByDim(dim))
      divisions.set(kernel.getDimIndex(dim.getName()));
  });
  return divisions;
}

/// Which dims are the last of a view.
static llvm::SmallBitVector lastDimsOf(tile::KernelOp kernel) {
  llvm::SmallBitVector lastDims(kernel.getDims().size());
  for (Type type : kernel.getArgumentTypes())
    if (auto view = dyn_cast<tile::ViewType>(type); view && view.getRank() > 0)
      if (StringRef name = view.getDimName(view.getRank() - 1); !name.empty())
        lastDims.set(kernel.getDimIndex(name));
  return lastDims;
}

DimUses DimUses::of(tile::KernelOp kernel) {
  return {tilesOf(kernel), divisionsOf(kernel), lastDimsOf(kernel)};
}

/// The alignment of a view whose rows are those of `type`, seen by a kernel as `view`.
static int64_t alignmentOf(MemRefType type, tile::ViewType view, int64_t alignment) {
  // Contiguous rows decide also where the strides are the caller's: the runtime checks them.
  if (type.getRank() == 0)
    return 1;
  int64_t last = type.getShape().back();
  if (type.getRank() == 1 || type.getNumElements() <= last)
    return alignment;
  int64_t element = tile::getMemoryBytes(type.getElementType()), row = last * element;
  int64_t rows = std::min(alignment, row & -row);
  // A constant of the kernel has but one alignment; others get one of two.
  bool isConstant = !ShapedType::isDynamic(view.getStaticDim(view.getRank() - 1));
  return isConstant || rows == alignment ? rows : std::min(alignment, element);
}

/// What divides an extent, as far as it matters to tiles of length `tile`: all of the tile, or else,
/// where accesses go along the dim, one of them.
static int64_t divisorOf(int64_t extent, int64_t tile, bool isLast) {
  if (extent % tile == 0)
    return tile;
  return isLast && tile > vectorLength && extent % vectorLength == 0 ? vectorLength : 1;
}

KernelSpecialization KernelSpecialization::of(tile::KernelOp kernel, const DimUses &uses,
                                              lh::DispatchOp dispatch, int64_t alignment) {
  KernelSpecialization result;
  for (auto [i, tile, extent] : llvm::enumerate(uses.tiles, dispatch.getDims()))
    if (uses.divisions[i] && extent > 0 && extent <= largestConstant)
      result.dims.push_back({extent, /*isConstant=*/true});
    else
      result.dims.push_back({divisorOf(extent, tile, uses.lastDims[i]), /*isConstant=*/false});
  auto arg = dispatch.getArgs().begin();
  for (Type type : kernel.getArgumentTypes()) {
    auto view = dyn_cast<tile::ViewType>(type);
    if (!view)
      continue;
    auto memory = cast<MemRefType>((*arg++).getType());
    result.views.push_back(
        {alignmentOf(memory, view, alignment), memory.getLayout().isIdentity()});
  }
  return result;
}

void KernelSpecialization::apply(tile::KernelOp kernel) const {
  applyDims(kernel);
  applyViews(kernel);
}

void KernelSpecialization::applyDims(tile::KernelOp kernel) const {
  MLIRContext *context = kernel.getContext();
  Builder builder(context);
  unsigned numDims = dims.size();
  NamedAttrList known, exprs(kernel.getDimExprsAttr());
  SmallVector<AffineExpr> extents;
  for (auto [i, name, dim] : llvm::enumerate(kernel.getDims().getAsValueRange<StringAttr>(), dims)) {
    extents.push_back(dim.isConstant ? getAffineConstantExpr(dim.divisor, context)
                                     : getAffineSymbolExpr(i, context));
    // The views will not name it any more.
    if (dim.isConstant)
      exprs.set(name, AffineMapAttr::get(AffineMap::get(0, numDims, extents.back())));
    else if (dim.divisor > 1)
      known.set(name, builder.getI64IntegerAttr(dim.divisor));
  }
  if (!known.empty())
    kernel->setAttr("tile.divisors", known.getDictionary(context));
  if (!exprs.empty())
    kernel.setDimExprsAttr(exprs.getDictionary(context));
  kernel.setGrid(kernel.getGrid().replaceDimsAndSymbols({}, extents, 0, numDims));
  kernel.walk([&](tile::DimOp op) {
    const Dim &dim = dims[kernel.getDimIndex(op.getName())];
    if (!dim.isConstant)
      return;
    OpBuilder at(op);
    op.replaceAllUsesWith(
        arith::ConstantIntOp::create(at, op.getLoc(), dim.divisor, 32).getResult());
    op.erase();
  });
}

void KernelSpecialization::applyViews(tile::KernelOp kernel) const {
  Builder builder(kernel.getContext());
  SmallVector<Type> types(kernel.getArgumentTypes());
  auto view = views.begin();
  for (auto [i, type] : llvm::enumerate(types)) {
    auto viewType = dyn_cast<tile::ViewType>(type);
    if (!viewType)
      continue;
    SmallVector<Attribute> extents(viewType.getDims());
    for (Attribute &extent : extents)
      if (auto name = dyn_cast<StringAttr>(extent))
        if (const Dim &dim = dims[kernel.getDimIndex(name)]; dim.isConstant)
          extent = builder.getI64IntegerAttr(dim.divisor);
    viewType = tile::ViewType::get(kernel.getContext(), extents, viewType.getElementType());
    type = viewType;
    kernel.getBody().getArgument(i).setType(viewType);
    SmallVector<int64_t> strides(viewType.getRank(), ShapedType::kDynamic);
    // The stride of a dim is the product of the extents behind it.
    int64_t stride = view->isContiguous ? 1 : ShapedType::kDynamic;
    for (int64_t d = viewType.getRank() - 1; d >= 0 && !ShapedType::isDynamic(stride); --d) {
      strides[d] = stride;
      int64_t extent = viewType.getStaticDim(d);
      stride = ShapedType::isDynamic(extent) ? extent : stride * extent;
    }
    kernel.setArgAttr(i, "tile.alignment", builder.getI64IntegerAttr(view->alignment));
    kernel.setArgAttr(i, "tile.strides", builder.getDenseI64ArrayAttr(strides));
    ++view;
  }
  kernel.setFunctionType(builder.getFunctionType(types, {}));
}

std::string KernelSpecialization::str() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const Dim &dim : dims)
    out << dim.divisor << (dim.isConstant ? "e" : "d");
  for (const View &view : views)
    out << view.alignment << (view.isContiguous ? "c" : "s");
  return text;
}
