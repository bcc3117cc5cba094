//===- Scratch.cpp - tiles in scratch memory --------------------------------------------------===//

#include "Scratch.h"

#include "MatrixProduct.h"

using namespace mlir;
using namespace lighthouse;
using tile::Basis;
using tile::Layout;

ScratchRows::ScratchRows(ArrayRef<int64_t> shape, Type elementType) {
  int64_t columns = shape.back();
  rows = ShapedType::getNumElements(shape) / columns;
  rowBytes = columns * tile::getMemoryBytes(elementType);
  // 16 bytes keep wide accesses aligned.
  if (rows > 1 && rowBytes % 32 == 0)
    rowBytes += 16;
}

ScratchOrder::ScratchOrder(ArrayRef<int64_t> tileShape, int64_t last) {
  for (int64_t d = 0, rank = tileShape.size(); d < rank; ++d)
    if (d != last)
      dims.push_back(d);
  dims.push_back(last);
  for (int64_t d : dims)
    shape.push_back(tileShape[d]);
}

ScratchOrder::ScratchOrder(ArrayRef<int64_t> tileShape, const Layout &reader)
    : ScratchOrder(tileShape, reader.registers.empty() ? tileShape.size() - 1
                                                       : reader.registers.front().dim) {}

std::optional<FragmentScratch> FragmentScratch::of(tile::ConvertLayoutOp convert) {
  RankedTensorType type = convert.getSource().getType();
  if (type.getElementTypeBitWidth() != 16 || !fragmentDim(*Layout::of(convert.getType())))
    return std::nullopt;
  // The loops of roles are tuned, and what ptxas makes of them depends on all code beside them.
  if (convert->getParentOfType<tile::RoleOp>())
    return std::nullopt;
  // Neighbours of a thread, or else of a warp.
  Layout writer = *Layout::of(type);
  auto places = llvm::concat<const Basis>(writer.registers, writer.lanes);
  auto next = llvm::find_if(places, [](const Basis &basis) { return basis.stride == 1; });
  bool isTransposed = next != places.end() && (*next).dim == 0;
  SmallVector<int64_t> shape(type.getShape());
  if (isTransposed)
    std::swap(shape[0], shape[1]);
  return FragmentScratch{tile::BufferType::get(type.getContext(), shape, type.getElementType(),
                                               /*swizzle=*/128, tile::MemorySpace::Shared),
                         isTransposed};
}

int64_t lighthouse::mostScratchBytes(ArrayRef<int64_t> shape, Type elementType) {
  int64_t most = 0;
  for (int64_t last = 0, rank = shape.size(); last < rank; ++last)
    most = std::max(most, ScratchRows(ScratchOrder(shape, last).shape, elementType).bytes());
  return most;
}

int64_t lighthouse::productScratchBytes(tile::DotOp dot) {
  if (isMatrixProduct(dot))
    return 0;
  int64_t bytes = 0;
  for (Value operand : {dot.getA(), dot.getB()})
    bytes += ScratchRows(cast<RankedTensorType>(operand.getType()).getShape(),
                         getElementTypeOrSelf(dot.getType()))
                 .bytes();
  return bytes;
}
