//===- Guard.h - Runs work that must not take the process down ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_GUARD_H
#define LIGHTHOUSE_LIB_PIPELINES_GUARD_H

#include "lighthouse/runtime/Status.h"

#include <functional>

namespace lighthouse {

/// Runs `work` on a thread of its own with a large stack and waits for it. A crash, a fatal error
/// of LLVM, or more than `cpuSeconds` of processor time (0: no limit) becomes a failed status; the
/// thread is then given up, so `work` must own everything that it uses. LLVM cannot be stopped in
/// the middle: after a time-out the thread goes on until the process ends. `spent` counts the
/// processor seconds taken out of `cpuSeconds` by earlier work, and then by this.
runtime::Status runGuarded(std::function<void()> work, double cpuSeconds, double &spent);

/// The same for work with a limit of its own.
inline runtime::Status runGuarded(std::function<void()> work, double cpuSeconds) {
  double spent = 0;
  return runGuarded(std::move(work), cpuSeconds, spent);
}

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_GUARD_H
