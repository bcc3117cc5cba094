//===- Gpu.h - What to say about the driver and the GPUs ----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_GPU_H
#define LIGHTHOUSE_TOOLS_LHC_GPU_H

#include "Command.h"

#include "lighthouse/Dialect/Tile/IR/Target.h"
#include "lighthouse/runtime/Cuda.h"

#include <optional>
#include <string>

namespace lhc {

/// "12.8" for 12080.
std::string cudaVersionText(int version);

/// The version of NVIDIA's kernel module, like "570.86.15"; empty if there is none to be seen.
std::string kernelModuleVersion();

/// "CUDA 12.8, kernel module 570.86.15", or why there is no driver.
std::string driverText();

/// The device of that ordinal; none if there is none.
std::optional<lighthouse::runtime::cuda::DeviceInfo> findDevice(int ordinal);

/// The first device that code for `arch` is best for; none if there is none.
std::optional<lighthouse::runtime::cuda::DeviceInfo> findDevice(llvm::StringRef arch);

/// What code for `device` is made for; null if the device is older than all targets.
const lighthouse::tile::TargetInfo *
nearestTarget(const lighthouse::runtime::cuda::DeviceInfo &device);

/// What figures of `device` are about.
llvm::json::Object toJson(const lighthouse::runtime::cuda::DeviceInfo &device);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_GPU_H
