//===- CompilerThread.h - A thread that waits for work ------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_COMPILERTHREAD_H
#define LIGHTHOUSE_LIB_PIPELINES_COMPILERTHREAD_H

#include "lighthouse/runtime/Status.h"

#include <cstddef>
#include <functional>

namespace lighthouse {

/// Stack of the threads that compile: recursion over the deepest input that the front end accepts
/// stays far below it.
constexpr std::size_t compilerStackBytes = std::size_t(256) << 20;

/// "there can be no thread for the compiler", with the reason.
runtime::Status noCompilerThread(int error);

/// A thread with a large stack that does work one after the other. It is started by the first work
/// and stays: to start and to end one for each took a third of the time of a plan. Work on it is
/// neither timed nor recovered from; `runGuarded` is for that.
class CompilerThread {
public:
  CompilerThread() = default;
  CompilerThread(const CompilerThread &) = delete;
  CompilerThread &operator=(const CompilerThread &) = delete;
  /// Ends the thread, unless it is that of the process from which this one was forked.
  ~CompilerThread();

  /// Does `work` and waits for it; what `work` owns is gone then. For one caller at a time. After a
  /// fork the child gets a thread of its own. `SystemError` if there can be none.
  runtime::Status run(std::function<void()> work);

private:
  struct Shared;
  bool isOfThisProcess() const;

  Shared *shared = nullptr;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_COMPILERTHREAD_H
