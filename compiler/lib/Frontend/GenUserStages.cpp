//===- GenUserStages.cpp - Stages that specifications declare ---------------------------===//
#include "PipelineGen.h"

#include "KernelGen.h"
#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

FailureOr<mlir::SmallVector<mlir::Type>>
PipelineGen::resultTypes(const StageDecl &decl, const Binding &binding, SMLoc loc) {
  mlir::SmallVector<mlir::Type> types;
  for (const ArgDecl &result : decl.results) {
    mlir::SmallVector<int64_t> shape;
    for (const Expr *dim : result.dims) {
      FailureOr<int64_t> extent = evalConstant(dim, binding, "an extent");
      if (failed(extent))
        return failure();
      if (*extent < 1 || *extent > limits::tensorDim) {
        error(loc, "'" + result.name.text + "' of stage '" + decl.name.text +
                       "' has an extent of " + Twine(*extent) + "; expected 1 to " +
                       Twine(limits::tensorDim))
            .note(dim->loc, "declared here");
        return failure();
      }
      shape.push_back(*extent);
    }
    types.push_back(RankedTensorType::get(shape, elementType(result, binding, context)));
  }
  return types;
}

Result PipelineGen::applyStage(const StageDecl &decl, const Binding &binding,
                               mlir::ArrayRef<Value> args, mlir::ValueRange inputs,
                               mlir::ArrayAttr scalars, SMLoc loc) {
  FailureOr<mlir::SmallVector<mlir::Type>> types = resultTypes(decl, binding, loc);
  if (failed(types))
    return failure();
  mlir::IntegerAttr flops;
  if (decl.flops) {
    FailureOr<int64_t> number = evalConstant(decl.flops, binding, "the number of flops");
    if (failed(number))
      return failure();
    if (*number < 0) {
      error(loc, "stage '" + decl.name.text + "' has " + Twine(*number) + " flops")
          .note(decl.flops->loc, "declared here");
      return failure();
    }
    flops = builder.getI64IntegerAttr(*number);
  }
  auto namesOf = [&](ArrayRef<ArgDecl> declared) {
    mlir::SmallVector<StringRef> names;
    for (const ArgDecl &arg : declared)
      if (arg.isTensor)
        names.push_back(arg.name.text);
    return builder.getStrArrayAttr(names);
  };
  // Errors of passes point at the declaration, too.
  mlir::Location at = mlir::FusedLoc::get({location(loc)}, plainLocation(decl.name.loc), context);
  auto op = lh::UserStageOp::create(
      builder, at, *types, builder.getStringAttr(decl.name.text), inputs, namesOf(decl.args),
      namesOf(decl.results), scalars,
      decl.params.empty() ? mlir::DictionaryAttr() : KernelGen::paramsAttr(binding, context),
      flops, /*adjoint=*/mlir::FlatSymbolRefAttr());
  if (withAdjoints && !decl.adjoint.text.empty() &&
      failed(addAdjoint(decl, binding, args, op, loc)))
    return failure();
  return resultsOf(op);
}

//===------------------------------------------------------------------------------------===//
// Adjoints
//===------------------------------------------------------------------------------------===//

mlir::LogicalResult PipelineGen::addAdjoint(const StageDecl &decl, const Binding &binding,
                                            mlir::ArrayRef<Value> args, lh::UserStageOp op,
                                            SMLoc loc) {
  auto *equal = llvm::find_if(differentiable, [&](lh::UserStageOp other) {
    return other.getStageAttr() == op.getStageAttr() &&
           other.getParametersAttr() == op.getParametersAttr() &&
           other.getScalars() == op.getScalars() &&
           other->getOperandTypes() == op->getOperandTypes();
  });
  if (equal != differentiable.end()) {
    op.setAdjointAttr(equal->getAdjointAttr());
    return mlir::success();
  }
  auto &adjoint = llvm::cast<GenericDecl>(*definitions.lookup(decl.adjoint.text));
  // Nothing is differentiated twice, so an adjoint needs no adjoints. Its stages count as others.
  PipelineGen generator(definitions, module, /*withAdjoints=*/false, tuner, diagnostics);
  generator.stages = stages;
  FailureOr<mlir::func::FuncOp> function =
      generator.runAdjoint(decl, binding, args, adjoint, op);
  stages = generator.stages;
  if (failed(function)) {
    error(loc, "the adjoint of stage '" + decl.name.text + "' has errors for these types")
        .note(decl.adjoint.loc, "the adjoint is given here");
    return failure();
  }
  op.setAdjoint(function->getSymName());
  differentiable.push_back(op);
  return mlir::success();
}

/// A symbol for the adjoint of a stage that neither a definition nor the module has.
static std::string adjointSymbol(StringRef stage, const Definitions &definitions,
                                 mlir::ModuleOp module) {
  std::string base = (stage + "_adjoint").str(), symbol = base;
  for (unsigned i = 1; definitions.contains(symbol) || module.lookupSymbol(symbol); ++i)
    symbol = base + "_" + std::to_string(i);
  return symbol;
}

FailureOr<mlir::func::FuncOp> PipelineGen::runAdjoint(const StageDecl &stage,
                                                      const Binding &binding,
                                                      mlir::ArrayRef<Value> args,
                                                      const GenericDecl &adjoint,
                                                      lh::UserStageOp op) {
  auto refuse = [&](const ArgDecl &arg, const Twine &message) {
    error(arg.name.loc, "'" + arg.name.text + "' of " + spelling(adjoint.kind) + " '" +
                            adjoint.name.text + "'" + message)
        .note(stage.adjoint.loc, "adjoint of stage '" + stage.name.text + "' here");
    return failure();
  };
  mlir::SmallVector<mlir::Type> types;
  for (const ArgDecl &arg : adjoint.args) {
    if (!arg.isTensor)
      continue;
    // That it names one thing is checked; but only tensors of floats have cotangents.
    auto found = op.findAdjointArguments(arg.name.text);
    if (found.empty())
      return refuse(arg, ": '" + arg.name.text.drop_front() +
                             "' has no cotangent, as its elements are no floats");
    types.push_back(found.front().value.getType());
  }
  mlir::SmallVector<Setting> settings;
  for (auto [param, value] : llvm::zip_equal(stage.params, binding.params))
    if (llvm::any_of(adjoint.params, [&](const ParamDecl &own) {
          return own.name.text == param.name.text;
        }))
      settings.push_back({param.name.text, value, stage.adjoint.loc});

  auto makeBody =
      [&](mlir::ValueRange tensors) -> FailureOr<mlir::SmallVector<mlir::Value>> {
    mlir::SmallVector<Value> values;
    for (const ArgDecl &arg : adjoint.args) {
      if (arg.isTensor) {
        values.push_back(Value(tensors.front()));
        tensors = tensors.drop_front();
        continue;
      }
      auto isNamesake = [&](const ArgDecl &own) { return own.name.text == arg.name.text; };
      values.push_back(args[llvm::find_if(stage.args, isNamesake) - stage.args.begin()]);
    }
    Result applied = apply(adjoint, values, settings, stage.adjoint.loc);
    if (failed(applied))
      return failure();
    FailureOr<mlir::SmallVector<Value>> gradients =
        unpack(*applied, adjoint.results.size(), stage.adjoint.loc);
    if (failed(gradients))
      return failure();
    mlir::SmallVector<mlir::Value> results;
    for (auto [result, value] : llvm::zip_equal(adjoint.results, *gradients)) {
      mlir::Value input = op.findGradientInput(result.name.text);
      if (!input)
        return refuse(result, ": '" + result.name.text.drop_front() +
                                  "' has no gradient, as its elements are no floats");
      auto expected = mlir::cast<RankedTensorType>(input.getType());
      mlir::Type type = value.getSSA().getType();
      if (type != expected && type != expected.clone(builder.getF32Type()))
        return refuse(result, ": expected " + spell(expected) + ", as '" +
                                  result.name.text.drop_front() + "' is, or f32, found " +
                                  spell(type));
      results.push_back(value.getSSA());
    }
    return results;
  };
  FailureOr<mlir::func::FuncOp> function = makeFunction(
      adjoint, adjointSymbol(stage.name.text, definitions, module), types, makeBody);
  if (mlir::succeeded(function))
    function->setPrivate();
  return function;
}
