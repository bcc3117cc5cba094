//===- MatrixProduct.cpp - products for the tensor cores --------------------------------------===//

#include "MatrixProduct.h"

using namespace mlir;
using namespace lighthouse;

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
