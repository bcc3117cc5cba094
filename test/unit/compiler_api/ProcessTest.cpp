//===- ProcessTest.cpp - What the compiler does to the process that it is in ------------------===//

#include "CompilerApi.h"

#include <csignal>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

using namespace lighthouse::test;
using testing::HasSubstr;

namespace {

/// What the process does at each signal.
std::vector<void *> signalHandlers() {
  std::vector<void *> handlers;
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    handlers.push_back(reinterpret_cast<void *>(action.sa_handler));
  }
  return handlers;
}

/// Compiles something for the host and for a GPU, and something wrong.
void useEverything(lh_spec spec) {
  OwnedRequest request = four(1000);
  lh_program program = nullptr;
  ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
  expectFour(program, 1000);
  lh_program_release(program);
  lh_artifact artifact = nullptr;
  request.fields.target = "sm_90a";
  ASSERT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
  lh_artifact_release(artifact);
  request.fields.target = nullptr;
  request.setting("COLOUR", "3");
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_INVALID_ARGUMENT);
}

/// A remark that is a crash of the compiler: it is made in the middle of a compilation.
void crash(const char *, void *) { std::raise(SIGSEGV); }

} // namespace

TEST(Process, NoSignalHandlerIsInstalled) {
  const std::vector<void *> before = signalHandlers();
  stack_t stackBefore = {}, stackAfter = {};
  sigaltstack(nullptr, &stackBefore);
  sigset_t maskBefore, maskAfter;
  pthread_sigmask(SIG_SETMASK, nullptr, &maskBefore);
  lh_spec spec = openScale();
  useEverything(spec);
  lh_spec_release(spec);
  EXPECT_EQ(signalHandlers(), before);
  sigaltstack(nullptr, &stackAfter);
  EXPECT_EQ(stackAfter.ss_sp, stackBefore.ss_sp);
  pthread_sigmask(SIG_SETMASK, nullptr, &maskAfter);
  for (int signal = 1; signal < 32; ++signal)
    EXPECT_EQ(sigismember(&maskAfter, signal), sigismember(&maskBefore, signal)) << signal;
}

/// In a process of its own, as handlers stay.
TEST(ProcessDeathTest, CrashesAreStatusesWhereThatIsAskedFor) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  TempFolder folder;
  const std::string table = writeTable(folder, "17");
  EXPECT_EXIT(
      {
        const std::vector<void *> before = signalHandlers();
        lh_spec_options options = {};
        options.crash_recovery = 1;
        options.remark = crash;
        lh_spec spec = openScale(options, table.c_str());
        OwnedRequest request = four(1000);
        request.fields.target = "host:v2";
        lh_program program = nullptr;
        bool good = lh_compile(spec, request.get(), &program) == LH_INTERNAL;
        good &= std::strstr(lh_last_error(), "the compiler crashed: Segmentation fault") != nullptr;
        good &= lh_compile(spec, request.get(), &program) == LH_INTERNAL;
        good &= std::strstr(lh_last_error(), "was given up before") != nullptr;
        good &= signalHandlers() != before;
        // Other specifications do not care.
        lh_spec other = openScale();
        useEverything(other);
        _exit(good && !testing::Test::HasFailure() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(ProcessDeathTest, OtherwiseACrashEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  TempFolder folder;
  const std::string table = writeTable(folder, "17");
  EXPECT_EXIT(
      {
        std::signal(SIGSEGV, SIG_DFL);
        lh_spec_options options = {};
        options.remark = crash;
        lh_spec spec = openScale(options, table.c_str());
        OwnedRequest request = four(1000);
        request.fields.target = "host:v2";
        lh_program program = nullptr;
        lh_compile(spec, request.get(), &program);
        _exit(0);
      },
      testing::KilledBySignal(SIGSEGV), "");
}

/// Leaves without destructors, as the thread that is given up is at work in LLVM.
TEST(ProcessDeathTest, EndlessCompilationsAreGivenUp) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const char *text = "kernel slow(x: f32[N, M]) -> (y: f32[N, M]) grid (1) {\n"
                           "  static for i in range(2000) {\n"
                           "    store(y[i :+ 16, 0 :+ 16], exp(load(x[i :+ 16, 0 :+ 16])));\n"
                           "  }\n}\n";
        lh_spec_options options = sized<lh_spec_options>();
        options.time_limit = 0.5;
        lh_spec spec = nullptr;
        bool good = lh_spec_parse("slow.lh", text, std::strlen(text), &options, &spec) == LH_OK;
        OwnedRequest request("slow");
        request.fields.kind = LH_KERNEL;
        request.argument("x", LH_F32, {4096, 16});
        lh_program program = nullptr;
        good &= lh_compile(spec, request.get(), &program) == LH_INTERNAL;
        good &= std::strstr(lh_last_error(), "slow.lh:1:8: error: the compiler took more than") !=
                nullptr;
        good &= lh_compile(spec, request.get(), &program) == LH_INTERNAL;
        good &= lh_spec_release(spec) == LH_OK;
        _exit(good ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Process, RemarksGoToTheCallerAndNowhereElse) {
  TempFolder folder;
  const std::string table = writeTable(folder, "17");
  std::vector<std::string> remarks;
  lh_spec_options options = {};
  options.remark = [](const char *text, void *context) {
    static_cast<std::vector<std::string> *>(context)->push_back(text);
  };
  options.remark_context = &remarks;
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  lh_spec spec = openScale(options, table.c_str());
  OwnedRequest request = four(1000);
  request.fields.target = "host:v2";
  lh_program program = nullptr;
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
  useEverything(spec);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  ASSERT_FALSE(remarks.empty());
  EXPECT_THAT(remarks.front(), HasSubstr("tuned settings of kernel 'twice' are ignored"));
  lh_program_release(program);
  lh_spec_release(spec);
}

TEST(Process, ASmallStackIsEnough) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  pthread_t thread;
  const auto body = [](void *) -> void * {
    lh_spec spec = nullptr;
    EXPECT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, &spec), LH_OK) << lh_last_error();
    OwnedRequest request("lighthouse");
    for (const char *name : {"q", "k", "v"})
      request.argument(name, LH_F32, {1, 256, 2, 16});
    request.setting("K", "128");
    lh_artifact artifact = nullptr;
    EXPECT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
    lh_artifact_release(artifact);
    lh_spec_release(spec);
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}
