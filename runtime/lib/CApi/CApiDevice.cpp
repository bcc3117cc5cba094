//===- CApiDevice.cpp - Device memory and streams of the C interface ------===//

#include "lighthouse/runtime/Cuda.h"

#include "Border.h"

#include <map>
#include <mutex>

using namespace lighthouse::runtime;

namespace {

/// What `lh_device_alloc` gave and `lh_device_free` has not taken back.
struct Allocations {
  std::mutex mutex;
  std::map<void *, cuda::DeviceBuffer> buffers;
};

} // namespace

/// Never destroyed: the driver may be gone when the process exits.
static Allocations &allocations() {
  static auto *live = new Allocations();
  return *live;
}

lh_status lh_device_alloc(int32_t device, size_t bytes, void **address) {
  return guarded(__func__, [&]() -> Status {
    if (!address)
      return invalid("address is null");
    *address = nullptr;
    Result<cuda::DeviceBuffer> buffer = cuda::DeviceBuffer::allocate(bytes, device);
    if (!buffer)
      return buffer.status();
    void *data = buffer->data();
    if (data) {
      std::lock_guard lock(allocations().mutex);
      allocations().buffers.emplace(data, *std::move(buffer));
    }
    *address = data;
    return {};
  });
}

lh_status lh_device_free(void *address) {
  return guarded(__func__, [&]() -> Status {
    if (!address)
      return {};
    Allocations &live = allocations();
    // Freed outside the lock.
    decltype(live.buffers)::node_type removed;
    std::lock_guard lock(live.mutex);
    removed = live.buffers.extract(address);
    return removed ? Status() : invalid("address is not from lh_device_alloc, or was freed");
  });
}

lh_status lh_copy(void *destination, const void *source, size_t bytes) {
  return guarded(__func__, [&]() -> Status {
    if (bytes != 0 && (!destination || !source))
      return invalid(destination ? "source is null" : "destination is null");
    return cuda::copy(destination, source, bytes);
  });
}

lh_status lh_stream_synchronize(int32_t device, void *stream) {
  return guarded(__func__, [&] { return cuda::synchronizeStream(stream, device); });
}
