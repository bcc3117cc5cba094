//===- PipelineGen.cpp - Pipelines, and their calls of kernels and pipelines ------------===//
#include "PipelineGen.h"

#include "ConstFold.h"
#include "KernelGen.h"
#include "TargetFields.h"
#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

PipelineGen::PipelineGen(const Definitions &definitions, mlir::ModuleOp module, bool withAdjoints,
                         Tuner *tuner, Diagnostics &diagnostics)
    : Evaluator(module, diagnostics), definitions(definitions), module(module),
      withAdjoints(withAdjoints), tuner(tuner), builder(module.getContext()) {}

FailureOr<mlir::func::FuncOp> PipelineGen::run(const PipelineDecl &decl, const Binding &binding,
                                               mlir::ArrayRef<mlir::Type> types,
                                               mlir::ArrayRef<Value> scalars) {
  mlir::SmallVector<mlir::Type> tensors;
  for (auto [arg, type] : llvm::zip_equal(decl.args, types))
    if (arg.isTensor)
      tensors.push_back(type);
  return makeFunction(decl, decl.name.text, tensors, [&](mlir::ValueRange args) {
    mlir::SmallVector<Value> values;
    for (const ArgDecl &arg : decl.args) {
      values.push_back(arg.isTensor ? Value(args.front()) : scalars.front());
      if (arg.isTensor)
        args = args.drop_front();
      else
        scalars = scalars.drop_front();
    }
    return runBody(decl, binding, values, decl.name.loc);
  });
}

FailureOr<mlir::func::FuncOp> PipelineGen::makeFunction(
    const GenericDecl &decl, StringRef symbol, mlir::ArrayRef<mlir::Type> types,
    llvm::function_ref<FailureOr<mlir::SmallVector<mlir::Value>>(mlir::ValueRange)> makeBody) {
  mlir::Location loc = location(decl.name.loc);
  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      mlir::func::FuncOp::create(builder, loc, symbol, builder.getFunctionType(types, {}));
  mlir::Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  FailureOr<mlir::SmallVector<mlir::Value>> results = makeBody(entry->getArguments());
  if (failed(results) || hasFailed()) {
    function.erase();
    return failure();
  }
  mlir::func::ReturnOp::create(builder, loc, *results);
  function.setType(builder.getFunctionType(types, mlir::ValueRange(*results).getTypes()));
  StringRef nameAttr = lh::LighthouseDialect::getNameAttrName();
  auto tensors =
      llvm::make_filter_range(decl.args, [](const ArgDecl &arg) { return arg.isTensor; });
  for (auto [i, arg] : llvm::enumerate(tensors))
    function.setArgAttr(i, nameAttr, builder.getStringAttr(arg.name.text));
  for (auto [i, result] : llvm::enumerate(decl.results))
    function.setResultAttr(i, nameAttr, builder.getStringAttr(result.name.text));
  return function;
}

FailureOr<mlir::SmallVector<mlir::Value>> PipelineGen::runBody(const PipelineDecl &decl,
                                                               const Binding &binding,
                                                               mlir::ArrayRef<Value> args,
                                                               SMLoc loc) {
  mlir::SmallVector<Variable> variables;
  for (auto [param, value] : llvm::zip_equal(decl.params, binding.params))
    variables.push_back({param.name, /*isVar=*/false, value});
  for (auto [name, extent] : binding.dims)
    if (!mlir::ShapedType::isDynamic(extent))
      variables.push_back({{name, decl.name.loc}, /*isVar=*/false, Value::ofInt(extent)});
  for (auto [arg, value] : llvm::zip_equal(decl.args, args))
    variables.push_back({arg.name, /*isVar=*/false, value});

  // A pipeline's own body is no call, so that its errors carry no note about one.
  Result returned = evalInlined(decl.body, variables, "pipeline", decl.name, loc,
                                /*isCall=*/loc != decl.name.loc);
  if (failed(returned))
    return failure();
  FailureOr<mlir::SmallVector<Value>> values = unpack(*returned, decl.results.size(), loc);
  if (failed(values))
    return failure();
  Binding extended = binding;
  mlir::SmallVector<mlir::Value> results;
  for (auto [result, value] : llvm::zip_equal(decl.results, *values)) {
    if (value.isPoison() || failed(checkResult(result, value, extended, result.name.loc)))
      return failure();
    results.push_back(value.getSSA());
  }
  return results;
}

mlir::LogicalResult PipelineGen::checkResult(const ArgDecl &result, const Value &value,
                                             Binding &binding, SMLoc loc) {
  auto type = value.isRuntime() ? mlir::dyn_cast<RankedTensorType>(value.getSSA().getType())
                                : RankedTensorType();
  std::string name = ("result '" + result.name.text + "'").str();
  if (!type) {
    error(loc, name + ": expected a tensor, found " + describe(value));
    return failure();
  }
  mlir::Type element = elementType(result, binding, context);
  if (type.getElementType() != element || type.getRank() != int64_t(result.dims.size())) {
    error(loc, name + ": expected a tensor of rank " + Twine(result.dims.size()) + " of " +
                   spell(element) + ", found " + spell(type));
    return failure();
  }
  for (auto [dim, extent] : llvm::zip_equal(result.dims, type.getShape())) {
    auto *dimName = llvm::dyn_cast<NameExpr>(dim);
    // A name that no argument binds stands for whatever the pipeline makes.
    if (dimName && !binding.param(dimName->name) &&
        (!binding.dims.contains(dimName->name) ||
         mlir::ShapedType::isDynamic(binding.dims[dimName->name]))) {
      binding.dims[dimName->name] = extent;
      continue;
    }
    FailureOr<int64_t> expected = evalConstant(dim, binding, "an extent");
    if (failed(expected))
      return failure();
    if (*expected != extent) {
      error(loc, name + ": expected an extent of " + Twine(*expected) + " for '" + spell(dim) +
                     "', found " + Twine(extent) + " in " + spell(type));
      return failure();
    }
  }
  return mlir::success();
}

FailureOr<int64_t> PipelineGen::evalConstant(const Expr *e, const Binding &binding,
                                             StringRef what) {
  Evaluator constants(module, diagnostics);
  for (auto [param, bound] : llvm::zip_equal(binding.decl->params, binding.params))
    constants.declare({param.name, /*isVar=*/false, bound});
  for (auto [bound, extent] : binding.dims)
    if (!mlir::ShapedType::isDynamic(extent))
      constants.declare({{bound, e->loc}, /*isVar=*/false, Value::ofInt(extent)});
  return constants.evalInt(e, what);
}

void PipelineGen::execRuntime(const Stmt *stmt) {
  if (stmt->kind == Stmt::Kind::Expr) {
    auto *call = llvm::cast<CallExpr>(llvm::cast<ExprStmt>(stmt)->value);
    if (call->callee != "static_assert") {
      error(stmt->loc,
            "expected 'let' or 'return': the result of '" + call->callee + "' is not used");
      return;
    }
    (void)eval(call);
    return;
  }
  error(stmt->loc, "a pipeline has no run-time control flow; expected 'static for' or 'static if'");
}

//===------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------===//

Result PipelineGen::evalCall(const CallExpr *e) {
  const lh::StageInfo *stage = lh::findStage(e->callee);
  if (stage && !stage->signature->isCallable)
    stage = nullptr;
  bool launches = stage || definitions.contains(e->callee);
  if (launches && ++stages > limits::stages) {
    if (stages == limits::stages + 1)
      error(e->loc, "more than " + Twine(limits::stages) + " stages and kernels in one pipeline");
    stop();
    return failure();
  }
  if (stage)
    return callStage(*stage, e);
  if (auto *decl = find<GenericDecl>(definitions, e->callee))
    return callDefinition(*decl, e);
  if (e->callee == "static_assert" && e->args.size() == 2) {
    FailureOr<bool> holds = evalBool(e->args[0], "the condition of static_assert");
    auto *message = llvm::dyn_cast<StringExpr>(e->args[1]);
    if (mlir::succeeded(holds) && !*holds)
      error(e->loc, "static_assert failed" + (message ? ": " + message->value : Twine("")));
    return mlir::succeeded(holds) && *holds ? Result(Value::none()) : Result(failure());
  }
  return Evaluator::evalCall(e);
}

FailureOr<mlir::SmallVector<Setting>> PipelineGen::evalSettings(const CallExpr *e) {
  mlir::SmallVector<Setting> settings;
  for (const NamedArg &arg : e->settings) {
    Result value = eval(arg.value);
    if (failed(value))
      return failure();
    settings.push_back({arg.name.text, *value, arg.name.loc});
  }
  return settings;
}

FailureOr<mlir::SmallVector<Value>> PipelineGen::evalOperands(const GenericDecl &decl,
                                                              const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  // f(g(x)) where g has several results: they are the arguments.
  if (args->size() == 1 && args->front().isTuple() && decl.args.size() != 1) {
    mlir::ArrayRef<Value> spread = args->front().getTuple();
    args = mlir::SmallVector<Value>(spread.begin(), spread.end());
  }
  if (args->size() == decl.args.size())
    return args;
  error(e->loc, "'" + e->callee + "' expects " + Twine(decl.args.size()) + " argument" +
                    (decl.args.size() == 1 ? "" : "s") + ", found " + Twine(args->size()))
      .note(decl.name.loc, "'" + e->callee + "' is declared here");
  return failure();
}

Result PipelineGen::callDefinition(const GenericDecl &decl, const CallExpr *e) {
  FailureOr<mlir::SmallVector<Value>> args = evalOperands(decl, e);
  FailureOr<mlir::SmallVector<Setting>> settings = evalSettings(e);
  if (failed(args) || failed(settings))
    return failure();
  return apply(decl, *args, *settings, e->loc);
}

Result PipelineGen::apply(const GenericDecl &decl, mlir::ArrayRef<Value> args,
                          mlir::ArrayRef<Setting> settings, SMLoc loc) {
  mlir::SmallVector<mlir::Type> types;
  mlir::SmallVector<mlir::Value> inputs;
  for (auto [arg, value] : llvm::zip_equal(decl.args, args)) {
    // A scalar is a constant; its type is the declared one, so nothing is deduced from it.
    types.push_back(value.isRuntime() ? value.getSSA().getType() : mlir::Type());
    if (arg.isTensor && mlir::isa_and_present<RankedTensorType>(types.back())) {
      inputs.push_back(value.getSSA());
    } else if (arg.isTensor || value.isRuntime()) {
      error(loc, "'" + arg.name.text + "' of " + spelling(decl.kind) + " '" + decl.name.text +
                     "': expected " + (arg.isTensor ? "a tensor" : "a compile-time scalar") +
                     ", found " + describe(value))
          .note(arg.name.loc, "declared here");
      return failure();
    }
  }
  Use use{loc, settings, types, {}};
  auto *kernel = llvm::dyn_cast<KernelDecl>(&decl);
  FailureOr<Binding> binding = kernel
                                   ? bindTuned(*kernel, use, tuner, module, diagnostics)
                                   : bind(decl, use, /*dimsAreConstant=*/true, module, diagnostics);
  if (failed(binding))
    return failure();
  FailureOr<mlir::ArrayAttr> scalars = scalarsOf(decl, *binding, args, loc);
  if (failed(scalars))
    return failure();
  if (kernel)
    return applyKernel(*kernel, *binding, inputs, *scalars, loc);
  if (auto *stage = llvm::dyn_cast<StageDecl>(&decl))
    return applyStage(*stage, *binding, args, inputs, *scalars, loc);
  FailureOr<mlir::SmallVector<mlir::Value>> results =
      runBody(llvm::cast<PipelineDecl>(decl), *binding, args, loc);
  if (failed(results))
    return failure();
  if (results->size() == 1)
    return Value(results->front());
  return Value::ofTuple(std::vector<Value>(results->begin(), results->end()));
}

FailureOr<mlir::ArrayAttr> PipelineGen::scalarsOf(const GenericDecl &decl, const Binding &binding,
                                                  mlir::ArrayRef<Value> args, SMLoc loc) {
  mlir::SmallVector<mlir::Attribute> scalars;
  for (auto [arg, value] : llvm::zip_equal(decl.args, args)) {
    if (arg.isTensor)
      continue;
    mlir::TypedAttr attr = constantAttr(value, elementType(arg, binding, context), loc);
    if (!attr)
      return failure();
    scalars.push_back(attr);
  }
  return builder.getArrayAttr(scalars);
}

Result PipelineGen::applyKernel(const KernelDecl &decl, const Binding &binding,
                                mlir::ValueRange inputs, mlir::ArrayAttr scalars, SMLoc at) {
  FailureOr<tile::KernelOp> kernel = getInstance(definitions, decl, binding, module, diagnostics);
  if (failed(kernel))
    return failure();
  reportUse(binding, *kernel, tuner);
  mlir::Location loc = location(at);
  FailureOr<lh::KernelBinding> shapes =
      lh::bindKernel(*kernel, inputs.getTypes(), {}, scalars.getValue(), loc);
  if (failed(shapes))
    return failure();
  mlir::SmallVector<mlir::Type> results(shapes->results.begin(), shapes->results.end());
  auto launch = lh::LaunchOp::create(builder, loc, results,
                                     mlir::FlatSymbolRefAttr::get(context, kernel->getSymName()),
                                     inputs, scalars,
                                     /*stage=*/builder.getStringAttr(decl.name.text),
                                     /*cost=*/lh::CostAttr());
  return resultsOf(launch);
}

Result PipelineGen::resultsOf(mlir::Operation *op) {
  if (op->getNumResults() == 1)
    return Value(op->getResult(0));
  std::vector<Value> values;
  for (mlir::Value result : op->getResults())
    values.push_back(Value(result));
  return Value::ofTuple(std::move(values));
}
