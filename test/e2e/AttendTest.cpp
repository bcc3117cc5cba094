//===- AttendTest.cpp - Every choice that the attention kernels leave open --------------------===//

#include "Pipeline.h"
#include "oracle/Compare.h"
#include "support/CounterRandom.h"

#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;

/// Blocks of queries by blocks of keys of one kernel.
struct Choice {
  const char *kernel;
  int64_t queries, keys;
  bool causal;
};

static std::string nameOf(const testing::TestParamInfo<Choice> &info) {
  const Choice &c = info.param;
  return std::string(c.kernel) + "_" + std::to_string(c.queries) + "_" + std::to_string(c.keys) +
         (c.causal ? "_causal" : "_full");
}

class AttendTest : public testing::TestWithParam<Choice> {};

/// One head, so that [B, N, H, D] and [B, H, S, D] are the same; a length that no block divides.
TEST_P(AttendTest, AgreesWithOracle) {
  const Choice &choice = GetParam();
  const Case c{.tokens = 459, .dim = 64, .dtype = DType::F16};
  std::string spec = R"(
import "attend.lh";
pipeline attention<BM: int, BN: int, CAUSAL: bool>(q: f16[B, H, S, D], k: f16[B, G, S, D], v: f16[B, G, S, D])
    -> (o: f16[B, H, S, D]) {
  let (o, lse) = )" + std::string(choice.kernel) +
                     R"(<BM = BM, BN = BN, CAUSAL = CAUSAL>(q, k, v, 0.125);
  return o;
})";
  auto compiler = Compiler::parse("attention.lh", spec);
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  Request request;
  request.name = "attention";
  request.settings = {{"BM", std::to_string(choice.queries)},
                      {"BN", std::to_string(choice.keys)},
                      {"CAUSAL", choice.causal ? "true" : "false"}};
  for (const char *name : {"q", "k", "v"})
    request.arguments.push_back({name, c.dtype, {1, 1, c.tokens, c.dim}});
  setTarget(request);
  std::unique_ptr<lhc::Execution> execution = compile(*compiler, request);
  ASSERT_TRUE(execution);

  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::vector<runtime::TensorView> views;
  std::vector<std::vector<float>> values;
  std::vector<oracle::Tensor> tensors;
  for (lhc::NamedArray &named : arrays) {
    runtime::TensorView &view = views.emplace_back(lhc::viewOf(named.array));
    view = runtime::TensorView::contiguous(view.data, c.dtype, {1, 1, c.tokens, c.dim});
    values.push_back(*named.array.toFloat());
    tensors.push_back({values.back(), 1, c.tokens, 1, c.dim});
  }
  runtime::Status status = execution->run(views);
  ASSERT_TRUE(status.ok()) << status.message();
  oracle::Expectation expected =
      oracle::expectDense({tensors[0], tensors[1], tensors[2]}, oracle::allPositions(c.tokens),
                          choice.causal, c.dtype);
  oracle::Comparison result = oracle::compare(*execution->outputs[0].array.toFloat(), expected);
  EXPECT_TRUE(result.passed) << result.toString();
}

static std::vector<Choice> choices() {
  std::vector<Choice> all;
  for (bool causal : {true, false}) {
    for (int64_t queries : {64, 128})
      for (int64_t keys : {32, 48, 64, 128})
        all.push_back({"attend_ring", queries, keys, causal});
    for (int64_t queries : {32, 64, 128})
      for (int64_t keys : {32, 64, 128})
        all.push_back({"attend_tiles", queries, keys, causal});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Choices, AttendTest, testing::ValuesIn(choices()), nameOf);
