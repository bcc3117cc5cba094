//===- Gpu.cpp - What to say about the driver and the GPUs ------------------------------------===//

#include "Gpu.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace lhc;
using namespace lighthouse::runtime;

std::string lhc::cudaVersionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string lhc::kernelModuleVersion() {
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 ..."
  auto file = llvm::MemoryBuffer::getFileAsStream("/proc/driver/nvidia/version");
  if (!file)
    return "";
  llvm::SmallVector<llvm::StringRef> words;
  (*file)->getBuffer().split('\n').first.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (llvm::StringRef word : words)
    if (word.contains('.') && word.find_first_not_of("0123456789.") == llvm::StringRef::npos)
      return word.str();
  return "";
}

std::string lhc::driverText() {
  Result<cuda::DriverInfo> driver = cuda::driver();
  if (!driver)
    return driver.status().message();
  std::string text = "CUDA " + cudaVersionText(driver->version), module = kernelModuleVersion();
  return module.empty() ? text : text + ", kernel module " + module;
}

static std::optional<cuda::DeviceInfo>
findDeviceIf(llvm::function_ref<bool(const cuda::DeviceInfo &)> fits) {
  if (Result<std::vector<cuda::DeviceInfo>> devices = cuda::devices())
    for (const cuda::DeviceInfo &device : *devices)
      if (fits(device))
        return device;
  return std::nullopt;
}

std::optional<cuda::DeviceInfo> lhc::findDevice(int ordinal) {
  return findDeviceIf([&](const cuda::DeviceInfo &device) { return device.ordinal == ordinal; });
}

std::optional<cuda::DeviceInfo> lhc::findDevice(llvm::StringRef arch) {
  return findDeviceIf([&](const cuda::DeviceInfo &device) {
    const lighthouse::tile::TargetInfo *nearest = nearestTarget(device);
    return nearest && nearest->name == arch;
  });
}

const lighthouse::tile::TargetInfo *lhc::nearestTarget(const cuda::DeviceInfo &device) {
  return lighthouse::tile::nearestTarget(device.major, device.minor);
}

llvm::json::Object lhc::toJson(const cuda::DeviceInfo &device) {
  const lighthouse::tile::TargetInfo *nearest = nearestTarget(device);
  return llvm::json::Object{
      {"ordinal", device.ordinal},
      {"name", llvm::json::fixUTF8(device.name)},
      {"capability", std::to_string(device.major) + "." + std::to_string(device.minor)},
      {"arch", nearest ? llvm::json::Value(nearest->name) : nullptr},
      {"memory_bytes", int64_t(device.memoryBytes)},
      {"multiprocessors", device.multiprocessors},
      {"shared_bytes_per_block", device.sharedBytesPerBlock},
      {"shared_bytes_per_multiprocessor", device.sharedBytesPerMultiprocessor},
      {"registers_per_multiprocessor", device.registersPerMultiprocessor},
      {"threads_per_multiprocessor", device.threadsPerMultiprocessor},
      {"l2_bytes", device.l2Bytes},
      {"clock_khz", device.clockKHz},
      {"memory_clock_khz", device.memoryClockKHz},
      {"memory_bus_bits", device.memoryBusBits}};
}
