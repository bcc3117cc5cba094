//===- Owned.h - Objects of the driver with their context -------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_OWNED_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_OWNED_H

#include "Context.h"

#include <memory>

namespace lighthouse::runtime {

/// An object of the driver that is destroyed, in its context, at the end of the scope.
template <typename Handle> struct Owned {
  using Destroy = DriverFunction<CUresult(Handle)> Driver::*;

  Owned(PrimaryContext context, Destroy destroy) : context(std::move(context)), destroy(destroy) {}
  ~Owned() {
    // In a forked child nothing may be done, and nothing is left to be done about a failure.
    if (handle == Handle() || !context.driver().checkProcess().ok())
      return;
    // A capture in another thread must neither be broken nor keep the object alive.
    const Result<RelaxedCapture> relaxed = RelaxedCapture::begin(context.driver());
    (void)context.run([&] { return (context.driver().*destroy)(handle); });
  }
  Owned(const Owned &) = delete;
  Owned &operator=(const Owned &) = delete;

  const PrimaryContext context;
  const Destroy destroy;
  Handle handle = {};
};

/// Makes an `Impl`, which derives from `Owned`, on a device. `make(driver, handle)` runs in the
/// context and returns a `Status`.
template <typename Impl, typename Destroy, typename Make>
Result<std::unique_ptr<Impl>> makeOwned(int device, Destroy destroy, Make make) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  auto impl = std::make_unique<Impl>(*std::move(context), destroy);
  Status status = impl->context.run([&] { return make(impl->context.driver(), impl->handle); });
  if (!status.ok())
    return status;
  return impl;
}

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_OWNED_H
