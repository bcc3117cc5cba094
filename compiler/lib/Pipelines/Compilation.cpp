//===- Compilation.cpp - One request on its way through the phases ----------------------------===//

#include "Compilation.h"

#include "lighthouse/Target/PlanExport.h"
#include "lighthouse/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace lighthouse;

Compilation::Compilation(frontend::Spec &spec, MLIRContext &context, const Request &request,
                         const CompilerOptions &options, frontend::Tuner &tuner)
    : spec(spec), context(context), request(request), options(options),
      target(tile::findTarget(request.targetName())), passes(context, options) {
  spec.setTuner(&tuner);
}

Compilation::~Compilation() { spec.setTuner(nullptr); }

LogicalResult Compilation::checkTarget() {
  if (target && target->isCuda() == request.isCuda())
    return success();
  return emitError(UnknownLoc::get(&context))
         << "unknown " << (request.isCuda() ? "architecture" : "processor level") << " '"
         << request.targetName() << "'; the targets are " << tile::listTargets();
}

/// Whether `phase` comes on the way to `last`.
bool Compilation::isOnTheWay(const PhaseInfo &phase, Phase last) const {
  if (phase.phase > last || (request.isCuda() ? !phase.onCuda : !phase.onHost))
    return false;
  if (phase.phase == Phase::Gradient)
    return request.gradient;
  // Assembly is off the path to an object.
  return phase.phase != Phase::Asm || last == Phase::Asm || !options.dumpDirectory.empty();
}

//===------------------------------------------------------------------------------------------===//
// All kernels in one module
//===------------------------------------------------------------------------------------------===//

LogicalResult Compilation::run(Phase last) {
  if (failed(checkTarget()))
    return failure();
  module = ModuleOp::create(UnknownLoc::get(&context));
  tile::setTarget(*module, *target);
  plan = std::make_unique<PlanCompilation>(spec, request, passes, *module);
  for (const PhaseInfo &phase : allPhases()) {
    if (!isOnTheWay(phase, last))
      continue;
    if (phase.phase >= Phase::Tile) {
      if (!kernels) {
        keepUsedKernels();
        kernels = std::make_unique<KernelCompilation>(passes, *module);
      }
      reached = phase.phase;
      if (failed(kernels->run(phase.phase)) || failed(dump()))
        return failure();
      continue;
    }
    if (phase.phase > Phase::Lighthouse && !plan->hasPipeline())
      continue;
    reached = phase.phase;
    if (failed(plan->run(phase.phase)) ||
        (phase.phase == Phase::Plan && failed(specializeInPlace())) || failed(dump()))
      return failure();
  }
  return success();
}

LogicalResult Compilation::specializeInPlace() {
  if (!request.isCuda())
    return success();
  return passes.run(
      *module,
      [&](OpPassManager &pm) {
        SpecializeKernelsPassOptions specialize;
        specialize.alignment = request.alignment;
        pm.addPass(createSpecializeKernelsPass(specialize));
      },
      /*mayBlameRequest=*/true);
}

void Compilation::keepUsedKernels() {
  llvm::StringSet<> used;
  for (lh::PlanOp op : plan->plans())
    for (auto dispatch : op.getBody().getOps<lh::DispatchOp>())
      used.insert(dispatch.getKernel());
  plan.reset();
  if (request.kind == Request::Kind::Pipeline)
    for (tile::KernelOp kernel : llvm::make_early_inc_range(module->getOps<tile::KernelOp>()))
      if (!used.contains(kernel.getSymName()))
        kernel.erase();
}

func::FuncOp Compilation::pipeline(StringRef name) {
  return name.empty() ? plan->pipeline() : module->lookupSymbol<func::FuncOp>(name);
}

std::string Compilation::print() const {
  if (kernels)
    return kernels->print(reached);
  std::string text;
  llvm::raw_string_ostream out(text);
  module.get()->print(out);
  out << "\n";
  return text;
}

LogicalResult Compilation::dump() {
  return passes.dump(reached, [&] { return print(); });
}

//===------------------------------------------------------------------------------------------===//
// Artifacts
//===------------------------------------------------------------------------------------------===//

/// Takes a pipeline through all phases up to `Plan`.
LogicalResult Compilation::runToPlan(PlanCompilation &plan) {
  for (const PhaseInfo &phase : allPhases()) {
    if (phase.phase > Phase::Plan || !isOnTheWay(phase, Phase::Plan))
      continue;
    if (failed(plan.run(phase.phase)))
      return failure();
    if (!plan.hasPipeline()) {
      (void)plan.refuseOpenKernel();
      return failure();
    }
  }
  return success();
}

/// How many program instances the target allows in a launch.
int64_t Compilation::maxInstances() const {
  return request.isCuda() ? runtime::PlanLimits::cudaBlocks : runtime::PlanLimits::hostInstances;
}

FailureOr<std::vector<runtime::Plan>> Compilation::plans(KernelStores &stores) {
  if (failed(checkTarget()))
    return failure();
  KernelStore &store = stores.try_emplace(target, context, *target).first->second;
  PlanCompilation plan(spec, request, passes, store.getInstances());
  if (failed(runToPlan(plan)))
    return failure();
  std::vector<runtime::Plan> result;
  for (lh::PlanOp op : plan.plans()) {
    FailureOr<runtime::Plan> exported = exportPlan(op, maxInstances());
    if (failed(exported))
      return failure();
    result.push_back(*std::move(exported));
  }
  return result;
}

FailureOr<runtime::Artifact> Compilation::build(KernelStores &stores, runtime::Cache *cache,
                                                std::string key) {
  if (failed(checkTarget()))
    return failure();
  KernelStore &store = stores.try_emplace(target, context, *target).first->second;
  PlanCompilation plan(spec, request, passes, store.getInstances());
  if (failed(runToPlan(plan)))
    return failure();
  runtime::Artifact artifact;
  artifact.key = std::move(key);
  std::vector<std::shared_ptr<const KernelCode>> codes;
  for (lh::PlanOp op : plan.plans()) {
    FailureOr<runtime::Plan> finished = finishPlan(op, store, cache, codes);
    if (failed(finished))
      return failure();
    artifact.plans.push_back(*std::move(finished));
  }
  for (const std::shared_ptr<const KernelCode> &code : codes)
    artifact.images.push_back(code->image);
  // Whoever loads or stores the artifact verifies it, too, but could not tell whose fault it is.
  if (options.verifyEach)
    if (runtime::Status status = artifact.verify(); !status.ok())
      return passes.fail(status.message());
  auto print = [&] {
    runtime::Result<std::vector<uint8_t>> bytes = artifact.serialize();
    return bytes ? std::string(bytes->begin(), bytes->end()) : "";
  };
  if (failed(passes.dump(Phase::Artifact, print)))
    return failure();
  return artifact;
}

/// The runtime's form of a plan with the code of its kernels, which is added to `codes`.
FailureOr<runtime::Plan>
Compilation::finishPlan(lh::PlanOp op, KernelStore &store, runtime::Cache *cache,
                        std::vector<std::shared_ptr<const KernelCode>> &codes) {
  ModuleOp module = store.getInstances();
  llvm::scope_exit erase([&] { op.erase(); });
  if (request.isCuda()) {
    for (auto dispatch : op.getBody().getOps<lh::DispatchOp>()) {
      auto kernel = module.lookupSymbol<tile::KernelOp>(dispatch.getKernel());
      FailureOr<tile::KernelOp> copy =
          store.specialize(kernel, dispatch, request.alignment, passes);
      if (failed(copy))
        return failure();
      dispatch.setKernel(copy->getSymName());
    }
    module = store.getCopies();
    op->moveBefore(module.getBody(), module.getBody()->end());
  }
  FailureOr<runtime::Plan> result = exportPlan(op, maxInstances());
  if (failed(result))
    return failure();
  result->target = request.isCuda() ? "cuda" : "host";
  result->arch = request.arch;
  result->cpuLevel = request.isCuda() ? "" : request.level;
  for (runtime::KernelSpec &kernel : result->kernels) {
    auto code = store.getCode(module.lookupSymbol<tile::KernelOp>(kernel.name), passes, cache);
    if (failed(code))
      return failure();
    auto place = llvm::find(codes, *code);
    kernel.image = place - codes.begin();
    if (place == codes.end())
      codes.push_back(*code);
    kernel.name = KernelStore::instanceName(kernel.name).str();
    kernel.entry = (*code)->entry;
    kernel.stackBytes = (*code)->stackBytes;
    kernel.threads = (*code)->threads;
    kernel.sharedBytes = (*code)->sharedBytes;
    kernel.cluster = (*code)->cluster;
    kernel.isResident = (*code)->isResident;
  }
  return result;
}
