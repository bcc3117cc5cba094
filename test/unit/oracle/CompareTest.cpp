//===- CompareTest.cpp - How far an output may be from the oracle ---------===//

#include "RandomCase.h"

#include "oracle/Compare.h"
#include "support/NumberFormats.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lighthouse;
using namespace lighthouse::oracle;
using runtime::DType;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Compare, Float32IsRelativeToTheLargest) {
  Expectation expected = expect({1, -200, 3}, DType::F32);
  EXPECT_DOUBLE_EQ(expected.allowedMax, 2e-3);
  EXPECT_TRUE(compare(std::vector<float>{1.0015f, -200, 3}, expected).passed);
  Comparison comparison = compare(std::vector<float>{1, -200, 3.01f}, expected);
  EXPECT_FALSE(comparison.passed);
  EXPECT_EQ(comparison.worst, 2);
  EXPECT_NEAR(comparison.maxError, 0.01, 1e-6);
  EXPECT_NEAR(comparison.meanError, 0.01 / 3, 1e-6);
}

TEST(Compare, NonFinitePassesOnlyWhereExpected) {
  Expectation expected = expect({1, kNaN, kInfinity}, DType::F32);
  EXPECT_TRUE(compare(std::vector<float>{1, kNaN, kInfinity}, expected).passed);
  for (std::vector<float> wrong : {std::vector<float>{kNaN, kNaN, kInfinity},
                                   {1, 1, kInfinity},
                                   {1, kNaN, -kInfinity},
                                   {1, kNaN, 3}}) {
    Comparison comparison = compare(wrong, expected);
    EXPECT_FALSE(comparison.passed);
    EXPECT_EQ(comparison.nonFinite, 1);
    EXPECT_NE(comparison.toString().find("1 elements wrongly NaN"), std::string::npos);
  }
}

TEST(Compare, SizesMustAgree) {
  EXPECT_FALSE(compare(std::vector<float>{1}, expect({1, 2}, DType::F32)).passed);
}

TEST(Compare, SixteenBitsFollowTheReference) {
  std::vector<double> reference = {1.01, 2.0};
  Expectation expected = expect({1, 2}, DType::BF16, reference);
  EXPECT_NEAR(expected.allowedMax, 0.02 + 2e-5, 1e-12);
  EXPECT_NEAR(expected.allowedMean, 0.0055 + 2e-5, 1e-12);
  EXPECT_TRUE(compare(std::vector<float>{1.01f, 2}, expected).passed);
  // A larger error at one place, the same mean; then the same maximum, a larger mean.
  EXPECT_FALSE(compare(std::vector<float>{1.021f, 2}, expected).passed);
  EXPECT_FALSE(compare(std::vector<float>{1.01f, 2.01f}, expected).passed);
}

/// A row that sees one key is its value: the reference does not round, a kernel may.
TEST(Compare, WeightsOfAttentionMayRound) {
  std::vector<float> ones = {1, 1}, values = {1.5f, -0.75f};
  Tensor query{ones, 1, 1, 1, 2}, value{values, 1, 1, 1, 2};
  for (auto [dtype, halfUnit] : {std::pair(DType::F32, 0.0), std::pair(DType::F16, 0x1p-11),
                                 std::pair(DType::BF16, 0x1p-8)}) {
    Expectation expected = expectDense({query, query, value}, allPositions(1), true, dtype);
    EXPECT_NEAR(expected.allowedMax, 1.5e-5 + halfUnit, 1e-12);
    EXPECT_NEAR(expected.allowedMean, 1.5e-5, 1e-12);
  }
}

/// A sixteen-bit implementation that is not the reference: it rounds inputs and the output only.
TEST(Compare, AnHonestLowPrecisionOutputPasses) {
  for (DType dtype : {DType::F16, DType::BF16}) {
    auto round = [&](double value) {
      return dtype == DType::F16 ? support::decodeFloat16(support::encodeFloat16(value))
                                 : support::decodeBFloat16(support::encodeBFloat16(value));
    };
    RandomCase random({"", 1, 1024, 2, 2, 32, {.budget = 16, .chunkBudget = 8}});
    for (std::vector<float> *tensor : {&random.q, &random.k, &random.v})
      std::ranges::transform(*tensor, tensor->begin(), round);
    Selection selection = random.selection();
    std::vector<int64_t> positions = samplePositions(1024, 128);
    Expectation expected =
        expectForward(random.inputs(), random.pyramid, selection, positions, dtype);
    std::vector<float> output(expected.values.size());
    std::ranges::transform(expected.values, output.begin(), round);
    EXPECT_TRUE(compare(output, expected).passed) << compare(output, expected).toString();

    Expectation dense = expectDense(random.inputs(), positions, true, dtype);
    std::ranges::transform(dense.values, output.begin(), round);
    EXPECT_TRUE(compare(output, dense).passed) << compare(output, dense).toString();
    // An output of the next lower precision does not pass.
    for (float &element : output)
      element *= dtype == DType::F16 ? 1.01f : 1.05f;
    EXPECT_FALSE(compare(output, dense).passed);
  }
}

/// The same of gradients.
TEST(Compare, AnHonestLowPrecisionGradientPasses) {
  for (DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    auto round = [&](double value) {
      return dtype == DType::F16    ? support::decodeFloat16(support::encodeFloat16(value))
             : dtype == DType::BF16 ? support::decodeBFloat16(support::encodeBFloat16(value))
                                    : static_cast<float>(value);
    };
    RandomCase random({"", 1, 1024, 2, 1, 32, {.budget = 16, .chunkBudget = 8}});
    for (std::vector<float> *tensor : {&random.q, &random.k, &random.v, &random.dO})
      std::ranges::transform(*tensor, tensor->begin(), round);
    std::vector<int64_t> positions = samplePositions(1024, 128);
    std::vector<int64_t> groups = {0};
    for (const GradientExpectations &gradients :
         {expectBackward(random.inputs(), random.outputGradient(), random.pyramid,
                         random.selection(), positions, groups, dtype),
          expectDenseBackward(random.inputs(), random.outputGradient(), positions, groups, true,
                              dtype)})
      for (const Expectation *expected : {&gradients.query, &gradients.key, &gradients.value}) {
        std::vector<float> output(expected->values.size());
        std::ranges::transform(expected->values, output.begin(), round);
        EXPECT_TRUE(compare(output, *expected).passed) << compare(output, *expected).toString();
        for (float &element : output)
          element *= dtype == DType::BF16 ? 1.1f : 1.02f;
        EXPECT_FALSE(compare(output, *expected).passed);
      }
  }
}

TEST(Compare, RowsAt) {
  std::vector<float> output(2 * 4 * 1 * 2);
  for (std::size_t i = 0; i < output.size(); ++i)
    output[i] = float(i);
  EXPECT_EQ(rowsAt({output, 2, 4, 1, 2}, std::vector<int64_t>{1, 3}),
            (std::vector<float>{2, 3, 6, 7, 10, 11, 14, 15}));
  // Of two groups of two heads the second.
  EXPECT_EQ(rowsAt({output, 1, 4, 4, 1}, std::vector<int64_t>{1, 3}, std::vector<int64_t>{1}, 2),
            (std::vector<float>{6, 7, 14, 15}));
}

} // namespace
