//===- CudaProgram.cpp - A program on a CUDA device -----------------------===//

#include "CudaProgram.h"

#include "../Support/CudaArch.h"
#include "CudaFill.h"
#include "TensorMaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lighthouse::runtime {

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<ProgramImpl>> CudaProgram::load(const Artifact &artifact, const Plan &plan,
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
  std::unique_ptr<CudaProgram> program(new CudaProgram(plan, *std::move(context)));
  Status status = program->context.run([&] { return program->loadImages(artifact, options); });
  if (!status.ok())
    return std::move(status).withContext(fmt::format("program '{}'", plan.name));
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
    return {};
  });
}

Status CudaProgram::loadImages(const Artifact &artifact, const LoadOptions &options) {
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
  for (const KernelSpec &kernel : plan.kernels) {
    std::shared_ptr<const CudaModule> &module = modules[kernel.image];
    if (!module) {
      const std::shared_ptr<const CodeImage> &image = artifact.images[kernel.image];
      if (!(image->kind == CodeImage::Kind::Ptx ? needed.ptxRunsOn(device)
                                                : needed.cubinRunsOn(device)))
        return Status(StatusCode::Unsupported,
                      fmt::format("the {} is compiled for {}; device {} is {}",
                                  imageKindName(image->kind), plan.arch, context.ordinal(),
                                  device.name()));
      Result<std::shared_ptr<const CudaModule>> loaded =
          CudaModule::get(plan, kernel.image, image, device.name(), options);
      if (!loaded)
        return loaded.status();
      module = *std::move(loaded);
    }
    Result<CUfunction> function = module->kernel(kernel);
    if (!function)
      return Status(function.status()).withContext(fmt::format("kernel '{}'", kernel.name));
    functions.push_back(*function);
    Result<std::int64_t> blocks = mostBlocks(kernel, *function);
    if (!blocks)
      return Status(blocks.status()).withContext(fmt::format("kernel '{}'", kernel.name));
    blockLimits.push_back(*blocks);
  }
  return {};
}

Result<std::int64_t> CudaProgram::mostBlocks(const KernelSpec &kernel, CUfunction function) const {
  if (!kernel.isResident)
    return PlanLimits::cudaBlocks;
  Result<int> multiprocessors = context.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  if (!multiprocessors)
    return multiprocessors.status();
  int blocks = 0;
  if (Status s = context.driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(
          &blocks, function, int(kernel.threads), std::size_t(kernel.sharedBytes));
      !s.ok())
    return s;
  return std::max<std::int64_t>(1, std::int64_t(blocks) * *multiprocessors);
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

/// What the kernel is passed: its tensor maps, then its words.
static Result<void *> passParameters(const Driver &driver, const LaunchWords::Launch &launch,
                                     std::int64_t *runWords) {
  std::int64_t *words = runWords + launch.firstWord;
  if (launch.maps.empty())
    return static_cast<void *>(words);
  struct alignas(tensorMapAlignment) Parameter {
    std::array<std::byte, PlanLimits::cudaParameterBytes> bytes;
  };
  static thread_local Parameter parameter;
  std::byte *at = parameter.bytes.data();
  for (const LaunchWords::Map &map : launch.maps) {
    if (Status s = encodeTensorMap(driver, map, runWords, at); !s.ok())
      return s;
    at += tensorMapBytes;
  }
  std::memcpy(at, words, launch.kernelWords * sizeof(std::int64_t));
  return static_cast<void *>(parameter.bytes.data());
}

Status CudaProgram::launchKernel(std::size_t index, std::int64_t *runWords, CUstream stream) const {
  const LaunchWords::Launch &prepared = words.launches()[index];
  const LaunchSpec &spec = plan.launches[index];
  const KernelSpec &kernel = plan.kernels[spec.kernel];
  const Driver &driver = context.driver();
  const auto enqueue = [&]() -> Status {
    for (const LaunchWords::Fill &fill : prepared.fills)
      if (Status s = enqueueFill(driver, fill, runWords, stream); !s.ok())
        return s;
    if (prepared.instances == 0)
      return {};
    Result<void *> parameter = passParameters(driver, prepared, runWords);
    if (!parameter)
      return parameter.status();
    void *parameters[] = {*parameter};
    const auto blocks = unsigned(std::min(prepared.instances, blockLimits[spec.kernel])), threads = unsigned(kernel.threads),
               sharedBytes = unsigned(kernel.sharedBytes);
    if (kernel.cluster == 1)
      return driver.cuLaunchKernel(functions[spec.kernel], blocks, 1, 1, threads, 1, 1, sharedBytes,
                                   stream, parameters, nullptr);
    CUlaunchAttribute cluster = {CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION, {}, {}};
    cluster.value.clusterDim = {unsigned(kernel.cluster), 1, 1};
    const CUlaunchConfig config = {blocks, 1, 1, threads, 1, 1, sharedBytes, stream, &cluster, 1};
    return driver.cuLaunchKernelEx(&config, functions[spec.kernel], parameters, nullptr);
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
