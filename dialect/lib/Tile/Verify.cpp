//===- Verify.cpp - verifiers that tile ops share ---------------------------------------------===//

#include "Verify.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace lighthouse::tile;

ArrayRef<int64_t> lighthouse::tile::shapeOf(Type type) {
  auto tile = dyn_cast<RankedTensorType>(type);
  return tile ? tile.getShape() : ArrayRef<int64_t>();
}

std::string lighthouse::tile::text(ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(shape, [](int64_t n) { return std::to_string(n); }), ", ") +
         "]";
}

LogicalResult lighthouse::tile::verifySubscripts(Operation *op, StringRef label, ViewType view,
                                      OperandRange indices) {
  if (static_cast<int64_t>(indices.size()) != view.getRank())
    return op->emitOpError() << "expected " << view.getRank() << " subscripts for " << view
                             << ", found " << indices.size() << " [" << label << "]";
  return success();
}

/// The shape that orthogonal subscripts select.
static SmallVector<int64_t> selectedShape(OperandRange indices) {
  SmallVector<int64_t> shape;
  for (Value index : indices)
    llvm::append_range(shape, shapeOf(index.getType()));
  return shape;
}

LogicalResult lighthouse::tile::verifyAccessed(Operation *op, StringRef label, ViewType view,
                                    OperandRange indices, Type elementType,
                                    ArrayRef<int64_t> shape) {
  if (elementType != view.getElementType())
    return op->emitOpError() << "expected elements of type " << view.getElementType() << ", found "
                             << elementType << " [" << label << "]";
  SmallVector<int64_t> selected = selectedShape(indices);
  if (ArrayRef<int64_t>(selected) != shape)
    return op->emitOpError() << "the subscripts select " << text(selected) << ", the tile is "
                             << text(shape) << " [" << label << "]";
  return success();
}

LogicalResult lighthouse::tile::verifyMask(Operation *op, StringRef label, Value mask,
                                ArrayRef<int64_t> shape) {
  if (mask && isa<RankedTensorType>(mask.getType()) && shapeOf(mask.getType()) != shape)
    return op->emitOpError() << "expected a mask of shape " << text(shape) << ", found "
                             << text(shapeOf(mask.getType())) << " [" << label << "]";
  return success();
}

LogicalResult lighthouse::tile::verifyInBounds(Operation *op, StringRef label, ViewType view,
                                    std::optional<ArrayRef<bool>> inBounds) {
  if (inBounds && static_cast<int64_t>(inBounds->size()) != view.getRank())
    return op->emitOpError() << "expected " << view.getRank() << " entries in in_bounds, found "
                             << inBounds->size() << " [" << label << "]";
  return success();
}

bool lighthouse::tile::sameTile(Type a, Type b) {
  auto x = dyn_cast<RankedTensorType>(a), y = dyn_cast<RankedTensorType>(b);
  return x && y ? x.getShape() == y.getShape() && x.getElementType() == y.getElementType() : a == b;
}

LogicalResult lighthouse::tile::verifyBitwise(Operation *op, StringRef label, CombiningKind kind, Type type) {
  bool bitwise = kind == CombiningKind::and_ || kind == CombiningKind::or_;
  if (bitwise && !isa<IntegerType>(getElementTypeOrSelf(type)))
    return op->emitOpError() << "'" << stringifyCombiningKind(kind) << "' takes integers, found "
                             << getElementTypeOrSelf(type) << " [" << label << "]";
  return success();
}
