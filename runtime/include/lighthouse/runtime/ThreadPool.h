//===- ThreadPool.h - Workers that run program instances --------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_THREADPOOL_H
#define LIGHTHOUSE_RUNTIME_THREADPOOL_H

#include "lighthouse/runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace lighthouse::runtime {

/// Persistent workers with large stacks. A parallel loop hands out chunks through an atomic
/// counter; the calling thread works too. Several threads may run loops at the same time.
class ThreadPool {
public:
  /// Stack of a worker, in bytes.
  static constexpr std::size_t workerStackBytes = std::size_t(16) << 20;
  /// The most threads a pool may have.
  static constexpr unsigned maxThreads = 1024;

  /// Body of a loop: runs iterations `begin` to `end - 1`. Must not throw.
  using Body = void (*)(void *context, std::int64_t begin, std::int64_t end);

  /// A pool of `threads` threads in all, the calling one counted. Fewer are started if the system
  /// gives no more. Work that never fits the caller's stack needs `threads >= 2`, see `run`.
  explicit ThreadPool(unsigned threads);
  /// Precondition: no loop is running.
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The pool of the process, made at the first call: LIGHTHOUSE_NUM_THREADS threads, else one for
  /// each core this process may run on. In a forked child it is made anew.
  static ThreadPool &global();

  /// How many threads `global()` has or would have, and whether LIGHTHOUSE_NUM_THREADS is valid.
  static Result<unsigned> configuredThreads();

  /// Threads that work on a loop, the calling one counted.
  unsigned size() const;

  /// Runs iterations 0 to `count - 1` in chunks of `chunk`, and returns when all are done. If the
  /// calling thread has less than `stackBytes` of stack left it only waits, provided that there is
  /// a worker. Returns false, with nothing run, if there is neither worker nor stack.
  bool run(std::int64_t count, std::int64_t chunk, std::size_t stackBytes, Body body,
           void *context);

  /// `run` with a callable `body(begin, end)` and no demand on the stack.
  template <typename Callable>
  void parallelFor(std::int64_t count, std::int64_t chunk, Callable &&body) {
    run(
        count, chunk, /*stackBytes=*/0,
        [](void *context, std::int64_t begin, std::int64_t end) {
          (*static_cast<std::remove_reference_t<Callable> *>(context))(begin, end);
        },
        &body);
  }

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_THREADPOOL_H
