//===- Value.h - What an expression of the language evaluates to -----------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_VALUE_H
#define LIGHTHOUSE_LIB_FRONTEND_VALUE_H

#include "AST.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"

#include <memory>
#include <string>
#include <vector>

namespace lighthouse::frontend {

/// The result of evaluating an expression: a compile-time value, or an SSA value of the IR being
/// generated (a scalar, a tile, a tensor argument, a buffer; in pipelines a tensor, a pyramid,
/// ...).
class Value {
public:
  enum class Kind : uint8_t {
    Poison,  ///< stands for something whose error is already reported
    None,    ///< what a call without result yields
    Int,     ///< compile-time int; adapts to any numeric type
    Float,   ///< compile-time float; adapts to any float type
    Bool,    ///< compile-time bool
    Type,    ///< an element type, or a tile type such as f32[64, 64]
    Runtime, ///< an SSA value
    Tuple    ///< several results of a call
  };

  Value() = default;
  static Value none() { return Value(Kind::None); }
  static Value ofInt(int64_t i) {
    Value v(Kind::Int);
    v.integer = i;
    return v;
  }
  static Value ofFloat(double f) {
    Value v(Kind::Float);
    v.number = f;
    return v;
  }
  static Value ofBool(bool b) {
    Value v(Kind::Bool);
    v.integer = b;
    return v;
  }
  static Value ofType(mlir::Type t) {
    Value v(Kind::Type);
    v.mlirType = t;
    return v;
  }
  static Value ofTuple(std::vector<Value> elements) {
    Value v(Kind::Tuple);
    v.tuple = std::make_shared<const std::vector<Value>>(std::move(elements));
    return v;
  }
  Value(mlir::Value ssa) : valueKind(Kind::Runtime), ssa(ssa) {}

  Kind kind() const { return valueKind; }
  bool isPoison() const { return valueKind == Kind::Poison; }
  bool isInt() const { return valueKind == Kind::Int; }
  bool isFloat() const { return valueKind == Kind::Float; }
  bool isBool() const { return valueKind == Kind::Bool; }
  bool isType() const { return valueKind == Kind::Type; }
  bool isRuntime() const { return valueKind == Kind::Runtime; }
  bool isTuple() const { return valueKind == Kind::Tuple; }
  /// A compile-time number or bool.
  bool isConstant() const { return isInt() || isFloat() || isBool(); }

  int64_t getInt() const { return integer; }
  double getFloat() const { return isInt() ? static_cast<double>(integer) : number; }
  bool getBool() const { return integer != 0; }
  mlir::Type getType() const { return mlirType; }
  mlir::Value getSSA() const { return ssa; }
  mlir::ArrayRef<Value> getTuple() const { return *tuple; }

  /// Equality of compile-time values.
  bool operator==(const Value &other) const;

private:
  explicit Value(Kind kind) : valueKind(kind) {}

  Kind valueKind = Kind::Poison;
  union {
    int64_t integer = 0;
    double number;
  };
  mlir::Type mlirType;
  mlir::Value ssa;
  std::shared_ptr<const std::vector<Value>> tuple;
};

using Result = mlir::FailureOr<Value>;

/// The element type called `name` (`bool i8 i32 i64 f16 bf16 f32 f64`), null if there is none.
mlir::Type elementTypeNamed(StringRef name, mlir::MLIRContext *context);
/// The names of the element types.
mlir::ArrayRef<StringRef> elementTypeNames();
/// A type as the language writes it: `bool`, `f32[64, 128]`; for tensors of pipelines `?` where an
/// extent is unknown.
std::string spell(mlir::Type type);
/// A compile-time value as the language writes it.
std::string spell(const Value &constant);
/// What a value is, for messages: "a compile-time int", "f32[64]", "a tensor argument".
std::string describe(const Value &value);
/// Likewise where a compile-time value is expected: "a run-time value of type i32".
std::string describeAsConstant(const Value &value);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_VALUE_H
