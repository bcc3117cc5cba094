//===- TargetName.cpp - What code is for, by name ---------------------------------------------===//

#include "lighthouse/Pipelines/TargetName.h"

#include "lighthouse/Dialect/Tile/IR/Target.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Cuda.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>
#include <mutex>

using namespace lighthouse;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

static Status invalid(const llvm::Twine &message) {
  return Status(StatusCode::InvalidArgument, message.str());
}

/// `level` is empty for that of this processor.
static Result<CompileTarget> parseHost(llvm::StringRef level) {
  if (level.empty()) {
    Result<runtime::CpuLevel> own = runtime::hostCpuLevel();
    if (!own)
      return own.status();
    return CompileTarget{std::string(runtime::cpuLevelName(*own)), "", std::nullopt, ""};
  }
  std::string full = level.starts_with("x86-64-") ? level.str() : "x86-64-" + level.str();
  if (!runtime::parseCpuLevel(full))
    return invalid("unknown processor level '" + level +
                   "'; expected x86-64-v2, x86-64-v3 or x86-64-v4");
  return CompileTarget{full, "", std::nullopt, ""};
}

static Result<CompileTarget> findDevice(int ordinal) {
  // To ask the driver takes about as long as a plan, and a device stays what it is.
  static std::mutex mutex;
  static auto *known = new std::map<int, CompileTarget>;
  const std::lock_guard lock(mutex);
  if (auto found = known->find(ordinal); found != known->end())
    return found->second;
  Result<std::vector<runtime::cuda::DeviceInfo>> devices = runtime::cuda::devices();
  if (!devices)
    return devices.status();
  if (ordinal < 0 || size_t(ordinal) >= devices->size())
    return invalid("there is no CUDA device " + llvm::Twine(ordinal) + "; the driver reports " +
                   llvm::Twine(devices->size()));
  const runtime::cuda::DeviceInfo &device = (*devices)[ordinal];
  const tile::TargetInfo *nearest = tile::nearestTarget(device.major, device.minor);
  if (!nearest)
    return Status(StatusCode::Unsupported,
                  "CUDA device " + std::to_string(ordinal) + ", " + device.name +
                      ", is older than all targets: it has compute capability " +
                      std::to_string(device.major) + "." + std::to_string(device.minor));
  return known->emplace(ordinal, CompileTarget{"", nearest->name.str(), ordinal, device.name})
      .first->second;
}

Result<CompileTarget> lighthouse::parseTarget(std::string_view text) {
  llvm::StringRef name(text);
  if (const tile::TargetInfo *target = tile::findTarget(name); target && target->isCuda())
    return CompileTarget{"", name.str(), std::nullopt, ""};
  auto [kind, rest] = name.split(':');
  if (kind == "host")
    return parseHost(rest);
  if (kind == "cuda") {
    int ordinal = 0;
    if (kind != name && rest.getAsInteger(10, ordinal))
      return invalid("unknown target '" + name + "'; expected cuda or cuda:ORDINAL");
    return findDevice(ordinal);
  }
  auto archs = llvm::map_range(
      llvm::make_filter_range(tile::targets(), [](const auto &target) { return target.isCuda(); }),
      [](const tile::TargetInfo &target) { return target.name; });
  return invalid("unknown target '" + name +
                 "'; expected host, host:LEVEL, cuda, cuda:ORDINAL or an architecture: " +
                 llvm::join(archs, ", "));
}
