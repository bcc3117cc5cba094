//===- Guard.h - Runs work that must not take the process down ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_GUARD_H
#define LIGHTHOUSE_LIB_PIPELINES_GUARD_H

#include "lighthouse/runtime/Status.h"

#include <functional>

namespace lighthouse {

struct GuardOptions {
  /// A crash and a fatal error of LLVM become failed statuses. For this signal handlers are
  /// installed, which stay, and work with this option takes turns in a process. Otherwise nothing
  /// is installed, and a crash or a fatal error is the process's.
  bool recover = false;
  /// More processor time than this becomes a failed status; 0: no limit.
  double cpuSeconds = 0;
};

/// Runs `work` on a thread of its own with a large stack and waits for it. After a crash or a
/// time-out the thread is given up, so `work` must own everything that it uses. LLVM cannot be
/// stopped in the middle: after a time-out the thread goes on until the process ends. `spent`
/// counts the processor seconds taken out of the limit by earlier work, and then by this.
/// `SystemError` if there can be no thread.
runtime::Status runGuarded(std::function<void()> work, const GuardOptions &options, double &spent);

/// The same for work with a limit of its own.
inline runtime::Status runGuarded(std::function<void()> work, const GuardOptions &options) {
  double spent = 0;
  return runGuarded(std::move(work), options, spent);
}

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_GUARD_H
