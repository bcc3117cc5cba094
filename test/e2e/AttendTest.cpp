//===- AttendTest.cpp - Every choice that the attention kernels leave open --------------------===//

#include "Pipeline.h"
#include "oracle/Compare.h"
#include "support/CounterRandom.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;

/// Blocks of queries by blocks of keys of one kernel; no queries where the kernel leaves no choice.
struct Choice {
  const char *kernel;
  int64_t queries, keys;
  bool causal;
  int64_t dim = 64;
};

static std::string nameOf(const testing::TestParamInfo<Choice> &info) {
  const Choice &c = info.param;
  return std::string(c.kernel) + "_" + std::to_string(c.queries) + "_" + std::to_string(c.keys) +
         "_" + std::to_string(c.dim) + (c.causal ? "_causal" : "_full");
}

class AttendTest : public testing::TestWithParam<Choice> {
protected:
  /// One head, so that [B, N, H, D] and [B, H, S, D] are the same; a length that no block divides.
  /// `change` may change q, k and v.
  void run(llvm::function_ref<void(std::vector<lhc::NamedArray> &)> change);
};

void AttendTest::run(llvm::function_ref<void(std::vector<lhc::NamedArray> &)> change) {
  const Choice &choice = GetParam();
  const Case c{.tokens = 459, .dim = choice.dim, .dtype = DType::F16};
  std::string spec = R"(
import "attend.lh";
pipeline attention<BM: int, BN: int, CAUSAL: bool>(q: f16[B, H, S, D], k: f16[B, G, S, D], v: f16[B, G, S, D])
    -> (o: f16[B, H, S, D]) {
  let (o, lse) = )" + std::string(choice.kernel) +
                     (choice.queries ? "<BM = BM, " : "<") +
                     "BN = BN, CAUSAL = CAUSAL>(q, k, v, " + std::to_string(1 / std::sqrt(choice.dim)) +
                     R"();
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
  if (std::string_view(choice.kernel) == "attend_pipelined" && !request.arch.empty() &&
      request.arch != "sm_90a")
    GTEST_SKIP() << "for GPUs with more shared memory";
  std::unique_ptr<lhc::Execution> execution = compile(*compiler, request);
  ASSERT_TRUE(execution);

  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  if (change)
    change(arrays);
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

TEST_P(AttendTest, AgreesWithOracle) {
  run(nullptr);
}

/// Values harm the rows that see them and nothing else, in blocks that the mask cuts and in others.
TEST_P(AttendTest, HiddenNaNsDoNoHarm) {
  run([](std::vector<lhc::NamedArray> &arrays) {
    constexpr uint16_t nan = 0x7e00;
    constexpr std::pair<int64_t, int64_t> places[] = {{200, 3}, {201, 9}, {444, 12}};
    for (auto [row, column] : places)
      arrays[2].array.as<uint16_t>()[row * GetParam().dim + column] = nan;
  });
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
    // What there is room for beside the queries.
    constexpr std::pair<int64_t, int64_t> fitting[] = {{16, 128}, {32, 64},   {80, 128}, {96, 48},
                                                       {112, 80}, {192, 112}, {208, 80}, {256, 64}};
    for (auto [dim, keys] : fitting)
      all.push_back({"attend_pipelined", 0, keys, causal, dim});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Choices, AttendTest, testing::ValuesIn(choices()), nameOf);
