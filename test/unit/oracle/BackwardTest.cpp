//===- BackwardTest.cpp - The gradient and its stages ---------------------===//

#include "RandomCase.h"

#include "oracle/Stages.h"
#include "support/NumberFormats.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

using namespace lighthouse;
using namespace lighthouse::oracle;

namespace {

void expectGradientsNear(const Gradients &a, const Gradients &b, double tolerance) {
  expectNear(a.query, b.query, tolerance);
  expectNear(a.key, b.key, tolerance);
  expectNear(a.value, b.value, tolerance);
}

/// Any numbers in [-1, 1).
std::vector<double> anyNumbers(int64_t count, uint64_t seed) {
  std::vector<double> numbers(count);
  for (int64_t i = 0; i < count; ++i)
    numbers[i] = 2 * support::counterUniform(seed << 32 | i) - 1;
  return numbers;
}

template <typename A, typename B> double product(const A &a, const B &b) {
  EXPECT_EQ(a.size(), b.size());
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The rows [B, positions, groups * headsPerGroup, D] of [B, tokens, heads, D].
std::vector<double> pick(const std::vector<double> &whole, const Shape &shape, int64_t heads,
                         std::span<const int64_t> positions, std::span<const int64_t> groups) {
  int64_t groupElements = heads / shape.groups * shape.headDim;
  std::vector<double> rows;
  for (int64_t b = 0; b < shape.batch; ++b)
    for (int64_t token : positions)
      for (int64_t group : groups) {
        auto from = whole.begin() + (b * shape.tokens + token) * heads * shape.headDim +
                    group * groupElements;
        rows.insert(rows.end(), from, from + groupElements);
      }
  return rows;
}

class Backward : public testing::TestWithParam<Shape> {
protected:
  Backward() : random(GetParam()), pyramid(random.pyramid), selection(random.selection()) {}

  Gradients rows(std::span<const int64_t> positions, std::span<const int64_t> groups,
                 Rounding rounding = Rounding::None) const {
    return backwardRows(random.inputs(), random.outputGradient(), pyramid, selection, positions,
                        groups, rounding);
  }
  Gradients whole(Rounding rounding = Rounding::None) const {
    return rows(allPositions(random.shape.tokens), allPositions(random.shape.groups), rounding);
  }

  /// The rows of the last batch, of the base positions from `begin` on.
  std::span<const double> rowsOfLastBatch(std::span<const double> gradient, int64_t begin) const {
    int64_t rowElements =
        static_cast<int64_t>(gradient.size()) / (random.shape.batch * random.shape.tokens);
    return gradient.last((random.shape.tokens - begin) * rowElements);
  }
  /// Expects the rows of the last batch at the base positions [begin, end) to be equal and no NaN.
  void expectSameRows(std::span<const double> a, std::span<const double> b, int64_t begin,
                      int64_t end) const {
    std::size_t count = rowsOfLastBatch(a, begin).size() - rowsOfLastBatch(a, end).size();
    EXPECT_TRUE(std::ranges::equal(rowsOfLastBatch(a, begin).first(count),
                                   rowsOfLastBatch(b, begin).first(count)));
  }

  RandomCase random;
  const Pyramid &pyramid;
  Selection selection;
};

TEST_P(Backward, ScatterBackwardIsTheAdjointOfScatter) {
  const Shape &shape = random.shape;
  std::vector<double> gradient = scatterBackward(random.outputGradient(), pyramid, selection);
  std::vector<double> output = anyNumbers(gradient.size(), 1);
  EXPECT_NEAR(product(gradient, output),
              product(random.dO, scatter(output, shape.heads, shape.headDim, pyramid, selection)),
              1e-9);
}

TEST_P(Backward, GatherBackwardIsTheAdjointOfGather) {
  const Shape &shape = random.shape;
  std::vector<double> rows = gather(random.query(), pyramid, selection);
  std::vector<double> gradient = anyNumbers(rows.size(), 2);
  std::vector<double> result =
      gatherBackward(gradient, shape.heads, shape.headDim, pyramid, selection);
  EXPECT_NEAR(product(random.q, result), product(rows, gradient), 1e-9);
}

TEST_P(Backward, GatherBackwardIsTheAdjointOfGatherWithRotation) {
  const Shape &shape = random.shape;
  for (bool interleaved : {false, true}) {
    random.rotate(interleaved);
    std::vector<double> rows = gather(random.query(), pyramid, selection, random.rotary);
    std::vector<double> gradient = anyNumbers(rows.size(), 2);
    std::vector<double> result = gatherBackward(gradient, shape.heads, shape.headDim, pyramid,
                                                selection, random.rotary);
    EXPECT_NEAR(product(random.q, result), product(rows, gradient), 1e-9);
  }
}

class BackwardRotated : public Backward {
protected:
  BackwardRotated() { random.rotate(/*interleaved=*/random.shape.heads % 2 == 0); }
};

/// With rotation; what is not rotated has no tables.
void expectComposition(const RandomCase &random, const Pyramid &pyramid, const Selection &selection,
                       const Gradients &whole) {
  const Shape &shape = random.shape;
  AttendShape attendShape{shape.batch, shape.heads, shape.groups, pyramid.gatheredLength(),
                          shape.headDim};
  std::vector<double> q = gather(random.query(), pyramid, selection, random.rotary);
  std::vector<double> k = gather(random.key(), pyramid, selection, random.rotary);
  std::vector<double> v = gather(random.value(), pyramid, selection);
  Gradients gathered =
      attendBackward(attendShape, q, k, v, attend(attendShape, q, k, v, true),
                     scatterBackward(random.outputGradient(), pyramid, selection), true);
  auto toBase = [&](const std::vector<double> &gradient, int64_t heads,
                    const std::optional<Rotary> &rotary) {
    return gatherBackward(gradient, heads, shape.headDim, pyramid, selection, rotary);
  };
  expectGradientsNear(whole,
                      {toBase(gathered.query, shape.heads, random.rotary),
                       toBase(gathered.key, shape.groups, random.rotary),
                       toBase(gathered.value, shape.groups, {})},
                      1e-12);
}

TEST_P(Backward, IsTheCompositionOfStages) {
  expectComposition(random, pyramid, selection, whole());
}

TEST_P(BackwardRotated, IsTheCompositionOfStages) {
  expectComposition(random, pyramid, selection, whole());
}

TEST_P(Backward, SampledRowsAndGroupsEqualTheWhole) {
  const Shape &shape = random.shape;
  for (Rounding rounding : {Rounding::None, Rounding::BFloat16}) {
    Gradients all = whole(rounding);
    // Without the first positions, for which no row could be left out; the last group first.
    std::vector<int64_t> positions = samplePositions(shape.tokens, 24);
    positions.erase(positions.begin(), positions.begin() + positions.size() / 2);
    for (std::vector<int64_t> groups :
         {std::vector<int64_t>{shape.groups - 1}, {shape.groups - 1, 0}}) {
      Gradients sampled = rows(positions, groups, rounding);
      EXPECT_EQ(sampled.query, pick(all.query, shape, shape.heads, positions, groups));
      EXPECT_EQ(sampled.key, pick(all.key, shape, shape.groups, positions, groups));
      EXPECT_EQ(sampled.value, pick(all.value, shape, shape.groups, positions, groups));
    }
  }
}

TEST_P(Backward, RoundedRowsAreOfTheType) {
  Gradients exact = whole();
  Gradients rounded = whole(Rounding::BFloat16);
  for (auto gradient : {&Gradients::query, &Gradients::key, &Gradients::value}) {
    double largest = 0;
    for (double element : exact.*gradient)
      largest = std::max(largest, std::abs(element));
    for (std::size_t i = 0; i < (exact.*gradient).size(); ++i) {
      double element = (rounded.*gradient)[i];
      ASSERT_EQ(element, support::decodeBFloat16(support::encodeBFloat16(element)));
      ASSERT_NEAR(element, (exact.*gradient)[i], 0.05 * largest);
    }
  }
}

/// What a NaN does not reach, it does not change: masked pairs contribute nothing.
TEST_P(Backward, NaNsStayWhereTheMaskLetsThem) {
  const Shape &shape = random.shape;
  Gradients before = whole();
  // In the last batch. The coarsest window of this token: before it and after it, nothing sees the
  // token's row.
  int64_t token = shape.tokens * 2 / 3;
  int64_t window = pyramid.window(pyramid.levels() - 1);
  int64_t begin = token / window * window;
  int64_t end = std::min(begin + window, shape.tokens);
  auto withNaN = [&](std::vector<float> &tensor) {
    std::vector<float> kept = tensor;
    int64_t rowElements = static_cast<int64_t>(tensor.size()) / (shape.batch * shape.tokens);
    std::fill_n(tensor.end() - (shape.tokens - token) * rowElements, rowElements,
                std::numeric_limits<float>::quiet_NaN());
    Gradients gradients = whole();
    tensor = std::move(kept);
    return gradients;
  };
  Gradients query = withNaN(random.q);
  EXPECT_TRUE(std::isnan(rowsOfLastBatch(query.query, token)[0]));
  expectSameRows(query.query, before.query, 0, begin);
  expectSameRows(query.query, before.query, end, shape.tokens);
  expectSameRows(query.key, before.key, end, shape.tokens);
  expectSameRows(query.value, before.value, end, shape.tokens);

  Gradients key = withNaN(random.k);
  EXPECT_TRUE(std::isnan(rowsOfLastBatch(key.key, token)[0]));
  expectSameRows(key.query, before.query, 0, begin);

  Gradients value = withNaN(random.v);
  EXPECT_TRUE(std::isnan(rowsOfLastBatch(value.query, token)[0]));
  expectSameRows(value.query, before.query, 0, begin);
  expectSameRows(value.value, before.value, 0, shape.tokens);

  Gradients outputGradient = withNaN(random.dO);
  expectSameRows(outputGradient.query, before.query, end, shape.tokens);
  expectSameRows(outputGradient.key, before.key, end, shape.tokens);
  expectSameRows(outputGradient.value, before.value, end, shape.tokens);
}

INSTANTIATE_TEST_SUITE_P(Small, Backward, testing::ValuesIn(smallShapes()),
                         [](const auto &info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Small, BackwardRotated, testing::ValuesIn(smallShapes()),
                         [](const auto &info) { return info.param.name; });

/// Central differences of the sum of dO * O, in some elements of each input.
class Differences {
public:
  Differences(RandomCase &random, std::function<std::vector<double>()> output)
      : random(random), output(std::move(output)) {}

  void expect(const Gradients &gradients) const {
    expect("dq", random.q, gradients.query);
    expect("dk", random.k, gradients.key);
    expect("dv", random.v, gradients.value);
  }

private:
  void expect(const char *name, std::vector<float> &input, std::span<const double> gradient) const {
    ASSERT_EQ(input.size(), gradient.size());
    for (std::size_t i = 0; i < input.size(); i += 1 + input.size() / 50) {
      double above = input[i] + 0x1p-10f;
      double below = input[i] - 0x1p-10f;
      double difference = lossWith(input[i], above) - lossWith(input[i], below);
      EXPECT_NEAR(gradient[i], difference / (above - below), 2e-6) << name << " " << i;
    }
  }

  double lossWith(float &element, double value) const {
    float kept = element;
    element = static_cast<float>(value);
    double loss = product(random.dO, output());
    element = kept;
    return loss;
  }

  RandomCase &random;
  std::function<std::vector<double>()> output;
};

/// Tiny shapes: ragged, grouped, several chunks; all with entries that are not expanded.
std::vector<Shape> tinyShapes() {
  return {
      {"ragged_grouped", 1, 37, 4, 2, 4, {2, 4, 4, 2}},
      {"two_batches_deep", 2, 32, 1, 1, 4, {4, 2, 2, 2}},
      {"cover_prefix_ragged", 1, 43, 2, 1, 4, {3, 2, 4, 2, true}},
      {"few_candidates", 1, 21, 2, 2, 4, {3, 2, 8, 4}},
      {"not_causal", 1, 32, 2, 1, 4, {3, 2, 4, 2, false, false}},
  };
}

class BackwardOfTiny : public testing::TestWithParam<Shape> {};

void expectLimitOfDifferences(RandomCase &random) {
  Selection selection = random.selection(); // Held fixed: it has no gradient.
  std::vector<int64_t> positions = allPositions(random.shape.tokens);
  Differences(random,
              [&] { return forwardRows(random.inputs(), random.pyramid, selection, positions); })
      .expect(backwardRows(random.inputs(), random.outputGradient(), random.pyramid, selection,
                           positions, allPositions(random.shape.groups)));
}

TEST_P(BackwardOfTiny, IsTheLimitOfDifferences) {
  RandomCase random(GetParam());
  expectLimitOfDifferences(random);
}

TEST_P(BackwardOfTiny, IsTheLimitOfDifferencesWithRotation) {
  for (bool interleaved : {false, true}) {
    RandomCase random(GetParam());
    random.rotate(interleaved);
    expectLimitOfDifferences(random);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, BackwardOfTiny, testing::ValuesIn(tinyShapes()),
                         [](const auto &info) { return info.param.name; });

TEST(BackwardOfRagged, NothingFlowsThroughAWindowThatIsCut) {
  // 16 of 17 coarsest windows are whole; the last, of one token, is not expanded.
  RandomCase random({"", 1, 257, 1, 1, 8, {2, 16, 4, 4}});
  for (int64_t d = 0; d < 8; ++d)
    random.q[256 * 8 + d] = random.k[256 * 8 + d] = 1e-3f;
  Gradients gradients =
      backwardRows(random.inputs(), random.outputGradient(), random.pyramid, random.selection(),
                   std::vector<int64_t>{255, 256}, std::vector<int64_t>{0});
  for (auto gradient : {&Gradients::query, &Gradients::key, &Gradients::value})
    for (int64_t d = 0; d < 8; ++d) {
      EXPECT_NE((gradients.*gradient)[d], 0);
      EXPECT_EQ((gradients.*gradient)[8 + d], 0);
    }
}

class DenseBackward : public testing::TestWithParam<bool> {
protected:
  bool causal = GetParam();
};

TEST_P(DenseBackward, IsTheLimitOfDifferences) {
  RandomCase random({"", 2, 19, 4, 2, 4, {.levels = 1}});
  std::vector<int64_t> positions = allPositions(19);
  Differences(random, [&] { return denseAttentionRows(random.inputs(), positions, causal); })
      .expect(denseBackwardRows(random.inputs(), random.outputGradient(), positions,
                                allPositions(random.shape.groups), causal));
}

TEST_P(DenseBackward, IsThatOfOneLevel) {
  Shape shape{"", 2, 133, 4, 2, 16, {.levels = 1, .causal = causal}};
  RandomCase random(shape);
  std::vector<int64_t> positions = allPositions(shape.tokens);
  std::vector<int64_t> groups = allPositions(shape.groups);
  for (Rounding rounding : {Rounding::None, Rounding::Float16}) {
    if (rounding != Rounding::None) // Inputs that rounding does not change.
      for (std::vector<float> *tensor : {&random.q, &random.k, &random.v, &random.dO})
        for (float &element : *tensor)
          element = support::decodeFloat16(support::encodeFloat16(element));
    Gradients dense = denseBackwardRows(random.inputs(), random.outputGradient(), positions, groups,
                                        causal, rounding);
    expectGradientsNear(backwardRows(random.inputs(), random.outputGradient(), random.pyramid,
                                     random.selection(), positions, groups, rounding),
                        dense, 1e-12);

    std::vector<int64_t> some = {132, 4, 77};
    std::vector<int64_t> last = {1};
    Gradients sampled =
        denseBackwardRows(random.inputs(), random.outputGradient(), some, last, causal, rounding);
    EXPECT_EQ(sampled.query, pick(dense.query, shape, shape.heads, some, last));
    EXPECT_EQ(sampled.key, pick(dense.key, shape, shape.groups, some, last));
    EXPECT_EQ(sampled.value, pick(dense.value, shape, shape.groups, some, last));
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, DenseBackward, testing::Bool(),
                         [](const auto &info) { return info.param ? "causal" : "full"; });

TEST(AttendBackward, AScaleIsAFactorOfTheQueries) {
  AttendShape shape{2, 4, 2, 21, 16};
  int64_t keyElements = 2 * 2 * 21 * 16;
  std::vector<double> q = anyNumbers(2 * keyElements, 1), dO = anyNumbers(2 * keyElements, 2);
  std::vector<double> k = anyNumbers(keyElements, 3), v = anyNumbers(keyElements, 4);
  Gradients expected = attendBackward(shape, q, k, v, attend(shape, q, k, v, true), dO, true);
  std::vector<double> scaled = q;
  for (double &element : scaled)
    element *= 2;
  shape.scale = 0.125; // Half of 1 / sqrt(16).
  Attended attended = attend(shape, scaled, k, v, true);
  Gradients gradients = attendBackward(shape, scaled, k, v, attended, dO, true);
  for (double &element : gradients.query)
    element *= 2;
  expectGradientsNear(gradients, expected, 1e-12);
}

} // namespace
