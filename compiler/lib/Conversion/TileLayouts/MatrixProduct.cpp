//===- MatrixProduct.cpp - products for the tensor cores --------------------------------------===//

#include "MatrixProduct.h"

using namespace mlir;
using namespace lighthouse;
using tile::Basis;
using tile::Layout;

int64_t lighthouse::elementsPerRegister(Type element) {
  return 32 / element.getIntOrFloatBitWidth();
}

bool lighthouse::isMatrixProduct(tile::DotOp dot) {
  auto a = cast<RankedTensorType>(dot.getA().getType());
  auto result = cast<RankedTensorType>(dot.getType());
  Type element = a.getElementType();
  bool isHalf = element.isF16() || element.isBF16();
  return (isHalf || dot.getTf32()) && result.getDimSize(0) % 16 == 0 &&
         result.getDimSize(1) % 8 == 0 && a.getDimSize(1) % (8 * elementsPerRegister(element)) == 0;
}

std::optional<int64_t> lighthouse::fragmentDim(const Layout &layout) {
  if (layout.rank != 2 || layout.registers.empty())
    return std::nullopt;
  int64_t along = layout.registers.front().dim, across = 1 - along;
  Basis lanes[] = {{along, 2}, {along, 4}, {across, 1}, {across, 2}, {across, 4}};
  if (layout.registers.front() != Basis{along, 1} || ArrayRef<Basis>(lanes) != layout.lanes)
    return std::nullopt;
  return along;
}
