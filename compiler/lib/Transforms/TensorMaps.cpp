//===- TensorMaps.cpp - the tensors that a kernel's bulk copies see ---------------------------===//

#include "lighthouse/Transforms/TensorMaps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse;

static constexpr llvm::StringLiteral attributeName = "tile.tensor_maps";

TensorMap lighthouse::tensorMapOf(Value view, ValueRange indices, tile::BufferType buffer) {
  TensorMap map{cast<BlockArgument>(view).getArgNumber(), buffer.getSpan(), {}};
  for (Value index : indices) {
    auto range = index.getDefiningOp<tile::RangeOp>();
    map.box.push_back(range ? range.getType().getDimSize(0) : 1);
  }
  map.box.back() = buffer.getPanelBytes() / tile::getMemoryBytes(buffer.getElementType());
  return map;
}

static SmallVector<TensorMap> collect(tile::KernelOp kernel) {
  SmallVector<TensorMap> maps;
  kernel.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op).Case<tile::CopyBulkOp, tile::StoreBulkOp>([&](auto copy) {
      TensorMap map = tensorMapOf(copy.getView(), copy.getIndices(), copy.getBuffer().getType());
      if (!llvm::is_contained(maps, map))
        maps.push_back(map);
    });
  });
  return maps;
}

void lighthouse::attachTensorMaps(tile::KernelOp kernel) {
  Builder builder(kernel.getContext());
  SmallVector<Attribute> attributes;
  for (const TensorMap &map : collect(kernel)) {
    SmallVector<int64_t> numbers{map.argument, map.swizzle};
    llvm::append_range(numbers, map.box);
    attributes.push_back(builder.getDenseI64ArrayAttr(numbers));
  }
  if (!attributes.empty())
    kernel->setAttr(attributeName, builder.getArrayAttr(attributes));
}

SmallVector<TensorMap> lighthouse::tensorMapsOf(tile::KernelOp kernel) {
  auto attributes = kernel->getAttrOfType<ArrayAttr>(attributeName);
  if (!attributes)
    return collect(kernel);
  SmallVector<TensorMap> maps;
  for (auto numbers : attributes.getAsRange<DenseI64ArrayAttr>())
    maps.push_back({numbers[0], numbers[1],
                    SmallVector<int64_t>(numbers.asArrayRef().drop_front(2))});
  return maps;
}
