//===- Binding.cpp - Parameters and dims of an instance -----------------------------------===//
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
  return (spelling(decl.kind) + " '" + decl.name.text + "'").str();
}

class Binder {
public:
  Binder(const GenericDecl &decl, const Use &use, mlir::ModuleOp module, Diagnostics &diagnostics)
      : decl(decl), use(use), module(module), diagnostics(diagnostics) {
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

  /// How a message about a setting starts: it has a place, or it comes from outside.
  static std::string prefixOf(const Setting &setting) {
    return setting.loc.isValid()
               ? std::string()
               : ("--set " + setting.name + "=" + spell(setting.value) + ": ").str();
  }

  mlir::LogicalResult applySettings() {
    bool ok = true;
    for (const Setting &setting : use.settings) {
      size_t index;
      const ParamDecl *param = findParam(setting.name, index);
      if (!param) {
        reportUnknownParam(decl, setting.name, setting.loc, prefixOf(setting), diagnostics);
        ok = false;
        continue;
      }
      StringRef why;
      if (!fits(param->kind, setting.value, why)) {
        diagnostics
            .error(setting.loc, prefixOf(setting) + "expected " + why + " for parameter '" +
                                    setting.name + "', found " + describe(setting.value))
            .note(param->name.loc, "the parameter is declared here");
        ok = false;
        continue;
      }
      binding.params[index] = setting.value;
      origin[index] = "set";
      if (failed(checkChoice(*param, setting)))
        ok = false;
    }
    return mlir::success(ok);
  }

  mlir::LogicalResult checkChoice(const ParamDecl &param, const Setting &setting) {
    if (param.choices.empty())
      return mlir::success();
    std::string choices;
    for (const Expr *e : param.choices) {
      Evaluator evaluator(module, diagnostics);
      Result choice = evaluator.eval(e);
      if (failed(choice))
        return failure();
      if (*choice == setting.value)
        return mlir::success();
      choices += (choices.empty() ? "" : ", ") + spell(*choice);
    }
    diagnostics
        .error(setting.loc, prefixOf(setting) + "expected one of " + choices + " for parameter '" +
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

  /// Puts the dims whose extents are known in scope.
  void declareDims(Evaluator &evaluator) {
    for (auto [name, extent] : binding.dims)
      if (!ShapedType::isDynamic(extent))
        evaluator.declare({{name, decl.name.loc}, /*isVar=*/false, Value::ofInt(extent)});
  }

  mlir::LogicalResult applyDefaults() {
    Evaluator evaluator(module, diagnostics);
    declareDims(evaluator);
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
    mlir::Type expected = elementType(arg, binding, module.getContext());
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
    Evaluator evaluator(module, diagnostics);
    for (auto [param, value] : llvm::zip_equal(decl.params, binding.params))
      evaluator.declare({param.name, /*isVar=*/false, value});
    if (dimsAreConstant)
      declareDims(evaluator);
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
  mlir::ModuleOp module;
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
                                              bool dimsAreConstant, mlir::ModuleOp module,
                                              Diagnostics &diagnostics) {
  return Binder(decl, use, module, diagnostics).run(dimsAreConstant);
}
