//===- ConstFold.h - Arithmetic on compile-time values ---------------------*- C++ -*-===//
//
// Integers are 64 bits wide and checked: a result that does not fit is an error.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_CONSTFOLD_H
#define LIGHTHOUSE_LIB_FRONTEND_CONSTFOLD_H

#include "Value.h"

#include <optional>

namespace lighthouse::frontend {

/// The value of an operation on constants, or why it has none.
struct Folded {
  Folded(Value value) : value(std::move(value)) {}
  static Folded fail(const llvm::Twine &why) {
    Folded folded{Value()};
    folded.error = why.str();
    return folded;
  }
  Value value;
  std::string error; ///< empty on success
};

Folded foldUnary(UnaryOp op, const Value &operand);
/// Operands are constants or types (which compare with == and != only).
Folded foldBinary(BinaryOp op, const Value &lhs, const Value &rhs);

/// Whether `name` is a compile-time function: cdiv, min, max, ilog, pow.
bool isFoldableFunction(StringRef name);
/// A compile-time function of two constants.
Folded foldFunction(StringRef name, const Value &a, const Value &b);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_CONSTFOLD_H
