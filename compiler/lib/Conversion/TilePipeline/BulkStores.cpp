//===- BulkStores.cpp - results that leave by the copy engine ---------------------------------===//
//
// A product's fragments would be written in pieces of 16 bytes. The copy engine writes whole rows
// of a buffer, and the threads need not wait for it.
//
//===------------------------------------------------------------------------------------------===//

#include "BulkStores.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/Scratch.h"

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

using Limits = tile::BulkCopyLimits;

Obstacle pipelining::checkBulk(Value view, ValueRange indices, Type type) {
  auto argument = cast<BlockArgument>(view);
  auto kernel = cast<tile::KernelOp>(argument.getOwner()->getParentOp());
  std::string name = nameOf(view);
  auto tile = dyn_cast<RankedTensorType>(type);
  if (!tile || tile.getRank() != 2 || !indices.back().getDefiningOp<tile::RangeOp>() ||
      llvm::any_of(indices, [](Value index) {
        return isa<RankedTensorType>(index.getType()) && !index.getDefiningOp<tile::RangeOp>();
      }))
    return "the subscripts of " + name + " are not two ranges and scalars";
  if (kernel.getArgAlignment(argument.getArgNumber()) < Limits::alignment)
    return "the rows of " + name + " are not known to be aligned to " +
           std::to_string(Limits::alignment) + " bytes";
  if (divisorOf(tile::startOf(indices.back())) * tile::getMemoryBytes(tile.getElementType()) %
      Limits::alignment)
    return "the last subscript of " + name + " is not known to start at a multiple of " +
           std::to_string(Limits::alignment) + " bytes";
  tile::BufferType buffer = bufferFor(tile.getShape(), tile.getElementType());
  if (int64_t(indices.size()) > Limits::dims || tile.getDimSize(0) > Limits::extent ||
      buffer.getSpan() == 0)
    return "the copy engine takes at most " + std::to_string(Limits::dims) + " dims and " +
           std::to_string(Limits::extent) + " rows, of a multiple of 32 bytes, of " + name;
  return {};
}

bool pipelining::isInFragments(Value value) {
  if (!isa<RankedTensorType>(value.getType()))
    return false;
  Operation *op = value.getDefiningOp();
  if (!op || isa<scf::ForOp, tile::DotOp>(op))
    return op != nullptr;
  return OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::any_of(op->getOperands(), isInFragments);
}

/// Bytes of scratch memory by way of which `store` gets its tile to memory. Threads write whole
/// sectors of 32 bytes: of fragments, with two elements side by side in each of four threads, they
/// do so at once if an element has 4 bytes. What is read from a buffer is read as it is written.
static int64_t scratchOf(tile::StoreOp store) {
  auto type = cast<RankedTensorType>(store.getValue().getType());
  Type element = type.getElementType();
  if (type.getRank() < 2 || store.getValue().getDefiningOp<tile::BufferLoadOp>() ||
      (tile::getMemoryBytes(element) >= 4 && isInFragments(store.getValue())))
    return 0;
  return mostScratchBytes(type.getShape(), element);
}

/// The copy engine faults on a tile that it is to write and that begins before the tensor.
static bool beginsInside(tile::StoreOp store) {
  return llvm::all_of(store.getIndices(),
                      [](Value index) { return isNonNegative(tile::startOf(index)); });
}

StorePlan::StorePlan(tile::KernelOp kernel, ArrayRef<scf::ForOp> nest, int64_t freeBytes) {
  kernel.walk([&](tile::StoreOp store) {
    auto type = dyn_cast<RankedTensorType>(store.getValue().getType());
    if (!type)
      return;
    int64_t bytes = type.getNumElements() * tile::getMemoryBytes(type.getElementType());
    // What the engine writes is there later than what threads write: nothing else may go to the
    // same tensor, or come from it.
    Operation *parent = store->getParentOp();
    bool isPlain = (parent == kernel || llvm::is_contained(nest.drop_back(), parent)) &&
                   !store.getMask() && store.getView().hasOneUse() &&
                   isa<FloatType>(type.getElementType());
    if (isPlain && bytes + bufferBytes <= freeBytes && beginsInside(store) &&
        checkBulk(store.getView(), store.getIndices(), type).empty()) {
      bulk.push_back(store);
      bufferBytes += bytes;
    } else {
      scratchBytes = std::max(scratchBytes, scratchOf(store));
    }
  });
}

void StorePlan::apply(OpBuilder &outside) {
  for (tile::StoreOp store : bulk) {
    auto type = cast<RankedTensorType>(store.getValue().getType());
    Value buffer = tile::AllocSharedOp::create(outside, store.getLoc(),
                                               bufferFor(type.getShape(), type.getElementType()));
    OpBuilder builder(store);
    // What an iteration before has left in the buffer, and in memory where that is the same.
    if (isa<scf::ForOp>(store->getParentOp()))
      tile::WaitBulkOp::create(builder, store.getLoc(), /*pending=*/0, /*written=*/true);
    tile::BufferStoreOp::create(builder, store.getLoc(), store.getValue(), buffer,
                                /*unordered=*/false);
    tile::StoreBulkOp::create(builder, store.getLoc(), buffer, store.getView(), store.getIndices(),
                              tile::CombiningKindAttr());
    store.erase();
  }
}
