//===- GenCall.cpp - Calls in kernels: dispatch, conversions, elementwise functions -----===//
#include "KernelGen.h"

#include "ConstFold.h"
#include "llvm/ADT/StringSwitch.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;
namespace arith = mlir::arith;
namespace math = mlir::math;

const Expr *KernelGen::namedArg(const CallExpr *e, StringRef name) {
  for (const NamedArg &arg : e->named)
    if (arg.name.text == name)
      return arg.value;
  return nullptr;
}

Result KernelGen::evalCall(const CallExpr *e) {
  // A parameter or argument that holds a type, or the name of a type, converts.
  Variable *variable = scopes.find(e->callee);
  mlir::Type type = variable && variable->value.isType() ? variable->value.getType()
                    : variable                           ? mlir::Type()
                                                         : elementTypeNamed(e->callee, context);
  if (type) {
    if (mlir::isa<mlir::ShapedType>(type) || e->args.size() != 1 || !e->named.empty()) {
      error(e->loc, "expected " + spell(mlir::getElementTypeOrSelf(type)) + "(x) with one value");
      return failure();
    }
    Result value = eval(e->args[0]);
    if (failed(value))
      return failure();
    MaybeSSA converted = castTo(*value, type, e->loc);
    if (failed(converted))
      return failure();
    return Value(*converted);
  }
  if (auto *function = find<FunctionDecl>(definitions, e->callee)) {
    FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
    if (failed(args))
      return failure();
    mlir::SmallVector<Variable> variables;
    for (auto [name, value] : llvm::zip(function->args, *args))
      variables.push_back({name, /*isVar=*/false, value});
    return evalInlined(function->body, variables, "function", function->name, e->loc);
  }
  using Handler = Result (KernelGen::*)(const CallExpr *);
  Handler handler = llvm::StringSwitch<Handler>(e->callee)
#define BUILTIN(name, handler, ...) .Case(#name, &KernelGen::handler)
#include "Builtins.def"
                        .Default(nullptr);
  if (handler)
    return (this->*handler)(e);
  error(e->loc, "expected a function, found '" + e->callee + "'");
  return failure();
}

Result KernelGen::genStaticAssert(const CallExpr *e) {
  FailureOr<bool> holds = evalBool(e->args[0], "the condition of static_assert");
  auto *message = llvm::dyn_cast<StringExpr>(e->args[1]);
  if (!message) {
    error(e->args[1]->loc, "expected a string as the message of static_assert");
    return failure();
  }
  if (failed(holds))
    return failure();
  if (*holds)
    return Value::none();
  error(e->loc, "static_assert failed: " + message->value)
      .note(decl.name.loc, "in kernel '" + decl.name.text + "' with " + binding.spellParams());
  return failure();
}

Result KernelGen::genConstantOnly(const CallExpr *e) { return Evaluator::evalCall(e); }

Result KernelGen::genCdiv(const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  if (isFoldable(e, *args))
    return foldCall(e, *args);
  mlir::SmallVector<SSA, 2> operands;
  if (failed(unify(*args, operands, e->loc, "'cdiv'")))
    return failure();
  if (!mlir::getElementTypeOrSelf(operands[0].getType()).isInteger() ||
      mlir::getElementTypeOrSelf(operands[0].getType()).isInteger(1)) {
    error(e->loc, "'cdiv' expects ints, found " + spell(operands[0].getType()));
    return failure();
  }
  SSA divisor = safeDivisor(operands[0], operands[1], e->loc);
  return Value(arith::CeilDivSIOp::create(builder, location(e->loc), operands[0], divisor));
}

Result KernelGen::genMaxMin(const CallExpr *e) {
  if (e->args.size() == 1)
    return genReduce(e);
  if (!e->named.empty()) {
    error(e->named.front().name.loc, "'" + e->callee + "' of two values takes no 'axis'");
    return failure();
  }
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  bool isMax = e->callee.starts_with("max");
  if ((*args)[0].isConstant() && (*args)[1].isConstant())
    return check(foldFunction(isMax ? "max" : "min", *args), e->loc);
  mlir::SmallVector<SSA, 2> v;
  std::string what = ("'" + e->callee + "'").str();
  if (failed(unify(*args, v, e->loc, what)))
    return failure();
  mlir::Type element = mlir::getElementTypeOrSelf(v[0].getType());
  mlir::Location at = location(e->loc);
  if (mlir::isa<mlir::FloatType>(element))
    return isMax ? Value(arith::MaximumFOp::create(builder, at, v[0], v[1]))
                 : Value(arith::MinimumFOp::create(builder, at, v[0], v[1]));
  if (!element.isInteger(1))
    return isMax ? Value(arith::MaxSIOp::create(builder, at, v[0], v[1]))
                 : Value(arith::MinSIOp::create(builder, at, v[0], v[1]));
  error(e->loc, what + " expects numbers, found " + spell(v[0].getType()));
  return failure();
}

Result KernelGen::genAbs(const CallExpr *e) {
  MaybeSSA x = evalSSA(e->args[0]);
  if (failed(x))
    return failure();
  mlir::Type element = mlir::getElementTypeOrSelf(x->getType());
  mlir::Location at = location(e->loc);
  if (mlir::isa<mlir::FloatType>(element))
    return Value(math::AbsFOp::create(builder, at, *x));
  if (!element.isInteger(1))
    return Value(math::AbsIOp::create(builder, at, *x));
  error(e->args[0]->loc, "'abs' expects numbers, found " + spell(x->getType()));
  return failure();
}

Result KernelGen::genMath(const CallExpr *e) {
  Result value = eval(e->args[0]);
  if (failed(value))
    return failure();
  if (isFoldable(e, *value))
    return foldCall(e, *value);
  // A constant is a float here, also if it is written as an int.
  MaybeSSA x = toSSA(*value, e->args[0]->loc,
                     value->isInt() ? mlir::Type(builder.getF32Type()) : mlir::Type());
  if (failed(x))
    return failure();
  if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(x->getType()))) {
    error(e->args[0]->loc, "'" + e->callee + "' expects floats, found " + spell(x->getType()));
    return failure();
  }
  // Where a target has units that are fast and less accurate, they serve unless it says so.
  FailureOr<bool> accurate = false;
  if (const Expr *arg = namedArg(e, "accurate"))
    accurate = evalBool(arg, "'accurate'");
  if (failed(accurate))
    return failure();
  auto flags = *accurate ? arith::FastMathFlags::none : arith::FastMathFlags::afn;
  mlir::Location at = location(e->loc);
  return llvm::StringSwitch<llvm::function_ref<Value()>>(e->callee)
      .Case("exp", [&] { return Value(math::ExpOp::create(builder, at, *x, flags)); })
      .Case("exp2", [&] { return Value(math::Exp2Op::create(builder, at, *x, flags)); })
      .Case("log", [&] { return Value(math::LogOp::create(builder, at, *x, flags)); })
      .Case("log2", [&] { return Value(math::Log2Op::create(builder, at, *x, flags)); })
      .Case("sqrt", [&] { return Value(math::SqrtOp::create(builder, at, *x)); })
      .Case("rsqrt", [&] { return Value(math::RsqrtOp::create(builder, at, *x, flags)); })
      .Default([&] { return Value(math::FloorOp::create(builder, at, *x)); })();
}

Result KernelGen::genFma(const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  mlir::SmallVector<SSA, 3> v;
  if (failed(args) || failed(unify(*args, v, e->loc, "'fma'")))
    return failure();
  if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(v[0].getType()))) {
    error(e->loc, "'fma' expects floats, found " + spell(v[0].getType()));
    return failure();
  }
  return Value(math::FmaOp::create(builder, location(e->loc), v[0], v[1], v[2]));
}

Result KernelGen::genWhere(const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  if (isFoldable(e, *args))
    return foldCall(e, *args);
  MaybeSSA condition = toSSA((*args)[0], e->args[0]->loc);
  mlir::SmallVector<SSA, 3> v;
  if (failed(condition) ||
      failed(unify(mlir::MutableArrayRef(*args).drop_front(), v, e->loc, "'where'")))
    return failure();
  if (!mlir::getElementTypeOrSelf(condition->getType()).isInteger(1)) {
    error(e->args[0]->loc,
          "expected bools as the condition of 'where', found " + spell(condition->getType()));
    return failure();
  }
  // A scalar condition chooses one tile as a whole.
  if (mlir::isa<RankedTensorType>(condition->getType())) {
    v.insert(v.begin(), *condition);
    if (failed(broadcastAll(v, e->loc, "'where'")))
      return failure();
    condition = v.front();
    v.erase(v.begin());
  }
  return Value(arith::SelectOp::create(builder, location(e->loc), *condition, v[0], v[1]));
}

Result KernelGen::genIsNan(const CallExpr *e) {
  MaybeSSA x = evalSSA(e->args[0]);
  if (failed(x))
    return failure();
  if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(x->getType()))) {
    error(e->args[0]->loc, "'isnan' expects floats, found " + spell(x->getType()));
    return failure();
  }
  return Value(arith::CmpFOp::create(builder, location(e->loc), arith::CmpFPredicate::UNO, *x, *x));
}

Result KernelGen::genBitcast(const CallExpr *e) {
  FailureOr<mlir::Type> type = evalType(e->args[0], "an element type");
  MaybeSSA x = evalSSA(e->args[1]);
  if (failed(type) || failed(x))
    return failure();
  mlir::Type from = mlir::getElementTypeOrSelf(x->getType());
  if (mlir::isa<mlir::ShapedType>(*type) ||
      type->getIntOrFloatBitWidth() != from.getIntOrFloatBitWidth()) {
    error(e->args[0]->loc,
          "expected an element type as wide as " + spell(from) + ", found " + spell(*type));
    return failure();
  }
  mlir::Type result = *type;
  if (auto tile = mlir::dyn_cast<RankedTensorType>(x->getType()))
    result = RankedTensorType::get(tile.getShape(), *type);
  if (result == x->getType())
    return Value(*x);
  return Value(arith::BitcastOp::create(builder, location(e->loc), result, *x));
}
