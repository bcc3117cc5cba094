//===- TuneTest.cpp - Timing choices through the C interface ----------------------------------===//

#include "CompilerApi.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lighthouse::test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// By default the kernel does its work many times; one choice does not fit, and one is wrong. A
/// list of places, which random numbers cannot be.
static constexpr const char *choicesSpec = R"(
kernel busy<T: float = f32, MODE: int = 0 in {0, 1, 2, 3}>
    (x: T[N]) -> (y: T[N])
    requires MODE != 2, "MODE 2 does not fit";
    grid (cdiv(N, 64))
{
  let i = program_id(0) * 64;
  var sums = zeros(T[64]);
  var rounds = 1;
  static if MODE == 0 { rounds = 3000; }
  for r in range(0, rounds) { sums = maximum(load(x[i :+ 64]) + T(r / rounds), sums); }
  static if MODE == 3 { sums = sums + 1.0; }
  store(y[i :+ 64], sums);
}

kernel taken<BLOCK: int = 64 in {64, 128}>(x: f32[N], at: i32[M]) -> (y: f32[M])
    grid (cdiv(M, BLOCK))
{
  let i = program_id(0) * BLOCK;
  store(y[i :+ BLOCK], load(x[load(at[i :+ BLOCK])]));
}

pipeline positive(x: f32[N]) -> (y: f32[N]) { return busy(x); }
pipeline some(x: f32[N], at: i32[M]) -> (y: f32[M]) { return taken(x, at); }
)";

namespace {

class Tune : public testing::Test {
protected:
  /// The remarks are kept.
  lh_spec open(lh_tuning_policy policy, const std::string &path) {
    lh_spec_options options = sized<lh_spec_options>();
    options.tuning = path.c_str();
    options.tuning_policy = policy;
    options.remark = [](const char *text, void *self) {
      static_cast<Tune *>(self)->remarks.emplace_back(text);
    };
    options.remark_context = this;
    lh_spec spec = nullptr;
    EXPECT_EQ(lh_spec_parse("choices.lh", choicesSpec, std::strlen(choicesSpec), &options, &spec),
              LH_OK)
        << lh_last_error();
    return spec;
  }

  static OwnedRequest positive(int64_t n) {
    OwnedRequest request("positive");
    request.argument("x", LH_F32, {n});
    return request;
  }

  /// Compiles and loads; which kernels the program has.
  static std::string compiled(lh_spec spec, OwnedRequest request) {
    lh_program program = nullptr;
    EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
    lh_program_release(program);
    lh_artifact artifact = nullptr;
    EXPECT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
    const void *bytes = nullptr;
    size_t size = 0;
    EXPECT_EQ(lh_artifact_bytes(artifact, &bytes, &size), LH_OK);
    std::string text(static_cast<const char *>(bytes), size);
    lh_artifact_release(artifact);
    return text;
  }

  std::string saved() const {
    std::stringstream text;
    text << std::ifstream(table).rdbuf();
    return text.str();
  }

  TempFolder folder;
  const std::string table = folder.path / "tuning.json";
  std::vector<std::string> remarks;
};

constexpr const char *slow = "busy_f32_MODE0", *fast = "busy_f32_MODE1";

} // namespace

TEST_F(Tune, TheFastestIsRememberedAndSaved) {
  lh_spec spec = open(LH_TUNING_TABLES, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(slow));
  EXPECT_TRUE(remarks.empty()) << "nothing is timed unasked";
  lh_tune_options options = sized<lh_tune_options>();
  options.repeat = 3;
  lh_tune_info info = sized<lh_tune_info>();
  ASSERT_EQ(lh_tune(spec, positive(4096).get(), &options, &info), LH_OK) << lh_last_error();
  EXPECT_EQ(info.num_kernels, 1u);
  EXPECT_EQ(info.num_candidates, 4u);
  EXPECT_EQ(info.num_rejected, 2u);
  EXPECT_EQ(info.num_faster, 1u);
  EXPECT_TRUE(info.saved);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_THAT(remarks[0], AllOf(HasSubstr("timed busy(T=f32): MODE=1: "),
                                HasSubstr("as fast as MODE=0"),
                                HasSubstr("4 candidates, 2 rejected")));
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  EXPECT_THAT(saved(), HasSubstr("\"MODE\": \"1\""));
  lh_spec_release(spec);

  spec = open(LH_TUNING_TABLES, table);
  EXPECT_THAT(compiled(spec, positive(100)), HasSubstr(fast));
  lh_spec_release(spec);
  spec = open(LH_TUNING_NEVER, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(slow));
  lh_spec_release(spec);
}

TEST_F(Tune, OnFirstUseWhatNoTableKnowsIsTimed) {
  lh_spec spec = open(LH_TUNING_FIRST_USE, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_THAT(remarks[0], HasSubstr("timed busy(T=f32): MODE=1"));
  // Similar lengths are known; others are timed, too.
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  EXPECT_THAT(compiled(spec, positive(1100)), HasSubstr(fast));
  EXPECT_EQ(remarks.size(), 1u);
  EXPECT_THAT(compiled(spec, positive(100)), HasSubstr(fast));
  EXPECT_EQ(remarks.size(), 2u);
  lh_spec_release(spec);
  // So is what another process has saved.
  spec = open(LH_TUNING_FIRST_USE, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  EXPECT_EQ(remarks.size(), 2u);
  lh_spec_release(spec);
}

/// Ranks of one machine open their specifications at the same time.
TEST_F(Tune, OneTimesAndTheOthersTakeItsTable) {
  constexpr int ranks = 4;
  lh_spec specs[ranks];
  for (lh_spec &spec : specs)
    spec = open(LH_TUNING_FIRST_USE, table);
  std::vector<std::thread> threads;
  for (lh_spec spec : specs)
    threads.emplace_back([spec] { EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast)); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(remarks.size(), 1u);
  for (lh_spec spec : specs)
    lh_spec_release(spec);
}

TEST_F(Tune, ProcessesShareATableToo) {
  constexpr int ranks = 3;
  pid_t children[ranks];
  for (int rank = 0; rank < ranks; ++rank) {
    children[rank] = fork();
    ASSERT_GE(children[rank], 0);
    if (children[rank] == 0) {
      lh_spec spec = open(LH_TUNING_FIRST_USE, table);
      const bool isFast = compiled(spec, positive(4096)).find(fast) != std::string::npos;
      // How often it has timed.
      _exit(isFast ? int(remarks.size()) : 100);
    }
  }
  int timed = 0;
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    timed += WEXITSTATUS(status);
  }
  EXPECT_EQ(timed, 1);
}

TEST_F(Tune, TablesAreHandedOnAsText) {
  lh_spec first = open(LH_TUNING_TABLES, "none"), second = open(LH_TUNING_TABLES, "none");
  lh_tune_info info = sized<lh_tune_info>();
  ASSERT_EQ(lh_tune(first, positive(4096).get(), nullptr, &info), LH_OK) << lh_last_error();
  EXPECT_FALSE(info.saved) << "there is nowhere to";
  EXPECT_THAT(compiled(first, positive(4096)), HasSubstr(fast));
  const char *json = nullptr;
  size_t size = 0;
  ASSERT_EQ(lh_spec_tuning(first, &json, &size), LH_OK) << lh_last_error();
  EXPECT_EQ(std::strlen(json), size);
  EXPECT_THAT(compiled(second, positive(4096)), HasSubstr(slow));
  ASSERT_EQ(lh_spec_add_tuning(second, json, size), LH_OK) << lh_last_error();
  EXPECT_THAT(compiled(second, positive(4096)), HasSubstr(fast));
  EXPECT_EQ(lh_spec_add_tuning(second, "{", 1), LH_CORRUPT);
  EXPECT_THAT(compiled(second, positive(4096)), HasSubstr(fast));
  lh_spec_release(first);
  ASSERT_EQ(lh_spec_tuning(second, &json, &size), LH_OK);
  EXPECT_THAT(json, HasSubstr("busy"));
  lh_spec_release(second);
}

TEST_F(Tune, NumbersThatCannotBeRandomAreTheCallers) {
  constexpr int64_t length = 1000, count = 500;
  std::vector<float> x(length);
  std::vector<int32_t> at(count);
  for (int64_t i = 0; i < length; ++i)
    x[i] = float(i % 7);
  for (int64_t i = 0; i < count; ++i)
    at[i] = int32_t(i * i % length);
  const std::vector<float> before = x;
  const lh_tensor tensors[] = {{sizeof(lh_tensor), x.data(), LH_F32, LH_HOST, 1, &length, nullptr},
                               {sizeof(lh_tensor), at.data(), LH_I32, LH_HOST, 1, &count, nullptr}};
  const lh_tensor *inputs[] = {&tensors[0], &tensors[1]};
  OwnedRequest request("some");
  request.argument("x", LH_F32, {length}).argument("at", LH_I32, {count});

  lh_spec spec = open(LH_TUNING_FIRST_USE, table);
  (void)compiled(spec, request);
  EXPECT_TRUE(remarks.empty());
  EXPECT_EQ(lh_tune(spec, request.get(), nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("input 'at' needs data"));
  request.fields.inputs = inputs;
  request.fields.num_inputs = 1;
  EXPECT_EQ(lh_tune(spec, request.get(), nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("1 inputs were passed; the program has 2"));
  request.fields.num_inputs = 2;
  (void)compiled(spec, request);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_THAT(remarks[0], AllOf(HasSubstr("timed taken()"), Not(HasSubstr("rejected"))));
  EXPECT_EQ(x, before);
  lh_spec_release(spec);
}

TEST_F(Tune, WhatCannotBeTimedKeepsItsDefaults) {
  std::ofstream(table) << "{";
  lh_spec spec = open(LH_TUNING_FIRST_USE, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  EXPECT_EQ(saved(), "{") << "a broken table is not written over";
  EXPECT_THAT(remarks, testing::Contains(HasSubstr("measured settings are not saved")));
  lh_spec_release(spec);

  // The inputs are wrong: said once, then left alone.
  remarks.clear();
  spec = open(LH_TUNING_FIRST_USE, "none");
  OwnedRequest request = positive(4096);
  const int64_t length = 3;
  float x[3] = {};
  const lh_tensor wrong = {sizeof wrong, x, LH_F32, LH_HOST, 1, &length, nullptr};
  const lh_tensor *inputs[] = {&wrong};
  request.fields.inputs = inputs;
  request.fields.num_inputs = 1;
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(compiled(spec, request), HasSubstr(slow));
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_THAT(remarks[0], HasSubstr("kernels of 'positive' are not timed: with the defaults: "));
  lh_spec_release(spec);
}

TEST_F(Tune, TheEnvironmentHasThePolicy) {
  setenv("LIGHTHOUSE_TUNING_POLICY", "first_use", 1);
  lh_spec spec = open(LH_TUNING_DEFAULT, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(fast));
  lh_spec_release(spec);
  setenv("LIGHTHOUSE_TUNING_POLICY", "never", 1);
  spec = open(LH_TUNING_DEFAULT, table);
  EXPECT_THAT(compiled(spec, positive(4096)), HasSubstr(slow));
  lh_spec_release(spec);
  setenv("LIGHTHOUSE_TUNING_POLICY", "sometimes", 1);
  EXPECT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, &spec), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("LIGHTHOUSE_TUNING_POLICY is 'sometimes'"));
  unsetenv("LIGHTHOUSE_TUNING_POLICY");
}

TEST_F(Tune, WrongUses) {
  lh_spec spec = open(LH_TUNING_TABLES, "none");
  OwnedRequest request = positive(100);
  EXPECT_EQ(lh_tune(nullptr, request.get(), nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_tune(spec, nullptr, nullptr, nullptr), LH_INVALID_ARGUMENT);
  lh_tune_options options = sized<lh_tune_options>();
  options.kernel = "none";
  EXPECT_EQ(lh_tune(spec, request.get(), &options, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("no kernel 'none' with open choices is used"));
  options.kernel = nullptr;
  options.repeat = -1;
  EXPECT_EQ(lh_tune(spec, request.get(), &options, nullptr), LH_INVALID_ARGUMENT);
  options = {};
  EXPECT_EQ(lh_tune(spec, request.get(), &options, nullptr), LH_INVALID_ARGUMENT);
  lh_tune_info info = {};
  EXPECT_EQ(lh_tune(spec, request.get(), nullptr, &info), LH_INVALID_ARGUMENT);
  request.fields.target = "sm_90a";
  EXPECT_EQ(lh_tune(spec, request.get(), nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("no device to run on"));
  OwnedRequest missing("negative");
  EXPECT_EQ(lh_tune(spec, missing.get(), nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_tune: error: there is no pipeline 'negative'"));
  const char *json = nullptr;
  size_t size = 0;
  EXPECT_EQ(lh_spec_tuning(spec, nullptr, &size), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_tuning(spec, &json, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_add_tuning(spec, nullptr, 0), LH_INVALID_ARGUMENT);
  lh_spec_options wrong = sized<lh_spec_options>();
  wrong.tuning_policy = 17;
  lh_spec other = nullptr;
  EXPECT_EQ(lh_spec_bundled("lighthouse.lh", &wrong, &other), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("options->tuning_policy is 17"));
  // A structure of the version before has no policy.
  wrong.struct_size = offsetof(lh_spec_options, tuning_policy);
  EXPECT_EQ(lh_spec_bundled("lighthouse.lh", &wrong, &other), LH_OK) << lh_last_error();
  lh_spec_release(other);
  lh_spec_release(spec);
}
