//===- Context.h - Primary contexts and the caller's ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_CONTEXT_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_CONTEXT_H

#include "Driver.h"

#include <utility>

namespace lighthouse::runtime {

/// A hold on the primary context of a device, the one that PyTorch and the CUDA runtime use too.
class PrimaryContext {
public:
  /// Opens the driver if need be. Errors as those of lighthouse/runtime/Cuda.h.
  static Result<PrimaryContext> retain(int ordinal);

  /// Does nothing in a forked child.
  ~PrimaryContext();
  PrimaryContext(PrimaryContext &&other) noexcept { *this = std::move(other); }
  PrimaryContext &operator=(PrimaryContext &&other) noexcept {
    std::swap(driver_, other.driver_);
    std::swap(device_, other.device_);
    std::swap(context, other.context);
    std::swap(ordinal_, other.ordinal_);
    return *this;
  }

  const Driver &driver() const { return *driver_; }
  CUdevice device() const { return device_; }
  int ordinal() const { return ordinal_; }

  /// An attribute of the device.
  Result<int> attribute(int attribute) const;

  /// Runs `body`, which returns a `Status`, with this context current; the one that was current
  /// before is so again afterwards, also if `body` fails or throws.
  template <typename Body> Status run(Body body) const {
    if (Status s = driver_->checkProcess(); !s.ok())
      return s;
    if (Status s = driver_->cuCtxPushCurrent_v2(context); !s.ok())
      return s;
    Pop pop = {*driver_};
    Status result = body();
    Status restored = pop.now();
    return result.ok() ? restored : result;
  }

private:
  struct Pop {
    const Driver &driver;
    bool done = false;

    Status now() {
      done = true;
      CUcontext popped;
      return driver.cuCtxPopCurrent_v2(&popped);
    }
    ~Pop() {
      if (!done)
        (void)now();
    }
  };

  PrimaryContext() = default;

  const Driver *driver_ = nullptr;
  CUdevice device_ = 0;
  CUcontext context = nullptr;
  int ordinal_ = 0;
};

/// While it lives, this thread may make calls that would break a capture in another thread. For
/// calls that have nothing to do with a captured stream: loading code, device memory.
class RelaxedCapture {
public:
  static Result<RelaxedCapture> begin(const Driver &driver);
  ~RelaxedCapture();
  RelaxedCapture(RelaxedCapture &&other) noexcept
      : driver(std::exchange(other.driver, nullptr)), previous(other.previous) {}

private:
  RelaxedCapture(const Driver &driver, int previous) : driver(&driver), previous(previous) {}

  const Driver *driver;
  int previous;
};

/// Whether work enqueued on `stream` would be captured, or would disturb a capture that the legacy
/// default stream waits for. The stream's context must be current.
Result<bool> isCapturing(const Driver &driver, CUstream stream);

/// Where memory lies.
struct Placement {
  /// False: memory of the host that is not managed by the driver.
  bool onDevice = false;
  /// Managed memory can be used on every device.
  bool managed = false;
  /// Valid if `onDevice`.
  int ordinal = 0;
};

/// Asks the driver where `address` lies. Needs no context, waits for nothing.
Result<Placement> placementOf(const Driver &driver, const void *address);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_CONTEXT_H
