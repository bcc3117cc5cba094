//===- EventPool.h - Events that are made once ------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_EVENTPOOL_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_EVENTPOOL_H

#include "Driver.h"

#include <mutex>
#include <vector>

namespace lighthouse::runtime {

/// Events of one context, which must be current for every function.
class EventPool {
public:
  /// Fills `events` up to `count`, with new ones where there are too few. They must be given back
  /// after a failure too.
  Status take(const Driver &driver, std::size_t count, std::vector<CUevent> &events) {
    std::lock_guard lock(mutex);
    while (events.size() < count) {
      CUevent event = nullptr;
      if (!idle.empty()) {
        event = idle.back();
        idle.pop_back();
      } else if (Status s = driver.cuEventCreate(&event, 0); !s.ok()) {
        return s;
      }
      events.push_back(event);
    }
    return {};
  }

  void giveBack(const std::vector<CUevent> &events) {
    std::lock_guard lock(mutex);
    idle.insert(idle.end(), events.begin(), events.end());
  }

  void destroy(const Driver &driver) {
    for (CUevent event : idle)
      (void)driver.cuEventDestroy_v2(event);
    idle.clear();
  }

private:
  std::mutex mutex;
  std::vector<CUevent> idle;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_EVENTPOOL_H
