//===- Evaluator.h - Walks expressions and statements ----------------------*- C++ -*-===//
//
// One walk checks types and generates IR. This base class knows the compile-time part of the
// language, which kernels and pipelines share: constants, types, `let`, static control flow,
// results of calls. Subclasses add what exists at run time.
//
// A failed result always means that the error is already reported.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_EVALUATOR_H
#define LIGHTHOUSE_LIB_FRONTEND_EVALUATOR_H

#include "Scope.h"
#include "lighthouse/Dialect/Tile/IR/Target.h"
#include "lighthouse/Frontend/Diagnostics.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"

#include <optional>

namespace lighthouse::frontend {

struct Folded;

class Evaluator {
public:
  /// For what goes into `module`, which may say what it is for.
  Evaluator(mlir::ModuleOp module, Diagnostics &diagnostics)
      : context(module.getContext()), target(tile::targetOf(module)), diagnostics(diagnostics) {}
  virtual ~Evaluator() = default;

  void declare(Variable variable) { scopes.declare(std::move(variable)); }

  Result eval(const Expr *e);
  /// Whether anything could not be evaluated so far. Not the same as new diagnostics: an error that
  /// is reported already is not reported again.
  bool hasFailed() const { return anyFailure; }
  /// A compile-time int, bool or type; `what` names it in messages.
  mlir::FailureOr<int64_t> evalInt(const Expr *e, const llvm::Twine &what);
  mlir::FailureOr<bool> evalBool(const Expr *e, const llvm::Twine &what);
  mlir::FailureOr<mlir::Type> evalType(const Expr *e, const llvm::Twine &what);

protected:
  // What subclasses may define. The defaults report that a compile-time value is expected.
  virtual Result evalName(const NameExpr *e);
  virtual Result evalCall(const CallExpr *e);
  virtual Result evalSubscript(const SubscriptExpr *e);
  virtual Result evalUnary(const UnaryExpr *e, Value operand);
  virtual Result evalBinary(const BinaryExpr *e, Value lhs, Value rhs);
  /// Runs a statement that is not compile-time control flow, `let` or `return`.
  virtual void execRuntime(const Stmt *stmt);
  /// The value that `var` starts with, or an assignment stores.
  virtual Result storable(Value value, SMLoc loc, const Variable *previous);
  /// A number or bool as an attribute of an element type to which it adapts; null after an error.
  mlir::TypedAttr constantAttr(const Value &value, mlir::Type type, SMLoc loc);
  /// Where generated ops come from: a place and the calls on the way to it.
  mlir::Location location(SMLoc loc) const;
  /// A place in the sources alone.
  mlir::Location plainLocation(SMLoc loc) const;

  /// Evaluates `cdiv` and its like if all arguments are constants.
  bool isFoldable(const CallExpr *e, mlir::ArrayRef<Value> args) const;
  Result foldCall(const CallExpr *e, mlir::ArrayRef<Value> args);
  /// All positional arguments.
  mlir::FailureOr<mlir::SmallVector<Value>> evalArgs(const CallExpr *e);
  /// `f32[64, 64]` for a type and its bracketed extents.
  Result tileType(const SubscriptExpr *e, mlir::Type element);
  /// Checks the limits on the shape of a tile.
  mlir::LogicalResult checkTileShape(mlir::ArrayRef<int64_t> shape, SMLoc loc);
  Result check(Folded folded, SMLoc loc);

  /// Runs the statements in a scope of their own. Errors do not stop the walk.
  void execBlock(Block block);
  void exec(const Stmt *stmt);
  void execDeclare(const DeclareStmt *stmt);
  void execAssign(const AssignStmt *stmt);
  void execStaticFor(const ForStmt *stmt);
  void execStaticIf(const IfStmt *stmt);
  void execReturn(const ReturnStmt *stmt);
  /// One value per name, from a value or the results of a call.
  mlir::FailureOr<mlir::SmallVector<Value>> unpack(const Value &value, size_t count, SMLoc loc);

  /// Runs `body` with `args` as its only variables and yields what it returns. `what` and `callee`
  /// name it in messages, `loc` is the call; without `isCall` it is the outermost body.
  Result evalInlined(Block body, mlir::ArrayRef<Variable> args, StringRef what, Name callee,
                     SMLoc loc, bool isCall = true);

  Diagnostic &error(SMLoc loc, const llvm::Twine &message);
  /// Whether the body of a function or another pipeline is being run.
  bool isInlining() const { return !calls.empty(); }
  /// Notes an error that is reported by other means.
  void fail() { anyFailure = true; }
  /// Ends the walk: a limit on the amount of work was hit.
  void stop() { exhausted = anyFailure = true; }

  mlir::MLIRContext *context;
  const tile::TargetInfo *target; ///< Null where the module does not say it.
  Diagnostics &diagnostics;
  ScopeStack scopes;

private:
  /// Counts nesting and steps while alive; `ok` is false where a limit is exceeded.
  struct Step {
    Step(Evaluator &evaluator, SMLoc loc);
    ~Step() { --evaluator.depth; }
    Evaluator &evaluator;
    bool ok;
  };

  Result evalUnchecked(const Expr *e);
  Result evalTargetField(const TargetFieldExpr *e);

  struct Call {
    StringRef what;
    Name callee;
    SMLoc loc;
  };

  /// The calls being inlined, outermost first.
  mlir::SmallVector<Call> calls;
  /// What the body being run has returned.
  std::optional<Value> returned;
  unsigned depth = 0;
  unsigned steps = 0;
  int64_t staticIterations = 0;
  bool anyFailure = false;
  bool exhausted = false; ///< a limit on the amount of work was hit: only unwind
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_EVALUATOR_H
