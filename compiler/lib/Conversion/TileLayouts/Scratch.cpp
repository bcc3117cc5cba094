//===- Scratch.cpp - tiles in scratch memory --------------------------------------------------===//

#include "Scratch.h"

#include "MatrixProduct.h"

using namespace mlir;
using namespace lighthouse;

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

ScratchOrder::ScratchOrder(ArrayRef<int64_t> tileShape, const tile::Layout &reader)
    : ScratchOrder(tileShape, reader.registers.empty() ? tileShape.size() - 1
                                                       : reader.registers.front().dim) {}

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
