//===- Memory.cpp - Memory of devices -------------------------------------===//

#include "lighthouse/runtime/Cuda.h"

#include "Owned.h"

namespace lighthouse::runtime::cuda {

struct DeviceBuffer::Impl : Owned<CUdeviceptr> {
  using Owned::Owned;
  std::size_t bytes = 0;
};

DeviceBuffer::DeviceBuffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceBuffer::~DeviceBuffer() = default;
DeviceBuffer::DeviceBuffer(DeviceBuffer &&) noexcept = default;
DeviceBuffer &DeviceBuffer::operator=(DeviceBuffer &&) noexcept = default;

void *DeviceBuffer::data() const { return reinterpret_cast<void *>(impl_->handle); }
std::size_t DeviceBuffer::size() const { return impl_->bytes; }

Result<DeviceBuffer> DeviceBuffer::allocate(std::size_t bytes, int device) {
  auto impl = makeOwned<Impl>(
      device, &Driver::cuMemFree_v2, [&](const Driver &driver, CUdeviceptr &address) -> Status {
        if (bytes == 0)
          return {};
        Result<RelaxedCapture> relaxed = RelaxedCapture::begin(driver);
        return relaxed ? driver.cuMemAlloc_v2(&address, bytes) : relaxed.status();
      });
  if (!impl)
    return impl.status();
  (*impl)->bytes = bytes;
  return DeviceBuffer(*std::move(impl));
}

/// Runs `body(driver)`, which enqueues work on the legacy default stream, in the context of the
/// device on which one of the addresses lies, and waits for it: even a copy may return before its
/// last part has reached the device, and other streams do not wait for this one. Captures of
/// streams that do not wait for the legacy default stream are not disturbed.
template <typename Body>
static Status runWhere(std::initializer_list<const void *> addresses, Body body) {
  Result<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.status();
  for (const void *address : addresses) {
    Result<Placement> placement = placementOf(**driver, address);
    if (!placement)
      return placement.status();
    if (!placement->onDevice)
      continue;
    Result<PrimaryContext> context = PrimaryContext::retain(placement->ordinal);
    if (!context)
      return context.status();
    return context->run([&]() -> Status {
      Result<RelaxedCapture> relaxed = RelaxedCapture::begin(**driver);
      if (!relaxed)
        return relaxed.status();
      if (Status s = body(**driver); !s.ok())
        return s;
      return (*driver)->cuStreamSynchronize(nullptr);
    });
  }
  return Status(StatusCode::InvalidArgument, "no memory of a CUDA device was passed");
}

static CUdeviceptr addressOf(const void *pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

Status copy(void *destination, const void *source, std::size_t bytes) {
  if (bytes == 0)
    return {};
  return runWhere({destination, source}, [&](const Driver &driver) {
    return driver.cuMemcpy(addressOf(destination), addressOf(source), bytes);
  });
}

Status fill(void *destination, std::uint8_t value, std::size_t bytes) {
  if (bytes == 0)
    return {};
  return runWhere({destination}, [&](const Driver &driver) {
    return driver.cuMemsetD8_v2(addressOf(destination), value, bytes);
  });
}

Status copyAsync(void *destination, const void *source, std::size_t bytes, void *stream,
                 int device) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  return context->run([&] {
    return context->driver().cuMemcpyDtoDAsync_v2(addressOf(destination), addressOf(source), bytes,
                                                  static_cast<CUstream>(stream));
  });
}

Status fillAsync(void *destination, std::uint8_t value, std::size_t bytes, void *stream,
                 int device) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  return context->run([&] {
    return context->driver().cuMemsetD8Async(addressOf(destination), value, bytes,
                                             static_cast<CUstream>(stream));
  });
}

} // namespace lighthouse::runtime::cuda
