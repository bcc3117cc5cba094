//===- PlanCompilation.cpp - From a definition to a plan --------------------------------------===//

#include "PlanCompilation.h"

#include "KernelPipeline.h"

#include "lighthouse/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lighthouse;

PlanCompilation::PlanCompilation(frontend::Spec &spec, const Request &request, PassRunner &passes,
                                 ModuleOp module)
    : spec(spec), request(request), passes(passes), module(module), context(*module.getContext()),
      kernels(spec.makeKernelProvider(request.alignment)) {}

PlanCompilation::~PlanCompilation() {
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (isa<func::FuncOp, lh::PlanOp>(op))
      op.erase();
}

SmallVector<lh::PlanOp> PlanCompilation::plans() {
  return llvm::to_vector(module.getOps<lh::PlanOp>());
}

LogicalResult PlanCompilation::run(Phase phase) {
  switch (phase) {
  case Phase::Lighthouse:
    return instantiate();
  case Phase::Gradient:
    return differentiate();
  case Phase::Fused:
    return passes.run(
        module,
        [](OpPassManager &pm) {
          OpPassManager &functions = pm.nest<func::FuncOp>();
          // Folds and removes what is dead, too.
          functions.addPass(createFuseStagesPass());
          functions.addPass(createCSEPass());
        },
        /*mayBlameRequest=*/false);
  case Phase::Launches:
    return passes.run(
        module, [&](OpPassManager &pm) { pm.addPass(createSelectKernelsPass(*kernels)); },
        /*mayBlameRequest=*/true);
  case Phase::Plan:
    return passes.run(
        module, [](OpPassManager &pm) { pm.addPass(createLowerToPlanPass()); },
        /*mayBlameRequest=*/true);
  default:
    llvm_unreachable("no phase before the plan");
  }
}

LogicalResult PlanCompilation::instantiate() {
  SmallVector<frontend::ParamSetting> settings;
  for (const auto &[name, value] : request.settings)
    settings.push_back({name, value});
  SmallVector<frontend::NamedType> arguments;
  for (const ArgumentType &argument : request.arguments)
    if (!request.gradient || isDeclared(argument.name))
      arguments.push_back({argument.name, tensorType(argument, &context)});

  if (request.kind == Request::Kind::Pipeline) {
    FailureOr<func::FuncOp> instance =
        spec.instantiatePipeline(request.name, settings, arguments, module, request.gradient);
    if (failed(instance))
      return failure();
    function = *instance;
    if (request.exposeSelections)
      exposeSelections(function);
    return success();
  }
  FailureOr<tile::KernelOp> made =
      spec.instantiateKernel(request.name, settings, arguments, module);
  if (failed(made))
    return failure();
  kernel = *made;
  // A kernel whose argument types are all known is a pipeline of one launch.
  FailureOr<func::FuncOp> instance = wrapKernel(kernel, request);
  if (failed(instance))
    return failure();
  function = *instance;
  return success();
}

/// Whether the definition of the request declares an argument of that name.
bool PlanCompilation::isDeclared(StringRef argument) const {
  auto definition = llvm::find_if(spec.definitions(), [&](const frontend::DefinitionInfo &info) {
    return info.name == request.name;
  });
  return definition != spec.definitions().end() &&
         llvm::any_of(definition->arguments, [&](const frontend::ArgumentInfo &info) {
           return info.name == argument;
         });
}

LogicalResult PlanCompilation::differentiate() {
  unsigned numArguments = function.getNumArguments();
  std::string backward = (function.getSymName() + "_bwd").str();
  DifferentiatePassOptions gradient;
  gradient.joint = !request.separate;
  gradient.deterministic = request.deterministic || !request.isCuda();
  if (failed(passes.run(
          module, [&](OpPassManager &pm) { pm.addPass(createDifferentiatePass(gradient)); },
          /*mayBlameRequest=*/true)))
    return failure();
  if (!request.separate)
    return checkCotangents(function, numArguments);
  function = module.lookupSymbol<func::FuncOp>((request.name + "_fwd").c_str());
  return checkCotangents(module.lookupSymbol<func::FuncOp>(backward), /*first=*/0);
}

/// What was given beyond the declared arguments must be the cotangents: those of `backward` from
/// `first` on.
LogicalResult PlanCompilation::checkCotangents(func::FuncOp backward, unsigned first) {
  SmallVector<std::pair<StringRef, Type>> cotangents;
  for (unsigned i = first; i < backward.getNumArguments(); ++i)
    cotangents.emplace_back(lh::getArgumentName(backward, i), backward.getArgumentTypes()[i]);
  for (const ArgumentType &argument : request.arguments) {
    if (isDeclared(argument.name))
      continue;
    auto found = llvm::find_if(
        cotangents, [&](const auto &cotangent) { return cotangent.first == argument.name; });
    if (found == cotangents.end())
      return emitError(backward.getLoc())
             << "'" << request.name << "' has no argument '" << argument.name
             << "'; its cotangents are " << llvm::join(llvm::make_first_range(cotangents), ", ");
    if (Type given = tensorType(argument, &context); given != found->second)
      return emitError(backward.getLoc())
             << "cotangent '" << argument.name << "' must be " << found->second
             << ", as its result is, got " << given;
  }
  return success();
}

LogicalResult PlanCompilation::refuseOpenKernel() {
  for (BlockArgument input : kernel.getBody().getArguments().take_front(kernel.getInputs())) {
    std::string name = kernel.getArgName(input.getArgNumber());
    if (!isa<tile::ViewType>(input.getType())) {
      if (llvm::none_of(request.settings,
                        [&](const auto &setting) { return setting.first == name; }))
        return emitError(input.getLoc()) << "an artifact needs the value of every scalar; give it "
                                            "with --set "
                                         << name << "=VALUE";
      continue;
    }
    if (llvm::none_of(request.arguments,
                      [&](const ArgumentType &argument) { return argument.name == name; }))
      return emitError(input.getLoc())
             << "an artifact needs the type of every argument, as its plan has constant shapes; '"
             << name << "' has none";
  }
  return passes.fail("a kernel whose argument types are all known has no pipeline");
}
