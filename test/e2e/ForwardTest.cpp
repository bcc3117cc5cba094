//===- ForwardTest.cpp - The forward pass against the oracle ----------------------------------===//
//
// Ragged lengths, unequal chunks, few candidates, grouped heads, kept prefixes, sub-sequences of more
// than 65535 rows, all element types and head dims, random shapes, strided inputs.
//
//===------------------------------------------------------------------------------------------===//

#include "Pipeline.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

/// Runs `c` on `inputs` and demands that every result agrees with the oracle.
static void runAndVerify(const Case &c, const std::vector<TensorView> &inputs) {
  Request request = forwardRequest(c);
  std::unique_ptr<lhc::Execution> execution = compile(forwardCompiler(), request);
  ASSERT_TRUE(execution);
  runtime::Status status = execution->run(inputs);
  ASSERT_TRUE(status.ok()) << status.message();
  auto meanings = forwardCompiler().describe(request);
  ASSERT_TRUE(meanings.ok()) << meanings.status().message();
  auto verdicts = lhc::verify(*meanings, inputs, execution->outputs, /*rows=*/512);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status().message();
  ASSERT_EQ(verdicts->size(), 2u);
  for (const lhc::Verdict &verdict : *verdicts) {
    EXPECT_TRUE(verdict.checked) << verdict.result << ": " << verdict.text;
    EXPECT_TRUE(verdict.passed) << verdict.result << ": " << verdict.text;
  }
}

static void runAndVerify(const Case &c) {
  SCOPED_TRACE(c);
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::vector<TensorView> inputs;
  for (lhc::NamedArray &named : arrays)
    inputs.push_back(lhc::viewOf(named.array));
  runAndVerify(c, inputs);
}

class ForwardTest : public testing::TestWithParam<Case> {};

TEST_P(ForwardTest, AgreesWithOracle) { runAndVerify(GetParam()); }

static const Case cases[] = {
    {.name = "plain", .tokens = 2048, .heads = 2, .groups = 2},
    {.name = "unequal_chunks", .tokens = 4112, .budget = 384},
    {.name = "ragged_one_more", .tokens = 2049},
    {.name = "ragged_one_less", .tokens = 2047, .heads = 2, .groups = 1},
    {.name = "ragged_prime", .tokens = 3001, .levels = 4, .factor = 2, .budget = 256},
    {.name = "sequence_over_65535", .tokens = 130816, .dim = 16, .levels = 2, .factor = 2},
    {.name = "few_candidates", .tokens = 640, .levels = 3, .factor = 4, .budget = 256},
    {.name = "fewer_tokens_than_window", .tokens = 7, .levels = 3, .factor = 4},
    {.name = "one_token", .tokens = 1, .levels = 2, .factor = 2},
    {.name = "two_levels", .tokens = 1500, .levels = 2, .factor = 8},
    {.name = "five_levels", .tokens = 4096, .levels = 5, .factor = 2},
    {.name = "factor_eight", .tokens = 8192, .levels = 3, .factor = 8},
    {.name = "small_chunks", .tokens = 1024, .budget = 64, .chunk = 16},
    {.name = "cover_prefix", .tokens = 2048, .budget = 128, .chunk = 32, .coverPrefix = true},
    {.name = "cover_prefix_ragged",
     .tokens = 2050,
     .heads = 4,
     .groups = 2,
     .budget = 64,
     .chunk = 16,
     .coverPrefix = true},
    {.name = "grouped_queries", .batch = 2, .tokens = 1536, .heads = 8, .groups = 2},
    {.name = "one_group", .tokens = 1024, .heads = 4, .groups = 1},
    {.name = "batches", .batch = 3, .tokens = 1024, .heads = 2, .groups = 2},
    {.name = "dim_32", .tokens = 1024, .dim = 32},
    {.name = "dim_48", .tokens = 1000, .dim = 48},
    {.name = "dim_80", .tokens = 1000, .dim = 80},
    {.name = "dim_128", .tokens = 1024, .dim = 128},
    {.name = "dim_256", .tokens = 1000, .dim = 256},
    {.name = "half", .tokens = 2048, .heads = 2, .groups = 1, .dtype = DType::F16},
    {.name = "half_dim_128", .tokens = 1027, .dim = 128, .dtype = DType::F16},
    {.name = "bfloat", .tokens = 2048, .heads = 2, .groups = 1, .dtype = DType::BF16},
    {.name = "bfloat_ragged", .tokens = 2051, .dim = 48, .coverPrefix = true, .dtype = DType::BF16},
    {.name = "bfloat_dim_256", .tokens = 520, .dim = 256, .dtype = DType::BF16},
};

INSTANTIATE_TEST_SUITE_P(Cases, ForwardTest, testing::ValuesIn(cases),
                         [](const auto &info) { return info.param.name; });

TEST(ForwardRandomTest, ShapesAgreeWithOracle) {
  std::mt19937 random(20260);
  auto pick = [&](std::initializer_list<int64_t> choices) {
    return *(choices.begin() + random() % choices.size());
  };
  for (int i = 0; i < 12; ++i) {
    Case c;
    c.name = "random" + std::to_string(i);
    c.batch = pick({1, 1, 2});
    c.groups = pick({1, 2, 3});
    c.heads = c.groups * pick({1, 2, 4});
    c.dim = pick({32, 48, 64, 96, 112});
    c.factor = pick({2, 4, 8});
    c.levels = c.factor == 8 ? pick({2, 3}) : pick({2, 3, 4});
    c.chunk = pick({8, 32, 128});
    c.budget = c.chunk * pick({1, 2, 3, 5});
    c.tokens = 1 + int64_t(random() % 2500);
    c.coverPrefix = random() % 3 == 0;
    c.dtype = std::array{DType::F32, DType::F16, DType::BF16}[random() % 3];
    c.seed = random() % 1000;
    runAndVerify(c);
  }
}

TEST(ForwardStridesTest, FusedQkvAgreesWithOracle) {
  Case c{.name = "fused", .batch = 2, .tokens = 1030, .heads = 4, .groups = 2, .dim = 64};
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  // One buffer [B, N, H + 2 G, D] with q, k and v beside each other in every row.
  int64_t row = (c.heads + 2 * c.groups) * c.dim;
  std::vector<float> fused(c.batch * c.tokens * row);
  std::vector<TensorView> inputs;
  int64_t start = 0;
  for (lhc::NamedArray &named : arrays) {
    int64_t width = named.array.shape()[2] * c.dim;
    for (int64_t token = 0; token < c.batch * c.tokens; ++token)
      std::memcpy(&fused[token * row + start], &named.array.as<float>()[token * width],
                  width * sizeof(float));
    TensorView view = lhc::viewOf(named.array);
    view.data = fused.data() + start;
    view.strides = {c.tokens * row, row, c.dim, 1};
    inputs.push_back(view);
    start += width;
  }
  runAndVerify(c, inputs);
}

TEST(ForwardDeterminismTest, SameInputsGiveTheSameBits) {
  Case c{.name = "twice", .tokens = 2500, .heads = 2, .groups = 1};
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::vector<TensorView> inputs;
  for (lhc::NamedArray &named : arrays)
    inputs.push_back(lhc::viewOf(named.array));
  std::unique_ptr<lhc::Execution> execution = compile(forwardCompiler(), forwardRequest(c));
  ASSERT_TRUE(execution);
  ASSERT_TRUE(execution->run(inputs).ok());
  auto bytes = execution->outputs[0].array.bytes();
  std::vector<std::byte> first(bytes.begin(), bytes.end());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(execution->run(inputs).ok());
    ASSERT_EQ(0, std::memcmp(first.data(), bytes.data(), first.size()));
  }
}

TEST(ForwardValuesTest, NanInTheLastTokenStaysInItsRow) {
  Case c{.name = "nan", .tokens = 256, .levels = 2, .factor = 2, .budget = 128};
  for (unsigned tensor : {0u, 1u}) {
    std::vector<lhc::NamedArray> arrays = makeInputs(c);
    // In q or k of the last token, which no earlier row sees.
    arrays[tensor].array.as<float>()[(c.tokens - 1) * c.dim] =
        std::numeric_limits<float>::quiet_NaN();
    std::vector<TensorView> inputs;
    for (lhc::NamedArray &named : arrays)
      inputs.push_back(lhc::viewOf(named.array));
    std::unique_ptr<lhc::Execution> execution = compile(forwardCompiler(), forwardRequest(c));
    ASSERT_TRUE(execution);
    ASSERT_TRUE(execution->run(inputs).ok());
    std::span<const float> o = execution->outputs[0].array.as<float>();
    for (int64_t i = 0; i < (c.tokens - 1) * c.dim; ++i)
      ASSERT_FALSE(std::isnan(o[i])) << "tensor " << tensor << ", element " << i;
    EXPECT_TRUE(std::isnan(o[(c.tokens - 1) * c.dim]));
  }
}

TEST(ForwardValuesTest, HugeLogitsDoNotOverflow) {
  Case c{.name = "huge", .tokens = 512};
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  for (unsigned tensor : {0u, 1u})
    for (float &value : arrays[tensor].array.as<float>())
      value *= 1e4f;
  std::vector<TensorView> inputs;
  for (lhc::NamedArray &named : arrays)
    inputs.push_back(lhc::viewOf(named.array));
  runAndVerify(c, inputs);
}

TEST(ForwardErrorTest, BadBudgetNamesTheNearestValidOne) {
  Case c{.name = "budget", .budget = 200};
  auto artifact = forwardCompiler().compile(forwardRequest(c), nullptr);
  ASSERT_FALSE(artifact.ok());
  EXPECT_EQ(artifact.status().code(), runtime::StatusCode::InvalidArgument);
  EXPECT_THAT(artifact.status().message(), testing::HasSubstr("256"));
}

TEST(ForwardErrorTest, WrongInputIsRefusedBeforeTheRun) {
  Case c{.name = "shape", .tokens = 512};
  std::unique_ptr<lhc::Execution> execution = compile(forwardCompiler(), forwardRequest(c));
  ASSERT_TRUE(execution);
  Case other = c;
  other.tokens = 511;
  std::vector<lhc::NamedArray> arrays = makeInputs(other);
  std::vector<TensorView> inputs;
  for (lhc::NamedArray &named : arrays)
    inputs.push_back(lhc::viewOf(named.array));
  runtime::Status status = execution->run(inputs);
  EXPECT_EQ(status.code(), runtime::StatusCode::InvalidArgument);
}
