//===- Context.cpp - Primary contexts and the caller's --------------------===//

#include "Context.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace lighthouse::runtime {

Result<PrimaryContext> PrimaryContext::retain(int ordinal) {
  Result<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.status();
  int count = 0;
  if (Status s = (*driver)->cuDeviceGetCount(&count); !s.ok())
    return s;
  if (ordinal < 0 || ordinal >= count)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("there is no CUDA device {}; there are {}", ordinal, count));
  CUdevice device = 0;
  if (Status s = (*driver)->cuDeviceGet(&device, ordinal); !s.ok())
    return s;
  CUcontext context = nullptr;
  if (Status s = (*driver)->cuDevicePrimaryCtxRetain(&context, device); !s.ok())
    return s;
  PrimaryContext result;
  result.driver_ = *driver;
  result.device_ = device;
  result.context = context;
  result.ordinal_ = ordinal;
  return result;
}

PrimaryContext::~PrimaryContext() {
  if (driver_ && driver_->checkProcess().ok())
    (void)driver_->cuDevicePrimaryCtxRelease_v2(device_);
}

Result<int> PrimaryContext::attribute(int attribute) const {
  int value = 0;
  if (Status s = driver_->cuDeviceGetAttribute(&value, attribute, device_); !s.ok())
    return s;
  return value;
}

Result<RelaxedCapture> RelaxedCapture::begin(const Driver &driver) {
  int mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  if (Status s = driver.cuThreadExchangeStreamCaptureMode(&mode); !s.ok())
    return s;
  return RelaxedCapture(driver, mode);
}

RelaxedCapture::~RelaxedCapture() {
  if (driver)
    (void)driver->cuThreadExchangeStreamCaptureMode(&previous);
}

Result<bool> isCapturing(const Driver &driver, CUstream stream) {
  int capture = CU_STREAM_CAPTURE_STATUS_NONE;
  const CUresult result = driver.cuStreamIsCapturing.raw(stream, &capture);
  if (result == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
    return true;
  if (Status s = driver.cuStreamIsCapturing.status(result); !s.ok())
    return s;
  return capture != CU_STREAM_CAPTURE_STATUS_NONE;
}

Result<Placement> placementOf(const Driver &driver, const void *address) {
  unsigned type = 0, managed = 0;
  int ordinal = 0;
  int attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_IS_MANAGED,
                      CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
  void *values[] = {&type, &managed, &ordinal};
  // Memory that the driver does not know is no error; all values are 0 then.
  if (Status s = driver.cuPointerGetAttributes(unsigned(std::size(attributes)), attributes, values,
                                               reinterpret_cast<std::uintptr_t>(address));
      !s.ok())
    return s;
  return Placement{type == CU_MEMORYTYPE_DEVICE || managed != 0, managed != 0, ordinal};
}

} // namespace lighthouse::runtime
