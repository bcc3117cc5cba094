//===- HandleRegistry.h - Live handles of the C interface -------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H
#define LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H

#include "Border.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace lighthouse::runtime {

/// A number that no other handle of any kind has or had.
inline std::uintptr_t newHandle() {
  static std::atomic<std::uintptr_t> issued = 0;
  // Odd, so that no handle looks like an address of the caller's objects.
  return 2 * ++issued + 1;
}

/// Objects by handle. A handle is never used again, so that using a released one is an error that
/// can be reported, not undefined behaviour. Objects in use outlive their handle. `Handle` is the
/// opaque type of the interface, `what` its name in messages.
template <typename Handle, typename T> class HandleRegistry {
public:
  explicit HandleRegistry(const char *what) : what(what) {}

  Handle add(std::shared_ptr<const T> object) {
    const std::uintptr_t handle = newHandle();
    std::lock_guard lock(mutex);
    objects.emplace(handle, std::move(object));
    return reinterpret_cast<Handle>(handle);
  }

  /// Fails for null, and with `InvalidHandle` if the handle is not live.
  Result<std::shared_ptr<const T>> find(Handle handle) const {
    if (!handle)
      return invalid(fmt::format("{} is null", what));
    std::lock_guard lock(mutex);
    const auto it = objects.find(reinterpret_cast<std::uintptr_t>(handle));
    if (it == objects.end())
      return Status(StatusCode::InvalidHandle,
                    fmt::format("{} is no live handle; was it released?", what));
    return it->second;
  }

  /// Of several threads that release one handle, one succeeds. Errors as of `find`.
  Status release(Handle handle) {
    // The last reference may go here, outside the lock.
    Result<std::shared_ptr<const T>> object = find(handle);
    if (!object)
      return object.status();
    std::lock_guard lock(mutex);
    if (objects.erase(reinterpret_cast<std::uintptr_t>(handle)) == 0)
      return Status(StatusCode::InvalidHandle,
                    fmt::format("{} was released by another thread", what));
    return {};
  }

private:
  const char *const what;
  mutable std::mutex mutex;
  std::unordered_map<std::uintptr_t, std::shared_ptr<const T>> objects;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H
