//===- DimEvaluator.cpp - Extents as affine expressions ---------------------------------------===//
#include "Binding.h"

#include "ConstFold.h"
#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

DimEvaluator::DimEvaluator(const Binding &binding, mlir::ModuleOp module, Diagnostics &diagnostics)
    : binding(binding), context(module.getContext()), diagnostics(diagnostics),
      constants(module, diagnostics) {
  for (auto [param, value] : llvm::zip_equal(binding.decl->params, binding.params))
    constants.declare({param.name, /*isVar=*/false, value});
}

FailureOr<mlir::AffineExpr> DimEvaluator::eval(const Expr *e, const Twine &what) {
  nodes = 0;
  FailureOr<Extent> extent = evalExtent(e);
  if (failed(extent))
    return failure();
  if (extent->expr || extent->constant.isInt())
    return toAffine(e->loc, *extent);
  diagnostics.error(e->loc, "expected an int as " + what + ", found " + describe(extent->constant));
  return failure();
}

FailureOr<mlir::AffineExpr> DimEvaluator::toAffine(SMLoc loc, const Extent &extent) {
  if (extent.expr)
    return extent.expr;
  if (extent.constant.isInt())
    return mlir::getAffineConstantExpr(extent.constant.getInt(), context);
  diagnostics.error(loc, "expected an int, found " + describe(extent.constant));
  return failure();
}

FailureOr<DimEvaluator::Extent> DimEvaluator::evalExtent(const Expr *e) {
  constexpr unsigned maxNodes = 1024;
  if (++nodes > maxNodes) {
    diagnostics.error(e->loc, "extent with more than " + Twine(maxNodes) + " operations");
    return failure();
  }
  if (auto *name = llvm::dyn_cast<NameExpr>(e)) {
    auto it = binding.dims.find(name->name);
    if (it != binding.dims.end())
      return Extent{Value(), mlir::getAffineSymbolExpr(it - binding.dims.begin(), context)};
  }
  if (auto *binary = llvm::dyn_cast<BinaryExpr>(e)) {
    FailureOr<Extent> lhs = evalExtent(binary->lhs), rhs = evalExtent(binary->rhs);
    if (failed(lhs) || failed(rhs))
      return failure();
    if (!lhs->expr && !rhs->expr) {
      Folded folded = foldBinary(binary->op, lhs->constant, rhs->constant);
      if (folded.error.empty())
        return Extent{folded.value, {}};
      diagnostics.error(e->loc, folded.error);
      return failure();
    }
    return combine(e->loc, spelling(binary->op), *lhs, *rhs);
  }
  auto *call = llvm::dyn_cast<CallExpr>(e);
  if (call && call->callee == "cdiv" && call->args.size() == 2) {
    FailureOr<Extent> lhs = evalExtent(call->args[0]), rhs = evalExtent(call->args[1]);
    if (failed(lhs) || failed(rhs))
      return failure();
    if (lhs->expr || rhs->expr)
      return combine(e->loc, "cdiv", *lhs, *rhs);
  }
  if (call && call->callee == "where" && call->args.size() == 3) {
    // Parameters decide; the other choice may be anything.
    Result condition = constants.eval(call->args[0]);
    if (failed(condition))
      return failure();
    if (condition->isBool())
      return evalExtent(call->args[condition->getBool() ? 1 : 2]);
  }
  Result constant = constants.eval(e);
  if (failed(constant))
    return failure();
  return Extent{*constant, {}};
}

FailureOr<DimEvaluator::Extent> DimEvaluator::combine(SMLoc loc, StringRef op, const Extent &lhs,
                                                      const Extent &rhs) {
  FailureOr<mlir::AffineExpr> a = toAffine(loc, lhs), b = toAffine(loc, rhs);
  if (failed(a) || failed(b))
    return failure();
  if (op == "+")
    return Extent{Value(), *a + *b};
  if (op == "-")
    return Extent{Value(), *a - *b};
  if (op == "*")
    return Extent{Value(), *a * *b};
  if (op != "/" && op != "%" && op != "cdiv") {
    diagnostics.error(loc, "'" + op + "' does not apply to dims; expected + - * / % or cdiv");
    return failure();
  }
  if (rhs.constant.isInt() && rhs.constant.getInt() <= 0) {
    diagnostics.error(loc, "expected a positive divisor, found " + Twine(rhs.constant.getInt()));
    return failure();
  }
  // Extents are not negative, so rounding down and truncation are the same.
  return Extent{Value(), op == "/" ? (*a).floorDiv(*b) : op == "%" ? *a % *b : (*a).ceilDiv(*b)};
}
