//===- KernelStore.cpp - The kernels of a specification and their code ------------------------===//

#include "KernelStore.h"

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Transforms/TensorMaps.h"
#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/Sha256.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;

/// Between an instance's name, which is made of letters, digits and underscores, and its assumptions.
static constexpr char separator = '$';

KernelStore::KernelStore(MLIRContext &context, const tile::TargetInfo &target)
    : target(target), instances(ModuleOp::create(UnknownLoc::get(&context))),
      copies(ModuleOp::create(UnknownLoc::get(&context))) {
  tile::setTarget(*instances, target);
  tile::setTarget(*copies, target);
}

StringRef KernelStore::instanceName(StringRef kernel) { return kernel.split(separator).first; }

OwningOpRef<ModuleOp> KernelStore::isolate(tile::KernelOp kernel) const {
  OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
  tile::setTarget(*alone, target);
  alone->push_back(kernel.clone());
  return alone;
}

/// Whether the author of `kernel` asks for a schedule.
static bool hasPipelinedLoops(tile::KernelOp kernel) {
  WalkResult walked = kernel.walk([](scf::ForOp loop) {
    return loop->hasAttr("tile.pipelined") ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walked.wasInterrupted();
}

FailureOr<tile::KernelOp> KernelStore::specialize(tile::KernelOp instance, lh::DispatchOp dispatch,
                                                  int64_t alignment, PassRunner &passes) {
  auto [known, isNew] = uses.try_emplace(instance.getSymName());
  if (isNew)
    known->second = DimUses::of(instance);
  auto specialization = KernelSpecialization::of(instance, known->second, dispatch, alignment);
  std::string name = (instance.getSymName() + Twine(separator) + specialization.str()).str();
  if (auto made = copies->lookupSymbol<tile::KernelOp>(name))
    return made;
  OwningOpRef<ModuleOp> alone = isolate(instance);
  auto copy = *alone->getOps<tile::KernelOp>().begin();
  copy.setSymName(name);
  specialization.apply(copy);
  // Before the launcher is told which maps it takes.
  if (hasPipelinedLoops(copy) &&
      failed(passes.run(
          *alone, [](OpPassManager &pm) { buildTileSchedulePipeline(pm); },
          /*mayBlameRequest=*/false)))
    return failure();
  attachTensorMaps(copy);
  copy->moveBefore(copies->getBody(), copies->getBody()->end());
  return copy;
}

/// What the runtime calls the kind of a target.
static StringRef kindOf(const tile::TargetInfo &target) {
  return target.isCuda() ? "cuda" : "host";
}

/// All that the code of a kernel depends on. The IR of the kernel does not say what it is for.
std::string KernelStore::keyOf(tile::KernelOp kernel) const {
  std::string ir;
  llvm::raw_string_ostream irOut(ir);
  kernel->print(irOut, OpPrintingFlags().useLocalScope());
  std::string key;
  llvm::raw_string_ostream out(key);
  out << "lighthouse " << compilerVersion() << " build " << compilerBuildId() << "\nllvm "
      << llvmVersion() << "\nkernel " << KernelStore::instanceName(kernel.getSymName()) << " "
      << runtime::toHex(runtime::sha256(std::string_view(ir))) << "\ntarget " << kindOf(target)
      << " " << target.name << "\n";
  for (const runtime::EnvironmentVariable *variable : runtime::environmentVariables())
    if (variable->cacheRelevant)
      out << "env " << variable->name << "=" << variable->get().value_or("") << "\n";
  return key;
}

/// On disk a kernel is an artifact of a plan that launches nothing.
static runtime::Artifact toArtifact(std::string key, StringRef name, const tile::TargetInfo &target,
                                    const KernelCode &code) {
  runtime::Plan plan;
  plan.name = name.str();
  plan.target = kindOf(target).str();
  (target.isCuda() ? plan.arch : plan.cpuLevel) = target.name.str();
  runtime::KernelSpec &kernel = plan.kernels.emplace_back();
  kernel.name = name.str();
  kernel.entry = code.entry;
  kernel.stackBytes = code.stackBytes;
  kernel.threads = code.threads;
  kernel.sharedBytes = code.sharedBytes;
  kernel.cluster = code.cluster;
  kernel.isResident = code.isResident;
  return {std::move(key), {std::move(plan)}, {code.image}};
}

static std::optional<KernelCode> fromArtifact(runtime::Artifact artifact) {
  if (artifact.plans.front().kernels.size() != 1 || artifact.images.size() != 1)
    return std::nullopt;
  const runtime::KernelSpec &kernel = artifact.plans.front().kernels.front();
  return KernelCode{std::move(artifact.images.front()),
                    kernel.entry,
                    kernel.stackBytes,
                    kernel.threads,
                    kernel.sharedBytes,
                    kernel.cluster,
                    kernel.isResident};
}

FailureOr<std::shared_ptr<const KernelCode>>
KernelStore::getCode(tile::KernelOp kernel, PassRunner &passes, runtime::Cache *cache) {
  std::shared_ptr<const KernelCode> &code = codes[kernel.getSymName()];
  if (code)
    return code;
  std::string key;
  if (cache) {
    key = keyOf(kernel);
    if (auto found = cache->lookup(key); found && *found)
      if (std::optional<KernelCode> read = fromArtifact(**std::move(found)))
        return code = std::make_shared<const KernelCode>(*std::move(read));
  }
  FailureOr<KernelCode> made = compile(kernel, passes);
  if (failed(made))
    return failure();
  code = std::make_shared<const KernelCode>(*std::move(made));
  if (cache)
    if (runtime::Result<std::vector<uint8_t>> bytes =
            toArtifact(key, instanceName(kernel.getSymName()), target, *code).serialize())
      // The cache saves work and is never needed: its own warning says what went wrong.
      (void)cache->publish(key, *bytes);
  return code;
}

FailureOr<KernelCode> KernelStore::compile(tile::KernelOp kernel, PassRunner &passes) {
  OwningOpRef<ModuleOp> alone = isolate(kernel);
  auto copy = *alone->getOps<tile::KernelOp>().begin();
  copy.setSymName(instanceName(kernel.getSymName()));
  KernelCompilation compilation(passes, *alone);
  for (const PhaseInfo &phase : allPhases())
    if (phase.phase >= Phase::Tile && phase.phase < Phase::Artifact && phase.phase != Phase::Asm &&
        (target.isCuda() ? phase.onCuda : phase.onHost) && failed(compilation.run(phase.phase)))
      return failure();
  return compilation.takeCode();
}
