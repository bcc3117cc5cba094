//===- PlanTest.cpp - Plans, their JSON form and their bounds -------------===//

#include "CudaSample.h"
#include "HopperSample.h"

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
  const Plan plan = cudaSampleArtifact().plans[0];
  Result<Plan> read = Plan::fromJson(plan.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plan);
}

TEST(Plan, RoundTripsWithParameters) {
  Plan plan = withScaled(sampleArtifact()).plans[1];
  plan.parameters.push_back({"unused \"quoted\"", DType::Bool});
  ASSERT_TRUE(plan.verify().ok()) << plan.verify().message();
  EXPECT_THAT(plan.toJson(), HasSubstr(R"({"name": "factor", "dtype": "f32"})"));
  EXPECT_THAT(plan.toJson(), HasSubstr(R"({"parameter": 0})"));
  Result<Plan> read = Plan::fromJson(plan.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plan);
}

TEST(Plan, RoundTripsWithTensorMapsAndClusters) {
  for (Plan plan : hopperArtifact().plans) {
    KernelArg &arg = plan.kernels[0].args[0];
    if (arg.kind == KernelArg::Kind::TensorMap)
      arg.map = {{4, 8}, 32, 256, true};
    plan.kernels[0].isResident = plan.kernels[0].cluster == 1;
    ASSERT_TRUE(plan.verify().ok()) << plan.verify().message();
    Result<Plan> read = Plan::fromJson(plan.toJson());
    ASSERT_TRUE(read) << read.status().toString();
    EXPECT_EQ(*read, plan);
  }
  EXPECT_THAT(hopperArtifact().plans[0].toJson(),
              HasSubstr(R"({"kind": "tensor_map", "dtype": "f32", "box": [8, 16], "swizzle": 0, )"
                        R"("l2_promotion": 0, "fill_nan": false})"));
  EXPECT_THAT(hopperArtifact().plans[1].toJson(), HasSubstr("\"cluster\": 2"));
}

TEST(Plan, Lists) {
  const std::vector<Plan> plans = withScaled(sampleArtifact()).plans;
  Result<std::vector<Plan>> read = plansFromJson(plansToJson(plans));
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, plans);
  const std::string text = plansToJson(plans);
  struct Case {
    std::string_view from, to, message;
  };
  const Case cases[] = {
      {"\"name\": \"scaled\"", "\"name\": \"\"", "/1/name: a name has 1 to 256"},
      {"\"name\": \"scaled\"", "\"title\": \"\"", "/1: the field 'name' is missing"},
      {"{\"parameter\": 0}", "{\"parameter\": 1}", "/1/launches/0/args/1: there is no parameter 1"},
      {"\"version\": 6", "\"version\": 3", "/0/version: this runtime reads plans of version 6"},
  };
  for (const Case &c : cases)
    EXPECT_THAT(plansFromJson(replaced(text, c.from, c.to)).status().message(),
                HasSubstr(c.message));
  EXPECT_THAT(plansFromJson("{}").status().message(), HasSubstr("/: expected an array"));
  EXPECT_THAT(plansFromJson("[7]").status().message(), HasSubstr("/0: expected an object"));
  std::string many = "[0";
  for (std::size_t i = 0; i < PlanLimits::plans; ++i)
    many += ",0";
  EXPECT_THAT(plansFromJson(many + "]").status().message(), HasSubstr("at most 256 elements"));
}

TEST(Plan, RoundTripsWithoutContent) {
  const Plan plan = tinyArtifact().plans[0];
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
      {"\"version\": 6", "\"version\": 1", "/version: this runtime reads plans of version 6"},
      {"\"version\": 6", "\"version\": 3, \"old\": 1", "/version: this runtime reads plans"},
      {"\"version\": 6", "\"version\": \"4\"", "/version: expected an integer"},
      {"\"version\": 6,", "", "the field 'version' is missing"},
      {"\"name\": \"sample\"", "\"name\": \"sample\", \"colour\": 1", "unknown field 'colour'"},
      {"\"name\": \"sample\"", "\"name\": \"sample\", \"name\": \"x\"", "'name' is repeated"},
      {"\"name\": \"sample\"", "\"name\": 7", "/name: expected a string, found number"},
      {"\"dtype\": \"f32\"", "\"dtype\": \"f31\"", "/inputs/0/dtype: expected an element type"},
      {"\"shape\": [1000]", "\"shape\": 1000", "/inputs/0/shape: expected an array"},
      {"\"shape\": [1000]", "\"shape\": [1.5]", "/inputs/0/shape/0: expected an integer"},
      {"\"shape\": [1000]", "\"shape\": [18446744073709551615]", "/inputs/0/shape/0: expected"},
      {"\"shape\": [1000]", "\"shape\": [1,1,1,1,1,1,1,1,1]", "/inputs/0/shape: at most 8"},
      {"\"kind\": \"tensor\"", "\"kind\": \"matrix\"", "'tensor', 'scalar' or 'tensor_map'"},
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
      {"\"grid\": [10, 20, 5]", "\"grid\": [[[[[[[[[]]]]]]]]]", "nested deeper than 9"},
      {"\"workspace_bytes\": 4096", "\"workspace_bytes\": ", "parse error at line"},
      {"\"fills\": []", "\"fills\": 0", "/launches/0/fills: expected an array"},
      {"\"fills\": []", "\"fills\": [{\"arg\": 2}]", "fills/0: the field 'bits' is missing"},
      {"\"fills\": []", "\"fills\": [{\"arg\": 2, \"bits\": -1}]", "/fills/0/bits: expected 0"},
      {",\n      \"fills\": []", "", "/launches/0: the field 'fills' is missing"},
      {"\"parameters\": []", "\"parameters\": [{\"name\": \"x\"}]",
       "/parameters/0: the field 'dtype' is missing"},
      {"  \"parameters\": [],\n", "", "the field 'parameters' is missing"},
      {"{\"input\": 0}", "{\"parameter\": \"x\"}", "/args/0/parameter: expected an integer"},
      {"      \"image\": 0,\n", "", "/kernels/0: the field 'image' is missing"},
      {"      \"cluster\": 0,\n", "", "/kernels/0: the field 'cluster' is missing"},
      {"      \"resident\": false,\n", "", "/kernels/0: the field 'resident' is missing"},
      {"\"resident\": false", "\"resident\": 1", "/kernels/0/resident: expected"},
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
      {[](Plan &p) { p.kernels[0].image = -1; }, "/kernels/0/image: expected 0 to 4095, found -1"},
      {[](Plan &p) { p.kernels[0].image = 4096; }, "/kernels/0/image: expected 0 to 4095"},
      {[](Plan &p) { p.kernels[0].cluster = 1; }, "/kernels/0/cluster: expected 0 to 0, found 1"},
      {[](Plan &p) { p.kernels[0].isResident = true; },
       "/kernels/0/resident: expected false for the host, found true"},
      {[](Plan &p) { p.kernels[0].args[0].map.box = {4}; }, "only a tensor map has a box"},
      {[](Plan &p) { p.kernels[0].args[0].kind = KernelArg::Kind::TensorMap; },
       "/kernels/0/args/0: there are no tensor maps on the host"},
      {[](Plan &p) { p.parameters = {{"", DType::F32}}; }, "/parameters/0/name: a name has 1 to"},
      {[](Plan &p) {
         p.parameters = {{"x", DType::F32}, {"y", DType::F32}, {"x", DType::I8}};
       },
       "/parameters/2/name: 'x' is used twice"},
      {[](Plan &p) { p.parameters.resize(257); }, "/parameters: at most 256"},
      {[](Plan &p) { p.launches[1].args[1] = LaunchArg::parameter(0); },
       "/launches/1/args/1: there is no parameter 0; the plan has 0"},
      {[](Plan &p) {
         p.parameters = {{"x", DType::F32}};
         p.launches[1].args[1] = LaunchArg::parameter(-1);
       },
       "/launches/1/args/1: there is no parameter -1; the plan has 1"},
      {[](Plan &p) {
         p.parameters = {{"x", DType::I32}};
         p.launches[1].args[1] = LaunchArg::parameter(0);
       },
       "/launches/1/args/1: the kernel expects f32, found i32"},
      {[](Plan &p) {
         p.parameters = {{"x", DType::F32}};
         p.launches[1].args[0] = LaunchArg::parameter(0);
       },
       "/launches/1/args/0: the kernel expects a tensor, found a scalar"},
      {[](Plan &p) {
         p.parameters = {{"x", DType::F32}};
         p.launches[1].args[1] = LaunchArg::parameter(0);
         p.launches[1].fills = {{1, 0}};
       },
       "/launches/1/fills/0/arg: argument 1 is neither an output nor a buffer"},
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
       "/kernels/0: kernel 'add' has 4120 bytes of parameters; at most 4096 are allowed"},
  };
  for (const Case &c : cases) {
    Plan plan = cudaSampleArtifact().plans[0];
    c.change(plan);
    EXPECT_THAT(plan.verify().message(), HasSubstr(c.message));
  }
  struct HopperCase {
    std::function<void(Plan &, KernelArg &)> change;
    std::string_view message;
  };
  const HopperCase hopperCases[] = {
      {[](Plan &p, KernelArg &) { p.arch = "sm_89"; },
       "/kernels/0/args/0: tensor maps need sm_90 or later, found sm_89"},
      {[](Plan &, KernelArg &a) {
         a.rank = 0;
         a.map.box.clear();
       },
       "/kernels/0/args/0/rank: expected 1 to 5, found 0"},
      {[](Plan &, KernelArg &a) {
         a.rank = 6;
         a.map.box.assign(6, 16);
       },
       "/kernels/0/args/0/rank: expected 1 to 5, found 6"},
      {[](Plan &, KernelArg &a) { a.map.box = {8}; }, "/args/0/box: expected 2 extents, found 1"},
      {[](Plan &, KernelArg &a) { a.map.box[0] = 0; }, "/args/0/box/0: expected 1 to 256, found 0"},
      {[](Plan &, KernelArg &a) { a.map.box[1] = 257; }, "/args/0/box/1: expected 1 to 256"},
      {[](Plan &, KernelArg &a) { a.innerContiguous = false; },
       "/kernels/0/args/0: a tensor map needs contiguous rows, aligned to 16 bytes"},
      {[](Plan &, KernelArg &a) { a.alignment = 8; }, "contiguous rows, aligned to 16 bytes"},
      {[](Plan &, KernelArg &a) { a.dtype = DType::Bool; },
       "/kernels/0/args/0/dtype: there are no tensor maps of bool"},
      {[](Plan &, KernelArg &a) { a.map.swizzle = 16; },
       "/kernels/0/args/0/swizzle: expected 0, 32, 64 or 128, found 16"},
      {[](Plan &, KernelArg &a) { a.map.l2Promotion = 32; },
       "/kernels/0/args/0/l2_promotion: expected 0, 64, 128 or 256, found 32"},
      {[](Plan &, KernelArg &a) {
         a.dtype = DType::I32;
         a.map.fillNaN = true;
       },
       "/kernels/0/args/0/fill_nan: i32 has no NaN"},
      {[](Plan &, KernelArg &a) { a.map.box[1] = 2; },
       "/kernels/0/args/0/box: rows of 8 bytes; a multiple of 16 is needed"},
      {[](Plan &, KernelArg &a) { a.map.swizzle = 32; },
       "/kernels/0/args/0/box: rows of 64 bytes; a swizzle of 32 allows no more"},
      {[](Plan &p, KernelArg &) { p.launches[0].args[0] = LaunchArg::scalar(0); },
       "/launches/0/args/0: the kernel expects a tensor, found a scalar"},
      {[](Plan &p, KernelArg &) { p.inputs[0].shape = {0, 40}; },
       "/launches/0/args/0: a tensor map needs elements, found f32[0, 40]"},
      {[](Plan &p, KernelArg &) {
         p.workspaceBytes = 4096;
         p.buffers = {{0, DType::F32, {20, 3}}};
         p.launches[0].args[0] = LaunchArg::buffer(0);
       },
       "/launches/0/args/0: dim 0 has a stride of 12 bytes; a tensor map needs multiples of 16"},
      {[](Plan &p, KernelArg &a) {
         p.workspaceBytes = PlanLimits::workspaceBytes;
         p.buffers = {{0, DType::I8, {2, 1 << 20, 1 << 20}}};
         p.launches[0].args[0] = LaunchArg::buffer(0);
         a.dtype = DType::I8;
         a.rank = 3;
         a.map.box = {1, 1, 16};
       },
       "/launches/0/args/0: dim 0 has a stride of 1099511627776 bytes; a tensor map needs"},
      {[](Plan &p, KernelArg &a) {
         p.kernels[0].args.assign(32, KernelArg(a));
         p.launches[0].args.assign(32, LaunchArg::input(0));
       },
       "/kernels/0: kernel 'copy' has 4136 bytes of parameters; at most 4096 are allowed"},
      {[](Plan &p, KernelArg &) { p.kernels[0].cluster = 0; },
       "/kernels/0/cluster: expected 1 to 16, found 0"},
      {[](Plan &p, KernelArg &) { p.kernels[0].cluster = 17; }, "expected 1 to 16, found 17"},
      {[](Plan &p, KernelArg &) { p.kernels[0].cluster = 4; },
       "/launches/0/grid: 9 program instances; clusters have 4 each"},
  };
  for (const HopperCase &c : hopperCases) {
    Plan plan = hopperArtifact().plans[0];
    c.change(plan, plan.kernels[0].args[0]);
    EXPECT_THAT(plan.verify().message(), HasSubstr(c.message));
  }
  Plan resident = hopperArtifact().plans[1];
  resident.kernels[0].isResident = true;
  EXPECT_THAT(
      resident.verify().message(),
      HasSubstr("/kernels/0/resident: expected false for a kernel with clusters, found true"));
  Plan clusters = hopperArtifact().plans[1];
  clusters.arch = "sm_80";
  EXPECT_THAT(clusters.verify().message(),
              HasSubstr("/kernels/0/cluster: clusters need sm_90 or later, found sm_80"));
  // What the limits allow.
  Plan allowed = hopperArtifact().plans[0];
  allowed.inputs[0].shape = {0, 40};
  allowed.launches[0].grid = {0, 3, 1};
  allowed.kernels[0].cluster = 16;
  EXPECT_TRUE(allowed.verify().ok()) << allowed.verify().message();
  for (const char *arch :
       {"", "sm_9", "sm_", "90", "sm_90b", "sm_090", "sm_1000", "sm_9x", "host"}) {
    Plan plan = cudaSampleArtifact().plans[0];
    plan.arch = arch;
    EXPECT_THAT(plan.verify().message(), HasSubstr("/arch: expected sm_80, sm_90a")) << arch;
  }
  Plan largest = cudaSampleArtifact().plans[0];
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
