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
  e2e::runAndVerify(forwardCompiler(), forwardRequest(c), inputs, 2);
}

static void runAndVerify(const Case &c) {
  SCOPED_TRACE(c);
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::vector<TensorView> inputs = viewsOf(arrays);
  runAndVerify(c, inputs);
}

class ForwardTest : public testing::TestWithParam<Case> {};

TEST_P(ForwardTest, AgreesWithOracle) { runAndVerify(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Cases, ForwardTest, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

TEST(ForwardRandomTest, ShapesAgreeWithOracle) {
  std::mt19937 random(20260);
  for (int i = 0; i < 12; ++i)
    runAndVerify(randomCase(random, "random" + std::to_string(i)));
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
  std::vector<TensorView> inputs = viewsOf(arrays);
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
    std::vector<TensorView> inputs = viewsOf(arrays);
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
  std::vector<TensorView> inputs = viewsOf(arrays);
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
  std::vector<TensorView> inputs = viewsOf(arrays);
  runtime::Status status = execution->run(inputs);
  EXPECT_EQ(status.code(), runtime::StatusCode::InvalidArgument);
}
