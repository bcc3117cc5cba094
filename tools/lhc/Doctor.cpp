//===- Doctor.cpp - lhc doctor ----------------------------------------------------------------===//

#include "Gpu.h"
#include "Ptxas.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

using namespace lhc;
using namespace lighthouse;

namespace {

std::string processorFeatures() {
  std::vector<std::string> names;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    if (feature.second)
      names.push_back(feature.first().str());
  llvm::sort(names);
  return llvm::join(names, " ");
}

std::string describeThreads() {
  Result<unsigned> threads = runtime::ThreadPool::configuredThreads();
  return threads ? std::to_string(*threads) : "error: " + threads.status().message();
}

std::string describeLevel() {
  Result<runtime::CpuLevel> level = runtime::hostCpuLevel();
  return level ? std::string(runtime::cpuLevelName(*level)) : "error: " + level.status().message();
}

std::string describeCache() {
  runtime::CacheOptions options = runtime::CacheOptions::fromEnvironment();
  if (options.directory.empty())
    return "off: " + options.disabledReason;
  runtime::Cache cache(options);
  Result<runtime::CacheStats> stats = cache.stats();
  if (!stats)
    return cache.path() + ": " + stats.status().message();
  return cache.path() + ": " + std::to_string(stats->entries) + " entries, " +
         std::to_string(stats->bytes) + " of " + std::to_string(stats->limitBytes) + " bytes, " +
         std::to_string(stats->quarantined) + " broken";
}

std::string describeDriver() {
  Result<runtime::cuda::DriverInfo> driver = runtime::cuda::driver();
  return driver ? driverText() + ": " + driver->path + " (" + driver->build + ")"
                : driver.status().message() + "; kernels run on the host";
}

std::string describeArch(const runtime::cuda::DeviceInfo &device) {
  const tile::TargetInfo *nearest = nearestTarget(device);
  return nearest ? ("compiled for as " + nearest->name).str() : "older than all targets of lhc";
}

std::string describeDevice(const runtime::cuda::DeviceInfo &device) {
  return llvm::formatv("{0}, capability {1}.{2}, {3}, {4:F1} GiB, {5} multiprocessors, {6} KiB of "
                       "shared memory for a block, {7:F0} MiB of L2",
                       device.name, device.major, device.minor, describeArch(device),
                       double(device.memoryBytes) / (1 << 30), device.multiprocessors,
                       device.sharedBytesPerBlock >> 10, double(device.l2Bytes) / (1 << 20));
}

std::string describePtxas(const std::optional<std::string> &path) {
  return path ? *path + ", " + ptxasVersion(*path) : "not found, and not needed";
}

/// Always prints, whatever is broken.
class DoctorCommand : public Command {
public:
  DoctorCommand() : Command("doctor", "Show what Lighthouse finds on this machine") {}

  int run() override {
    std::optional<std::string> ptxas = findPtxas();
    Result<std::vector<runtime::cuda::DeviceInfo>> devices = runtime::cuda::devices();
    Facts facts = {
        {"version", std::string(compilerVersion())},
        {"build", compilerBuildId()},
        {"llvm", std::string(llvmVersion())},
        {"processor", llvm::sys::getHostCPUName().str()},
        {"level", describeLevel()},
        {"features", processorFeatures()},
        {"threads", describeThreads()},
        {"cache", describeCache()},
        {"cuda_driver", describeDriver()},
    };
    if (devices && !json)
      for (const runtime::cuda::DeviceInfo &device : *devices)
        facts.emplace_back("cuda:" + std::to_string(device.ordinal), describeDevice(device));
    else if (!devices && runtime::cuda::driver())
      facts.emplace_back("cuda_devices", devices.status().message());
    facts.emplace_back("ptxas", describePtxas(ptxas));
    json ? printAsJson(facts, devices, ptxas) : printAsText(facts);
    return Ok;
  }

private:
  using Facts = std::vector<std::pair<std::string, std::string>>;

  static void printAsText(const Facts &facts) {
    for (const auto &[name, value] : facts)
      llvm::outs() << name << ": " << value << "\n";
    for (const runtime::EnvironmentVariable *variable : runtime::environmentVariables())
      llvm::outs() << variable->name << ": "
                   << variable->get().value_or("(not set: " + std::string(variable->defaultValue) +
                                               ")")
                   << "\n";
  }

  static void printAsJson(const Facts &facts,
                          const Result<std::vector<runtime::cuda::DeviceInfo>> &devices,
                          const std::optional<std::string> &ptxas) {
    llvm::json::Object object;
    for (const auto &[name, value] : facts)
      object[name] = llvm::json::fixUTF8(value);
    llvm::json::Array list;
    if (devices)
      for (const runtime::cuda::DeviceInfo &device : *devices) {
        llvm::json::Object entry = toJson(device);
        entry["compiles"] = nearestTarget(device) != nullptr;
        list.push_back(std::move(entry));
      }
    object["devices"] = std::move(list);
    if (Result<runtime::cuda::DriverInfo> driver = runtime::cuda::driver())
      object["driver"] = llvm::json::Object{{"cuda_version", cudaVersionText(driver->version)},
                                            {"kernel_module", kernelModuleVersion()},
                                            {"path", llvm::json::fixUTF8(driver->path)},
                                            {"build", llvm::json::fixUTF8(driver->build)}};
    else
      object["driver"] = nullptr;
    object["ptxas_path"] = ptxas ? llvm::json::Value(llvm::json::fixUTF8(*ptxas)) : nullptr;
    llvm::json::Array variables;
    for (const runtime::EnvironmentVariable *variable : runtime::environmentVariables()) {
      std::optional<std::string> value = variable->get();
      variables.push_back(llvm::json::Object{
          {"name", llvm::StringRef(variable->name)},
          {"value", value ? llvm::json::Value(llvm::json::fixUTF8(*value)) : nullptr},
          {"default", llvm::StringRef(variable->defaultValue)},
          {"doc", llvm::StringRef(variable->doc)},
          {"cache_relevant", variable->cacheRelevant}});
    }
    object["environment"] = std::move(variables);
    printJson(std::move(object));
  }
};

} // namespace

std::unique_ptr<Command> lhc::makeDoctorCommand() { return std::make_unique<DoctorCommand>(); }
