//===- Value.cpp ------------------------------------------------------------------------===//
#include "Value.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using mlir::Type;

bool Value::operator==(const Value &other) const {
  if (valueKind != other.valueKind)
    return false;
  switch (valueKind) {
  case Kind::Int:
  case Kind::Bool:
    return integer == other.integer;
  case Kind::Float:
    return number == other.number;
  case Kind::Type:
    return mlirType == other.mlirType;
  default:
    return false;
  }
}

mlir::ArrayRef<StringRef> frontend::elementTypeNames() {
  static constexpr StringRef names[] = {"bool", "i8", "i32", "i64", "f16", "bf16", "f32", "f64"};
  return names;
}

Type frontend::elementTypeNamed(StringRef name, mlir::MLIRContext *context) {
  return llvm::StringSwitch<Type>(name)
      .Case("bool", mlir::IntegerType::get(context, 1))
      .Case("i8", mlir::IntegerType::get(context, 8))
      .Case("i32", mlir::IntegerType::get(context, 32))
      .Case("i64", mlir::IntegerType::get(context, 64))
      .Case("f16", mlir::Float16Type::get(context))
      .Case("bf16", mlir::BFloat16Type::get(context))
      .Case("f32", mlir::Float32Type::get(context))
      .Case("f64", mlir::Float64Type::get(context))
      .Default(Type());
}

namespace {

std::string spellShape(mlir::ArrayRef<int64_t> shape) {
  std::string text = "[";
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(shape, out, [&](int64_t extent) {
    if (mlir::ShapedType::isDynamic(extent))
      out << '?';
    else
      out << extent;
  });
  out << ']';
  return text;
}

} // namespace

std::string frontend::spell(Type type) {
  if (!type)
    return "nothing";
  if (type.isInteger(1))
    return "bool";
  // MLIR's printer says the same, but sets itself up for all dialects each time.
  if (type.isSignlessInteger())
    return ("i" + llvm::Twine(type.getIntOrFloatBitWidth())).str();
  if (type.isF16() || type.isF32() || type.isF64())
    return ("f" + llvm::Twine(type.getIntOrFloatBitWidth())).str();
  if (type.isBF16())
    return "bf16";
  if (auto tile = mlir::dyn_cast<mlir::RankedTensorType>(type))
    return tile.getRank() == 0 ? spell(tile.getElementType())
                               : spell(tile.getElementType()) + spellShape(tile.getShape());
  if (auto buffer = mlir::dyn_cast<tile::BufferType>(type))
    return "shared(" + spell(buffer.getElementType()) + spellShape(buffer.getShape()) + ")";
  if (auto ring = mlir::dyn_cast<tile::MBarrierType>(type))
    return ("mbarrier(" + llvm::Twine(ring.getCount()) + ")").str();
  if (auto ring = mlir::dyn_cast<tile::NamedBarrierType>(type))
    return ("named_barrier(" + llvm::Twine(ring.getCount()) + ")").str();
  if (mlir::isa<tile::ViewType>(type))
    return "a tensor argument";
  if (mlir::isa<lh::PyramidType>(type))
    return "a pyramid";
  if (mlir::isa<lh::ScoresType>(type))
    return "scores";
  if (mlir::isa<lh::SelectionType>(type))
    return "a selection";
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string frontend::spell(const Value &constant) {
  switch (constant.kind()) {
  case Value::Kind::Int:
    return std::to_string(constant.getInt());
  case Value::Kind::Bool:
    return constant.getBool() ? "true" : "false";
  case Value::Kind::Float:
    return spell(constant.getFloat());
  case Value::Kind::Type:
    return spell(constant.getType());
  default:
    return describe(constant);
  }
}

std::string frontend::describe(const Value &value) {
  switch (value.kind()) {
  case Value::Kind::Poison:
  case Value::Kind::None:
    return "no value";
  case Value::Kind::Int:
  case Value::Kind::Float:
  case Value::Kind::Bool:
    return "the constant " + spell(value);
  case Value::Kind::Type:
    return "the type " + spell(value.getType());
  case Value::Kind::Runtime:
    return spell(value.getSSA().getType());
  case Value::Kind::Tuple:
    return std::to_string(value.getTuple().size()) + " values";
  }
  return "";
}

std::string frontend::describeAsConstant(const Value &value) {
  mlir::Type type = value.isRuntime() ? value.getSSA().getType() : Type();
  bool ofNumbers = type && (type.isIntOrFloat() || mlir::isa<mlir::RankedTensorType>(type));
  return ofNumbers ? "a run-time value of type " + spell(type) : describe(value);
}
