//===- Compilation.cpp - One request on its way through the phases ----------------------------===//

#include "Compilation.h"

#include "KernelPipeline.h"
#include "Reproducer.h"

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Target/PlanExport.h"
#include "lighthouse/Transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;

//===------------------------------------------------------------------------------------------===//
// The phases
//===------------------------------------------------------------------------------------------===//

static unsigned vectorBits(StringRef level) {
  return level == "x86-64-v4" ? 512 : level == "x86-64-v3" ? 256 : 128;
}

LogicalResult Compilation::runPhase(Phase phase) {
  switch (phase) {
  case Phase::Lighthouse:
    return instantiate();
  case Phase::Gradient:
    return differentiate();
  case Phase::Fused:
    return runPasses(
        [](OpPassManager &pm) {
          pm.addNestedPass<func::FuncOp>(createFuseStagesPass());
          pm.addPass(createCanonicalizerPass());
          pm.addPass(createCSEPass());
        },
        /*mayBlameRequest=*/false);
  case Phase::Launches:
    return runPasses([&](OpPassManager &pm) { pm.addPass(createSelectKernelsPass(*kernels)); },
                     /*mayBlameRequest=*/true);
  case Phase::Plan:
    return lowerToPlan();
  case Phase::Tile:
    return keepKernels();
  case Phase::Host:
    if (failed(checkLevel()))
      return failure();
    return runPasses(
        [&](OpPassManager &pm) {
          HostPipelineOptions host;
          host.vectorBits = vectorBits(request.level);
          buildTileToHostPipeline(pm, host);
        },
        /*mayBlameRequest=*/true);
  case Phase::Layouts:
    return runPasses([](OpPassManager &pm) { buildTileLayoutPipeline(pm); },
                     /*mayBlameRequest=*/false);
  case Phase::LLVMDialect:
    return runPasses(
        [&](OpPassManager &pm) {
          if (!arch)
            return buildHostToLLVMPipeline(pm);
          GpuPipelineOptions gpu;
          gpu.sharedLimit = arch->sharedBytes;
          buildTileToNVVMPipeline(pm, gpu);
        },
        /*mayBlameRequest=*/arch != nullptr);
  case Phase::LLVM:
  case Phase::Asm:
  case Phase::Obj:
  case Phase::Ptx:
    return emitCode(phase);
  case Phase::Artifact:
    return emitArtifact();
  }
  return failure();
}

LogicalResult Compilation::instantiate() {
  module = ModuleOp::create(UnknownLoc::get(&context));
  SmallVector<frontend::ParamSetting> settings;
  for (const auto &[name, value] : request.settings)
    settings.push_back({name, value});
  SmallVector<frontend::NamedType> arguments;
  for (const ArgumentType &argument : request.arguments)
    if (!request.gradient || isDeclared(argument.name))
      arguments.push_back({argument.name, tensorType(argument, &context)});

  if (request.kind == Request::Kind::Pipeline) {
    FailureOr<func::FuncOp> instance =
        spec.instantiatePipeline(request.name, settings, arguments, *module);
    if (failed(instance))
      return failure();
    function = *instance;
    if (request.exposeSelections)
      exposeSelections(function);
    return success();
  }
  FailureOr<tile::KernelOp> kernel =
      spec.instantiateKernel(request.name, settings, arguments, *module);
  if (failed(kernel))
    return failure();
  // A kernel whose argument types are all known is a pipeline of one launch.
  FailureOr<func::FuncOp> instance = wrapKernel(*kernel, request);
  if (failed(instance))
    return failure();
  function = *instance;
  return success();
}

/// Whether the definition of the request declares an argument of that name.
bool Compilation::isDeclared(StringRef argument) const {
  auto definition = llvm::find_if(spec.definitions(), [&](const frontend::DefinitionInfo &info) {
    return info.name == request.name;
  });
  return definition != spec.definitions().end() &&
         llvm::any_of(definition->arguments, [&](const frontend::ArgumentInfo &info) {
           return info.name == argument;
         });
}

LogicalResult Compilation::differentiate() {
  unsigned numArguments = function.getNumArguments();
  if (failed(runPasses(
          [&](OpPassManager &pm) {
            DifferentiatePassOptions gradient;
            gradient.joint = true;
            gradient.deterministic = request.deterministic || !arch;
            pm.addPass(createDifferentiatePass(gradient));
          },
          /*mayBlameRequest=*/true)))
    return failure();
  // What was given beyond the declared arguments must be the cotangents.
  SmallVector<std::pair<StringRef, Type>> cotangents;
  for (unsigned i = numArguments; i < function.getNumArguments(); ++i)
    cotangents.emplace_back(
        function.getArgAttrOfType<StringAttr>(i, lh::LighthouseDialect::getNameAttrName()),
        function.getArgumentTypes()[i]);
  for (const ArgumentType &argument : request.arguments) {
    if (isDeclared(argument.name))
      continue;
    auto found = llvm::find_if(
        cotangents, [&](const auto &cotangent) { return cotangent.first == argument.name; });
    if (found == cotangents.end())
      return emitError(function.getLoc())
             << "'" << request.name << "' has no argument '" << argument.name
             << "'; its cotangents are " << llvm::join(llvm::make_first_range(cotangents), ", ");
    if (Type given = tensorType(argument, &context); given != found->second)
      return emitError(function.getLoc())
             << "cotangent '" << argument.name << "' must be " << found->second
             << ", as its result is, got " << given;
  }
  return success();
}

LogicalResult Compilation::refuseOpenKernel() {
  tile::KernelOp kernel = *module->getOps<tile::KernelOp>().begin();
  auto inputs = kernel.getBody().getArguments().take_front(kernel.getInputs());
  for (BlockArgument input : inputs)
    if (!isa<tile::ViewType>(input.getType()))
      return emitError(input.getLoc(),
                       "a kernel with scalar arguments can only be used in a pipeline");
  for (BlockArgument input : inputs) {
    std::string name = kernel.getArgName(input.getArgNumber());
    if (llvm::none_of(request.arguments,
                      [&](const ArgumentType &argument) { return argument.name == name; }))
      return emitError(input.getLoc())
             << "an artifact needs the type of every argument, as its plan has constant shapes; '"
             << name << "' has none";
  }
  return fail("a kernel whose argument types are all known has no pipeline");
}

LogicalResult Compilation::lowerToPlan() {
  if (failed(runPasses(
          [&](OpPassManager &pm) {
            pm.addPass(createLowerToPlanPass());
            if (!arch)
              return;
            SpecializeKernelsPassOptions specialize;
            specialize.alignment = request.alignment;
            pm.addPass(createSpecializeKernelsPass(specialize));
          },
          /*mayBlameRequest=*/true)))
    return failure();
  for (lh::PlanOp op : module->getOps<lh::PlanOp>()) {
    FailureOr<runtime::Plan> exported = exportPlan(
        op, arch ? runtime::PlanLimits::cudaBlocks : runtime::PlanLimits::hostInstances);
    if (failed(exported))
      return failure();
    plan = *std::move(exported);
  }
  return success();
}

LogicalResult Compilation::keepKernels() {
  for (lh::PlanOp op : llvm::make_early_inc_range(module->getOps<lh::PlanOp>()))
    op.erase();
  if (request.kind == Request::Kind::Pipeline)
    for (tile::KernelOp kernel : llvm::make_early_inc_range(module->getOps<tile::KernelOp>()))
      if (llvm::none_of(plan.kernels, [&](const runtime::KernelSpec &spec) {
            return spec.name == kernel.getSymName();
          }))
        kernel.erase();
  return runPasses(
      [](OpPassManager &pm) {
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createCSEPass());
      },
      /*mayBlameRequest=*/false);
}

LogicalResult Compilation::checkLevel() {
  if (request.level != "x86-64-v2")
    return success();
  auto isHalf = [](Type type) { return getElementTypeOrSelf(type).isF16(); };
  WalkResult walked = module->walk([&](Operation *op) {
    if (llvm::none_of(op->getResultTypes(), isHalf) && llvm::none_of(op->getOperandTypes(), isHalf))
      return WalkResult::advance();
    emitError(op->getLoc(), "f16 needs x86-64-v3: x86-64-v2 has no conversions of it");
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult Compilation::emitCode(Phase phase) {
  auto check = [&](auto &&expected, auto &slot) -> LogicalResult {
    if (!expected)
      return fail(llvm::toString(expected.takeError()));
    slot = std::move(*expected);
    return success();
  };
  if (phase == Phase::LLVM)
    return check(arch ? emitCudaLLVM(*module, llvmContext, *arch)
                      : emitHostLLVM(*module, llvmContext, request.level),
                 llvmModule);
  if (phase == Phase::Ptx)
    return check(lighthouse::emitPtx(*llvmModule, *arch), assembly);
  if (phase == Phase::Asm)
    return check(emitHostAssembly(*llvmModule, request.level), assembly);
  return check(emitHostObject(*llvmModule, request.level), object);
}

LogicalResult Compilation::emitArtifact() {
  if (failed(arch ? finishCudaPlan() : finishHostPlan()))
    return failure();
  result.plan = std::move(plan);
  if (runtime::Status status = result.verify(); !status.ok())
    return fail(status.message());
  return success();
}

LogicalResult Compilation::finishCudaPlan() {
  plan.target = "cuda";
  plan.arch = request.arch;
  std::vector<CudaKernel> made = cudaKernels(*llvmModule);
  for (runtime::KernelSpec &kernel : plan.kernels) {
    auto found = llvm::find_if(
        made, [&](const CudaKernel &candidate) { return candidate.name == kernel.name; });
    if (found == made.end())
      return fail("the code lacks the kernel '" + kernel.name + "'");
    kernel.threads = found->threads;
    kernel.sharedBytes = found->sharedBytes;
  }
  result.image.kind = runtime::CodeImage::Kind::Ptx;
  result.image.bytes.assign(assembly.begin(), assembly.end());
  return success();
}

LogicalResult Compilation::finishHostPlan() {
  llvm::Expected<HostImage> image = linkHostImage(object);
  if (!image)
    return fail(llvm::toString(image.takeError()));
  plan.cpuLevel = request.level;
  for (runtime::KernelSpec &kernel : plan.kernels) {
    auto found = llvm::find_if(image->kernels, [&](const HostImage::Kernel &candidate) {
      return candidate.name == kernel.name;
    });
    if (found == image->kernels.end())
      return fail("the image lacks the kernel '" + kernel.name + "'");
    kernel.entry = int64_t(found->entry);
    kernel.stackBytes = int64_t(found->stackBytes);
  }
  result.image.bytes.assign(image->bytes.begin(), image->bytes.end());
  result.image.textBytes = image->textBytes;
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The machinery
//===------------------------------------------------------------------------------------------===//

Compilation::Compilation(frontend::Spec &spec, MLIRContext &context, const Request &request,
                         const CompilerOptions &options, frontend::Tuner &tuner,
                         std::string key)
    : spec(spec), context(context), request(request), options(options),
      arch(findCudaArch(request.arch)) {
  kernels = spec.makeKernelProvider(request.isCuda() ? "cuda" : "host",
                                    arch ? std::optional<int64_t>(arch->sharedBytes) : std::nullopt);
  result.key = std::move(key);
  spec.setTuner(&tuner);
}

Compilation::~Compilation() { spec.setTuner(nullptr); }

LogicalResult Compilation::run(Phase last) {
  if (request.isCuda() && !arch)
    return emitError(UnknownLoc::get(&context))
           << "unknown architecture '" << request.arch << "'; there are "
           << llvm::join(llvm::map_range(cudaArchs(), [](const CudaArch &a) { return a.name.str(); }),
                         ", ");
  for (const PhaseInfo &phase : allPhases()) {
    if (phase.phase > last)
      break;
    if (arch ? !phase.onCuda : !phase.onHost)
      continue;
    // Assembly is off the path to an object.
    if (phase.phase == Phase::Asm && last != Phase::Asm && options.dumpDirectory.empty())
      continue;
    if (phase.phase == Phase::Gradient && !request.gradient)
      continue;
    // The kernel of an unknown shape has no pipeline.
    if (phase.phase > Phase::Lighthouse && phase.phase <= Phase::Plan && !function)
      continue;
    reached = phase.phase;
    if (failed(runPhase(phase.phase)) || failed(dump()))
      return failure();
    if (last == Phase::Artifact && !function)
      return refuseOpenKernel();
  }
  return success();
}

LogicalResult Compilation::runPasses(llvm::function_ref<void(OpPassManager &)> build,
                                     bool mayBlameRequest) {
  PassManager pm(&context, ModuleOp::getOperationName());
  pm.enableVerifier(options.verifyEach);
  // Reproducers come with signal handlers.
  std::shared_ptr<std::string> written;
  if (options.crashRecovery)
    written = enableReproducer(pm, options.reproducerDirectory);
  build(pm);

  // A pass of ours reports what the request does wrong with `emitError`; a message that names an op
  // comes from a verifier or a lowering that ran into what it does not know.
  bool blamesCompiler = !mayBlameRequest, reported = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    std::string message = diagnostic.str();
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error ||
        StringRef(message).starts_with("Failures have been detected"))
      return success();
    reported = true;
    blamesCompiler |=
        StringRef(message).starts_with("'") || StringRef(message).starts_with("failed to legalize");
    return failure();
  });
  LogicalResult result = pm.run(*module);
  // The reproducer's own crash recovery switches that of the whole compilation off.
  if (options.crashRecovery)
    llvm::CrashRecoveryContext::Enable();
  if (succeeded(result))
    return success();
  internal |= blamesCompiler || !reported;
  if (!written)
    return failure();
  if (internal) {
    reproducerPath = *written;
    if (reproducerPath.empty())
      emitError(UnknownLoc::get(&context), "cannot write a reproducer of the failing pass")
          << (options.reproducerDirectory.empty() ? "" : " to " + options.reproducerDirectory);
  } else if (!written->empty())
    llvm::sys::fs::remove(*written);
  return failure();
}

LogicalResult Compilation::fail(const llvm::Twine &message) {
  internal = true;
  return emitError(UnknownLoc::get(&context)) << message;
}

std::string Compilation::print() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  switch (reached) {
  case Phase::LLVM:
    llvmModule->print(out, nullptr);
    break;
  case Phase::Asm:
  case Phase::Ptx:
    return assembly;
  case Phase::Obj:
    return object;
  case Phase::Artifact: {
    runtime::Result<std::vector<uint8_t>> bytes = result.serialize();
    return bytes ? std::string(bytes->begin(), bytes->end()) : "";
  }
  default:
    module.get()->print(out);
    out << "\n";
  }
  return text;
}

LogicalResult Compilation::dump() const {
  if (options.dumpDirectory.empty())
    return success();
  const PhaseInfo &phase = info(reached);
  llvm::SmallString<128> path(options.dumpDirectory);
  std::error_code error = llvm::sys::fs::create_directories(path);
  llvm::sys::path::append(
      path,
      llvm::formatv("{0:d2}-{1}.{2}", unsigned(reached) + 1, phase.name, phase.extension).str());
  if (!error) {
    llvm::raw_fd_ostream file(path, error);
    if (!error) {
      file << print();
      file.close();
      error = file.error();
      file.clear_error();
    }
  }
  if (error)
    return emitError(UnknownLoc::get(&context))
           << "cannot write '" << path << "': " << error.message();
  return success();
}
