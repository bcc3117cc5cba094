//===- ResultsTest.cpp - Which differences of results are rounding ----------------------------===//

#include "lighthouse/Tuning/Results.h"

#include "support/NumberFormats.h"
#include "support/Npy.h"

#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace lighthouse;
using runtime::DType;
using support::Array;
using testing::HasSubstr;

static runtime::TensorView view(const Array &array) {
  return runtime::TensorView::contiguous(const_cast<std::byte *>(array.bytes().data()),
                                         array.dtype(), array.shape());
}

static std::string compare(const Array &expected, const Array &actual) {
  return tuning::compareResults(view(expected), view(actual));
}

static Array array(DType dtype, std::vector<float> values) {
  return *Array::fromFloat(dtype, {int64_t(values.size())}, values);
}

TEST(Results, AllOfARun) {
  Array want = array(DType::F32, {1, 2}), other = array(DType::F32, {1, 3});
  std::vector<runtime::TensorView> expected{view(want), view(want)};
  EXPECT_TRUE(tuning::checkResults(expected, expected).ok());
  runtime::Status status = tuning::checkResults(expected, std::vector{expected[0], view(other)});
  EXPECT_THAT(status.message(), HasSubstr("wrong result 1: "));
  status = tuning::checkResults(expected, std::span(expected).first(1));
  EXPECT_EQ(status.message(), "results are missing");
}

TEST(Results, FloatsWithinRounding) {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = NAN;
  for (DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    Array want = array(dtype, {1, -2, 0, 3, inf, nan});
    EXPECT_EQ(compare(want, array(dtype, {1, -2, 0, 3, inf, nan})), "");
    EXPECT_EQ(compare(want, array(dtype, {1, -2, 1e-5f, 3, inf, nan})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, 3.5, inf, nan})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, 3, -inf, nan})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, 3, 1, nan})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, inf, inf, nan})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, 3, inf, 0})), "");
    EXPECT_NE(compare(want, array(dtype, {1, -2, 0, nan, inf, nan})), "");
  }
  EXPECT_EQ(compare(array(DType::F32, {1}), array(DType::F32, {1.00001f})), "");
  EXPECT_NE(compare(array(DType::F32, {1}), array(DType::F32, {1.001f})), "");
  EXPECT_EQ(compare(array(DType::BF16, {1}), array(DType::BF16, {1.0078125f})), "");
}

TEST(Results, IntegersAndTypesExactly) {
  Array want = *Array::create(DType::I32, {2}, 1024), is = *Array::create(DType::I32, {2}, 1024);
  want.as<int32_t>()[0] = is.as<int32_t>()[0] = 5;
  want.as<int32_t>()[1] = is.as<int32_t>()[1] = 6;
  EXPECT_EQ(compare(want, is), "");
  is.as<int32_t>()[1] = 7;
  EXPECT_EQ(compare(want, is), "integers differ");
  EXPECT_EQ(compare(array(DType::F32, {1}), array(DType::F16, {1})), "f16[1] instead of f32[1]");
  EXPECT_NE(compare(array(DType::F32, {1}), array(DType::F32, {1, 1})), "");
}

TEST(Results, NumbersAreSpelledUntilTheyDiffer) {
  EXPECT_THAT(compare(array(DType::F32, {1}), array(DType::F32, {1.001f})),
              HasSubstr("is 1.001 instead of 1, where 0.001 more or less is allowed"));
  EXPECT_THAT(compare(array(DType::F32, {0.0001f}), array(DType::F32, {-0.0004f})),
              HasSubstr("is -0.0004 instead of 0.0001"));
}

namespace {

/// Rows of 128 numbers that are each a sum of terms as large as 1 / sqrt(row), as those of causal
/// attention are, and the same sums in another order with partial sums in `dtype`.
struct Sums {
  static constexpr int64_t rows = 4000, columns = 128, terms = 16;

  explicit Sums(DType dtype) : dtype(dtype) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    auto rounded = [&](float value) {
      return dtype == DType::F32   ? value
             : dtype == DType::F16 ? support::decodeFloat16(support::encodeFloat16(value))
                                   : support::decodeBFloat16(support::encodeBFloat16(value));
    };
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        float forward = 0, backward = 0, summands[terms];
        for (float &summand : summands)
          summand = normal(random) / std::sqrt(float(row + 1));
        for (int64_t i = 0; i < terms; ++i) {
          forward += summands[i];
          backward += rounded(summands[terms - 1 - i]);
          if (i % 4 == 3)
            backward = rounded(backward);
        }
        want.push_back(forward);
        is.push_back(backward);
      }
  }

  std::string compared() const { return compare(array(dtype, want), array(dtype, is)); }
  /// The same with other numbers at rows from `first` on.
  std::string compared(int64_t first, int64_t count, std::function<float(float)> change) {
    std::vector<float> kept = is;
    for (int64_t i = first * columns; i < (first + count) * columns; ++i)
      is[i] = change(is[i]);
    std::string text = compared();
    is = std::move(kept);
    return text;
  }

  DType dtype;
  std::vector<float> want, is;
};

} // namespace

/// An element in a large row that cancels is off by more than elements of small rows are large.
TEST(Results, AnotherOrderOfSumsIsNoDifference) {
  for (DType dtype : {DType::BF16, DType::F16, DType::F32})
    EXPECT_EQ(Sums(dtype).compared(), "") << runtime::dtypeName(dtype);
}

TEST(Results, WrongRowsAreFoundWhereverTheyAre) {
  for (DType dtype : {DType::BF16, DType::F16, DType::F32}) {
    Sums sums(dtype);
    SCOPED_TRACE(runtime::dtypeName(dtype));
    // The last of them are a sixtieth of the first.
    for (int64_t first : {int64_t(0), Sums::rows / 2, Sums::rows - 16}) {
      EXPECT_NE(sums.compared(first, 16, [](float) { return 0; }), "") << first;
      EXPECT_NE(sums.compared(first, 16, [](float x) { return -x; }), "") << first;
      EXPECT_NE(sums.compared(first, 16, [](float x) { return x * 1.5f; }), "") << first;
    }
    EXPECT_NE(sums.compared(100, Sums::rows - 100, [](float x) { return x * 1.1f; }), "");
    EXPECT_NE(sums.compared(5, 1, [](float x) { return x + 1; }), "");
  }
}
