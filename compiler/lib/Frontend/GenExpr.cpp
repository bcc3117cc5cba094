//===- GenExpr.cpp - Operators, conversions and shapes of kernels -----------------------===//
#include "KernelGen.h"

#include "ConstFold.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;
namespace arith = mlir::arith;

namespace {

mlir::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  auto tile = mlir::dyn_cast<RankedTensorType>(value.getType());
  return tile ? tile.getShape() : mlir::ArrayRef<int64_t>();
}

/// What is done with a value that is neither a scalar nor a tile.
StringRef useOf(mlir::Type type) {
  if (mlir::isa<tile::MBarrierType>(type))
    return "for wait, arrive and copy_bulk";
  if (mlir::isa<tile::NamedBarrierType>(type))
    return "for sync and arrive";
  return "accessed with load and store";
}

/// `type` with another element type.
mlir::Type withElement(mlir::Type type, mlir::Type element) {
  auto tile = mlir::dyn_cast<RankedTensorType>(type);
  return tile ? mlir::Type(RankedTensorType::get(tile.getShape(), element)) : element;
}

} // namespace

//===------------------------------------------------------------------------------------===//
// Constants and conversions
//===------------------------------------------------------------------------------------===//

mlir::Value KernelGen::constantOf(mlir::Type type, double value, SMLoc loc) {
  auto floatType = mlir::dyn_cast<mlir::FloatType>(mlir::getElementTypeOrSelf(type));
  if (!floatType)
    return intConstantOf(type, static_cast<int64_t>(value), loc);
  mlir::TypedAttr attr = builder.getFloatAttr(floatType, value);
  if (auto tile = mlir::dyn_cast<RankedTensorType>(type))
    attr = mlir::DenseElementsAttr::get(tile, mlir::Attribute(attr));
  return arith::ConstantOp::create(builder, location(loc), attr);
}

mlir::Value KernelGen::intConstantOf(mlir::Type type, int64_t value, SMLoc loc) {
  mlir::TypedAttr attr = builder.getIntegerAttr(mlir::getElementTypeOrSelf(type), value);
  if (auto tile = mlir::dyn_cast<RankedTensorType>(type))
    attr = mlir::DenseElementsAttr::get(tile, mlir::Attribute(attr));
  return arith::ConstantOp::create(builder, location(loc), attr);
}

mlir::Value KernelGen::intConstant(int64_t value, SMLoc loc) {
  return intConstantOf(builder.getI32Type(), value, loc);
}

KernelGen::MaybeSSA KernelGen::toSSA(const Value &value, SMLoc loc, mlir::Type element) {
  if (value.isPoison())
    return failure();
  if (value.isRuntime()) {
    mlir::Type type = value.getSSA().getType();
    if (type.isIntOrFloat() || mlir::isa<RankedTensorType>(type))
      return value.getSSA();
    error(loc, "expected a scalar or a tile, found " + describe(value) + "; it is " + useOf(type));
    return failure();
  }
  if (!value.isConstant()) {
    error(loc, "expected a scalar or a tile, found " + describe(value));
    return failure();
  }
  if (!element)
    element = value.isBool()    ? builder.getI1Type()
              : value.isFloat() ? mlir::Type(builder.getF32Type())
                                : builder.getI32Type();
  mlir::TypedAttr attr = constantAttr(value, element, loc);
  if (!attr)
    return failure();
  return SSA(arith::ConstantOp::create(builder, location(loc), attr));
}

KernelGen::MaybeSSA KernelGen::evalSSA(const Expr *e, mlir::Type element) {
  Result value = eval(e);
  if (failed(value))
    return failure();
  return toSSA(*value, e->loc, element);
}

KernelGen::MaybeSSA KernelGen::toScalar(const Value &value, SMLoc loc, mlir::Type type,
                                        const Twine &what) {
  if (value.isRuntime() && value.getSSA().getType() != type) {
    error(loc, "expected " + spell(type) + " as " + what + ", found " + describe(value));
    return failure();
  }
  return toSSA(value, loc, type);
}

KernelGen::MaybeSSA KernelGen::evalScalar(const Expr *e, mlir::Type type, const Twine &what) {
  Result value = eval(e);
  if (failed(value))
    return failure();
  return toScalar(*value, e->loc, type, what);
}

KernelGen::MaybeSSA KernelGen::castTo(const Value &value, mlir::Type element, SMLoc loc) {
  auto floatType = mlir::dyn_cast<mlir::FloatType>(element);
  if (value.isConstant()) {
    // Conversions of constants happen here and now.
    double number = value.isBool() ? value.getBool() : value.getFloat();
    if (floatType)
      return constantOf(element, number, loc);
    if (element.isInteger(1))
      return toSSA(Value::ofBool(number != 0), loc, element);
    if (value.isFloat() && !(number > -9.2e18 && number < 9.2e18)) {
      error(loc, "the constant " + spell(value) + " does not fit in " + spell(element));
      return failure();
    }
    return toSSA(Value::ofInt(value.isFloat()  ? static_cast<int64_t>(number)
                              : value.isBool() ? int64_t(value.getBool())
                                               : value.getInt()),
                 loc, element);
  }
  FailureOr<SSA> source = toSSA(value, loc);
  if (failed(source))
    return failure();
  mlir::Location at = location(loc);
  mlir::Type from = mlir::getElementTypeOrSelf(source->getType());
  mlir::Type type = withElement(source->getType(), element);
  if (from == element)
    return *source;
  bool fromBool = from.isInteger(1);
  unsigned fromWidth = from.getIntOrFloatBitWidth(), width = element.getIntOrFloatBitWidth();
  if (mlir::isa<mlir::FloatType>(from)) {
    if (floatType) {
      if (fromWidth < width)
        return SSA(arith::ExtFOp::create(builder, at, type, *source));
      if (fromWidth > width)
        return SSA(arith::TruncFOp::create(builder, at, type, *source));
      // f16 and bf16: f32 holds both.
      mlir::Type wide = withElement(source->getType(), builder.getF32Type());
      SSA widened = arith::ExtFOp::create(builder, at, wide, *source);
      return SSA(arith::TruncFOp::create(builder, at, type, widened));
    }
    if (width == 1)
      return SSA(arith::CmpFOp::create(builder, at, arith::CmpFPredicate::UNE, *source,
                                       constantOf(source->getType(), 0, loc)));
    return saturatingToInt(*source, type, loc);
  }
  if (floatType)
    return fromBool ? SSA(arith::UIToFPOp::create(builder, at, type, *source))
                    : SSA(arith::SIToFPOp::create(builder, at, type, *source));
  if (width == 1)
    return SSA(arith::CmpIOp::create(builder, at, arith::CmpIPredicate::ne, *source,
                                     constantOf(source->getType(), 0, loc)));
  if (fromWidth > width)
    return SSA(arith::TruncIOp::create(builder, at, type, *source));
  return fromBool ? SSA(arith::ExtUIOp::create(builder, at, type, *source))
                  : SSA(arith::ExtSIOp::create(builder, at, type, *source));
}

mlir::Value KernelGen::saturatingToInt(SSA value, mlir::Type type, SMLoc loc) {
  // LLVM takes what `arith.fptosi` makes of a number out of range for anything at all.
  mlir::Location at = location(loc);
  if (mlir::getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(builder, at,
                                  withElement(value.getType(), builder.getF32Type()), value);
  unsigned width = mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  double bound = std::ldexp(1.0, width - 1);
  auto replaceIf = [&](arith::CmpFPredicate predicate, double number, int64_t limit, SSA result) {
    SSA outside = arith::CmpFOp::create(builder, at, predicate, value,
                                        constantOf(value.getType(), number, loc));
    return arith::SelectOp::create(builder, at, outside, intConstantOf(type, limit, loc), result);
  };
  SSA result = arith::FPToSIOp::create(builder, at, type, value);
  result = replaceIf(arith::CmpFPredicate::OGE, bound, llvm::maxIntN(width), result);
  result = replaceIf(arith::CmpFPredicate::OLT, -bound, llvm::minIntN(width), result);
  return replaceIf(arith::CmpFPredicate::UNO, 0, 0, result);
}

//===------------------------------------------------------------------------------------===//
// Shapes
//===------------------------------------------------------------------------------------===//

KernelGen::MaybeSSA KernelGen::broadcastTo(SSA value, mlir::ArrayRef<int64_t> shape, SMLoc loc,
                                           StringRef what) {
  mlir::ArrayRef<int64_t> from = shapeOf(value);
  bool isTile = mlir::isa<RankedTensorType>(value.getType());
  if (isTile && from == shape)
    return value;
  mlir::Type element = mlir::getElementTypeOrSelf(value.getType());
  auto type = RankedTensorType::get(shape, element);
  mlir::Location at = location(loc);
  if (!isTile) {
    if (shape.empty())
      return value;
    mlir::Attribute attr;
    if (mlir::matchPattern(value, mlir::m_Constant(&attr)))
      return SSA(arith::ConstantOp::create(builder, at, mlir::DenseElementsAttr::get(type, attr)));
    return SSA(mlir::tensor::SplatOp::create(builder, at, value, type));
  }
  bool fits = from.size() <= shape.size();
  if (fits)
    for (auto [a, b] : llvm::zip(llvm::reverse(from), llvm::reverse(shape)))
      fits &= a == b || a == 1;
  if (!fits) {
    error(loc, what + ": " + spell(value.getType()) + " does not fit the shape of " + spell(type));
    return failure();
  }
  if (from.size() < shape.size()) {
    mlir::SmallVector<int64_t> padded(shape.size() - from.size(), 1);
    padded.append(from.begin(), from.end());
    value = tile::ReshapeOp::create(builder, at, RankedTensorType::get(padded, element), value);
  }
  if (value.getType() == type)
    return value;
  return SSA(tile::BroadcastOp::create(builder, at, type, value));
}

mlir::LogicalResult KernelGen::broadcastAll(mlir::MutableArrayRef<SSA> values, SMLoc loc,
                                            StringRef what) {
  mlir::SmallVector<int64_t> shape;
  bool anyTile = false;
  SSA shaped;
  for (SSA value : values) {
    anyTile |= mlir::isa<RankedTensorType>(value.getType());
    mlir::ArrayRef<int64_t> other = shapeOf(value);
    if (other.size() > shape.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (size_t i = 0; i < other.size(); ++i) {
      int64_t &extent = shape[shape.size() - 1 - i];
      int64_t with = other[other.size() - 1 - i];
      if (extent != with && extent != 1 && with != 1) {
        error(loc, what + ": shapes of " + spell(shaped.getType()) + " and " +
                       spell(value.getType()) + " do not fit together");
        return failure();
      }
      extent = std::max(extent, with);
    }
    if (!other.empty())
      shaped = value;
  }
  if (!anyTile)
    return mlir::success();
  if (failed(checkTileShape(shape, loc)))
    return failure();
  for (SSA &value : values) {
    MaybeSSA fitted = broadcastTo(value, shape, loc, what);
    if (failed(fitted))
      return failure();
    value = *fitted;
  }
  return mlir::success();
}

mlir::LogicalResult KernelGen::unify(mlir::MutableArrayRef<Value> values,
                                     mlir::SmallVectorImpl<SSA> &out, SMLoc loc, StringRef what) {
  // The first run-time operand decides; among constants alone a float makes all of them floats.
  mlir::Type element;
  for (const Value &value : values) {
    if (!value.isRuntime())
      continue;
    if (failed(toSSA(value, loc))) // a tensor argument or a buffer
      return failure();
    if (!element)
      element = mlir::getElementTypeOrSelf(value.getSSA().getType());
  }
  if (!element)
    for (const Value &value : values)
      if (value.isFloat())
        element = builder.getF32Type();
  for (const Value &value : values) {
    MaybeSSA ssa = toSSA(value, loc, element);
    if (failed(ssa))
      return failure();
    mlir::Type own = mlir::getElementTypeOrSelf(ssa->getType());
    if (element && own != element) {
      error(loc, what + " expects operands of one element type, found " + spell(element) + " and " +
                     spell(own) + "; convert one of them, as in " + spell(element) + "(x)");
      return failure();
    }
    out.push_back(*ssa);
  }
  return broadcastAll(out, loc, what);
}

Result KernelGen::evalSubscript(const SubscriptExpr *e) {
  Result base = eval(e->base);
  if (failed(base))
    return failure();
  if (base->isType())
    return tileType(e, base->getType());
  if (base->isRuntime() && mlir::isa<RankedTensorType>(base->getSSA().getType()))
    return genNewDims(e, base->getSSA());
  if (base->isRuntime() &&
      mlir::isa<tile::ViewType, tile::BufferType, tile::MBarrierType, tile::NamedBarrierType>(
          base->getSSA().getType()))
    error(e->loc,
          "expected a value; " + describe(*base) + " is " + useOf(base->getSSA().getType()));
  else
    error(e->loc, "expected a tile before '[', found " + describe(*base));
  return failure();
}

Result KernelGen::genNewDims(const SubscriptExpr *e, SSA tile) {
  auto type = mlir::cast<RankedTensorType>(tile.getType());
  mlir::SmallVector<int64_t> shape;
  int64_t used = 0;
  for (const Subscript &s : e->subscripts) {
    if (s.kind == Subscript::Kind::NewDim) {
      shape.push_back(1);
    } else if (s.kind != Subscript::Kind::All) {
      error(s.loc, "expected ':' or 'None': the elements of a tile are not accessed one by one");
      return failure();
    } else if (used++ < type.getRank()) {
      shape.push_back(type.getDimSize(used - 1));
    }
  }
  if (used != type.getRank()) {
    error(e->loc, "expected one ':' for each of the " + Twine(type.getRank()) + " dims of " +
                      spell(type) + ", found " + Twine(used));
    return failure();
  }
  if (failed(checkTileShape(shape, e->loc)))
    return failure();
  return Value(tile::ReshapeOp::create(builder, location(e->loc),
                                       RankedTensorType::get(shape, type.getElementType()), tile));
}

//===------------------------------------------------------------------------------------===//
// Operators
//===------------------------------------------------------------------------------------===//

Result KernelGen::evalUnary(const UnaryExpr *e, Value operand) {
  if (!operand.isRuntime())
    return check(foldUnary(e->op, operand), e->loc);
  MaybeSSA source = toSSA(operand, e->loc);
  if (failed(source))
    return failure();
  mlir::Type type = source->getType(), element = mlir::getElementTypeOrSelf(type);
  mlir::Location at = location(e->loc);
  if (e->op == UnaryOp::Not) {
    if (element.isInteger(1))
      return Value(arith::XOrIOp::create(builder, at, *source, constantOf(type, 1, e->loc)));
    error(e->loc, "'!' expects bools, found " + spell(type));
    return failure();
  }
  if (mlir::isa<mlir::FloatType>(element))
    return Value(arith::NegFOp::create(builder, at, *source));
  if (!element.isInteger(1))
    return Value(arith::SubIOp::create(builder, at, constantOf(type, 0, e->loc), *source));
  error(e->loc, "'-' expects numbers, found " + spell(type));
  return failure();
}

Result KernelGen::evalBinary(const BinaryExpr *e, Value lhs, Value rhs) {
  if (!lhs.isRuntime() && !rhs.isRuntime())
    return check(foldBinary(e->op, lhs, rhs), e->loc);
  mlir::SmallVector<Value, 2> values{lhs, rhs};
  mlir::SmallVector<SSA, 2> operands;
  std::string what = ("'" + spelling(e->op) + "'").str();
  if (failed(unify(values, operands, e->loc, what)))
    return failure();
  return isComparison(e->op) ? genCompare(e, operands[0], operands[1])
                             : genArith(e, operands[0], operands[1]);
}

Result KernelGen::genCompare(const BinaryExpr *e, SSA lhs, SSA rhs) {
  mlir::Type element = mlir::getElementTypeOrSelf(lhs.getType());
  mlir::Location at = location(e->loc);
  size_t index = static_cast<size_t>(e->op) - static_cast<size_t>(BinaryOp::LT);
  if (mlir::isa<mlir::FloatType>(element)) {
    using P = arith::CmpFPredicate;
    constexpr P predicates[] = {P::OLT, P::OLE, P::OGT, P::OGE, P::OEQ, P::UNE};
    return Value(arith::CmpFOp::create(builder, at, predicates[index], lhs, rhs));
  }
  using P = arith::CmpIPredicate;
  constexpr P predicates[] = {P::slt, P::sle, P::sgt, P::sge, P::eq, P::ne};
  if (element.isInteger(1) && e->op != BinaryOp::EQ && e->op != BinaryOp::NE) {
    error(e->loc, "'" + spelling(e->op) + "' expects numbers, found " + spell(lhs.getType()));
    return failure();
  }
  return Value(arith::CmpIOp::create(builder, at, predicates[index], lhs, rhs));
}

bool KernelGen::isKnownPositive(SSA value) {
  llvm::APInt constant;
  return mlir::matchPattern(value, mlir::m_ConstantInt(&constant))
             ? constant.isStrictlyPositive()
             : value.getDefiningOp<tile::DimOp>() || value.getDefiningOp<tile::NumProgramsOp>();
}

mlir::Value KernelGen::safeShiftCount(SSA count, SMLoc loc) {
  int64_t width = mlir::getElementTypeOrSelf(count.getType()).getIntOrFloatBitWidth();
  llvm::APInt constant;
  if (mlir::matchPattern(count, mlir::m_ConstantInt(&constant)) && constant.ult(width))
    return count;
  return arith::AndIOp::create(builder, location(loc), count,
                               intConstantOf(count.getType(), width - 1, loc));
}

mlir::Value KernelGen::safeDivisor(SSA dividend, SSA divisor, SMLoc loc) {
  if (isKnownPositive(divisor))
    return divisor;
  mlir::Location at = location(loc);
  mlir::Type type = divisor.getType();
  unsigned width = mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  auto equals = [&](SSA value, int64_t number) {
    return arith::CmpIOp::create(builder, at, arith::CmpIPredicate::eq, value,
                                 intConstantOf(type, number, loc));
  };
  SSA overflows = arith::AndIOp::create(builder, at, equals(dividend, llvm::minIntN(width)),
                                        equals(divisor, -1));
  SSA harmful = arith::OrIOp::create(builder, at, equals(divisor, 0), overflows);
  return arith::SelectOp::create(builder, at, harmful, intConstantOf(type, 1, loc), divisor);
}

Result KernelGen::genArith(const BinaryExpr *e, SSA lhs, SSA rhs) {
  mlir::Type element = mlir::getElementTypeOrSelf(lhs.getType());
  mlir::Location at = location(e->loc);
  bool isBool = element.isInteger(1);
  if (mlir::isa<mlir::FloatType>(element)) {
    switch (e->op) {
    case BinaryOp::Add:
      return Value(arith::AddFOp::create(builder, at, lhs, rhs));
    case BinaryOp::Sub:
      return Value(arith::SubFOp::create(builder, at, lhs, rhs));
    case BinaryOp::Mul:
      return Value(arith::MulFOp::create(builder, at, lhs, rhs));
    case BinaryOp::Div:
      return Value(arith::DivFOp::create(builder, at, lhs, rhs));
    case BinaryOp::Rem:
      return Value(arith::RemFOp::create(builder, at, lhs, rhs));
    default:
      break;
    }
  } else if (isLogical(e->op) == isBool || e->op == BinaryOp::And || e->op == BinaryOp::Or ||
             e->op == BinaryOp::Xor) {
    if (e->op == BinaryOp::Div || e->op == BinaryOp::Rem)
      rhs = safeDivisor(lhs, rhs, e->loc);
    if (e->op == BinaryOp::Shl || e->op == BinaryOp::Shr)
      rhs = safeShiftCount(rhs, e->loc);
    switch (e->op) {
    case BinaryOp::LogicalAnd:
    case BinaryOp::And:
      return Value(arith::AndIOp::create(builder, at, lhs, rhs));
    case BinaryOp::LogicalOr:
    case BinaryOp::Or:
      return Value(arith::OrIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Xor:
      return Value(arith::XOrIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Add:
      return Value(arith::AddIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Sub:
      return Value(arith::SubIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Mul:
      return Value(arith::MulIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Div:
      return Value(arith::DivSIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Rem:
      return Value(arith::RemSIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Shl:
      return Value(arith::ShLIOp::create(builder, at, lhs, rhs));
    case BinaryOp::Shr:
      return Value(arith::ShRSIOp::create(builder, at, lhs, rhs));
    default:
      break;
    }
  }
  StringRef expected = isLogical(e->op)                                   ? "bools"
                       : e->op >= BinaryOp::And && e->op <= BinaryOp::Or  ? "ints or bools"
                       : e->op == BinaryOp::Shl || e->op == BinaryOp::Shr ? "ints"
                                                                          : "numbers";
  error(e->loc,
        "'" + spelling(e->op) + "' expects " + expected + ", found " + spell(lhs.getType()));
  return failure();
}
