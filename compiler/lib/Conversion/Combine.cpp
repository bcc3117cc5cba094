//===- Combine.cpp - combinations of reductions, scans and atomics ----------------------------===//

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

Value lighthouse::combine(ImplicitLocOpBuilder &b, CombiningKind kind, Value x, Value y,
                          llvm::function_ref<Value(bool isMax)> extremum) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(x));
  switch (kind) {
  case CombiningKind::add:
    return isFloat ? arith::AddFOp::create(b, x, y).getResult()
                   : arith::AddIOp::create(b, x, y).getResult();
  case CombiningKind::mul:
    return isFloat ? arith::MulFOp::create(b, x, y).getResult()
                   : arith::MulIOp::create(b, x, y).getResult();
  case CombiningKind::max:
    return isFloat ? extremum(/*isMax=*/true) : arith::MaxSIOp::create(b, x, y).getResult();
  case CombiningKind::min:
    return isFloat ? extremum(/*isMax=*/false) : arith::MinSIOp::create(b, x, y).getResult();
  case CombiningKind::and_:
    return arith::AndIOp::create(b, x, y);
  case CombiningKind::or_:
    return arith::OrIOp::create(b, x, y);
  }
  llvm_unreachable("unknown combining kind");
}

LLVM::AtomicBinOp lighthouse::atomicKind(CombiningKind kind, bool isFloat) {
  switch (kind) {
  case CombiningKind::add:
    return isFloat ? LLVM::AtomicBinOp::fadd : LLVM::AtomicBinOp::add;
  case CombiningKind::max:
    return isFloat ? LLVM::AtomicBinOp::fmax : LLVM::AtomicBinOp::max;
  case CombiningKind::min:
    return isFloat ? LLVM::AtomicBinOp::fmin : LLVM::AtomicBinOp::min;
  case CombiningKind::and_:
    return LLVM::AtomicBinOp::_and;
  case CombiningKind::or_:
    return LLVM::AtomicBinOp::_or;
  case CombiningKind::mul:
    break;
  }
  llvm_unreachable("not an atomic combination");
}
