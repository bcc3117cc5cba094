//===- Binding.cpp ----------------------------------------------------------------------===//
#include "Binding.h"

#include "ConstFold.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::ShapedType;

const Value *Binding::param(StringRef name) const {
  for (auto [decl, value] : llvm::zip_equal(decl->params, params))
    if (decl.name.text == name)
      return &value;
  return nullptr;
}

std::string Binding::spellParams() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(llvm::zip_equal(decl->params, params), out, [&](auto pair) {
    out << std::get<0>(pair).name.text << '=' << spell(std::get<1>(pair));
  });
  return text;
}

mlir::Type lighthouse::frontend::elementType(const ArgDecl &arg, const Binding &binding,
                                             mlir::MLIRContext *context) {
  if (const Value *param = binding.param(arg.elementType.text))
    return param->getType();
  return elementTypeNamed(arg.elementType.text, context);
}

//===------------------------------------------------------------------------------------===//
// Binding
//===------------------------------------------------------------------------------------===//

namespace {

std::string titleOf(const GenericDecl &decl) {
  StringRef kind = decl.kind == Decl::Kind::Kernel ? "kernel" : "pipeline";
  return (kind + " '" + decl.name.text + "'").str();
}

class Binder {
public:
  Binder(const GenericDecl &decl, const Use &use, mlir::MLIRContext *context,
         Diagnostics &diagnostics)
      : decl(decl), use(use), context(context), diagnostics(diagnostics) {
    binding.decl = &decl;
    binding.params.resize(decl.params.size());
    origin.resize(decl.params.size());
  }

  FailureOr<Binding> run(bool dimsAreConstant) {
    // Each step needs the ones before it to have found no error.
    if (failed(applySettings()) || failed(deduce()) || failed(applyDefaults()) ||
        failed(checkTypes()) || failed(checkRequirements(dimsAreConstant)))
      return failure();
    return std::move(binding);
  }

private:
  /// Reports at the use, with a note at the declaration, or at the declaration alone.
  Diagnostic &error(SMLoc declared, const Twine &message) {
    if (!use.loc.isValid())
      return diagnostics.error(declared, message);
    return diagnostics.error(use.loc, message).note(declared, "declared here");
  }
  std::string title() { return titleOf(decl); }

  const ParamDecl *findParam(StringRef name, size_t &index) {
    for (auto [i, param] : llvm::enumerate(decl.params))
      if (param.name.text == name) {
        index = i;
        return &param;
      }
    return nullptr;
  }

  /// Whether a value fits the kind of a parameter; `why` gets what is expected otherwise.
  static bool fits(ParamKind kind, const Value &value, StringRef &why) {
    switch (kind) {
    case ParamKind::Int:
      why = "a compile-time int";
      return value.isInt();
    case ParamKind::Bool:
      why = "true or false";
      return value.isBool();
    case ParamKind::Float:
      why = "one of f16, bf16, f32, f64";
      return value.isType() && mlir::isa<mlir::FloatType>(value.getType());
    case ParamKind::Type:
      why = "an element type";
      return value.isType() && !mlir::isa<ShapedType>(value.getType());
    }
    return false;
  }

  mlir::LogicalResult applySettings() {
    bool ok = true;
    for (const Setting &setting : use.settings) {
      std::string shown = setting.loc.isValid()
                              ? std::string()
                              : ("--set " + setting.name + "=" + spell(setting.value) + ": ").str();
      size_t index;
      const ParamDecl *param = findParam(setting.name, index);
      if (!param) {
        reportUnknownParam(decl, setting.name, setting.loc, shown, diagnostics);
        ok = false;
        continue;
      }
      StringRef why;
      if (!fits(param->kind, setting.value, why)) {
        diagnostics
            .error(setting.loc, shown + "expected " + why + " for parameter '" + setting.name +
                                    "', found " + describe(setting.value))
            .note(param->name.loc, "the parameter is declared here");
        ok = false;
        continue;
      }
      binding.params[index] = setting.value;
      origin[index] = "set";
      if (failed(checkChoice(*param, setting, shown)))
        ok = false;
    }
    return mlir::success(ok);
  }

  mlir::LogicalResult checkChoice(const ParamDecl &param, const Setting &setting,
                                  const std::string &shown) {
    if (param.choices.empty())
      return mlir::success();
    std::string choices;
    for (const Expr *e : param.choices) {
      Evaluator evaluator(context, diagnostics);
      Result choice = evaluator.eval(e);
      if (failed(choice))
        return failure();
      if (*choice == setting.value)
        return mlir::success();
      choices += (choices.empty() ? "" : ", ") + spell(*choice);
    }
    diagnostics
        .error(setting.loc, shown + "expected one of " + choices + " for parameter '" +
                                setting.name + "', found " + spell(setting.value))
        .note(param.name.loc, "the parameter is declared here");
    return failure();
  }

  /// Gives a parameter the value that `arg` implies, or checks that it agrees.
  mlir::LogicalResult unify(size_t index, const Value &value, const ArgDecl &arg) {
    Value &bound = binding.params[index];
    const ParamDecl &param = decl.params[index];
    if (!bound.isPoison()) {
      if (bound == value)
        return mlir::success();
      error(arg.name.loc, "'" + arg.name.text + "' of " + title() + " makes parameter '" +
                              param.name.text + "' " + spell(value) + ", but it is " +
                              spell(bound) + " (" + origin[index] + ")");
      return failure();
    }
    StringRef why;
    if (!fits(param.kind, value, why)) {
      error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected " + why +
                              " for parameter '" + param.name.text + "', found " + spell(value));
      return failure();
    }
    bound = value;
    origin[index] = ("from '" + arg.name.text + "'").str();
    return mlir::success();
  }

  mlir::LogicalResult deduce() {
    bool ok = mlir::succeeded(deduceFrom(decl.args, use.args, "argument"));
    if (ok)
      ok = mlir::succeeded(deduceFrom(decl.results, use.results, "result"));
    return mlir::success(ok);
  }

  mlir::LogicalResult deduceFrom(ArrayRef<ArgDecl> args, mlir::ArrayRef<mlir::Type> types,
                                 StringRef what) {
    if (types.size() > args.size()) {
      error(decl.name.loc, title() + " has " + Twine(args.size()) + " " + what +
                               (args.size() == 1 ? "" : "s") + ", found " + Twine(types.size()));
      return failure();
    }
    bool ok = true;
    for (auto [i, arg] : llvm::enumerate(args)) {
      mlir::Type type = i < types.size() ? types[i] : mlir::Type();
      ok &= mlir::succeeded(deduceFromOne(arg, type));
    }
    return mlir::success(ok);
  }

  mlir::LogicalResult deduceFromOne(const ArgDecl &arg, mlir::Type type) {
    auto tensor = mlir::dyn_cast_or_null<mlir::RankedTensorType>(type);
    if (type && arg.isTensor != (tensor != nullptr)) {
      error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected " +
                              (arg.isTensor ? "a tensor" : "a scalar") + ", found " + spell(type));
      return failure();
    }
    if (tensor && tensor.getRank() != static_cast<int64_t>(arg.dims.size())) {
      error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected a tensor of rank " +
                              Twine(arg.dims.size()) + ", found " + spell(type));
      return failure();
    }
    bool ok = true;
    size_t index;
    if (type && findParam(arg.elementType.text, index))
      ok &= mlir::succeeded(
          unify(index, Value::ofType(tensor ? tensor.getElementType() : type), arg));
    for (auto [d, dim] : llvm::enumerate(arg.dims)) {
      int64_t extent = tensor ? tensor.getDimSize(d) : ShapedType::kDynamic;
      if (auto *name = llvm::dyn_cast<NameExpr>(dim))
        ok &= mlir::succeeded(deduceDim(arg, name, extent));
    }
    return mlir::success(ok);
  }

  mlir::LogicalResult deduceDim(const ArgDecl &arg, const NameExpr *name, int64_t extent) {
    size_t index;
    if (findParam(name->name, index)) {
      if (ShapedType::isDynamic(extent))
        return mlir::success();
      return unify(index, Value::ofInt(extent), arg);
    }
    auto [it, inserted] = binding.dims.insert({name->name, extent});
    if (inserted || ShapedType::isDynamic(extent) || it->second == extent)
      return mlir::success();
    if (ShapedType::isDynamic(it->second)) {
      it->second = extent;
      return mlir::success();
    }
    error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected " +
                            Twine(it->second) + " for dim '" + name->name + "', found " +
                            Twine(extent));
    return failure();
  }

  mlir::LogicalResult applyDefaults() {
    Evaluator evaluator(context, diagnostics);
    bool ok = true;
    for (auto [i, param] : llvm::enumerate(decl.params)) {
      Value &value = binding.params[i];
      if (value.isPoison() && param.defaultValue) {
        Result evaluated = evaluator.eval(param.defaultValue);
        StringRef why;
        if (failed(evaluated)) {
          ok = false;
        } else if (!fits(param.kind, *evaluated, why)) {
          diagnostics.error(param.defaultValue->loc, "expected " + why + " as default of '" +
                                                         param.name.text + "', found " +
                                                         describe(*evaluated));
          ok = false;
        } else {
          value = *evaluated;
          origin[i] = "by default";
          if (!param.choices.empty())
            binding.open.push_back(i);
        }
      } else if (value.isPoison()) {
        error(param.name.loc, "parameter '" + param.name.text + "' of " + title() +
                                  " has no value: it is not set, has no default and does not "
                                  "follow from the arguments");
        ok = false;
      }
      evaluator.declare({param.name, /*isVar=*/false, value});
    }
    return mlir::success(ok);
  }

  /// Literal extents, extents that are expressions, and element types, now that parameters are
  /// known.
  mlir::LogicalResult checkTypes() {
    bool ok = true;
    for (auto [args, types] :
         {std::pair(decl.args, use.args), std::pair(decl.results, use.results)})
      for (auto [arg, type] : llvm::zip(args, types))
        if (type)
          ok &= mlir::succeeded(checkType(arg, type));
    for (const ArgDecl &arg : llvm::concat<const ArgDecl>(decl.args, decl.results)) {
      size_t index;
      for (const Expr *dim : arg.dims)
        if (auto *name = llvm::dyn_cast<NameExpr>(dim); name && findParam(name->name, index))
          ok &= mlir::succeeded(checkExtent(arg, dim, binding.params[index].getInt()));
    }
    for (auto [name, extent] : binding.dims)
      if (!ShapedType::isDynamic(extent) && (extent <= 0 || extent > limits::tensorDim)) {
        error(decl.name.loc, "dim '" + name + "' of " + title() + " is " + Twine(extent) +
                                 "; expected 1 to " + Twine(limits::tensorDim));
        ok = false;
      }
    return mlir::success(ok);
  }

  mlir::LogicalResult checkExtent(const ArgDecl &arg, const Expr *dim, int64_t extent) {
    if (extent >= 1 && extent <= limits::tensorDim)
      return mlir::success();
    diagnostics.error(dim->loc, "extent of '" + arg.name.text + "' is " + Twine(extent) +
                                    "; expected 1 to " + Twine(limits::tensorDim));
    return failure();
  }

  mlir::LogicalResult checkType(const ArgDecl &arg, mlir::Type type) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    mlir::Type element = tensor ? tensor.getElementType() : type;
    mlir::Type expected = elementType(arg, binding, context);
    if (element != expected) {
      error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected " +
                              (tensor ? "elements of type " : "") + spell(expected) + ", found " +
                              spell(element));
      return failure();
    }
    if (!tensor)
      return mlir::success();
    for (auto [dim, extent] : llvm::zip_equal(arg.dims, tensor.getShape())) {
      auto *literal = llvm::dyn_cast<IntExpr>(dim);
      if (literal && !ShapedType::isDynamic(extent) && literal->value != extent) {
        error(arg.name.loc, "'" + arg.name.text + "' of " + title() + ": expected an extent of " +
                                Twine(literal->value) + ", found " + Twine(extent));
        return failure();
      }
    }
    return mlir::success();
  }

  mlir::LogicalResult checkRequirements(bool dimsAreConstant) {
    Evaluator evaluator(context, diagnostics);
    for (auto [param, value] : llvm::zip_equal(decl.params, binding.params))
      evaluator.declare({param.name, /*isVar=*/false, value});
    if (dimsAreConstant)
      for (auto [name, extent] : binding.dims)
        if (!ShapedType::isDynamic(extent))
          evaluator.declare({{name, decl.name.loc}, /*isVar=*/false, Value::ofInt(extent)});
    bool ok = true;
    for (const RequiresClause &clause : decl.requirements) {
      FailureOr<bool> holds = evaluator.evalBool(clause.condition, "a requirement");
      if (mlir::succeeded(holds) && !*holds)
        error(clause.condition->loc,
              title() + " requires: " +
                  (clause.message.empty() ? "the condition declared for it" : clause.message) +
                  " (" + binding.spellParams() + ")");
      ok &= mlir::succeeded(holds) && *holds;
    }
    return mlir::success(ok);
  }

  const GenericDecl &decl;
  const Use &use;
  mlir::MLIRContext *context;
  Diagnostics &diagnostics;
  Binding binding;
  /// Where each parameter's value comes from, for messages.
  mlir::SmallVector<std::string> origin;
};

} // namespace

void lighthouse::frontend::reportUnknownParam(const GenericDecl &decl, StringRef name, SMLoc loc,
                                              StringRef prefix, Diagnostics &diagnostics) {
  std::string known;
  llvm::raw_string_ostream out(known);
  llvm::interleaveComma(decl.params, out, [&](const ParamDecl &p) { out << p.name.text; });
  diagnostics
      .error(loc, prefix + titleOf(decl) + " has no parameter '" + name + "'" +
                      (known.empty() ? "" : "; it has " + known))
      .note(decl.name.loc, titleOf(decl) + " is declared here");
}

FailureOr<Binding> lighthouse::frontend::bind(const GenericDecl &decl, const Use &use,
                                              bool dimsAreConstant, mlir::MLIRContext *context,
                                              Diagnostics &diagnostics) {
  return Binder(decl, use, context, diagnostics).run(dimsAreConstant);
}

//===------------------------------------------------------------------------------------===//
// Tuning
//===------------------------------------------------------------------------------------===//

namespace {

TunableUse describeUse(const Binding &binding, const Use &use, mlir::MLIRContext *context,
                       Diagnostics &diagnostics) {
  TunableUse tunable;
  tunable.kernel = binding.decl->name.text.str();
  auto append = [](std::string &list, const Twine &item) {
    list += ((list.empty() ? "" : ", ") + item).str();
  };
  for (auto [i, param] : llvm::enumerate(binding.decl->params)) {
    std::string value = spell(binding.params[i]);
    if (!llvm::is_contained(binding.open, i)) {
      append(tunable.params, param.name.text + "=" + value);
      continue;
    }
    TunableUse::Parameter &open = tunable.open.emplace_back();
    open = {param.name.text.str(), value, {}};
    Evaluator evaluator(context, diagnostics);
    for (const Expr *choice : param.choices)
      if (Result constant = evaluator.eval(choice); mlir::succeeded(constant))
        open.choices.push_back(spell(*constant));
  }
  for (auto [args, types] : {std::pair(binding.decl->args, use.args),
                             std::pair(binding.decl->results, use.results)})
    for (auto [arg, type] : llvm::zip(args, types))
      if (arg.isTensor)
        append(tunable.shapes, arg.name.text + "=" + (type ? spell(type) : "?"));
  return tunable;
}

/// Why `settings` are no choices of the open parameters; empty if they are.
std::string findMisfit(const TunableUse &use, ArrayRef<ParamSetting> settings) {
  for (const ParamSetting &setting : settings) {
    auto param = llvm::find_if(
        use.open, [&](const TunableUse::Parameter &open) { return open.name == setting.name; });
    if (param == use.open.end())
      return "it leaves no parameter '" + setting.name + "' open";
    if (!llvm::is_contained(param->choices, setting.value))
      return "expected one of " + llvm::join(param->choices, ", ") + " for parameter '" +
             setting.name + "', found '" + setting.value + "'";
  }
  return "";
}

} // namespace

FailureOr<Binding> lighthouse::frontend::bindTuned(const KernelDecl &decl, const Use &use,
                                                   Tuner *tuner, mlir::MLIRContext *context,
                                                   Diagnostics &diagnostics) {
  FailureOr<Binding> binding = bind(decl, use, /*dimsAreConstant=*/false, context, diagnostics);
  if (failed(binding) || !tuner || binding->open.empty())
    return binding;
  TunableUse tunable = describeUse(*binding, use, context, diagnostics);
  std::vector<ParamSetting> chosen = tuner->choose(tunable);
  std::string misfit = findMisfit(tunable, chosen);
  if (!chosen.empty() && misfit.empty()) {
    mlir::SmallVector<Setting> settings(use.settings);
    for (const ParamSetting &setting : chosen) {
      auto *param =
          llvm::find_if(decl.params, [&](const ParamDecl &p) { return p.name.text == setting.name; });
      Evaluator evaluator(context, diagnostics);
      for (const Expr *choice : param->choices)
        if (Result value = evaluator.eval(choice);
            mlir::succeeded(value) && spell(*value) == setting.value) {
          settings.push_back({param->name.text, *value, SMLoc()});
          break;
        }
    }
    Use tuned{use.loc, settings, use.args, use.results};
    Diagnostics attempt(diagnostics.getSources());
    FailureOr<Binding> better = bind(decl, tuned, /*dimsAreConstant=*/false, context, attempt);
    if (mlir::succeeded(better)) {
      binding = std::move(better);
      for (TunableUse::Parameter &open : tunable.open)
        open.value = spell(*binding->param(open.name));
    } else {
      misfit = attempt.errors().front().message;
    }
  }
  if (!misfit.empty())
    tuner->refused(tunable, misfit);
  binding->tunable = std::move(tunable);
  return binding;
}

//===------------------------------------------------------------------------------------===//
// Extents
//===------------------------------------------------------------------------------------===//

DimEvaluator::DimEvaluator(const Binding &binding, mlir::MLIRContext *context,
                           Diagnostics &diagnostics)
    : binding(binding), context(context), diagnostics(diagnostics),
      constants(context, diagnostics) {
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
