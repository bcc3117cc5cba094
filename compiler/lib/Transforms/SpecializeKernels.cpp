//===- SpecializeKernels.cpp - kernels for the constants of their plan ------------------------===//

#include "lighthouse/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

#include <map>

namespace lighthouse {
#define GEN_PASS_DEF_SPECIALIZEKERNELSPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// What all dispatches of a kernel agree on.
class Specialization {
public:
  Specialization(tile::KernelOp kernel, ArrayRef<lh::DispatchOp> dispatches, int64_t alignment)
      : kernel(kernel), dispatches(dispatches), alignment(alignment) {}

  void run() {
    specializeDims();
    specializeGrid();
    specializeViews();
  }

private:
  void specializeDims();
  void specializeGrid();
  void specializeViews();
  /// Strides in elements, dynamic where dispatches differ or the caller decides.
  SmallVector<int64_t> stridesOf(unsigned view, int64_t rank);
  int64_t alignmentOf(unsigned view);
  template <typename Get> std::optional<int64_t> common(Get get) {
    int64_t first = get(dispatches.front());
    for (lh::DispatchOp dispatch : dispatches)
      if (get(dispatch) != first)
        return std::nullopt;
    return first;
  }

  tile::KernelOp kernel;
  ArrayRef<lh::DispatchOp> dispatches;
  int64_t alignment;
  std::map<std::string, int64_t> dims;
};

} // namespace

void Specialization::specializeDims() {
  for (auto [i, name] : llvm::enumerate(kernel.getDims().getAsValueRange<StringAttr>()))
    if (auto extent = common([&, i = i](lh::DispatchOp d) { return d.getDims()[i]; }))
      dims[name.str()] = *extent;
  // The views will not name the dims any more.
  NamedAttrList exprs(kernel.getDimExprsAttr());
  for (const auto &[name, extent] : dims)
    exprs.set(name, AffineMapAttr::get(
                        AffineMap::get(0, kernel.getDims().size(),
                                       getAffineConstantExpr(extent, kernel.getContext()))));
  kernel.setDimExprsAttr(exprs.getDictionary(kernel.getContext()));
  kernel.walk([&](tile::DimOp dim) {
    auto it = dims.find(dim.getName().str());
    if (it == dims.end())
      return;
    OpBuilder builder(dim);
    dim.replaceAllUsesWith(
        arith::ConstantIntOp::create(builder, dim.getLoc(), it->second, 32).getResult());
    dim.erase();
  });
}

void Specialization::specializeGrid() {
  Builder builder(kernel.getContext());
  SmallVector<AffineExpr> grid(kernel.getGrid().getResults());
  for (auto [axis, expr] : llvm::enumerate(grid))
    if (auto extent = common([&, axis = axis](lh::DispatchOp d) { return d.getGrid()[axis]; }))
      expr = builder.getAffineConstantExpr(*extent);
  kernel.setGrid(AffineMap::get(0, kernel.getDims().size(), grid, kernel.getContext()));
  kernel.walk([&](tile::NumProgramsOp count) {
    auto extent = dyn_cast<AffineConstantExpr>(grid[count.getAxis()]);
    if (!extent)
      return;
    OpBuilder at(count);
    count.replaceAllUsesWith(
        arith::ConstantIntOp::create(at, count.getLoc(), extent.getValue(), 32).getResult());
    count.erase();
  });
}

SmallVector<int64_t> Specialization::stridesOf(unsigned view, int64_t rank) {
  SmallVector<int64_t> strides(rank, ShapedType::kDynamic);
  for (int64_t d = 0; d < rank; ++d)
    if (auto stride = common([&](lh::DispatchOp dispatch) {
          SmallVector<int64_t> all;
          int64_t offset;
          auto type = cast<MemRefType>(dispatch.getArgs()[view].getType());
          return succeeded(type.getStridesAndOffset(all, offset)) ? all[d] : ShapedType::kDynamic;
        }))
      strides[d] = *stride;
  return strides;
}

int64_t Specialization::alignmentOf(unsigned view) {
  int64_t common = alignment;
  for (lh::DispatchOp dispatch : dispatches) {
    // Contiguous rows decide also where the strides are the caller's: the runtime checks them.
    auto type = cast<MemRefType>(dispatch.getArgs()[view].getType());
    if (type.getRank() == 0)
      return 1;
    int64_t row = type.getShape().back() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    if (type.getRank() > 1 && type.getNumElements() > type.getShape().back())
      common = std::min(common, row & -row);
  }
  return common;
}

void Specialization::specializeViews() {
  SmallVector<Type> types(kernel.getArgumentTypes());
  Builder builder(kernel.getContext());
  unsigned view = 0;
  for (auto [i, type] : llvm::enumerate(types)) {
    auto old = dyn_cast<tile::ViewType>(type);
    if (!old)
      continue;
    SmallVector<Attribute> extents(old.getDims());
    for (Attribute &extent : extents)
      if (auto name = dyn_cast<StringAttr>(extent))
        if (auto it = dims.find(name.str()); it != dims.end() && it->second > 0)
          extent = builder.getI64IntegerAttr(it->second);
    type = tile::ViewType::get(kernel.getContext(), extents, old.getElementType());
    kernel.getBody().getArgument(i).setType(type);
    kernel.setArgAttr(i, "tile.alignment", builder.getI64IntegerAttr(alignmentOf(view)));
    kernel.setArgAttr(i, "tile.strides",
                      builder.getDenseI64ArrayAttr(stridesOf(view, old.getRank())));
    ++view;
  }
  kernel.setFunctionType(builder.getFunctionType(types, {}));
}

namespace {

struct SpecializeKernelsPass
    : lighthouse::impl::SpecializeKernelsPassBase<SpecializeKernelsPass> {
  using SpecializeKernelsPassBase::SpecializeKernelsPassBase;

  void runOnOperation() override {
    if (alignment < 1 || alignment > 16 || !llvm::isPowerOf2_64(alignment)) {
      getOperation().emitError("lighthouse-specialize-kernels: alignment must be 1, 2, 4, 8 or 16");
      return signalPassFailure();
    }
    llvm::MapVector<Operation *, SmallVector<lh::DispatchOp>> dispatches;
    for (lh::PlanOp plan : getOperation().getOps<lh::PlanOp>())
      for (auto dispatch : plan.getBody().getOps<lh::DispatchOp>())
        dispatches[getOperation().lookupSymbol(dispatch.getKernelAttr())].push_back(dispatch);
    for (auto &[kernel, list] : dispatches) {
      Specialization(cast<tile::KernelOp>(kernel), list, alignment).run();
      ++numSpecialized;
    }
  }
};

} // namespace
