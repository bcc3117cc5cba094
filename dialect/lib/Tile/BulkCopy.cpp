//===- BulkCopy.cpp - what the copy engine takes ----------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lighthouse::tile;

bool lighthouse::tile::fitsCopyEngine(BufferType buffer) {
  ArrayRef<int64_t> shape = buffer.getShape();
  int64_t columns = buffer.getPanelBytes() / getMemoryBytes(buffer.getElementType());
  return shape.size() <= 2 && (shape.size() < 2 || shape.front() <= BulkCopyLimits::extent) &&
         buffer.getRowBytes() % BulkCopyLimits::alignment == 0 && columns <= BulkCopyLimits::extent;
}

bool lighthouse::tile::isAlignedForEngine(Value buffer) {
  auto type = cast<BufferType>(buffer.getType());
  int64_t panels = type.getRowBytes() / type.getPanelBytes();
  bool isFirst = panels == 1 && !buffer.getDefiningOp<SlotOp>();
  return isFirst || type.getBytes() / panels % std::max<int64_t>(128, 8 * type.getSpan()) == 0;
}

bool lighthouse::tile::canCombineInBulk(CombiningKind kind, Type type) {
  if (kind == CombiningKind::add)
    return type.isF32() || type.isF16() || type.isBF16() || type.isInteger(32);
  return (kind == CombiningKind::max || kind == CombiningKind::min) &&
         (type.isInteger(32) || type.isInteger(64));
}

Value lighthouse::tile::startOf(Value subscript) {
  auto range = subscript.getDefiningOp<RangeOp>();
  return range ? range.getStart() : subscript;
}

static std::optional<int64_t> constantStart(Value subscript) {
  APInt start;
  if (matchPattern(startOf(subscript), m_ConstantInt(&start)))
    return start.getSExtValue();
  return std::nullopt;
}

bool lighthouse::tile::hasAlignedStart(ValueRange indices, Type elementType) {
  int64_t start = constantStart(indices.back()).value_or(0);
  return start * getMemoryBytes(elementType) % BulkCopyLimits::alignment == 0;
}

std::optional<int64_t> lighthouse::tile::findNegativeStart(ValueRange indices) {
  for (Value index : indices)
    if (std::optional<int64_t> start = constantStart(index); start && *start < 0)
      return start;
  return std::nullopt;
}
