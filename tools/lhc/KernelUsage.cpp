//===- KernelUsage.cpp - What compiled kernels use of a GPU -----------------------------------===//

#include "KernelUsage.h"
#include "Gpu.h"
#include "Ptxas.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <set>

using namespace lhc;
using namespace lighthouse;

namespace {

/// Of a multiprocessor of all architectures. Each block takes the reserved shared memory, too, and
/// one block alone may have all the rest.
constexpr int64_t registersOfMultiprocessor = 64 << 10, registerUnit = 256, warpUnit = 4,
                  reservedSharedBytes = 1 << 10, sharedUnit = 128, warpSize = 32;

void setOccupancy(KernelUsage &usage, const tile::TargetInfo &target) {
  if (usage.threads <= 0 || !usage.registers)
    return;
  int64_t warps = llvm::divideCeil(usage.threads, warpSize);
  int64_t ofWarp = llvm::alignTo(std::max(1, *usage.registers) * warpSize, registerUnit);
  int64_t warpsByRegisters = registersOfMultiprocessor / ofWarp / warpUnit * warpUnit;
  int64_t shared =
      llvm::alignTo(usage.dynamicSharedBytes + usage.staticSharedBytes.value_or(0), sharedUnit) +
      reservedSharedBytes;
  int64_t blocks = std::min<int64_t>(
      {target.multiprocessorBlocks, target.multiprocessorThreads / (warps * warpSize),
       warpsByRegisters / warps, (target.sharedBytes + reservedSharedBytes) / shared});
  usage.blocks = int(blocks);
  usage.occupancy = double(blocks * usage.threads) / target.multiprocessorThreads;
}

/// What the plan says.
KernelUsages usageOfPlan(const runtime::Plan &plan) {
  KernelUsages usages;
  for (const runtime::KernelSpec &kernel : plan.kernels) {
    KernelUsage usage;
    usage.name = kernel.name;
    usage.threads = kernel.threads;
    usage.dynamicSharedBytes = kernel.sharedBytes;
    usages.kernels.push_back(std::move(usage));
  }
  return usages;
}

KernelUsages usageFromPtxas(const runtime::Artifact &artifact, const runtime::Plan &plan) {
  KernelUsages usages = usageOfPlan(plan);
  std::optional<std::string> path = findPtxas();
  if (!path) {
    usages.source = "nobody: no device for it, and no ptxas";
    return usages;
  }
  usages.source = "ptxas " + ptxasVersion(*path);
  const tile::TargetInfo *target = tile::findTarget(plan.arch);
  std::set<int64_t> images;
  std::vector<llvm::StringRef> sources;
  for (const runtime::KernelSpec &spec : plan.kernels) {
    const runtime::CodeImage &image = *artifact.images[size_t(spec.image)];
    if (image.kind != runtime::CodeImage::Kind::Ptx) {
      usages.source = "nobody: the artifact has no PTX, and there is no device for it";
      return usages;
    }
    if (images.insert(spec.image).second)
      sources.emplace_back(reinterpret_cast<const char *>(image.bytes.data()), image.bytes.size());
  }
  Result<llvm::StringMap<PtxasKernel>> log = runPtxas(*path, sources, plan.arch);
  if (!log) {
    usages.source = "nobody: " + log.status().message();
    return usages;
  }
  for (KernelUsage &usage : usages.kernels) {
    auto found = log->find(usage.name);
    if (found == log->end())
      continue;
    const PtxasKernel &kernel = found->second;
    usage.registers = kernel.registers;
    usage.localBytes = std::max(kernel.stackBytes, kernel.spillStoreBytes);
    usage.staticSharedBytes = kernel.staticSharedBytes;
    if (target)
      setOccupancy(usage, *target);
  }
  return usages;
}

template <typename T> std::string textOf(const std::optional<T> &value) {
  return value ? llvm::formatv("{0}", *value).str() : "unknown";
}

template <typename T> llvm::json::Value jsonOf(const std::optional<T> &value) {
  return value ? llvm::json::Value(*value) : llvm::json::Value(nullptr);
}

} // namespace

KernelUsages lhc::usageOnDevice(const runtime::Program &program,
                                const runtime::cuda::DeviceInfo &device) {
  KernelUsages usages = usageOfPlan(program.plan());
  auto resources = runtime::cuda::kernelResources(program);
  if (!resources) {
    usages.source = "nobody: " + resources.status().message();
    return usages;
  }
  usages.source = "driver";
  for (auto [usage, kernel] : llvm::zip_equal(usages.kernels, *resources)) {
    usage.registers = kernel.registers;
    usage.localBytes = kernel.localBytes;
    usage.staticSharedBytes = kernel.staticSharedBytes;
    usage.blocks = kernel.blocksPerMultiprocessor;
    if (device.threadsPerMultiprocessor > 0)
      usage.occupancy = double(kernel.blocksPerMultiprocessor) * double(usage.threads) /
                        device.threadsPerMultiprocessor;
  }
  return usages;
}

KernelUsages lhc::usageOf(const runtime::Artifact &artifact, const runtime::Plan &plan,
                          runtime::Cache *cache) {
  std::optional<runtime::cuda::DeviceInfo> device = findDevice(llvm::StringRef(plan.arch));
  if (!device)
    return usageFromPtxas(artifact, plan);
  runtime::LoadOptions options;
  options.entryPoint = plan.name;
  options.device = device->ordinal;
  options.cubinCache = cache;
  Result<runtime::Program> program = runtime::Program::load(artifact, options);
  if (program)
    return usageOnDevice(*program, *device);
  KernelUsages usages = usageOfPlan(plan);
  usages.source = "nobody: " + program.status().message();
  return usages;
}

void lhc::printUsage(const KernelUsages &usages) {
  llvm::raw_ostream &out = llvm::outs();
  size_t width = 6;
  for (const KernelUsage &usage : usages.kernels)
    width = std::max(width, usage.name.size());
  auto print = [&](llvm::StringRef name, const auto &...cells) {
    out << name;
    out.indent(unsigned(width - name.size()));
    ((out << llvm::formatv(" {0,9}", cells)), ...);
    out << "\n";
  };
  print("kernel", "threads", "dynamic", "static", "registers", "local", "blocks/SM", "occupancy");
  for (const KernelUsage &usage : usages.kernels)
    print(usage.name, usage.threads, usage.dynamicSharedBytes, textOf(usage.staticSharedBytes),
          textOf(usage.registers), textOf(usage.localBytes), textOf(usage.blocks),
          usage.occupancy ? llvm::formatv("{0:P0}", *usage.occupancy).str() : "unknown");
  out << "shared memory (dynamic, static) in bytes of a block, local memory (spills) of a thread, "
         "according to "
      << usages.source << "\n";
}

llvm::json::Array lhc::toJson(const KernelUsages &usages) {
  llvm::json::Array list;
  for (const KernelUsage &usage : usages.kernels)
    list.push_back(llvm::json::Object{{"name", usage.name},
                                      {"threads", usage.threads},
                                      {"dynamic_shared_bytes", usage.dynamicSharedBytes},
                                      {"static_shared_bytes", jsonOf(usage.staticSharedBytes)},
                                      {"registers", jsonOf(usage.registers)},
                                      {"local_bytes", jsonOf(usage.localBytes)},
                                      {"blocks_per_multiprocessor", jsonOf(usage.blocks)},
                                      {"occupancy", jsonOf(usage.occupancy)},
                                      {"source", usages.source}});
  return list;
}
