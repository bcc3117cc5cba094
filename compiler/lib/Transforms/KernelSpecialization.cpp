//===- KernelSpecialization.cpp - what code may assume of a dispatch --------------------------===//

#include "lighthouse/Transforms/KernelSpecialization.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;

/// Tiles longer than this are cut by masks rather than by the ends of tensors.
static constexpr int64_t longestTile = 256;

/// For each dim, the longest tile in which the kernel goes along it; 1 where it takes no tiles.
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
      if (count <= longestTile && llvm::isPowerOf2_64(count)) {
        int64_t &tile = tiles[kernel.getDimIndex(name)];
        tile = std::max(tile, count);
      }
    }
  };
  kernel.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<tile::LoadOp, tile::StoreOp, tile::CopyAsyncOp, tile::AtomicRMWOp>(visit);
  });
  return tiles;
}

/// The alignment of a view whose rows are those of `type`, seen by a kernel as `view`.
static int64_t alignmentOf(MemRefType type, tile::ViewType view, int64_t alignment) {
  // Contiguous rows decide also where the strides are the caller's: the runtime checks them.
  if (type.getRank() == 0)
    return 1;
  int64_t last = type.getShape().back();
  if (type.getRank() == 1 || type.getNumElements() <= last)
    return alignment;
  int64_t element = llvm::divideCeil(type.getElementTypeBitWidth(), 8), row = last * element;
  int64_t rows = std::min(alignment, row & -row);
  // A constant of the kernel has but one alignment; others get one of two.
  bool isConstant = !ShapedType::isDynamic(view.getStaticDim(view.getRank() - 1));
  return isConstant || rows == alignment ? rows : std::min(alignment, element);
}

KernelSpecialization KernelSpecialization::of(tile::KernelOp kernel, lh::DispatchOp dispatch,
                                              int64_t alignment) {
  KernelSpecialization result;
  for (auto [tile, extent] : llvm::zip_equal(tilesOf(kernel), dispatch.getDims()))
    result.divisors.push_back(extent % tile == 0 ? tile : 1);
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
  Builder builder(kernel.getContext());
  NamedAttrList known;
  for (auto [name, divisor] : llvm::zip_equal(kernel.getDims().getAsValueRange<StringAttr>(), divisors))
    if (divisor > 1)
      known.set(name, builder.getI64IntegerAttr(divisor));
  if (!known.empty())
    kernel->setAttr("tile.divisors", known.getDictionary(kernel.getContext()));
  auto view = views.begin();
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto viewType = dyn_cast<tile::ViewType>(type);
    if (!viewType)
      continue;
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
}

std::string KernelSpecialization::str() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (int64_t divisor : divisors)
    out << divisor << " ";
  for (const View &view : views)
    out << view.alignment << (view.isContiguous ? "c" : "s");
  return text;
}
