//===- KernelUsage.h - What compiled kernels use of a GPU ---------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_KERNELUSAGE_H
#define LIGHTHOUSE_TOOLS_LHC_KERNELUSAGE_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Cuda.h"

#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace lhc {

/// Of one kernel. What neither the driver nor ptxas said is not there.
struct KernelUsage {
  std::string name;
  /// Of a block.
  int64_t threads = 0, dynamicSharedBytes = 0;
  std::optional<int> staticSharedBytes;
  /// Of a thread.
  std::optional<int> registers;
  /// Of a thread: spilled registers and arrays.
  std::optional<int> localBytes;
  /// Blocks on a multiprocessor at once, and their threads as a part of the most it can have.
  std::optional<int> blocks;
  std::optional<double> occupancy;
};

/// Of all kernels of an artifact.
struct KernelUsages {
  std::vector<KernelUsage> kernels;
  /// Who says so: "driver", "ptxas release 13.0", or "nobody: WHY".
  std::string source;
};

/// From a loaded program on `device`.
KernelUsages usageOnDevice(const lighthouse::runtime::Program &program,
                           const lighthouse::runtime::cuda::DeviceInfo &device);

/// Of an entry point of an artifact for CUDA: from a device of this machine that it is for, else from
/// ptxas. `cache` may be null.
KernelUsages usageOf(const lighthouse::runtime::Artifact &artifact,
                     const lighthouse::runtime::Plan &plan, lighthouse::runtime::Cache *cache);

void printUsage(const KernelUsages &usages);
llvm::json::Array toJson(const KernelUsages &usages);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_KERNELUSAGE_H
