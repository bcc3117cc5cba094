//===- Instances.cpp - Instances of kernels and pipelines -------------------------------===//
#include "KernelGen.h"
#include "PipelineGen.h"
#include "SpecState.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "mlir/IR/Verifier.h"

#include <cmath>

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

void lighthouse::frontend::loadDialects(mlir::MLIRContext &context) {
  context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                      mlir::scf::SCFDialect, mlir::tensor::TensorDialect, tile::TileDialect,
                      lh::LighthouseDialect>();
}

/// Which kernel of a specification an instance comes from.
static constexpr llvm::StringLiteral sourceAttr = "tile.source";

/// A readable symbol for an instance: attend_f32_D64_CAUSAL.
static std::string instanceSymbol(const Definitions &definitions, const Binding &binding,
                                  mlir::ModuleOp module) {
  std::string symbol = binding.decl->name.text.str();
  for (auto [param, value] : llvm::zip_equal(binding.decl->params, binding.params)) {
    std::string name = param.name.text.str();
    symbol += '_';
    if (value.isType())
      symbol += spell(value.getType());
    else if (value.isBool())
      symbol += (value.getBool() ? "" : "no") + name;
    else
      symbol += name + (value.getInt() < 0 ? "m" : "") +
                llvm::StringRef(std::to_string(value.getInt())).ltrim('-').str();
  }
  constexpr size_t longest = 200;
  symbol.resize(std::min(symbol.size(), longest));
  std::string unique = symbol;
  auto isTaken = [&](StringRef name) {
    const Decl *decl = definitions.lookup(name);
    return (decl && decl != binding.decl) || module.lookupSymbol(name);
  };
  for (unsigned i = 1; isTaken(unique); ++i)
    unique = symbol + "_" + std::to_string(i);
  return unique;
}

FailureOr<tile::KernelOp>
lighthouse::frontend::getInstance(const Definitions &definitions, const KernelDecl &decl,
                                  const Binding &binding, mlir::ModuleOp module,
                                  Diagnostics &diagnostics) {
  mlir::Builder builder(module.getContext());
  auto source = builder.getStringAttr(decl.name.text);
  mlir::DictionaryAttr wanted = KernelGen::paramsAttr(binding, module.getContext());
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (kernel->getDiscardableAttr(sourceAttr) == source && kernel.getParamsAttr() == wanted)
      return kernel;
  KernelGen generator(definitions, decl, binding, module, diagnostics);
  FailureOr<tile::KernelOp> kernel = generator.run(instanceSymbol(definitions, binding, module));
  if (failed(kernel))
    return failure();
  (*kernel)->setDiscardableAttr(sourceAttr, source);
  if (mlir::succeeded(mlir::verify(*kernel)))
    return kernel;
  kernel->erase();
  return failure();
}

void lighthouse::frontend::reportUse(const Binding &binding, tile::KernelOp instance,
                                     Tuner *tuner) {
  if (!tuner || !binding.tunable)
    return;
  TunableUse use = *binding.tunable;
  use.instance = instance.getSymName().str();
  tuner->decided(use);
}

namespace {

std::optional<int64_t> parseInt(StringRef text) {
  bool negative = text.consume_front("-");
  unsigned radix = text.consume_front_insensitive("0x") ? 16 : 10;
  int64_t number;
  if (text.empty() || text.front() == '-' || text.getAsInteger(radix, number))
    return std::nullopt;
  return negative ? -number : number;
}

std::optional<bool> parseBool(StringRef text) {
  if (text == "true" || text == "false")
    return text == "true";
  return std::nullopt;
}

/// The value that a setting's text means for a parameter; poison if it means none.
Value parseSetting(StringRef text, ParamKind kind, mlir::MLIRContext *context) {
  switch (kind) {
  case ParamKind::Int:
    if (std::optional<int64_t> number = parseInt(text))
      return Value::ofInt(*number);
    return {};
  case ParamKind::Bool:
    if (std::optional<bool> flag = parseBool(text))
      return Value::ofBool(*flag);
    return {};
  case ParamKind::Float:
  case ParamKind::Type:
    if (mlir::Type type = elementTypeNamed(text, context))
      return Value::ofType(type);
    return {};
  }
  return {};
}

StringRef expectedSetting(ParamKind kind) {
  switch (kind) {
  case ParamKind::Int:
    return "an int";
  case ParamKind::Bool:
    return "true or false";
  case ParamKind::Float:
    return "one of f16, bf16, f32, f64";
  case ParamKind::Type:
    return "an element type";
  }
  return "";
}

/// The scalar argument of that name; null if there is none.
const ArgDecl *findScalar(const GenericDecl &decl, StringRef name) {
  auto *arg = llvm::find_if(decl.args, [&](const ArgDecl &a) { return a.name.text == name; });
  return arg != decl.args.end() && !arg->isTensor ? arg : nullptr;
}

/// Settings of parameters as text to settings as values.
FailureOr<mlir::SmallVector<Setting>> parseSettings(const GenericDecl &decl,
                                                    llvm::ArrayRef<ParamSetting> texts,
                                                    mlir::MLIRContext *context,
                                                    Diagnostics &diagnostics) {
  mlir::SmallVector<Setting> settings;
  bool ok = true;
  for (const ParamSetting &text : texts) {
    if (findScalar(decl, text.name))
      continue;
    auto *param =
        llvm::find_if(decl.params, [&](const ParamDecl &p) { return p.name.text == text.name; });
    if (param == decl.params.end()) {
      reportUnknownParam(decl, text.name, SMLoc(), "--set " + text.name + "=" + text.value + ": ",
                         diagnostics);
      ok = false;
      continue;
    }
    Value value = parseSetting(text.value, param->kind, context);
    if (value.isPoison()) {
      diagnostics
          .error(SMLoc(), "--set " + text.name + "=" + text.value + ": expected " +
                              expectedSetting(param->kind) + ", found '" + text.value + "'")
          .note(param->name.loc, "the parameter is declared here");
      ok = false;
      continue;
    }
    settings.push_back({text.name, value, SMLoc()});
  }
  if (!ok)
    return failure();
  return settings;
}

/// The settings of scalar arguments, in the types that `binding` gives them, in order.
FailureOr<mlir::SmallVector<Value>> bindScalars(const Binding &binding,
                                                llvm::ArrayRef<ParamSetting> settings,
                                                mlir::MLIRContext *context,
                                                Diagnostics &diagnostics) {
  mlir::SmallVector<Value> scalars;
  bool ok = true;
  for (const ArgDecl &arg : binding.decl->args) {
    if (arg.isTensor)
      continue;
    auto *setting = llvm::find_if(
        settings, [&](const ParamSetting &candidate) { return candidate.name == arg.name.text; });
    if (setting == settings.end()) {
      diagnostics.error(arg.name.loc, "argument '" + arg.name.text + "' of pipeline '" +
                                          binding.decl->name.text +
                                          "' is a scalar; give it with --set " + arg.name.text +
                                          "=VALUE");
      ok = false;
      continue;
    }
    mlir::Type type = elementType(arg, binding, context);
    mlir::TypedAttr value = parseScalar(setting->value, type);
    if (!value) {
      diagnostics
          .error(SMLoc(), "--set " + setting->name + "=" + setting->value +
                              ": expected a value of type " + spell(type) + ", found '" +
                              setting->value + "'")
          .note(arg.name.loc, "the argument is declared here");
      ok = false;
    } else if (auto number = mlir::dyn_cast<mlir::FloatAttr>(value)) {
      scalars.push_back(Value::ofFloat(number.getValueAsDouble()));
    } else if (type.isInteger(1)) {
      scalars.push_back(Value::ofBool(mlir::cast<mlir::BoolAttr>(value).getValue()));
    } else {
      scalars.push_back(Value::ofInt(mlir::cast<mlir::IntegerAttr>(value).getInt()));
    }
  }
  if (!ok)
    return failure();
  return scalars;
}

/// Argument types by name to types in order, null where unknown.
FailureOr<mlir::SmallVector<mlir::Type>>
orderTypes(const GenericDecl &decl, llvm::ArrayRef<NamedType> named, Diagnostics &diagnostics) {
  mlir::SmallVector<mlir::Type> types(decl.args.size());
  bool ok = true;
  for (const NamedType &argument : named) {
    auto *arg =
        llvm::find_if(decl.args, [&](const ArgDecl &a) { return a.name.text == argument.name; });
    if (arg == decl.args.end()) {
      diagnostics
          .error(SMLoc(), "--arg " + argument.name + ": '" + decl.name.text +
                              "' has no argument '" + argument.name + "'")
          .note(decl.name.loc, "'" + decl.name.text + "' is declared here");
      ok = false;
      continue;
    }
    types[arg - decl.args.begin()] = argument.type;
  }
  if (!ok)
    return failure();
  return types;
}

} // namespace

mlir::TypedAttr lighthouse::frontend::parseScalar(StringRef text, mlir::Type type) {
  if (auto floatType = mlir::dyn_cast<mlir::FloatType>(type)) {
    double number;
    if (text.getAsDouble(number))
      return {};
    auto value = mlir::FloatAttr::get(floatType, number);
    return value.getValue().isInfinity() && !std::isinf(number) ? mlir::FloatAttr() : value;
  }
  if (type.isInteger(1)) {
    std::optional<bool> flag = parseBool(text);
    return flag ? mlir::BoolAttr::get(type.getContext(), *flag) : mlir::BoolAttr();
  }
  std::optional<int64_t> number = parseInt(text);
  if (!number || !llvm::isIntN(type.getIntOrFloatBitWidth(), *number))
    return {};
  return mlir::IntegerAttr::get(type, *number);
}

FailureOr<tile::KernelOp> Spec::instantiateKernel(llvm::StringRef name,
                                                  llvm::ArrayRef<ParamSetting> settings,
                                                  llvm::ArrayRef<NamedType> arguments,
                                                  mlir::ModuleOp module) {
  Diagnostics &diagnostics = state->diagnostics;
  DiagnosticBridge bridge(module.getContext(), diagnostics);
  auto *decl = find<KernelDecl>(state->definitions, name);
  if (!decl) {
    diagnostics.error(SMLoc(), "there is no kernel '" + name + "'");
    return failure();
  }
  auto types = orderTypes(*decl, arguments, diagnostics);
  auto values = parseSettings(*decl, settings, module.getContext(), diagnostics);
  if (failed(types) || failed(values))
    return failure();
  Use use{SMLoc(), *values, *types, {}};
  FailureOr<Binding> binding = bindTuned(*decl, use, state->tuner, module, diagnostics);
  if (failed(binding))
    return failure();
  FailureOr<tile::KernelOp> instance =
      getInstance(state->definitions, *decl, *binding, module, diagnostics);
  if (mlir::succeeded(instance))
    reportUse(*binding, *instance, state->tuner);
  return instance;
}

FailureOr<mlir::func::FuncOp> Spec::instantiatePipeline(llvm::StringRef name,
                                                        llvm::ArrayRef<ParamSetting> settings,
                                                        llvm::ArrayRef<NamedType> arguments,
                                                        mlir::ModuleOp module,
                                                        bool withAdjoints) {
  Diagnostics &diagnostics = state->diagnostics;
  DiagnosticBridge bridge(module.getContext(), diagnostics);
  auto *decl = find<PipelineDecl>(state->definitions, name);
  if (!decl) {
    diagnostics.error(SMLoc(), "there is no pipeline '" + name + "'");
    return failure();
  }
  auto types = orderTypes(*decl, arguments, diagnostics);
  auto values = parseSettings(*decl, settings, module.getContext(), diagnostics);
  if (failed(types) || failed(values))
    return failure();
  for (auto [arg, type] : llvm::zip_equal(decl->args, *types)) {
    auto tensor = mlir::dyn_cast_or_null<mlir::RankedTensorType>(type);
    if (!arg.isTensor || (tensor && tensor.hasStaticShape()))
      continue;
    diagnostics.error(arg.name.loc, "argument '" + arg.name.text + "' of pipeline '" + name +
                                        "' has no shape; give it with --arg " + arg.name.text +
                                        "=TYPE[EXTENTS]");
    return failure();
  }
  Use use{SMLoc(), *values, *types, {}};
  FailureOr<Binding> binding = bind(*decl, use, /*dimsAreConstant=*/true, module, diagnostics);
  if (failed(binding))
    return failure();
  auto scalars = bindScalars(*binding, settings, module.getContext(), diagnostics);
  if (failed(scalars))
    return failure();
  return PipelineGen(state->definitions, module, withAdjoints, state->tuner, diagnostics)
      .run(*decl, *binding, *types, *scalars);
}
