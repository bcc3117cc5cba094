//===- Doctor.cpp - lhc doctor ----------------------------------------------------------------===//

#include "Command.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>

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
  void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver)
    return "not found; kernels run on the host";
  dlclose(driver);
  return "found; this version compiles for the host only";
}

/// Always prints, whatever is broken.
class DoctorCommand : public Command {
public:
  DoctorCommand() : Command("doctor", "Show what Lighthouse finds on this machine") {}

  int run() override {
    const std::pair<llvm::StringRef, std::string> facts[] = {
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
    if (json) {
      llvm::json::Object object;
      for (const auto &[name, value] : facts)
        object[name] = llvm::json::fixUTF8(value);
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
      return Ok;
    }
    for (const auto &[name, value] : facts)
      llvm::outs() << name << ": " << value << "\n";
    for (const runtime::EnvironmentVariable *variable : runtime::environmentVariables())
      llvm::outs() << variable->name << ": "
                   << variable->get().value_or("(not set: " + std::string(variable->defaultValue) +
                                               ")")
                   << "\n";
    return Ok;
  }
};

} // namespace

std::unique_ptr<Command> lhc::makeDoctorCommand() { return std::make_unique<DoctorCommand>(); }
