//===- HandleRegistry.h - Live handles of the C interface -------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H
#define LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace lighthouse::runtime {

/// Objects by handle. A handle is a number that is never used again, so that using a released one
/// is an error that can be reported, not undefined behaviour. Objects in use outlive their handle.
template <typename T> class HandleRegistry {
public:
  std::uintptr_t add(std::shared_ptr<const T> object) {
    std::lock_guard lock(mutex);
    // Odd, so that no handle looks like an address of the caller's objects.
    const std::uintptr_t handle = 2 * ++issued + 1;
    objects.emplace(handle, std::move(object));
    return handle;
  }

  /// Null if the handle is not live.
  std::shared_ptr<const T> find(std::uintptr_t handle) const {
    std::lock_guard lock(mutex);
    const auto it = objects.find(handle);
    return it == objects.end() ? nullptr : it->second;
  }

  /// False if the handle is not live.
  bool remove(std::uintptr_t handle) {
    // The object dies outside the lock.
    std::shared_ptr<const T> removed;
    std::lock_guard lock(mutex);
    const auto it = objects.find(handle);
    if (it == objects.end())
      return false;
    removed = std::move(it->second);
    objects.erase(it);
    return true;
  }

private:
  mutable std::mutex mutex;
  std::uintptr_t issued = 0;
  std::unordered_map<std::uintptr_t, std::shared_ptr<const T>> objects;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CAPI_HANDLEREGISTRY_H
