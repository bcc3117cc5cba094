//===- CompilerThread.cpp - A thread that waits for work --------------------------------------===//

#include "CompilerThread.h"

#include "lighthouse/runtime/Thread.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <string>
#include <system_error>
#include <unistd.h>

using namespace lighthouse;
using runtime::Status;
using runtime::StatusCode;

struct CompilerThread::Shared {
  const pid_t process = getpid();
  pthread_t thread;
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> work; ///< Empty when there is none, or it is done.
  bool ends = false;

  /// Where the thread begins; `argument` is a `Shared`.
  static void *serve(void *argument) {
    auto &shared = *static_cast<Shared *>(argument);
    std::unique_lock lock(shared.mutex);
    for (;;) {
      shared.changed.wait(lock, [&] { return shared.work || shared.ends; });
      if (shared.ends)
        return nullptr;
      lock.unlock();
      shared.work();
      lock.lock();
      shared.work = nullptr;
      shared.changed.notify_all();
    }
  }
};

Status lighthouse::noCompilerThread(int error) {
  return Status(StatusCode::SystemError, "there can be no thread for the compiler: " +
                                             std::generic_category().message(error));
}

bool CompilerThread::isOfThisProcess() const { return shared && shared->process == getpid(); }

CompilerThread::~CompilerThread() {
  // What a thread waits on that did not survive a fork cannot be destroyed.
  if (!isOfThisProcess())
    return;
  {
    std::lock_guard lock(shared->mutex);
    shared->ends = true;
    shared->changed.notify_all();
  }
  pthread_join(shared->thread, nullptr);
  delete shared;
}

Status CompilerThread::run(std::function<void()> work) {
  if (!isOfThisProcess()) {
    auto started = std::make_unique<Shared>();
    if (int error = runtime::startThread(started->thread, compilerStackBytes, Shared::serve,
                                         started.get()))
      return noCompilerThread(error);
    shared = started.release();
  }
  std::unique_lock lock(shared->mutex);
  shared->work = std::move(work);
  shared->changed.notify_all();
  shared->changed.wait(lock, [&] { return !shared->work; });
  return {};
}
