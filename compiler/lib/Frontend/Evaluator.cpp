//===- Evaluator.cpp --------------------------------------------------------------------===//
#include "Evaluator.h"

#include "ConstFold.h"
#include "TargetFields.h"
#include "lighthouse/Frontend/Limits.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace lighthouse::frontend;
using llvm::dyn_cast;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

Evaluator::Step::Step(Evaluator &evaluator, SMLoc loc) : evaluator(evaluator), ok(true) {
  bool deep = ++evaluator.depth > limits::evaluationDepth;
  bool large = ++evaluator.steps > limits::evaluationSteps;
  if (evaluator.exhausted || evaluator.diagnostics.full()) {
    ok = false;
    evaluator.anyFailure = true;
  } else if (deep || large) {
    ok = false;
    evaluator.exhausted = true;
    evaluator.error(loc, deep ? "more than " + Twine(limits::evaluationDepth) +
                                    " levels of nesting after inlining"
                              : "more than " + Twine(limits::evaluationSteps) +
                                    " expressions and statements after inlining and unrolling");
  }
}

Diagnostic &Evaluator::error(SMLoc loc, const Twine &message) {
  anyFailure = true;
  Diagnostic &diagnostic = diagnostics.error(loc, message);
  for (const Call &call : llvm::reverse(calls))
    diagnostic.note(call.loc, "in " + call.what + " '" + call.callee.text + "', called here");
  return diagnostic;
}

mlir::Location Evaluator::plainLocation(SMLoc loc) const {
  SourcePlace place = diagnostics.place(loc);
  return mlir::FileLineColLoc::get(context, place.file, place.line, place.column);
}

mlir::Location Evaluator::location(SMLoc loc) const {
  mlir::Location result = plainLocation(loc);
  for (const Call &call : llvm::reverse(calls))
    result = mlir::CallSiteLoc::get(result, plainLocation(call.loc));
  return result;
}

Result Evaluator::check(Folded folded, SMLoc loc) {
  if (folded.error.empty())
    return std::move(folded.value);
  error(loc, folded.error);
  return failure();
}

//===------------------------------------------------------------------------------------===//
// Expressions
//===------------------------------------------------------------------------------------===//

Result Evaluator::eval(const Expr *e) {
  Result result = evalUnchecked(e);
  anyFailure |= failed(result);
  return result;
}

Result Evaluator::evalUnchecked(const Expr *e) {
  Step step(*this, e->loc);
  if (!step.ok)
    return failure();
  switch (e->kind) {
  case Expr::Kind::Int:
    return Value::ofInt(llvm::cast<IntExpr>(e)->value);
  case Expr::Kind::Float:
    return Value::ofFloat(llvm::cast<FloatExpr>(e)->value);
  case Expr::Kind::Bool:
    return Value::ofBool(llvm::cast<BoolExpr>(e)->value);
  case Expr::Kind::Name:
    return evalName(llvm::cast<NameExpr>(e));
  case Expr::Kind::TargetField:
    return evalTargetField(llvm::cast<TargetFieldExpr>(e));
  case Expr::Kind::Call:
    return evalCall(llvm::cast<CallExpr>(e));
  case Expr::Kind::Subscript:
    return evalSubscript(llvm::cast<SubscriptExpr>(e));
  case Expr::Kind::Unary: {
    auto *unary = llvm::cast<UnaryExpr>(e);
    Result operand = eval(unary->operand);
    if (failed(operand))
      return failure();
    return evalUnary(unary, *operand);
  }
  case Expr::Kind::Binary: {
    auto *binary = llvm::cast<BinaryExpr>(e);
    Result lhs = eval(binary->lhs);
    // The right side of a decided && or || need not be valid: `D > 0 && N % D == 0`.
    if (mlir::succeeded(lhs) && lhs->isBool() && isLogical(binary->op) &&
        lhs->getBool() == (binary->op == BinaryOp::LogicalOr))
      return lhs;
    Result rhs = eval(binary->rhs);
    if (failed(lhs) || failed(rhs))
      return failure();
    return evalBinary(binary, *lhs, *rhs);
  }
  case Expr::Kind::String:
    error(e->loc, "expected a value, found a string");
    return failure();
  case Expr::Kind::List:
    error(e->loc, "expected a value, found a list");
    return failure();
  }
  return failure();
}

FailureOr<int64_t> Evaluator::evalInt(const Expr *e, const Twine &what) {
  Result value = eval(e);
  if (failed(value))
    return failure();
  if (value->isInt())
    return value->getInt();
  error(e->loc, "expected a compile-time int as " + what + ", found " + describeAsConstant(*value));
  return failure();
}

FailureOr<bool> Evaluator::evalBool(const Expr *e, const Twine &what) {
  Result value = eval(e);
  if (failed(value))
    return failure();
  if (value->isBool())
    return value->getBool();
  error(e->loc,
        "expected a compile-time bool as " + what + ", found " + describeAsConstant(*value));
  return failure();
}

FailureOr<mlir::Type> Evaluator::evalType(const Expr *e, const Twine &what) {
  Result value = eval(e);
  if (failed(value))
    return failure();
  if (value->isType())
    return value->getType();
  error(e->loc, "expected " + what + ", found " + describe(*value));
  return failure();
}

Result Evaluator::evalName(const NameExpr *e) {
  if (Variable *variable = scopes.find(e->name)) {
    if (variable->value.isPoison())
      return failure(); // its declaration is already reported
    return variable->value;
  }
  if (mlir::Type type = elementTypeNamed(e->name, context))
    return Value::ofType(type);
  // Every name was checked; what has no value is a dim.
  error(e->loc, "the extent of dim '" + e->name + "' is not known at compile time here");
  return failure();
}

Result Evaluator::evalTargetField(const TargetFieldExpr *e) {
  if (target)
    return findTargetField(e->field.text)->get(*target); // every name was checked
  error(e->loc,
        "'target." + e->field.text + "' has no value, as nothing says what code is made for");
  return failure();
}

mlir::TypedAttr Evaluator::constantAttr(const Value &value, mlir::Type type, SMLoc loc) {
  mlir::TypedAttr attr;
  bool fits = true;
  if (auto floatType = mlir::dyn_cast<mlir::FloatType>(type)) {
    if (value.isInt() || value.isFloat()) {
      auto number = mlir::FloatAttr::get(floatType, value.getFloat());
      fits = !number.getValue().isInfinity() || std::isinf(value.getFloat());
      attr = number;
    }
  } else if (type.isInteger(1)) {
    if (value.isBool())
      attr = mlir::BoolAttr::get(context, value.getBool());
  } else if (value.isInt()) {
    fits = llvm::isIntN(type.getIntOrFloatBitWidth(), value.getInt());
    attr = mlir::IntegerAttr::get(type, value.getInt());
  }
  if (attr && fits)
    return attr;
  if (attr)
    error(loc, "the constant " + spell(value) + " does not fit in " + spell(type));
  else
    error(loc, "expected " + Twine(value.isConstant() ? "" : "a compile-time value of type ") +
                   spell(type) + ", found " + describeAsConstant(value));
  return {};
}

FailureOr<mlir::SmallVector<Value>> Evaluator::evalArgs(const CallExpr *e) {
  mlir::SmallVector<Value> args;
  bool ok = true;
  for (const Expr *arg : e->args) {
    Result value = eval(arg);
    ok &= mlir::succeeded(value);
    args.push_back(ok ? *value : Value());
  }
  if (!ok)
    return failure();
  return args;
}

bool Evaluator::isFoldable(const CallExpr *e, mlir::ArrayRef<Value> args) const {
  unsigned expected = numFoldableArgs(e->callee);
  return expected != 0 && args.size() == expected &&
         llvm::all_of(args, [](const Value &arg) { return arg.isConstant(); });
}

Result Evaluator::foldCall(const CallExpr *e, mlir::ArrayRef<Value> args) {
  return check(foldFunction(e->callee, args), e->loc);
}

Result Evaluator::evalCall(const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  if (isFoldable(e, *args))
    return foldCall(e, *args);
  unsigned expected = numFoldableArgs(e->callee);
  error(e->loc, expected != 0
                    ? "'" + e->callee + "' expects " +
                          (expected == 1   ? "a compile-time value"
                           : expected == 2 ? "two compile-time values"
                                           : "three compile-time values") +
                          " here"
                    : "expected a compile-time value, found a call of '" + e->callee + "'");
  return failure();
}

Result Evaluator::evalSubscript(const SubscriptExpr *e) {
  Result base = eval(e->base);
  if (failed(base))
    return failure();
  if (base->isType())
    return tileType(e, base->getType());
  error(e->loc, "expected a type before '[', found " + describe(*base));
  return failure();
}

Result Evaluator::evalUnary(const UnaryExpr *e, Value operand) {
  return check(foldUnary(e->op, operand), e->loc);
}

Result Evaluator::evalBinary(const BinaryExpr *e, Value lhs, Value rhs) {
  return check(foldBinary(e->op, lhs, rhs), e->loc);
}

Result Evaluator::tileType(const SubscriptExpr *e, mlir::Type element) {
  if (mlir::isa<mlir::ShapedType>(element)) {
    error(e->loc, "expected an element type before '[', found " + spell(element));
    return failure();
  }
  mlir::SmallVector<int64_t> shape;
  for (const Subscript &s : e->subscripts) {
    if (s.kind != Subscript::Kind::Index) {
      error(s.loc, "expected the extent of a tile");
      return failure();
    }
    FailureOr<int64_t> extent = evalInt(s.start, "the extent of a tile");
    if (failed(extent))
      return failure();
    shape.push_back(*extent);
  }
  if (failed(checkTileShape(shape, e->loc)))
    return failure();
  return Value::ofType(mlir::RankedTensorType::get(shape, element));
}

mlir::LogicalResult Evaluator::checkTileShape(mlir::ArrayRef<int64_t> shape, SMLoc loc) {
  if (shape.size() > limits::tileRank) {
    error(loc, "tile of rank " + Twine(shape.size()) + "; at most " + Twine(limits::tileRank) +
                   " is allowed");
    return failure();
  }
  int64_t elements = 1;
  for (int64_t extent : shape) {
    if (extent <= 0) {
      error(loc, "expected a positive extent of a tile, found " + Twine(extent));
      return failure();
    }
    if (extent > limits::tileElements || (elements *= extent) > limits::tileElements) {
      error(loc, "tile of more than " + Twine(limits::tileElements) + " elements");
      return failure();
    }
  }
  return mlir::success();
}

//===------------------------------------------------------------------------------------===//
// Statements
//===------------------------------------------------------------------------------------===//

void Evaluator::execBlock(Block block) {
  size_t mark = scopes.mark();
  for (const Stmt *stmt : block) {
    exec(stmt);
    if (returned)
      break;
  }
  scopes.cut(mark);
}

void Evaluator::exec(const Stmt *stmt) {
  Step step(*this, stmt->loc);
  if (!step.ok)
    return;
  switch (stmt->kind) {
  case Stmt::Kind::Declare:
    return execDeclare(llvm::cast<DeclareStmt>(stmt));
  case Stmt::Kind::Assign:
    return execAssign(llvm::cast<AssignStmt>(stmt));
  case Stmt::Kind::Return:
    return execReturn(llvm::cast<ReturnStmt>(stmt));
  case Stmt::Kind::For:
    if (llvm::cast<ForStmt>(stmt)->isStatic)
      return execStaticFor(llvm::cast<ForStmt>(stmt));
    return execRuntime(stmt);
  case Stmt::Kind::If:
    if (llvm::cast<IfStmt>(stmt)->isStatic)
      return execStaticIf(llvm::cast<IfStmt>(stmt));
    return execRuntime(stmt);
  case Stmt::Kind::Expr:
  case Stmt::Kind::While:
  case Stmt::Kind::Roles:
    return execRuntime(stmt);
  }
}

FailureOr<mlir::SmallVector<Value>> Evaluator::unpack(const Value &value, size_t count, SMLoc loc) {
  mlir::SmallVector<Value> values;
  if (value.isTuple())
    values.append(value.getTuple().begin(), value.getTuple().end());
  else if (value.kind() != Value::Kind::None)
    values.push_back(value);
  if (values.size() == count)
    return values;
  error(loc, "expected " + Twine(count) + (count == 1 ? " value, found " : " values, found ") +
                 (values.empty() ? "none" : Twine(values.size()).str()));
  return failure();
}

void Evaluator::execDeclare(const DeclareStmt *stmt) {
  Result value = eval(stmt->value);
  FailureOr<mlir::SmallVector<Value>> values = failure();
  if (mlir::succeeded(value))
    values = unpack(*value, stmt->names.size(), stmt->value->loc);
  for (auto [i, name] : llvm::enumerate(stmt->names)) {
    // Where the value is wrong the name still exists, so that its uses are no further errors.
    Value bound = mlir::succeeded(values) ? (*values)[i] : Value();
    if (stmt->isVar && !bound.isPoison()) {
      Result stored = storable(bound, stmt->value->loc, nullptr);
      bound = mlir::succeeded(stored) ? *stored : Value();
    }
    scopes.declare({name, stmt->isVar, bound});
  }
}

void Evaluator::execAssign(const AssignStmt *stmt) {
  Result value = eval(stmt->value);
  if (failed(value))
    return;
  FailureOr<mlir::SmallVector<Value>> values =
      unpack(*value, stmt->targets.size(), stmt->value->loc);
  if (failed(values))
    return;
  for (auto [target, newValue] : llvm::zip_equal(stmt->targets, *values)) {
    Variable *variable = scopes.find(target.text);
    if (!variable || !variable->isVar) {
      Diagnostic &diagnostic =
          error(target.loc, (variable ? "cannot assign to '" : "unknown name '") + target.text +
                                (variable ? "'; expected a name declared with 'var'" : "'"));
      if (variable)
        diagnostic.note(variable->name.loc, "'" + target.text + "' is declared here");
      continue;
    }
    if (variable->value.isPoison())
      continue;
    Result stored = storable(newValue, stmt->value->loc, variable);
    if (mlir::succeeded(stored))
      variable->value = *stored;
  }
}

void Evaluator::execStaticFor(const ForStmt *stmt) {
  FailureOr<int64_t> start = int64_t(0), step = int64_t(1);
  if (stmt->start)
    start = evalInt(stmt->start, "the start of a static loop");
  FailureOr<int64_t> end = evalInt(stmt->end, "the end of a static loop");
  if (stmt->step)
    step = evalInt(stmt->step, "the step of a static loop");
  if (failed(start) || failed(end) || failed(step))
    return;
  if (*step <= 0) {
    error(stmt->step->loc, "expected a positive step, found " + Twine(*step));
    return;
  }
  for (int64_t i = *start; i < *end;) {
    if (++staticIterations > limits::staticIterations) {
      if (!std::exchange(exhausted, true))
        error(stmt->loc, "more than " + Twine(limits::staticIterations) +
                             " iterations of static loops in one instance");
      return;
    }
    size_t mark = scopes.mark();
    scopes.declare({stmt->variable, /*isVar=*/false, Value::ofInt(i)});
    execBlock(stmt->body);
    scopes.cut(mark);
    if (returned || exhausted || diagnostics.full() || llvm::AddOverflow(i, *step, i))
      return;
  }
}

void Evaluator::execStaticIf(const IfStmt *stmt) {
  FailureOr<bool> condition = evalBool(stmt->condition, "the condition of a static if");
  if (mlir::succeeded(condition))
    execBlock(*condition ? stmt->thenBlock : stmt->elseBlock);
}

void Evaluator::execReturn(const ReturnStmt *stmt) {
  std::vector<Value> values;
  for (const Expr *e : stmt->values) {
    Result value = eval(e);
    values.push_back(mlir::succeeded(value) ? *value : Value());
    if (values.back().isTuple() && stmt->values.size() > 1) {
      error(e->loc, "expected one value, found " + describe(values.back()));
      values.back() = Value();
    }
  }
  returned = values.size() == 1 ? values.front() : Value::ofTuple(std::move(values));
}

void Evaluator::execRuntime(const Stmt *stmt) {
  error(stmt->loc, "expected a compile-time statement");
}

Result Evaluator::storable(Value value, SMLoc loc, const Variable *) { return value; }

Result Evaluator::evalInlined(Block body, mlir::ArrayRef<Variable> args, StringRef what,
                              Name callee, SMLoc loc, bool isCall) {
  if (calls.size() >= limits::inlineDepth) {
    error(loc, "more than " + Twine(limits::inlineDepth) + " calls one inside the other");
    return failure();
  }
  ScopeStack saved = std::exchange(scopes, ScopeStack());
  std::optional<Value> savedReturned = std::exchange(returned, std::nullopt);
  if (isCall)
    calls.push_back({what, callee, loc});

  for (const Variable &arg : args)
    scopes.declare(arg);
  execBlock(body);
  Value result = returned.value_or(Value::none());

  if (isCall)
    calls.pop_back();
  returned = std::move(savedReturned);
  scopes = std::move(saved);
  if (result.isPoison())
    return failure();
  return result;
}
