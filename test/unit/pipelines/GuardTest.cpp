//===- GuardTest.cpp - Work that must not take the process down -------------------------------===//

#include "Guard.h"

#include "llvm/Support/ErrorHandling.h"

#include <csignal>
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse;
using runtime::Status;
using runtime::StatusCode;

TEST(GuardTest, WorkIsDone) {
  auto done = std::make_shared<bool>(false);
  EXPECT_TRUE(runGuarded([done] { *done = true; }, 0).ok());
  EXPECT_TRUE(*done);
}

TEST(GuardTest, CrashIsAStatus) {
  Status status = runGuarded([] { std::raise(SIGABRT); }, 0);
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), testing::HasSubstr("crashed"));
}

TEST(GuardTest, FatalErrorKeepsItsMessage) {
  Status status = runGuarded([] { llvm::report_fatal_error("cannot select this"); }, 0);
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
      0.1);
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
  EXPECT_TRUE(runGuarded(burn, 100, spent).ok());
  EXPECT_GE(spent, 0.05);
  auto done = std::make_shared<bool>(false);
  EXPECT_EQ(runGuarded([done] { *done = true; }, 0.01, spent).code(), StatusCode::Internal);
  EXPECT_FALSE(*done);
}

TEST(GuardTest, DeepRecursionFits) {
  struct Recursion {
    static int descend(int depth) {
      volatile char frame[4096] = {char(depth)};
      return depth == 0 ? frame[0] : descend(depth - 1) + frame[0];
    }
  };
  EXPECT_TRUE(runGuarded([] { (void)Recursion::descend(20000); }, 0).ok());
}
