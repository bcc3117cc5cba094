//===- Guard.cpp - Runs work that must not take the process down ------------------------------===//

#include "Guard.h"

#include "CompilerThread.h"

#include "lighthouse/runtime/Thread.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <string>

using namespace lighthouse;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// What the waiting and the working thread share.
struct Work {
  std::function<void()> body;
  bool recover = false;
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  /// Processor seconds that the body took.
  double seconds = 0;
  /// Empty unless the body crashed.
  std::string crash;
};

/// The message of LLVM's fatal error on this thread.
thread_local std::string fatalMessage;

/// Leaves work that recovers; else ends the process as LLVM would without this handler.
[[noreturn]] void onFatalError(void *, const char *reason, bool) {
  fatalMessage = reason;
  if (llvm::CrashRecoveryContext *context = llvm::CrashRecoveryContext::GetCurrent())
    context->HandleExit(1);
  fprintf(stderr, "LLVM ERROR: %s\n", reason);
  std::abort();
}

void enableRecovery() {
  static std::once_flag once;
  std::call_once(once, [] { llvm::install_fatal_error_handler(onFatalError); });
  llvm::CrashRecoveryContext::Enable();
}

double cpuSecondsOf(clockid_t clock) {
  timespec time;
  return clock_gettime(clock, &time) ? 0 : double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

Status timeIsUp(double cpuSeconds) {
  return Status(StatusCode::Internal, "the compiler took more than " +
                                          std::to_string(int64_t(cpuSeconds)) +
                                          " s of processor time and was given up");
}

void finish(Work &work, std::string crash) {
  std::lock_guard lock(work.mutex);
  work.crash = std::move(crash);
  work.seconds = cpuSecondsOf(CLOCK_THREAD_CPUTIME_ID);
  work.finished = true;
  work.changed.notify_all();
}

void runRecovering(Work &work) {
  llvm::CrashRecoveryContext context;
  std::string crash;
  if (!context.RunSafely([&] { work.body(); })) {
    // 128 + n is how the recovery context reports signal n.
    crash = !fatalMessage.empty()   ? fatalMessage
            : context.RetCode > 128 ? strsignal(context.RetCode - 128)
                                    : "unknown failure";
  }
  finish(work, std::move(crash));
}

/// Where the thread begins; `argument` is its share of the work.
void *enter(void *argument) {
  std::unique_ptr<std::shared_ptr<Work>> work(static_cast<std::shared_ptr<Work> *>(argument));
  if ((*work)->recover) {
    runRecovering(**work);
  } else {
    (*work)->body();
    finish(**work, "");
  }
  return nullptr;
}

} // namespace

Status lighthouse::runGuarded(std::function<void()> body, const GuardOptions &options,
                              double &spent) {
  const double limit = options.cpuSeconds;
  if (limit > 0 && spent >= limit)
    return timeIsUp(limit);
  // Recovery is a switch of the whole process, which MLIR turns off when its own is done.
  static std::mutex recovering;
  std::unique_lock turn(recovering, std::defer_lock);
  if (options.recover) {
    turn.lock();
    enableRecovery();
  }
  auto work = std::make_shared<Work>();
  work->body = std::move(body);
  work->recover = options.recover;
  auto share = std::make_unique<std::shared_ptr<Work>>(work);
  pthread_t thread;
  if (int error = runtime::startThread(thread, compilerStackBytes, enter, share.get()))
    return noCompilerThread(error);
  (void)share.release();
  clockid_t clock;
  bool timed = limit > 0 && pthread_getcpuclockid(thread, &clock) == 0;

  std::unique_lock lock(work->mutex);
  while (!work->finished) {
    if (!timed) {
      work->changed.wait(lock);
      continue;
    }
    work->changed.wait_for(lock, std::chrono::milliseconds(20));
    if (!work->finished && spent + cpuSecondsOf(clock) > limit) {
      pthread_detach(thread);
      spent = limit;
      return timeIsUp(limit);
    }
  }
  lock.unlock();
  pthread_join(thread, nullptr);
  spent += work->seconds;
  if (!work->crash.empty())
    return Status(StatusCode::Internal, "the compiler crashed: " + work->crash);
  return {};
}
