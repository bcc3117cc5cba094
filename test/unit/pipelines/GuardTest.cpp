//===- GuardTest.cpp - Work that must not take the process down -------------------------------===//

#include "Guard.h"

#include "llvm/Support/ErrorHandling.h"

#include <atomic>
#include <csignal>
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace lighthouse;
using runtime::Status;
using runtime::StatusCode;

TEST(GuardTest, WorkIsDone) {
  auto done = std::make_shared<bool>(false);
  EXPECT_TRUE(runGuarded([done] { *done = true; }, {}).ok());
  EXPECT_TRUE(*done);
}

TEST(GuardTest, CrashIsAStatus) {
  Status status = runGuarded([] { std::raise(SIGABRT); }, {.recover = true});
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), testing::HasSubstr("crashed"));
}

TEST(GuardTest, WithoutRecoveryACrashEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT((void)runGuarded([] { std::raise(SIGABRT); }, {}), testing::KilledBySignal(SIGABRT),
              "");
}

TEST(GuardTest, RecoveryIsOnlyForWorkThatAsksForIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto fatal = [] { llvm::report_fatal_error("cannot select this"); };
  EXPECT_EXIT(
      {
        EXPECT_FALSE(runGuarded(fatal, {.recover = true}).ok());
        (void)runGuarded(fatal, {});
      },
      testing::KilledBySignal(SIGABRT), "LLVM ERROR: cannot select this");
}

TEST(GuardTest, WorkWithRecoveryTakesTurns) {
  std::atomic<int> inside = 0, together = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      EXPECT_TRUE(runGuarded(
                      [&] {
                        together = std::max<int>(together, ++inside);
                        std::this_thread::sleep_for(std::chrono::milliseconds(20));
                        --inside;
                      },
                      {.recover = true})
                      .ok());
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(together, 1);
}

TEST(GuardTest, FatalErrorKeepsItsMessage) {
  Status status =
      runGuarded([] { llvm::report_fatal_error("cannot select this"); }, {.recover = true});
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), testing::HasSubstr("cannot select this"));
}

TEST(GuardTest, EndlessWorkIsGivenUp) {
  auto stop = std::make_shared<std::atomic<bool>>(false);
  Status status = runGuarded(
      [stop] {
        while (!*stop) {
        }
      },
      {.cpuSeconds = 0.1});
  *stop = true;
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), testing::HasSubstr("given up"));
}

TEST(GuardTest, TheLimitCountsEarlierWork) {
  double spent = 0;
  auto burn = [] {
    timespec time{};
    while (time.tv_nsec < 50'000'000 && time.tv_sec == 0)
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  };
  EXPECT_TRUE(runGuarded(burn, {.cpuSeconds = 100}, spent).ok());
  EXPECT_GE(spent, 0.05);
  auto done = std::make_shared<bool>(false);
  EXPECT_EQ(runGuarded([done] { *done = true; }, {.cpuSeconds = 0.01}, spent).code(),
            StatusCode::Internal);
  EXPECT_FALSE(*done);
}

TEST(GuardTest, DeepRecursionFits) {
  struct Recursion {
    static int descend(int depth) {
      volatile char frame[4096] = {char(depth)};
      return depth == 0 ? frame[0] : descend(depth - 1) + frame[0];
    }
  };
  EXPECT_TRUE(runGuarded([] { (void)Recursion::descend(20000); }, {}).ok());
}
