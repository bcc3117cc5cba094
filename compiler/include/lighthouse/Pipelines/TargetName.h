//===- TargetName.h - What code is for, by name -------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_PIPELINES_TARGETNAME_H
#define LIGHTHOUSE_PIPELINES_TARGETNAME_H

#include "lighthouse/runtime/Status.h"

#include <optional>
#include <string>
#include <string_view>

namespace lighthouse {

/// Where code is to run: a level of the host, or an architecture and, unless it is compiled only,
/// a CUDA device.
struct CompileTarget {
  std::string level;
  std::string arch;
  std::optional<int> device;
  /// Name of the device; empty where code is only compiled.
  std::string deviceName;
};

/// What `name` stands for: "host" (this processor), "host:x86-64-v3" or "host:v3", "cuda",
/// "cuda:ORDINAL", or an architecture such as "sm_90a". A device has the best architecture whose
/// code runs on it. `InvalidArgument` if it is none of them or there is no such device;
/// `Unsupported` if the device is older than all architectures; other errors of the CUDA driver.
runtime::Result<CompileTarget> parseTarget(std::string_view name);

} // namespace lighthouse

#endif // LIGHTHOUSE_PIPELINES_TARGETNAME_H
