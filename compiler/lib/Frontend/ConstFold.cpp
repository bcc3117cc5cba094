//===- ConstFold.cpp --------------------------------------------------------------------===//
#include "ConstFold.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace lighthouse::frontend;

namespace {

constexpr int64_t smallest = std::numeric_limits<int64_t>::min();

Folded overflow() { return Folded::fail("the compile-time integer does not fit in 64 bits"); }

template <typename T> Value compare(BinaryOp op, T a, T b) {
  switch (op) {
  case BinaryOp::LT:
    return Value::ofBool(a < b);
  case BinaryOp::LE:
    return Value::ofBool(a <= b);
  case BinaryOp::GT:
    return Value::ofBool(a > b);
  case BinaryOp::GE:
    return Value::ofBool(a >= b);
  case BinaryOp::EQ:
    return Value::ofBool(a == b);
  default:
    return Value::ofBool(a != b);
  }
}

Folded foldInts(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
  case BinaryOp::Add:
    return llvm::AddOverflow(a, b, result) ? overflow() : Value::ofInt(result);
  case BinaryOp::Sub:
    return llvm::SubOverflow(a, b, result) ? overflow() : Value::ofInt(result);
  case BinaryOp::Mul:
    return llvm::MulOverflow(a, b, result) ? overflow() : Value::ofInt(result);
  case BinaryOp::Div:
  case BinaryOp::Rem:
    if (b == 0)
      return Folded::fail("division by zero");
    if (a == smallest && b == -1)
      return overflow();
    return Value::ofInt(op == BinaryOp::Div ? a / b : a % b);
  case BinaryOp::Shl:
  case BinaryOp::Shr:
    if (b < 0 || b > 62)
      return Folded::fail("shift by " + llvm::Twine(b) + "; expected 0 to 62");
    if (op == BinaryOp::Shr)
      return Value::ofInt(a >> b);
    return llvm::MulOverflow(a, int64_t(1) << b, result) ? overflow() : Value::ofInt(result);
  case BinaryOp::And:
    return Value::ofInt(a & b);
  case BinaryOp::Xor:
    return Value::ofInt(a ^ b);
  case BinaryOp::Or:
    return Value::ofInt(a | b);
  default:
    return compare(op, a, b);
  }
}

Folded mismatch(BinaryOp op, const Value &lhs, const Value &rhs) {
  return Folded::fail("'" + spelling(op) + "' does not apply to " + describe(lhs) + " and " +
                      describe(rhs));
}

} // namespace

Folded lighthouse::frontend::foldUnary(UnaryOp op, const Value &operand) {
  if (op == UnaryOp::Not)
    return operand.isBool() ? Folded(Value::ofBool(!operand.getBool()))
                            : Folded::fail("'!' expects a bool, found " + describe(operand));
  if (operand.isFloat())
    return Value::ofFloat(-operand.getFloat());
  if (!operand.isInt())
    return Folded::fail("'-' expects a number, found " + describe(operand));
  return operand.getInt() == smallest ? overflow() : Value::ofInt(-operand.getInt());
}

Folded lighthouse::frontend::foldBinary(BinaryOp op, const Value &lhs, const Value &rhs) {
  bool equality = op == BinaryOp::EQ || op == BinaryOp::NE;
  if (lhs.isType() && rhs.isType() && equality)
    return Value::ofBool((lhs == rhs) == (op == BinaryOp::EQ));
  if (lhs.isBool() && rhs.isBool()) {
    bool a = lhs.getBool(), b = rhs.getBool();
    switch (op) {
    case BinaryOp::LogicalAnd:
    case BinaryOp::And:
      return Value::ofBool(a && b);
    case BinaryOp::LogicalOr:
    case BinaryOp::Or:
      return Value::ofBool(a || b);
    case BinaryOp::Xor:
    case BinaryOp::NE:
      return Value::ofBool(a != b);
    case BinaryOp::EQ:
      return Value::ofBool(a == b);
    default:
      return mismatch(op, lhs, rhs);
    }
  }
  bool numbers = (lhs.isInt() || lhs.isFloat()) && (rhs.isInt() || rhs.isFloat());
  if (!numbers || isLogical(op))
    return mismatch(op, lhs, rhs);
  if (lhs.isInt() && rhs.isInt())
    return foldInts(op, lhs.getInt(), rhs.getInt());
  double a = lhs.getFloat(), b = rhs.getFloat();
  switch (op) {
  case BinaryOp::Add:
    return Value::ofFloat(a + b);
  case BinaryOp::Sub:
    return Value::ofFloat(a - b);
  case BinaryOp::Mul:
    return Value::ofFloat(a * b);
  case BinaryOp::Div:
    return Value::ofFloat(a / b);
  case BinaryOp::Rem:
    return Value::ofFloat(std::fmod(a, b));
  default:
    return isComparison(op) ? Folded(compare(op, a, b)) : mismatch(op, lhs, rhs);
  }
}

unsigned lighthouse::frontend::numFoldableArgs(StringRef name) {
  return llvm::StringSwitch<unsigned>(name)
      .Case("sqrt", 1)
      .Cases({"cdiv", "min", "max", "ilog", "pow"}, 2)
      .Cases({"num_scores", "where"}, 3)
      .Default(0);
}

/// The entries of a pyramid above level 0.
static Folded foldNumScores(ArrayRef<Value> args) {
  if (!llvm::all_of(args, [](const Value &arg) { return arg.isInt(); }))
    return Folded::fail("'num_scores' expects three compile-time ints: length, levels and factor");
  int64_t length = args[0].getInt(), levels = args[1].getInt(), factor = args[2].getInt();
  if (length < 1 || levels < 2 || factor < 2)
    return Folded::fail("'num_scores' expects a length of at least 1, levels and a factor of at "
                        "least 2, found " +
                        llvm::Twine(length) + ", " + llvm::Twine(levels) + " and " +
                        llvm::Twine(factor));
  int64_t count = 0, level = 1;
  for (; level < levels && length > 1; ++level) {
    length = length / factor + (length % factor > 0);
    count += length;
  }
  // The levels above one of a single entry have one, too.
  return llvm::AddOverflow(count, levels - level, count) ? overflow() : Value::ofInt(count);
}

Folded lighthouse::frontend::foldFunction(StringRef name, ArrayRef<Value> args) {
  if (name == "num_scores")
    return foldNumScores(args);
  if (name == "where") {
    if (!args[0].isBool())
      return Folded::fail("'where' expects a compile-time bool first, found " + describe(args[0]));
    const Value &chosen = args[0].getBool() ? args[1] : args[2];
    // Of an int and a float both are floats, as at run time.
    bool mixed = (args[1].isInt() && args[2].isFloat()) || (args[1].isFloat() && args[2].isInt());
    return mixed ? Value::ofFloat(chosen.getFloat()) : chosen;
  }
  if (name == "sqrt") {
    if (!args[0].isInt() && !args[0].isFloat())
      return Folded::fail("'sqrt' expects a number, found " + describe(args[0]));
    return Value::ofFloat(std::sqrt(args[0].getFloat()));
  }
  const Value &a = args[0], &b = args[1];
  bool numbers = (a.isInt() || a.isFloat()) && (b.isInt() || b.isFloat());
  if (numbers && (name == "min" || name == "max")) {
    bool first = name == "min" ? a.getFloat() <= b.getFloat() : a.getFloat() >= b.getFloat();
    if (a.isInt() && b.isInt())
      first = name == "min" ? a.getInt() <= b.getInt() : a.getInt() >= b.getInt();
    return first ? a : b;
  }
  if (!a.isInt() || !b.isInt())
    return Folded::fail("'" + name + "' expects two compile-time ints, found " + describe(a) +
                        " and " + describe(b));
  int64_t x = a.getInt(), y = b.getInt();
  if (name == "cdiv") {
    if (y <= 0)
      return Folded::fail("'cdiv' expects a positive divisor, found " + llvm::Twine(y));
    return Value::ofInt(x / y + (x % y > 0 ? 1 : 0));
  }
  if (name == "ilog") {
    if (x < 1 || y < 2)
      return Folded::fail("'ilog' expects a number of at least 1 and a base of at least 2");
    int64_t exponent = 0;
    for (; x >= y; x /= y)
      ++exponent;
    return Value::ofInt(exponent);
  }
  // pow
  if (y < 0)
    return Folded::fail("'pow' expects an exponent that is not negative, found " + llvm::Twine(y));
  if (x == 0 || x == 1 || x == -1)
    return Value::ofInt(y == 0 ? 1 : x == -1 && y % 2 == 0 ? 1 : x);
  int64_t power = 1;
  for (; y > 0; --y)
    if (llvm::MulOverflow(power, x, power))
      return overflow();
  return Value::ofInt(power);
}
