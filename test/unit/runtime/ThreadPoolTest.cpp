//===- ThreadPoolTest.cpp - Parallel loops --------------------------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/ThreadPool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::Each;
using testing::HasSubstr;

TEST(ThreadPool, RunsEachIterationOnce) {
  for (unsigned threads : {1u, 2u, 5u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (std::int64_t count : {0, 1, 2, 7, 1000})
      for (std::int64_t chunk : {1, 3, 1000, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
        pool.parallelFor(count, chunk, [&](std::int64_t begin, std::int64_t end) {
          EXPECT_LE(end - begin, chunk);
          for (std::int64_t i = begin; i < end; ++i)
            ++seen[static_cast<std::size_t>(i)];
        });
        EXPECT_THAT(seen, Each(testing::Truly([](const auto &times) { return times == 1; })));
      }
  }
}

TEST(ThreadPool, UsesSeveralThreads) {
  ThreadPool pool(3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> inside = 0;
  pool.parallelFor(3, 1, [&](std::int64_t, std::int64_t) {
    {
      std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    // No thread leaves before all three are in.
    ++inside;
    while (inside < 3)
      std::this_thread::yield();
  });
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.count(std::this_thread::get_id()), 1u) << "the calling thread takes part";
}

TEST(ThreadPool, ConcurrentLoops) {
  ThreadPool pool(4);
  std::vector<std::thread> callers;
  std::atomic<std::int64_t> total = 0;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<std::int64_t> sum = 0;
        pool.parallelFor(100, 7, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i)
            sum += i;
        });
        EXPECT_EQ(sum, 4950);
        total += sum;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(total, 8 * 200 * 4950);
}

TEST(ThreadPool, NestedLoops) {
  ThreadPool pool(2);
  std::atomic<int> count = 0;
  pool.parallelFor(4, 1, [&](std::int64_t, std::int64_t) {
    pool.parallelFor(5, 1, [&](std::int64_t, std::int64_t) { ++count; });
  });
  EXPECT_EQ(count, 20);
}

namespace {

/// Uses 4 MiB of stack, as a kernel may.
__attribute__((noinline)) int useStack() {
  volatile char block[4 << 20];
  for (std::size_t i = 0; i < sizeof block; i += 4096)
    block[i] = char(i);
  return block[4096];
}

struct StackProbe {
  ThreadPool *pool;
  pthread_t caller;
  std::atomic<int> onCaller = 0;
  std::atomic<int> count = 0;
  bool ran = false;

  void run() {
    caller = pthread_self();
    ran = pool->run(
        16, 1, std::size_t(5) << 20,
        [](void *context, std::int64_t, std::int64_t) {
          auto *self = static_cast<StackProbe *>(context);
          self->onCaller += pthread_equal(self->caller, pthread_self()) != 0;
          (void)useStack();
          ++self->count;
        },
        this);
  }
};

} // namespace

TEST(ThreadPool, CallersWithSmallStacksOnlyWait) {
  for (unsigned threads : {1u, 2u}) {
    ThreadPool pool(threads);
    StackProbe probe{&pool, {}};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_t thread;
    ASSERT_EQ(pthread_create(
                  &thread, &attributes,
                  [](void *self) -> void * {
                    static_cast<StackProbe *>(self)->run();
                    return nullptr;
                  },
                  &probe),
              0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    EXPECT_TRUE(probe.ran);
    EXPECT_EQ(probe.count, 16);
    EXPECT_EQ(probe.onCaller, 0);
  }
}

TEST(ThreadPool, WorkersBlockSignalsButFaults) {
  ThreadPool pool(2);
  std::atomic<int> inside = 0;
  const auto caller = std::this_thread::get_id();
  pool.parallelFor(2, 1, [&](std::int64_t, std::int64_t) {
    if (std::this_thread::get_id() != caller) {
      sigset_t blocked;
      pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
      for (int signal : {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGUSR1})
        EXPECT_EQ(sigismember(&blocked, signal), 1) << signal;
      for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPROF})
        EXPECT_EQ(sigismember(&blocked, signal), 0) << signal;
    }
    ++inside;
    while (inside < 2)
      std::this_thread::yield();
  });
}

TEST(ThreadPool, Configuration) {
  {
    ScopedEnvironment set("LIGHTHOUSE_NUM_THREADS", "3");
    EXPECT_EQ(*ThreadPool::configuredThreads(), 3u);
  }
  {
    ScopedEnvironment unset("LIGHTHOUSE_NUM_THREADS", nullptr);
    EXPECT_GE(*ThreadPool::configuredThreads(), 1u);
  }
  for (const char *wrong : {"0", "-1", "2x", "many", "99999"}) {
    ScopedEnvironment set("LIGHTHOUSE_NUM_THREADS", wrong);
    Result<unsigned> threads = ThreadPool::configuredThreads();
    ASSERT_FALSE(threads) << wrong;
    EXPECT_THAT(threads.status().message(), HasSubstr("allowed is a number from 1 to 1024"));
  }
}

TEST(ThreadPool, SurvivesFork) {
  std::atomic<int> count = 0;
  const auto loop = [&] {
    ThreadPool::global().parallelFor(64, 1, [&](std::int64_t, std::int64_t) { ++count; });
  };
  loop();
  ThreadPool own(2);
  own.parallelFor(8, 1, [](std::int64_t, std::int64_t) {});
  const pid_t child = ::fork();
  if (child == 0) {
    // The workers of the parent do not exist here.
    ::alarm(10);
    count = 0;
    loop();
    ::_exit(count == 64 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  loop();
  EXPECT_EQ(count, 128);
}
