//===- Combine.cpp - neutral elements of combinations -----------------------------------------===//

#include "Combine.h"

using namespace mlir;
using namespace lighthouse;
using tile::CombiningKind;

TypedAttr lighthouse::neutralElement(CombiningKind kind, Type elementType) {
  if (auto type = dyn_cast<FloatType>(elementType)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    switch (kind) {
    case CombiningKind::mul:
      return FloatAttr::get(type, 1.0);
    case CombiningKind::max:
      return FloatAttr::get(type, APFloat::getInf(semantics, /*Negative=*/true));
    case CombiningKind::min:
      return FloatAttr::get(type, APFloat::getInf(semantics));
    default:
      return FloatAttr::get(type, 0.0);
    }
  }
  unsigned bits = elementType.getIntOrFloatBitWidth();
  switch (kind) {
  case CombiningKind::mul:
    return IntegerAttr::get(elementType, 1);
  case CombiningKind::max:
    return IntegerAttr::get(elementType, APInt::getSignedMinValue(bits));
  case CombiningKind::min:
    return IntegerAttr::get(elementType, APInt::getSignedMaxValue(bits));
  case CombiningKind::and_:
    return IntegerAttr::get(elementType, APInt::getAllOnes(bits));
  default:
    return IntegerAttr::get(elementType, 0);
  }
}
