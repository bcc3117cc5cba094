//===- Guard.cpp - Runs work that must not take the process down ------------------------------===//

#include "Guard.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/thread.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <string>

using namespace lighthouse;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// Recursion over the deepest input that the front end accepts stays far below this.
constexpr unsigned stackBytes = 256u << 20;

/// What the waiting and the working thread share.
struct Work {
  std::function<void()> body;
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

/// LLVM would abort the process after this returns.
[[noreturn]] void onFatalError(void *, const char *reason, bool) {
  fatalMessage = reason;
  if (llvm::CrashRecoveryContext *context = llvm::CrashRecoveryContext::GetCurrent())
    context->HandleExit(1);
  std::abort();
}

/// MLIR's pass manager switches recovery off when it is done with its own.
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

void runWork(std::shared_ptr<Work> work) {
  llvm::CrashRecoveryContext context;
  std::string crash;
  if (!context.RunSafely([&] { work->body(); })) {
    // 128 + n is how the recovery context reports signal n.
    crash = !fatalMessage.empty()   ? fatalMessage
            : context.RetCode > 128 ? strsignal(context.RetCode - 128)
                                    : "unknown failure";
  }
  std::lock_guard lock(work->mutex);
  work->crash = std::move(crash);
  work->seconds = cpuSecondsOf(CLOCK_THREAD_CPUTIME_ID);
  work->finished = true;
  work->changed.notify_all();
}

} // namespace

Status lighthouse::runGuarded(std::function<void()> body, double cpuSeconds, double &spent) {
  if (cpuSeconds > 0 && spent >= cpuSeconds)
    return timeIsUp(cpuSeconds);
  enableRecovery();
  auto work = std::make_shared<Work>();
  work->body = std::move(body);
  llvm::thread thread(std::optional<unsigned>(stackBytes), runWork, work);
  clockid_t clock;
  bool timed = cpuSeconds > 0 && pthread_getcpuclockid(thread.native_handle(), &clock) == 0;

  std::unique_lock lock(work->mutex);
  while (!work->finished) {
    if (!timed) {
      work->changed.wait(lock);
      continue;
    }
    work->changed.wait_for(lock, std::chrono::milliseconds(20));
    if (!work->finished && spent + cpuSecondsOf(clock) > cpuSeconds) {
      thread.detach();
      spent = cpuSeconds;
      return timeIsUp(cpuSeconds);
    }
  }
  lock.unlock();
  thread.join();
  spent += work->seconds;
  if (!work->crash.empty())
    return Status(StatusCode::Internal, "the compiler crashed: " + work->crash);
  return {};
}
