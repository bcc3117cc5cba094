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

/// How many arguments the compile-time function `name` has (cdiv, min, max, ilog, pow, sqrt,
/// num_scores); 0 if there is none.
unsigned numFoldableArgs(StringRef name);
/// A compile-time function of as many constants as it has arguments.
Folded foldFunction(StringRef name, ArrayRef<Value> args);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_CONSTFOLD_H
