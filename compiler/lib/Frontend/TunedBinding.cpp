//===- TunedBinding.cpp - Parameters that a tuner decides about ------------------------------===//
#include "Binding.h"

#include "llvm/ADT/StringExtras.h"

using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::FailureOr;

namespace {

TunableUse describeUse(const Binding &binding, const Use &use, mlir::ModuleOp module,
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
    Evaluator evaluator(module, diagnostics);
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
                                                   Tuner *tuner, mlir::ModuleOp module,
                                                   Diagnostics &diagnostics) {
  FailureOr<Binding> binding = bind(decl, use, /*dimsAreConstant=*/false, module, diagnostics);
  if (failed(binding) || !tuner || binding->open.empty())
    return binding;
  TunableUse tunable = describeUse(*binding, use, module, diagnostics);
  std::vector<ParamSetting> chosen = tuner->choose(tunable);
  std::string misfit = findMisfit(tunable, chosen);
  if (!chosen.empty() && misfit.empty()) {
    mlir::SmallVector<Setting> settings(use.settings);
    for (const ParamSetting &setting : chosen) {
      auto *param =
          llvm::find_if(decl.params, [&](const ParamDecl &p) { return p.name.text == setting.name; });
      Evaluator evaluator(module, diagnostics);
      for (const Expr *choice : param->choices)
        if (Result value = evaluator.eval(choice);
            mlir::succeeded(value) && spell(*value) == setting.value) {
          settings.push_back({param->name.text, *value, SMLoc()});
          break;
        }
    }
    Use tuned{use.loc, settings, use.args, use.results};
    Diagnostics attempt(diagnostics.getSources());
    FailureOr<Binding> better = bind(decl, tuned, /*dimsAreConstant=*/false, module, attempt);
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
