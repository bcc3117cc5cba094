//===- ThreadPool.cpp - Workers that run program instances ----------------===//

#include "lighthouse/runtime/ThreadPool.h"

#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/Thread.h"

#include <fmt/format.h>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace lighthouse::runtime {

//===----------------------------------------------------------------------===//
// The stack of the calling thread
//===----------------------------------------------------------------------===//

/// Bytes between here and the lower end of this thread's stack; 0 if that is unknown, as on the
/// stack of a coroutine.
static std::size_t remainingStack() {
  struct Bounds {
    std::uintptr_t low = 0, high = 0;
    Bounds() {
      pthread_attr_t attributes;
      if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
      void *base = nullptr;
      std::size_t size = 0, guard = 0;
      if (pthread_attr_getstack(&attributes, &base, &size) == 0 &&
          pthread_attr_getguardsize(&attributes, &guard) == 0) {
        low = reinterpret_cast<std::uintptr_t>(base) + guard;
        high = reinterpret_cast<std::uintptr_t>(base) + size;
      }
      pthread_attr_destroy(&attributes);
    }
  };
  // Asking is slow for the main thread (it reads /proc/self/maps), and the answer stays.
  static thread_local const Bounds bounds;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return here > bounds.low && here <= bounds.high ? here - bounds.low : 0;
}

//===----------------------------------------------------------------------===//
// The pool
//===----------------------------------------------------------------------===//

namespace {

/// One parallel loop. Lives on the stack of the thread that runs it.
struct Loop {
  ThreadPool::Body body;
  void *context;
  std::int64_t count;
  std::int64_t chunk;
  std::atomic<std::int64_t> next = 0;
  /// Workers inside `work`; guarded by the mutex of the pool.
  int workers = 0;

  bool exhausted() const { return next.load(std::memory_order_relaxed) >= count; }

  /// Runs chunks until none is left.
  void work() {
    for (;;) {
      const std::int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count)
        return;
      body(context, begin, std::min(count, begin + chunk));
    }
  }
};

} // namespace

struct ThreadPool::Impl {
  const pid_t process = ::getpid();
  const unsigned threads;
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable finished;
  /// Loops with chunks to hand out.
  std::vector<Loop *> loops;
  /// Rotates among the loops, so that each gets its share of the workers.
  std::size_t turn = 0;
  std::vector<pthread_t> workers;
  bool stopping = false;

  explicit Impl(unsigned threads) : threads(std::clamp(threads, 1u, maxThreads)) {}

  /// Starts one more worker; the mutex must be held. False if the system refuses.
  bool startWorker() {
    pthread_t worker;
    const auto enter = [](void *self) -> void * {
      static_cast<Impl *>(self)->serve();
      return nullptr;
    };
    const bool started = startThread(worker, workerStackBytes, enter, this) == 0;
    if (started)
      workers.push_back(worker);
    return started;
  }

  /// The life of a worker.
  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !loops.empty(); });
      if (stopping)
        return;
      Loop *loop = loops[turn++ % loops.size()];
      ++loop->workers;
      lock.unlock();
      loop->work();
      lock.lock();
      retire(loop);
      if (--loop->workers == 0)
        finished.notify_all();
    }
  }

  /// Takes a loop without further chunks from the list; the mutex must be held.
  void retire(Loop *loop) { std::erase(loops, loop); }

  /// Runs a loop; `participate` says whether the calling thread works too.
  void run(Loop &loop, bool participate) {
    const std::int64_t chunks = (loop.count - 1) / loop.chunk + 1;
    {
      std::lock_guard lock(mutex);
      loops.push_back(&loop);
    }
    const std::int64_t wanted = chunks - (participate ? 1 : 0);
    if (wanted >= std::int64_t(threads) - 1)
      wake.notify_all();
    else
      for (std::int64_t i = 0; i < wanted; ++i)
        wake.notify_one();
    if (participate)
      loop.work();
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return loop.workers == 0 && loop.exhausted(); });
    retire(&loop);
  }
};

ThreadPool::ThreadPool(unsigned threads) : impl_(std::make_unique<Impl>(threads)) {
  std::lock_guard lock(impl_->mutex);
  for (unsigned i = 1; i < impl_->threads; ++i)
    if (!impl_->startWorker())
      break;
}

ThreadPool::~ThreadPool() {
  // In a forked child the workers do not exist and the mutex may be locked for ever.
  if (impl_->process != ::getpid()) {
    (void)impl_.release();
    return;
  }
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (pthread_t worker : impl_->workers)
    pthread_join(worker, nullptr);
}

unsigned ThreadPool::size() const { return impl_->threads; }

bool ThreadPool::run(std::int64_t count, std::int64_t chunk, std::size_t stackBytes, Body body,
                     void *context) {
  if (count <= 0)
    return true;
  Loop loop{body, context, count, std::max<std::int64_t>(chunk, 1)};
  const bool participate = stackBytes == 0 || remainingStack() >= stackBytes;
  bool alone = false;
  {
    std::lock_guard lock(impl_->mutex);
    // A pool of one thread gets a worker if the calling thread cannot do the work.
    if (!participate && impl_->workers.empty() && !impl_->startWorker())
      return false;
    alone = participate && (impl_->workers.empty() || count <= loop.chunk);
  }
  if (alone)
    loop.work();
  else
    impl_->run(loop, participate);
  return true;
}

//===----------------------------------------------------------------------===//
// The pool of the process
//===----------------------------------------------------------------------===//

/// Cores this process may run on.
static unsigned availableCores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return unsigned(CPU_COUNT(&set));
  return unsigned(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

Result<unsigned> ThreadPool::configuredThreads() {
  std::optional<std::string> text = environment::numThreads.get();
  if (!text)
    return std::clamp(availableCores(), 1u, maxThreads);
  unsigned threads = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), threads);
  if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || threads < 1 ||
      threads > maxThreads)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("{} is '{}'; allowed is a number from 1 to {}",
                              environment::numThreads.name, *text, maxThreads));
  return threads;
}

ThreadPool &ThreadPool::global() {
  // Never destroyed: other threads may still be running loops when the process exits. No lock, as
  // a fork could copy it locked.
  static std::atomic<ThreadPool *> instance = nullptr;
  ThreadPool *current = instance.load(std::memory_order_acquire);
  while (!current || current->impl_->process != ::getpid()) {
    const Result<unsigned> threads = configuredThreads();
    auto fresh = std::make_unique<ThreadPool>(threads ? *threads : availableCores());
    if (instance.compare_exchange_strong(current, fresh.get(), std::memory_order_acq_rel))
      current = fresh.release();
  }
  return *current;
}

} // namespace lighthouse::runtime
