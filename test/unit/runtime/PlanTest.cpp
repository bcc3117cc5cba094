//===- PlanTest.cpp - Plans, their JSON form and their bounds -------------===//

#include "CudaSample.h"

#include "lighthouse/runtime/Plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

/// `text` with the first `from` replaced by `to`; `from` must occur.
static std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Plan, RoundTrips) {
  Plan plan = sampleArtifact().plans[0];
  plan.name = R"(quotes " and \ backslashes)";
  plan.kernels[0].args[2].innerContiguous = true;
  plan.launches[1].args[1].bits = UINT64_MAX;
  plan.launches[1].fills = {{2, 0xff800000}, {0, 0}};
  plan.outputs.push_back({"scalar", DType::Bool, {}});
  plan.outputs.push_back({"empty", DType::BF16, {0, 7}});
  ASSERT_TRUE(plan.verify().ok()) << plan.verify().message();
  Result<Plan> read = Plan::fromJson(plan.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plan);
  EXPECT_EQ(read->toJson(), plan.toJson());
}

TEST(Plan, RoundTripsForCuda) {
  const Plan plan = cudaSampleArtifact().plan;
  Result<Plan> read = Plan::fromJson(plan.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plan);
}

TEST(Plan, RoundTripsWithoutContent) {
  const Plan plan = tinyArtifact().plan;
  Result<Plan> read = Plan::fromJson(plan.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plan);
}

TEST(Plan, JsonErrorsHaveAPlace) {
  const std::string good = sampleArtifact().plans[0].toJson();
  struct Case {
    std::string_view from, to, message;
  };
  const Case cases[] = {
      {"\"version\": 3", "\"version\": 1", "/version: this runtime reads plans of version 3"},
      {"\"version\": 3,", "", "the field 'version' is missing"},
      {"\"name\": \"sample\"", "\"name\": \"sample\", \"colour\": 1", "unknown field 'colour'"},
      {"\"name\": \"sample\"", "\"name\": \"sample\", \"name\": \"x\"", "'name' is repeated"},
      {"\"name\": \"sample\"", "\"name\": 7", "/name: expected a string, found number"},
      {"\"dtype\": \"f32\"", "\"dtype\": \"f31\"", "/inputs/0/dtype: expected an element type"},
      {"\"shape\": [1000]", "\"shape\": 1000", "/inputs/0/shape: expected an array"},
      {"\"shape\": [1000]", "\"shape\": [1.5]", "/inputs/0/shape/0: expected an integer"},
      {"\"shape\": [1000]", "\"shape\": [18446744073709551615]", "/inputs/0/shape/0: expected"},
      {"\"shape\": [1000]", "\"shape\": [1,1,1,1,1,1,1,1,1]", "/inputs/0/shape: at most 8"},
      {"\"kind\": \"tensor\"", "\"kind\": \"matrix\"", "expected 'tensor' or 'scalar'"},
      {"\"kind\": \"tensor\", ", "", "/kernels/0/args/0: expected an object with the field"},
      {"\"inner_contiguous\": false", "\"inner_contiguous\": 0", "expected true or false"},
      {"\"rank\": 1", "\"rank\": \"1\"", "/kernels/0/args/0/rank: expected an integer"},
      {"\"alignment\": 1", "\"alignment\": 1.5", "/args/0/alignment: expected an integer"},
      {", \"alignment\": 1", "", "/kernels/0/args/0: the field 'alignment' is missing"},
      {"\"threads\": 0", "\"threads\": null", "/kernels/0/threads: expected an integer"},
      {"\"shared_bytes\": 0", "\"shared_bytes\": \"\"", "/kernels/0/shared_bytes: expected an"},
      {"\"arch\": \"\"", "\"arch\": 90", "/arch: expected a string"},
      {"{\"input\": 0}", "{\"socket\": 0}", "/launches/0/args/0: expected an object with one of"},
      {"{\"input\": 0}", "{\"input\": 0, \"output\": 0}", "unknown field 'output'"},
      {"{\"input\": 0}", "[]", "/launches/0/args/0: expected an object"},
      {"{\"scalar\": 1056964608}", "{\"scalar\": -1}", "/launches/1/args/1/scalar: expected 0"},
      {"\"grid\": [10, 20, 5]", "\"grid\": [10, 20]", "/launches/0/grid: expected 3 elements"},
      {"\"grid\": [10, 20, 5]", "\"grid\": [10, 20, 2147483648]", "/launches/0/grid/2: expected"},
      {"\"grid\": [10, 20, 5]", "\"grid\": [[[[[[[[[]]]]]]]]]", "nested deeper than 8"},
      {"\"workspace_bytes\": 4096", "\"workspace_bytes\": ", "parse error at line"},
      {"\"fills\": []", "\"fills\": 0", "/launches/0/fills: expected an array"},
      {"\"fills\": []", "\"fills\": [{\"arg\": 2}]", "fills/0: the field 'bits' is missing"},
      {"\"fills\": []", "\"fills\": [{\"arg\": 2, \"bits\": -1}]", "/fills/0/bits: expected 0"},
      {",\n      \"fills\": []", "", "/launches/0: the field 'fills' is missing"},
  };
  for (const Case &c : cases) {
    Result<Plan> plan = Plan::fromJson(replaced(good, c.from, c.to));
    ASSERT_FALSE(plan) << c.to;
    EXPECT_THAT(plan.status().message(), HasSubstr(c.message));
  }
}

TEST(Plan, HostileText) {
  for (std::string text :
       {std::string(), std::string("null"), std::string("[]"), std::string(1'000'000, '['),
        std::string("\xff\xfe{}"), std::string("{\"version\": 1e999}"),
        std::string("{\"a\": \"\\ud800\"}"), std::string(64, '\0')})
    EXPECT_FALSE(Plan::fromJson(text)) << text.substr(0, 40);
}

TEST(Plan, HostileTextIsRefusedSoon) {
  // Many small objects under one list; just below and far above the limit on values.
  const std::size_t within = PlanLimits::jsonValues - 2, above = std::size_t(16 << 20) / 3;
  for (std::size_t objects : {within, above}) {
    std::string text = "{\"launches\":[{}";
    for (std::size_t i = 1; i < objects; ++i)
      text += ",{}";
    text += "]}";
    const auto start = std::chrono::steady_clock::now();
    const Status status = Plan::fromJson(text).status();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    EXPECT_THAT(status.message(), HasSubstr(objects == within ? "the field 'version' is missing"
                                                              : "more than 4194304 values"));
    // Reading that takes quadratic time takes hours here.
    EXPECT_LT(time.count(), 30);
  }
}

TEST(Plan, EveryPrefixIsRefused) {
  std::string text = sampleArtifact().plans[0].toJson();
  text.resize(text.find_last_of('}'));
  for (std::size_t length = 0; length <= text.size(); ++length)
    EXPECT_FALSE(Plan::fromJson(std::string_view(text).substr(0, length))) << length;
}

TEST(Plan, VerifyNamesThePlace) {
  struct Case {
    std::function<void(Plan &)> change;
    std::string_view message;
  };
  const Case cases[] = {
      {[](Plan &p) { p.name.clear(); }, "/name: a name has 1 to 256"},
      {[](Plan &p) { p.name = "a\nb"; }, "/name: a name has printable ASCII"},
      {[](Plan &p) { p.inputs[1].name = std::string(257, 'x'); }, "/inputs/1/name"},
      {[](Plan &p) { p.target = "sm_90a"; }, "/target: expected 'host' or 'cuda', found 'sm_90a'"},
      {[](Plan &p) { p.cpuLevel = "x86-64-v1"; }, "/cpu_level"},
      {[](Plan &p) { p.inputs[1].name = p.inputs[0].name; }, "/inputs/1/name: 'a' is used twice"},
      {[](Plan &p) { p.inputs[0].shape = {-1}; }, "/inputs/0/shape/0: expected 0 to 2147483647"},
      {[](Plan &p) { p.inputs[0].shape = {std::int64_t(1) << 31}; }, "/inputs/0/shape/0"},
      {[](Plan &p) { p.outputs[0].shape.assign(9, 1); }, "/outputs/0/shape: at most 8"},
      {[](Plan &p) { p.outputs[0].shape.assign(3, 2147483647); }, "more than 2^63 - 1 bytes"},
      {[](Plan &p) { p.workspaceBytes = -1; }, "/workspace_bytes"},
      {[](Plan &p) { p.buffers[0].offset = 32; }, "/buffers/0/offset: expected a multiple of 64"},
      {[](Plan &p) { p.buffers[0].offset = -64; }, "/buffers/0/offset"},
      {[](Plan &p) { p.buffers[0].offset = 128; }, "/buffers/0: 4000 bytes at offset 128 leave"},
      {[](Plan &p) { p.buffers[0].offset = 8192; }, "/buffers/0"},
      {[](Plan &p) { p.kernels[1].entry = -1; }, "/kernels/1/entry"},
      {[](Plan &p) { p.kernels[1].stackBytes = maxKernelStackBytes + 1; }, "/kernels/1/stack_byt"},
      {[](Plan &p) { p.kernels[0].args[0].rank = 9; }, "/kernels/0/args/0/rank"},
      {[](Plan &p) { p.kernels[1].args[1].rank = 1; }, "/kernels/1/args/1/rank: expected 0 to 0"},
      {[](Plan &p) { p.kernels[1].args[1].innerContiguous = true; }, "/inner_contiguous"},
      {[](Plan &p) { p.kernels[0].dims[0].clear(); }, "/kernels/0/dims/0"},
      {[](Plan &p) { p.launches[0].kernel = 2; }, "/launches/0/kernel: there is no kernel 2"},
      {[](Plan &p) { p.launches[0].kernel = -1; }, "/launches/0/kernel"},
      {[](Plan &p) { p.launches[1].stage.clear(); }, "/launches/1/stage"},
      {[](Plan &p) { p.launches[0].grid[1] = -1; }, "/launches/0/grid/1"},
      {[](Plan &p) { p.launches[0].grid.fill(INT32_MAX); }, "/launches/0/grid: more than 2^62"},
      {[](Plan &p) { p.launches[0].args.pop_back(); }, "kernel 'add' has 3 arguments, found 2"},
      {[](Plan &p) { p.launches[0].args[0].index = 2; }, "there is no input 2; the plan has 2"},
      {[](Plan &p) { p.launches[0].args[2].index = -1; }, "/launches/0/args/2: there is no buffer"},
      {[](Plan &p) { p.launches[1].args[2].index = 1; }, "there is no output 1; the plan has 1"},
      {[](Plan &p) { p.launches[0].args[0] = LaunchArg::scalar(1); }, "expects a tensor"},
      {[](Plan &p) { p.launches[1].args[1] = LaunchArg::buffer(0); }, "expects a scalar"},
      {[](Plan &p) { p.inputs[0].dtype = DType::F16; }, "expects f32 of rank 1, found f16[1000]"},
      {[](Plan &p) {
         p.inputs[0].shape = {10, 100};
       },
       "expects f32 of rank 1, found f32[10, 1"},
      {[](Plan &p) { p.launches[0].dims.clear(); }, "/launches/0/dims: kernel 'add' has 1 dims"},
      {[](Plan &p) { p.launches[0].dims[0] = -1; }, "/launches/0/dims/0"},
      {[](Plan &p) { p.launches[0].fills = {{3, 0}}; },
       "/launches/0/fills/0/arg: there is no argument 3; the launch has 3"},
      {[](Plan &p) { p.launches[0].fills = {{-1, 0}}; }, "/fills/0/arg: there is no argument -1"},
      {[](Plan &p) { p.launches[0].fills = {{2, 0}, {0, 0}}; },
       "/launches/0/fills/1/arg: argument 0 is neither an output nor a buffer"},
      {[](Plan &p) { p.launches[1].fills = {{1, 0}}; }, "/fills/0/arg: argument 1 is neither"},
      {[](Plan &p) { p.launches[1].fills = {{2, std::uint64_t(1) << 32}}; },
       "/launches/1/fills/0/bits: expected 0 to 4294967295, found 4294967296"},
      {[](Plan &p) {
         p.outputs[0].dtype = p.kernels[1].args[2].dtype = DType::Bool;
         p.launches[1].fills = {{2, 2}};
       },
       "/launches/1/fills/0/bits: expected 0 to 1, found 2"},
      {[](Plan &p) { p.launches[1].fills.resize(257); }, "/launches/1/fills: at most 256"},
      {[](Plan &p) { p.arch = "sm_90a"; }, "/arch: expected '' for the host, found 'sm_90a'"},
      {[](Plan &p) { p.kernels[0].threads = 32; }, "/kernels/0/threads: expected 0 to 0"},
      {[](Plan &p) { p.kernels[0].sharedBytes = 1; }, "/kernels/0/shared_bytes: expected 0 to 0"},
      {[](Plan &p) { p.kernels[0].args[0].alignment = 0; }, "/args/0/alignment: expected a power"},
      {[](Plan &p) { p.kernels[0].args[0].alignment = 12; }, "power of two from 1 to 16, found 12"},
      {[](Plan &p) { p.kernels[0].args[0].alignment = 32; }, "from 1 to 16, found 32"},
      {[](Plan &p) { p.kernels[0].args[0].alignment = INT64_MIN; }, "/args/0/alignment"},
      {[](Plan &p) { p.kernels[1].args[1].alignment = 2; }, "from 1 to 1, found 2"},
      {[](Plan &p) { p.inputs.resize(PlanLimits::tensors + 1); }, "/inputs: at most 1024"},
      {[](Plan &p) { p.kernels.resize(PlanLimits::kernels + 1); }, "/kernels: at most 4096"},
  };
  ASSERT_TRUE(sampleArtifact().plans[0].verify().ok());
  for (const Case &c : cases) {
    Plan plan = sampleArtifact().plans[0];
    c.change(plan);
    const Status status = plan.verify();
    ASSERT_EQ(status.code(), StatusCode::InvalidArgument) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
}

TEST(Plan, VerifyForCuda) {
  struct Case {
    std::function<void(Plan &)> change;
    std::string_view message;
  };
  const Case cases[] = {
      {[](Plan &p) { p.cpuLevel = "x86-64-v3"; }, "/cpu_level: expected '' for cuda"},
      {[](Plan &p) { p.kernels[0].entry = 1; }, "/kernels/0/entry: expected 0 to 0"},
      {[](Plan &p) { p.kernels[0].stackBytes = 1; }, "/kernels/0/stack_bytes: expected 0 to 0"},
      {[](Plan &p) { p.kernels[1].threads = 0; },
       "/kernels/1/threads: expected a multiple of 32 from 32 to 1024, found 0"},
      {[](Plan &p) { p.kernels[1].threads = 48; }, "found 48"},
      {[](Plan &p) { p.kernels[1].threads = 1056; }, "found 1056"},
      {[](Plan &p) { p.kernels[1].threads = -32; }, "found -32"},
      {[](Plan &p) { p.kernels[1].sharedBytes = -1; }, "/kernels/1/shared_bytes"},
      {[](Plan &p) { p.kernels[1].sharedBytes = (1 << 20) + 1; }, "/kernels/1/shared_bytes"},
      {[](Plan &p) {
         p.launches[0].grid = {1 << 16, 1 << 15, 1};
       },
       "/launches/0/grid: 2147483648 program instances; at most 2147483647 are allowed on cuda"},
      {[](Plan &p) {
         // 6 words of tensors, 253 of scalars, 251 of dims, 3 of the grid: one too many.
         p.kernels[0].args.resize(256, KernelArg{KernelArg::Kind::Scalar, DType::F32});
         p.kernels[0].dims.assign(251, "N");
       },
       "/kernels/0: kernel 'add' has 4104 bytes of parameters; at most 4096 are allowed"},
  };
  for (const Case &c : cases) {
    Plan plan = cudaSampleArtifact().plan;
    c.change(plan);
    EXPECT_THAT(plan.verify().message(), HasSubstr(c.message));
  }
  for (const char *arch :
       {"", "sm_9", "sm_", "90", "sm_90b", "sm_090", "sm_1000", "sm_9x", "host"}) {
    Plan plan = cudaSampleArtifact().plan;
    plan.arch = arch;
    EXPECT_THAT(plan.verify().message(), HasSubstr("/arch: expected sm_80, sm_90a")) << arch;
  }
  Plan largest = cudaSampleArtifact().plan;
  largest.kernels[0].threads = 1024;
  largest.kernels[0].sharedBytes = PlanLimits::sharedBytes;
  largest.launches[0].grid = {INT32_MAX, 1, 1};
  largest.arch = "sm_120f";
  EXPECT_TRUE(largest.verify().ok()) << largest.verify().message();
}

TEST(Plan, LimitsAreInclusive) {
  Plan plan = sampleArtifact().plans[0];
  plan.name.assign(PlanLimits::nameBytes, 'x');
  plan.kernels[0].stackBytes = maxKernelStackBytes;
  plan.launches[0].dims[0] = PlanLimits::dim;
  plan.outputs.push_back({"huge", DType::I8, {PlanLimits::dim, PlanLimits::dim}});
  // The buffer ends exactly at the end of the workspace.
  plan.workspaceBytes = 64 + 4 * sampleLength;
  EXPECT_TRUE(plan.verify().ok()) << plan.verify().message();
}
