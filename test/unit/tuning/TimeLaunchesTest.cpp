//===- TimeLaunchesTest.cpp - What counts of a program's runs ---------------------------------===//

#include "lighthouse/Tuning/Search.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace lighthouse;
using namespace lighthouse::tuning;

namespace {

/// Times a launch that says it took 99 s until `begin` is over, and 1, 2, ... s from then on. How
/// often it ran is `runs`.
double timeOne(const char *target, unsigned repeat, std::chrono::milliseconds begin,
               unsigned &runs) {
  runtime::Plan plan;
  plan.target = target;
  plan.kernels.emplace_back().name = "copy";
  plan.launches.emplace_back().kernel = 0;
  const auto start = std::chrono::steady_clock::now();
  double next = 1;
  auto times = timeLaunches(plan, repeat, [&](const runtime::RunOptions &options) {
    const bool early = std::chrono::steady_clock::now() - start < begin;
    options.timings->push_back({"", "copy", early ? 99 : next++, 0});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ++runs;
    return runtime::Status();
  });
  EXPECT_TRUE(times.ok());
  EXPECT_EQ(times->front().kernel, "copy");
  return times->front().seconds;
}

TEST(TimeLaunches, AGpuIsTimedUnderLoad) {
  unsigned runs = 0;
  EXPECT_LT(timeOne("cuda", 3, std::chrono::milliseconds(300), runs), 99);
  EXPECT_GT(runs, 4u);
}

TEST(TimeLaunches, AProcessorIsTimedBehindOneRun) {
  unsigned runs = 0;
  EXPECT_EQ(timeOne("host", 3, std::chrono::milliseconds(0), runs), 3); // of 2, 3, 4
  EXPECT_EQ(runs, 4u);
}

TEST(TimeLaunches, AFailedRunIsAnError) {
  auto fail = [](const runtime::RunOptions &) {
    return runtime::Status(runtime::StatusCode::SystemError, "no device");
  };
  EXPECT_EQ(timeLaunches(runtime::Plan(), 1, fail).status().message(), "no device");
}

} // namespace
