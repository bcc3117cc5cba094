//===- CudaProgram.cpp - A program on a CUDA device -----------------------===//

#include "CudaProgram.h"

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Sha256.h"

#include "../Support/CudaArch.h"
#include "CudaFill.h"
#include "Linker.h"

#include <fmt/format.h>

namespace lighthouse::runtime {

/// Shared memory a block may have without asking for more.
static constexpr std::int64_t defaultSharedBytes = 48 << 10;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<ProgramImpl>> CudaProgram::load(const Artifact &artifact,
                                                       const LoadOptions &options) {
  Result<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.status();
  Result<RelaxedCapture> relaxed = RelaxedCapture::begin(**driver);
  if (!relaxed)
    return relaxed.status();
  Result<PrimaryContext> context = PrimaryContext::retain(options.device);
  if (!context)
    return context.status();
  std::unique_ptr<CudaProgram> program(new CudaProgram(artifact.plan, *std::move(context)));
  Status status = program->context.run([&] { return program->loadImage(artifact, options); });
  if (!status.ok())
    return std::move(status).withContext(fmt::format("program '{}'", artifact.plan.name));
  return std::unique_ptr<ProgramImpl>(std::move(program));
}

CudaProgram::~CudaProgram() {
  // In a forked child nothing may be done, and nothing is left to be done about a failure.
  const Driver &driver = context.driver();
  if (!driver.checkProcess().ok())
    return;
  const Result<RelaxedCapture> relaxed = RelaxedCapture::begin(driver);
  (void)context.run([&]() -> Status {
    events.destroy(driver);
    unload();
    return {};
  });
}

Status CudaProgram::loadImage(const Artifact &artifact, const LoadOptions &options) {
  Result<bool> capturing = isCapturing(context.driver(), static_cast<CUstream>(options.stream));
  if (!capturing)
    return capturing.status();
  if (*capturing)
    return Status(StatusCode::InvalidArgument,
                  "the stream is being captured, and loading cannot be; load the program before "
                  "the capture begins: call Program::load (in C: lh_program_load_file or "
                  "lh_program_load_memory) first");

  Result<int> major = context.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  if (!major)
    return major.status();
  Result<int> minor = context.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  if (!minor)
    return minor.status();
  const CudaArch device = {*major, *minor};
  const CudaArch needed = *CudaArch::parse(plan.arch);
  const bool isPtx = artifact.image.kind == CodeImage::Kind::Ptx;
  if (!(isPtx ? needed.ptxRunsOn(device) : needed.cubinRunsOn(device)))
    return Status(StatusCode::Unsupported,
                  fmt::format("the {} is compiled for {}; device {} is {}",
                              imageKindName(artifact.image.kind), plan.arch, context.ordinal(),
                              device.name()));
  return isPtx ? loadPtx(artifact, device.name(), options.cubinCache)
               : loadModule(artifact.image.bytes);
}

Status CudaProgram::loadPtx(const Artifact &artifact, const std::string &deviceArch, Cache *cache) {
  const std::string key = fmt::format("{}\ncubin {} driver {} {}\n{}", artifact.key, deviceArch,
                                      context.driver().version, context.driver().build,
                                      toHex(sha256(artifact.image.bytes)));
  // A key that is too long for the cache does without it, as after any other trouble.
  if (cache) {
    Result<std::optional<Artifact>> found = cache->lookup(key);
    if (found && *found && (*found)->plan == plan &&
        (*found)->image.kind == CodeImage::Kind::Cubin && loadModule((*found)->image.bytes).ok())
      return {};
  }

  Result<std::vector<std::uint8_t>> cubin =
      linkPtx(context.driver(), artifact.image.bytes, plan.name + ".ptx");
  if (!cubin)
    return cubin.status();
  if (Status s = loadModule(*cubin); !s.ok())
    return s;
  if (cache) {
    const Artifact entry = {key, plan, {CodeImage::Kind::Cubin, *std::move(cubin), 0}};
    if (Result<std::vector<std::uint8_t>> bytes = entry.serialize())
      (void)cache->publish(key, *bytes);
  }
  return {};
}

Status CudaProgram::loadModule(const std::vector<std::uint8_t> &cubin) {
  if (Status s = context.driver().cuModuleLoadData(&module, cubin.data()); !s.ok()) {
    module = nullptr;
    return s;
  }
  Status status = findKernels();
  if (!status.ok())
    unload();
  return status;
}

Status CudaProgram::findKernels() {
  Result<int> sharedLimit =
      context.attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  if (!sharedLimit)
    return sharedLimit.status();
  for (const KernelSpec &kernel : plan.kernels) {
    CUfunction function = nullptr;
    Status status = context.driver().cuModuleGetFunction(&function, module, kernel.name.c_str());
    if (status.ok())
      status = prepareKernel(kernel, *sharedLimit, function);
    if (!status.ok())
      return std::move(status).withContext(fmt::format("kernel '{}'", kernel.name));
    functions.push_back(function);
  }
  return {};
}

Status CudaProgram::prepareKernel(const KernelSpec &kernel, int sharedLimit,
                                  CUfunction function) const {
  const Driver &driver = context.driver();
  int maxThreads = 0, staticShared = 0;
  if (Status s =
          driver.cuFuncGetAttribute(&maxThreads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, function);
      !s.ok())
    return s;
  if (Status s =
          driver.cuFuncGetAttribute(&staticShared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function);
      !s.ok())
    return s;
  if (kernel.threads > maxThreads)
    return Status(StatusCode::Unsupported,
                  fmt::format("it is launched with {} threads; its registers allow {}",
                              kernel.threads, maxThreads));
  const std::int64_t shared = kernel.sharedBytes + staticShared;
  if (shared > sharedLimit)
    return Status(StatusCode::Unsupported,
                  fmt::format("it needs {} bytes of shared memory ({} of them static); device {} "
                              "has {} for a block",
                              shared, staticShared, context.ordinal(), sharedLimit));
  if (shared <= defaultSharedBytes)
    return {};
  return driver.cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                   int(kernel.sharedBytes));
}

void CudaProgram::unload() {
  functions.clear();
  if (module)
    (void)context.driver().cuModuleUnload(module);
  module = nullptr;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status CudaProgram::launch(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                           void *workspace, std::span<std::int64_t> runWords,
                           const RunOptions &options) const {
  return context.run([&]() -> Status {
    if (Status s = checkPlacement(inputs, outputs, workspace); !s.ok())
      return s;
    if (options.timings)
      return launchTimed(runWords.data(), options);
    for (std::size_t i = 0; i < plan.launches.size(); ++i)
      if (Status s = launchKernel(i, runWords.data(), static_cast<CUstream>(options.stream));
          !s.ok())
        return s;
    return {};
  });
}

Status CudaProgram::checkPlacement(std::span<const TensorView> inputs,
                                   std::span<const TensorView> outputs,
                                   const void *workspace) const {
  // `label` makes the text, which is needed only for an error.
  const auto check = [&](const void *address, auto label) -> Status {
    Result<Placement> placement = placementOf(context.driver(), address);
    if (!placement)
      return placement.status();
    if (placement->onDevice && (placement->managed || placement->ordinal == context.ordinal()))
      return {};
    return Status(StatusCode::InvalidArgument,
                  fmt::format("{}: {} was passed; memory of CUDA device {} is needed", label(),
                              placement->onDevice
                                  ? fmt::format("memory of CUDA device {}", placement->ordinal)
                                  : "memory of the host",
                              context.ordinal()));
  };
  const auto checkAll = [&](std::string_view kind, std::span<const TensorView> views,
                            const std::vector<TensorSpec> &specs) -> Status {
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (elementCount(views[i].shape) == 0)
        continue;
      const auto label = [&] { return fmt::format("{} {} '{}'", kind, i, specs[i].name); };
      if (Status s = check(views[i].data, label); !s.ok())
        return s;
    }
    return {};
  };
  if (Status s = checkAll("input", inputs, plan.inputs); !s.ok())
    return s;
  if (Status s = checkAll("output", outputs, plan.outputs); !s.ok())
    return s;
  if (plan.workspaceBytes == 0)
    return {};
  return check(workspace, [] { return std::string("workspace"); });
}

Status CudaProgram::launchKernel(std::size_t index, std::int64_t *runWords, CUstream stream) const {
  const LaunchWords::Launch &prepared = words.launches()[index];
  const LaunchSpec &spec = plan.launches[index];
  const KernelSpec &kernel = plan.kernels[spec.kernel];
  const auto enqueue = [&]() -> Status {
    for (const LaunchWords::Fill &fill : prepared.fills)
      if (Status s = enqueueFill(context.driver(), fill, runWords, stream); !s.ok())
        return s;
    if (prepared.instances == 0)
      return {};
    // The one parameter: all words, by value.
    void *parameters[] = {runWords + prepared.firstWord};
    return context.driver().cuLaunchKernel(
        functions[spec.kernel], unsigned(prepared.instances), 1, 1, unsigned(kernel.threads), 1, 1,
        unsigned(kernel.sharedBytes), stream, parameters, nullptr);
  };
  Status status = enqueue();
  if (!status.ok())
    return std::move(status).withContext(
        fmt::format("stage '{}', kernel '{}'", spec.stage, kernel.name));
  return {};
}

Status CudaProgram::launchTimed(std::int64_t *runWords, const RunOptions &options) const {
  const Driver &driver = context.driver();
  const auto stream = static_cast<CUstream>(options.stream);
  Result<bool> capturing = isCapturing(driver, stream);
  if (!capturing)
    return capturing.status();
  if (*capturing)
    return Status(StatusCode::InvalidArgument,
                  "a stream that is being captured cannot be timed; run without timings");

  // Event i is before launch i, and the last one behind all.
  std::vector<CUevent> taken;
  const auto run = [&]() -> Status {
    if (Status s = events.take(driver, plan.launches.size() + 1, taken); !s.ok())
      return s;
    if (Status s = driver.cuEventRecord(taken.front(), stream); !s.ok())
      return s;
    for (std::size_t i = 0; i < plan.launches.size(); ++i) {
      if (Status s = launchKernel(i, runWords, stream); !s.ok())
        return s;
      if (Status s = driver.cuEventRecord(taken[i + 1], stream); !s.ok())
        return s;
    }
    if (Status s = driver.cuEventSynchronize(taken.back()); !s.ok())
      return s;
    for (std::size_t i = 0; i < plan.launches.size(); ++i) {
      float milliseconds = 0;
      if (Status s = driver.cuEventElapsedTime(&milliseconds, taken[i], taken[i + 1]); !s.ok())
        return s;
      options.timings->push_back(timing(i, milliseconds * 1e-3));
    }
    return {};
  };
  Status status = run();
  events.giveBack(taken);
  return status;
}

//===----------------------------------------------------------------------===//
// Resources
//===----------------------------------------------------------------------===//

Result<std::vector<cuda::KernelResources>> CudaProgram::resources() const {
  std::vector<cuda::KernelResources> result(plan.kernels.size());
  const Driver &driver = context.driver();
  Status status = context.run([&]() -> Status {
    for (std::size_t i = 0; i < result.size(); ++i) {
      cuda::KernelResources &kernel = result[i];
      kernel.name = plan.kernels[i].name;
      const std::pair<int *, int> attributes[] = {
          {&kernel.registers, CU_FUNC_ATTRIBUTE_NUM_REGS},
          {&kernel.localBytes, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES},
          {&kernel.staticSharedBytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES},
          {&kernel.maxThreads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK}};
      for (const auto &[value, attribute] : attributes)
        if (Status s = driver.cuFuncGetAttribute(value, attribute, functions[i]); !s.ok())
          return s;
      if (Status s = driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
              &kernel.blocksPerMultiprocessor, functions[i], int(plan.kernels[i].threads),
              std::size_t(plan.kernels[i].sharedBytes));
          !s.ok())
        return s;
    }
    return {};
  });
  if (!status.ok())
    return status;
  return result;
}

namespace cuda {

Result<std::vector<KernelResources>> kernelResources(const Program &program) {
  if (program.plan().target != "cuda")
    return Status(StatusCode::InvalidArgument,
                  fmt::format("program '{}' runs on the host", program.plan().name));
  return static_cast<const CudaProgram &>(*program.impl_).resources();
}

} // namespace cuda

} // namespace lighthouse::runtime
