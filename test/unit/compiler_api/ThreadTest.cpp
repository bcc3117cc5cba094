//===- ThreadTest.cpp - The compiler's C interface from many threads --------------------------===//

#include "CompilerApi.h"

#include <atomic>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

using namespace lighthouse::test;
using testing::HasSubstr;

/// What thread number `i` does in a round: all functions, on specifications of its own and shared
/// ones, right and wrong, for different targets.
static void work(int i, int round, lh_spec shared, lh_spec library) {
  const int64_t n = 100 + 10 * (i % 4);
  lh_program program = nullptr;
  OwnedRequest request = four(n);
  request.fields.use_cache = i % 2;
  ASSERT_EQ(lh_compile(shared, request.get(), &program), LH_OK) << lh_last_error();
  expectFour(program, n);
  ASSERT_EQ(lh_program_release(program), LH_OK);

  const std::string missing = "missing" + std::to_string(16 * round + i);
  OwnedRequest wrong(missing);
  EXPECT_EQ(lh_compile(i % 2 ? shared : library, wrong.get(), &program), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("'" + missing + "'"));

  lh_spec own = openScale();
  lh_artifact artifact = nullptr;
  request.fields.target = i % 3 == 0 ? "sm_80" : i % 3 == 1 ? "sm_120" : "host:v2";
  ASSERT_EQ(lh_compile_artifact(own, request.get(), &artifact), LH_OK) << lh_last_error();
  ASSERT_EQ(lh_artifact_release(artifact), LH_OK);
  ASSERT_EQ(lh_spec_release(own), LH_OK);

  OwnedRequest attention("lighthouse");
  attention.fields.gradient = i % 2;
  for (const char *name : {"q", "k", "v"})
    attention.argument(name, LH_BF16, {1 + i, 256, 2, 16});
  attention.setting("K", "128");
  lh_signature signature = nullptr;
  ASSERT_EQ(lh_infer(library, attention.get(), &signature), LH_OK) << lh_last_error();
  lh_tensor_info o = sized<lh_tensor_info>();
  ASSERT_EQ(lh_signature_output(signature, 0, &o), LH_OK);
  EXPECT_EQ(o.shape[0], 1 + i);
  ASSERT_EQ(lh_signature_release(signature), LH_OK);
}

TEST(Threads, SixteenAtOnce) {
  TempFolder folder;
  CacheDirectory cache(folder.path);
  lh_spec shared = openScale(), library = nullptr;
  ASSERT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, &library), LH_OK) << lh_last_error();
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([=] {
      for (int round = 0; round < 3; ++round)
        work(i, round, shared, library);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(lh_spec_release(shared), LH_OK);
  EXPECT_EQ(lh_spec_release(library), LH_OK);
}

TEST(Threads, OneReleaseSucceeds) {
  for (int round = 0; round < 50; ++round) {
    lh_spec spec = openScale();
    std::atomic<int> succeeded = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { succeeded += lh_spec_release(spec) == LH_OK; });
    for (std::thread &thread : threads)
      thread.join();
    EXPECT_EQ(succeeded, 1);
  }
}

namespace {

/// Holds up the compilation that makes a remark.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false, open = false;

  static void wait(const char *, void *context) {
    auto *gate = static_cast<Gate *>(context);
    std::unique_lock lock(gate->mutex);
    gate->reached = true;
    gate->changed.notify_all();
    gate->changed.wait(lock, [&] { return gate->open; });
  }
};

} // namespace

TEST(Threads, SpecificationsDoNotWaitForEachOther) {
  TempFolder folder;
  const std::string table = writeTable(folder, "17");
  Gate gate;
  lh_spec_options options = {};
  options.remark = Gate::wait;
  options.remark_context = &gate;
  lh_spec slow = openScale(options, table.c_str()), fast = openScale();
  const auto compile = [](lh_spec spec) {
    OwnedRequest request = four(1000);
    request.fields.target = "host:v2";
    lh_artifact artifact = nullptr;
    EXPECT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
    lh_artifact_release(artifact);
  };
  std::atomic<bool> queuedDone = false;
  std::thread first(compile, slow), queued;
  {
    std::unique_lock lock(gate.mutex);
    gate.changed.wait(lock, [&] { return gate.reached; });
  }
  // The first compilation is in the middle of its work.
  compile(fast);
  queued = std::thread([&] {
    compile(slow);
    queuedDone = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(queuedDone) << "calls for one specification take turns";
  {
    std::lock_guard lock(gate.mutex);
    gate.open = true;
    gate.changed.notify_all();
  }
  first.join();
  queued.join();
  EXPECT_EQ(lh_spec_release(slow), LH_OK);
  EXPECT_EQ(lh_spec_release(fast), LH_OK);
}
