//===- TensorMaps.h - the tensors that a kernel's bulk copies see -----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TRANSFORMS_TENSORMAPS_H
#define LIGHTHOUSE_TRANSFORMS_TENSORMAPS_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse {

/// A view as the copy engine sees it: which argument of the kernel it is, and the tile that one copy
/// moves. The launcher makes a CUtensorMap of it, which the kernel gets before its other parameters.
struct TensorMap {
  int64_t argument;
  /// Bytes of the pattern in which the tile lies in shared memory: 0, 32, 64 or 128.
  int64_t swizzle;
  /// Extents of the tile along each dim of the view, the last at most `swizzle` bytes.
  llvm::SmallVector<int64_t> box;

  bool operator==(const TensorMap &) const = default;
};

/// The map by which a bulk copy between `view` and `buffer` goes.
TensorMap tensorMapOf(mlir::Value view, mlir::ValueRange indices, tile::BufferType buffer);

/// Notes in the attribute `tile.tensor_maps` which maps the kernel takes, in their order. What is done
/// to the kernel afterwards may remove copies, but the launcher has to know.
void attachTensorMaps(tile::KernelOp kernel);

/// The maps that a kernel takes, in their order.
llvm::SmallVector<TensorMap> tensorMapsOf(tile::KernelOp kernel);

} // namespace lighthouse

#endif // LIGHTHOUSE_TRANSFORMS_TENSORMAPS_H
