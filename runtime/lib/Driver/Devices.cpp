//===- Devices.cpp - The driver and its devices ---------------------------===//

#include "lighthouse/runtime/Cuda.h"

#include "Driver.h"

#include <array>

namespace lighthouse::runtime::cuda {

Result<DriverInfo> driver() {
  Result<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.status();
  return DriverInfo{(*driver)->version, (*driver)->path, (*driver)->build};
}

bool isAvailable() {
  Result<const Driver *> driver = Driver::get();
  int count = 0;
  return driver && (*driver)->cuDeviceGetCount(&count).ok() && count > 0;
}

static Result<DeviceInfo> describe(const Driver &driver, int ordinal) {
  DeviceInfo info;
  info.ordinal = ordinal;
  CUdevice device = 0;
  if (Status s = driver.cuDeviceGet(&device, ordinal); !s.ok())
    return s;
  std::array<char, 256> name = {};
  if (Status s = driver.cuDeviceGetName(name.data(), int(name.size()), device); !s.ok())
    return s;
  info.name = name.data();
  std::size_t bytes = 0;
  if (Status s = driver.cuDeviceTotalMem_v2(&bytes, device); !s.ok())
    return s;
  info.memoryBytes = bytes;
  const std::pair<int *, int> attributes[] = {
      {&info.major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR},
      {&info.minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR},
      {&info.multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT},
      {&info.sharedBytesPerBlock, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN},
      {&info.sharedBytesPerMultiprocessor,
       CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR},
      {&info.registersPerMultiprocessor, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR},
      {&info.threadsPerMultiprocessor, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR},
      {&info.l2Bytes, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE},
      {&info.clockKHz, CU_DEVICE_ATTRIBUTE_CLOCK_RATE},
      {&info.memoryClockKHz, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE},
      {&info.memoryBusBits, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH}};
  for (const auto &[value, attribute] : attributes)
    if (Status s = driver.cuDeviceGetAttribute(value, attribute, device); !s.ok())
      return s;
  return info;
}

Result<std::vector<DeviceInfo>> devices() {
  Result<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.status();
  int count = 0;
  if (Status s = (*driver)->cuDeviceGetCount(&count); !s.ok())
    return s;
  std::vector<DeviceInfo> result;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    Result<DeviceInfo> info = describe(**driver, ordinal);
    if (!info)
      return info.status();
    result.push_back(*std::move(info));
  }
  return result;
}

} // namespace lighthouse::runtime::cuda
