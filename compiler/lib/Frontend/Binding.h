//===- Binding.h - Parameters and dims of an instance ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_BINDING_H
#define LIGHTHOUSE_LIB_FRONTEND_BINDING_H

#include "Evaluator.h"
#include "lighthouse/Frontend/Frontend.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/MapVector.h"

namespace lighthouse::frontend {

/// A value given to a parameter: `<A = 1>` at a call, or from outside with an invalid `loc`.
struct Setting {
  StringRef name;
  Value value;
  SMLoc loc;
};

/// A kernel or pipeline with values for all its parameters.
struct Binding {
  const GenericDecl *decl = nullptr;
  /// In the order of the parameters.
  mlir::SmallVector<Value> params;
  /// The named dims in order of appearance, arguments first, with their extents
  /// (ShapedType::kDynamic where unknown).
  llvm::MapVector<StringRef, int64_t> dims;
  /// The parameters with choices that have their default.
  mlir::SmallVector<unsigned> open;
  /// What a tuner is told about a use with such parameters.
  std::optional<TunableUse> tunable;

  const Value *param(StringRef name) const;
  /// `T=f32, D=64`
  std::string spellParams() const;
};

/// What is known where a kernel or pipeline is used.
struct Use {
  /// The call; invalid if the request comes from outside the specification.
  SMLoc loc;
  mlir::ArrayRef<Setting> settings;
  /// Types of the arguments in order: ranked tensors, possibly with unknown extents, or scalars. A
  /// null type is unknown. May be shorter than the list of arguments.
  mlir::ArrayRef<mlir::Type> args;
  /// Likewise of the leading results.
  mlir::ArrayRef<mlir::Type> results;
};

/// Finds the values of all parameters of a use in `module`: as set, else deduced from the types,
/// else the default; and checks types, choices and requirements. Reports what does not fit at the
/// use, with a note at the declaration. `dimsAreConstant` lets requirements mention dims.
mlir::FailureOr<Binding> bind(const GenericDecl &decl, const Use &use, bool dimsAreConstant,
                              mlir::ModuleOp module, Diagnostics &diagnostics);

/// The same for a use of a kernel, where `tuner`, unless it is null, decides about the parameters
/// with choices that nothing else determines.
mlir::FailureOr<Binding> bindTuned(const KernelDecl &decl, const Use &use, Tuner *tuner,
                                   mlir::ModuleOp module, Diagnostics &diagnostics);

/// Reports that `decl` has no parameter of that name; `prefix` starts the message.
void reportUnknownParam(const GenericDecl &decl, StringRef name, SMLoc loc, StringRef prefix,
                        Diagnostics &diagnostics);

/// Element type of an argument or result of an instance.
mlir::Type elementType(const ArgDecl &arg, const Binding &binding, mlir::MLIRContext *context);

/// Reads extents as affine expressions, the named dims of `binding` as symbols in order.
class DimEvaluator {
public:
  DimEvaluator(const Binding &binding, mlir::ModuleOp module, Diagnostics &diagnostics);

  /// `what` names the expression in messages.
  mlir::FailureOr<mlir::AffineExpr> eval(const Expr *e, const llvm::Twine &what);

private:
  /// A constant, or an expression over dims.
  struct Extent {
    Value constant; // poison if there is an expression
    mlir::AffineExpr expr;
  };
  mlir::FailureOr<Extent> evalExtent(const Expr *e);
  mlir::FailureOr<Extent> combine(SMLoc loc, StringRef op, const Extent &lhs, const Extent &rhs);
  mlir::FailureOr<mlir::AffineExpr> toAffine(SMLoc loc, const Extent &extent);

  const Binding &binding;
  mlir::MLIRContext *context;
  Diagnostics &diagnostics;
  Evaluator constants;
  unsigned nodes = 0;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_BINDING_H
