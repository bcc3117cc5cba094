//===- CudaModule.cpp - An image loaded to a CUDA device ------------------===//

#include "CudaModule.h"

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Sha256.h"

#include "Linker.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

namespace lighthouse::runtime {

/// Shared memory a block may have without asking for more.
static constexpr std::int64_t defaultSharedBytes = 48 << 10;

namespace {

/// Where the module of one image is, and who loads it.
struct Slot {
  std::mutex mutex;
  std::weak_ptr<const CudaModule> module;
};

/// The slot of images with this hash. There is one for every image that was ever loaded.
std::shared_ptr<Slot> slotOf(int device, const CodeImage &image) {
  // Never destroyed: programs may be loaded and released while the process exits.
  static auto *mutex = new std::mutex;
  static auto *slots = new std::map<std::pair<int, std::size_t>, std::shared_ptr<Slot>>;
  const std::size_t hash = std::hash<std::string_view>()(
      {reinterpret_cast<const char *>(image.bytes.data()), image.bytes.size()});
  const std::lock_guard lock(*mutex);
  std::shared_ptr<Slot> &slot = (*slots)[{device, hash}];
  if (!slot)
    slot = std::make_shared<Slot>();
  return slot;
}

} // namespace

Result<std::shared_ptr<const CudaModule>>
CudaModule::get(const Plan &plan, std::int64_t index, const std::shared_ptr<const CodeImage> &image,
                const std::string &deviceArch, const LoadOptions &options) {
  const std::shared_ptr<Slot> slot = slotOf(options.device, *image);
  const std::lock_guard lock(slot->mutex);
  if (std::shared_ptr<const CudaModule> module = slot->module.lock();
      module && (module->image == image || *module->image == *image))
    return module;
  Result<PrimaryContext> context = PrimaryContext::retain(options.device);
  if (!context)
    return context.status();
  std::shared_ptr<CudaModule> module(new CudaModule(*std::move(context), image));
  Status loaded = image->kind == CodeImage::Kind::Ptx
                      ? module->loadPtx(plan, index, deviceArch, options.cubinCache)
                      : module->loadCubin(image->bytes);
  if (!loaded.ok())
    return loaded;
  slot->module = module;
  return std::shared_ptr<const CudaModule>(std::move(module));
}

CudaModule::~CudaModule() {
  // In a forked child nothing may be done, and nothing is left to be done about a failure.
  const Driver &driver = context.driver();
  if (!module || !driver.checkProcess().ok())
    return;
  const Result<RelaxedCapture> relaxed = RelaxedCapture::begin(driver);
  (void)context.run([&] { return driver.cuModuleUnload(module); });
}

Status CudaModule::loadPtx(const Plan &plan, std::int64_t index, const std::string &deviceArch,
                           Cache *cache) {
  if (needsWholeProgram(image->bytes)) {
    const Status status =
        loadWholeProgram(context.driver(), image->bytes, plan.name + ".ptx", &module);
    if (!status.ok())
      module = nullptr;
    return status;
  }
  const std::string key =
      fmt::format("cubin {} driver {} {}\n{}", deviceArch, context.driver().version,
                  context.driver().build, toHex(sha256(image->bytes)));
  if (cache) {
    Result<std::optional<Artifact>> found = cache->lookup(key);
    if (found && *found && (*found)->images.size() == 1 &&
        (*found)->images.front()->kind == CodeImage::Kind::Cubin &&
        loadCubin((*found)->images.front()->bytes).ok())
      return {};
  }

  Result<std::vector<std::uint8_t>> cubin =
      linkPtx(context.driver(), image->bytes, plan.name + ".ptx");
  if (!cubin)
    return cubin.status();
  if (Status s = loadCubin(*cubin); !s.ok())
    return s;
  if (!cache)
    return {};
  // An artifact without launches: only its image will be used.
  Plan kernels;
  kernels.name = plan.name;
  kernels.target = plan.target;
  kernels.arch = plan.arch;
  for (const KernelSpec &kernel : plan.kernels)
    if (kernel.image == index)
      kernels.kernels.emplace_back(kernel).image = 0;
  const Artifact entry = {
      key,
      {std::move(kernels)},
      {std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Cubin, *std::move(cubin), 0})}};
  if (Result<std::vector<std::uint8_t>> bytes = entry.serialize())
    (void)cache->publish(key, *bytes);
  return {};
}

Status CudaModule::loadCubin(const std::vector<std::uint8_t> &cubin) {
  Status status = context.driver().cuModuleLoadData(&module, cubin.data());
  if (!status.ok())
    module = nullptr;
  return status;
}

Result<CUfunction> CudaModule::kernel(const KernelSpec &spec) const {
  const Driver &driver = context.driver();
  const bool hasMaps = std::ranges::any_of(
      spec.args, [](const KernelArg &arg) { return arg.kind == KernelArg::Kind::TensorMap; });
  if (Status s = hasMaps ? driver.cuTensorMapEncodeTiled.available() : Status(); !s.ok())
    return s;
  if (Status s = spec.cluster > 1 ? driver.cuLaunchKernelEx.available() : Status(); !s.ok())
    return s;
  CUfunction function = nullptr;
  if (Status s = driver.cuModuleGetFunction(&function, module, spec.name.c_str()); !s.ok())
    return s;
  Result<int> sharedLimit =
      context.attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  if (!sharedLimit)
    return sharedLimit.status();
  int maxThreads = 0, staticShared = 0;
  if (Status s =
          driver.cuFuncGetAttribute(&maxThreads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, function);
      !s.ok())
    return s;
  if (Status s =
          driver.cuFuncGetAttribute(&staticShared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function);
      !s.ok())
    return s;
  if (spec.threads > maxThreads)
    return Status(StatusCode::Unsupported,
                  fmt::format("it is launched with {} threads; its registers allow {}",
                              spec.threads, maxThreads));
  const std::int64_t shared = spec.sharedBytes + staticShared;
  if (shared > *sharedLimit)
    return Status(StatusCode::Unsupported,
                  fmt::format("it needs {} bytes of shared memory ({} of them static); device {} "
                              "has {} for a block",
                              shared, staticShared, context.ordinal(), *sharedLimit));
  // All that the device has: another program may launch the same function with more.
  if (shared > defaultSharedBytes)
    if (Status s = driver.cuFuncSetAttribute(
            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, *sharedLimit - staticShared);
        !s.ok())
      return s;
  // Clusters of up to 8 blocks run on every device that has them.
  if (spec.cluster > 8)
    if (Status s = driver.cuFuncSetAttribute(
            function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1);
        !s.ok())
      return s;
  return function;
}

} // namespace lighthouse::runtime
