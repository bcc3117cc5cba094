//===- StagesTest.cpp - Pool, gather, attend, scatter and their whole -----===//

#include "RandomCase.h"

#include "oracle/Forward.h"
#include "oracle/Stages.h"

#include <algorithm>
#include <cmath>

using namespace lighthouse::oracle;

namespace {

class Stages : public testing::TestWithParam<Shape> {
protected:
  Stages() : random(GetParam()), pyramid(random.pyramid), selection(random.selection()) {}

  std::vector<double> forward(const Inputs &inputs) const {
    return forwardRows(inputs, pyramid, selection, allPositions(pyramid.tokens()));
  }

  RandomCase random;
  const Pyramid &pyramid;
  Selection selection;
};

TEST_P(Stages, GatherTakesPooledRows) {
  const Shape &shape = random.shape;
  std::vector<std::vector<double>> levels;
  for (int64_t level = 0; level < pyramid.levels(); ++level)
    levels.push_back(pool(random.query(), pyramid, level));
  EXPECT_EQ(levels[0], std::vector<double>(random.q.begin(), random.q.end()));
  std::vector<double> rows = gather(random.query(), pyramid, selection);
  int64_t length = pyramid.gatheredLength();
  for (int64_t i = 0; i < shape.batch * shape.heads * length; ++i) {
    int64_t b = i / length / shape.heads;
    int64_t head = i / length % shape.heads;
    int64_t group = head / (shape.heads / shape.groups);
    int64_t flat = selection.indices[(b * shape.groups + group) * length + i % length];
    for (int64_t d = 0; d < shape.headDim; ++d) {
      double expected = 0;
      if (flat >= 0) {
        int64_t level = pyramid.levelOf(flat);
        int64_t row = b * pyramid.entries(level) + flat - pyramid.offset(level);
        expected = levels[level][(row * shape.heads + head) * shape.headDim + d];
      }
      ASSERT_EQ(rows[i * shape.headDim + d], expected);
    }
  }
}

TEST_P(Stages, PoolIsTheMeanOfWhatExists) {
  const Shape &shape = random.shape;
  int64_t level = pyramid.levels() - 1;
  std::vector<double> pooled = pool(random.value(), pyramid, level);
  for (int64_t i = 0; i < static_cast<int64_t>(pooled.size()); ++i) {
    int64_t column = i % (shape.groups * shape.headDim);
    int64_t entry = i / (shape.groups * shape.headDim) % pyramid.entries(level);
    int64_t b = i / (shape.groups * shape.headDim) / pyramid.entries(level);
    double sum = 0;
    int64_t count = 0;
    for (int64_t token = 0; token < shape.tokens; ++token)
      if (token / pyramid.window(level) == entry) {
        sum += random.v[(b * shape.tokens + token) * shape.groups * shape.headDim + column];
        ++count;
      }
    ASSERT_NEAR(pooled[i], sum / double(count), 1e-12);
  }
}

TEST_P(Stages, ScatterIsALiteralScatterAdd) {
  const Shape &shape = random.shape;
  int64_t length = pyramid.gatheredLength();
  // Any numbers do; those of rows without an entry must not arrive anywhere.
  std::vector<double> output(shape.batch * shape.heads * length * shape.headDim);
  for (std::size_t i = 0; i < output.size(); ++i)
    output[i] = lighthouse::support::counterUniform(i);
  std::vector<double> expected(shape.batch * shape.tokens * shape.heads * shape.headDim);
  for (int64_t b = 0; b < shape.batch; ++b)
    for (int64_t head = 0; head < shape.heads; ++head)
      for (int64_t position = 0; position < length; ++position) {
        int64_t group = head / (shape.heads / shape.groups);
        int64_t flat = selection.indices[(b * shape.groups + group) * length + position];
        if (flat < 0)
          continue;
        int64_t level = pyramid.levelOf(flat);
        int64_t window = pyramid.window(level);
        int64_t begin = (flat - pyramid.offset(level)) * window + window - 1;
        for (int64_t token = begin; token < std::min(begin + window, shape.tokens); ++token)
          for (int64_t d = 0; d < shape.headDim; ++d)
            expected[((b * shape.tokens + token) * shape.heads + head) * shape.headDim + d] +=
                output[((b * shape.heads + head) * length + position) * shape.headDim + d];
      }
  expectNear(scatter(output, shape.heads, shape.headDim, pyramid, selection), expected, 1e-12);
}

TEST_P(Stages, ForwardIsTheCompositionOfStages) {
  const Shape &shape = random.shape;
  Attended attended =
      attend({shape.batch, shape.heads, shape.groups, pyramid.gatheredLength(), shape.headDim},
             gather(random.query(), pyramid, selection), gather(random.key(), pyramid, selection),
             gather(random.value(), pyramid, selection), true);
  std::vector<double> whole =
      scatter(attended.output, shape.heads, shape.headDim, pyramid, selection);
  std::vector<double> rows = forward(random.inputs());
  // Levels add up in different orders.
  expectNear(rows, whole, 1e-12);

  std::vector<int64_t> positions = samplePositions(shape.tokens, 40);
  std::vector<double> sampled = forwardRows(random.inputs(), pyramid, selection, positions);
  int64_t rowElements = shape.heads * shape.headDim;
  for (int64_t b = 0; b < shape.batch; ++b)
    for (std::size_t i = 0; i < positions.size(); ++i)
      for (int64_t e = 0; e < rowElements; ++e)
        ASSERT_EQ(sampled[(b * positions.size() + i) * rowElements + e],
                  rows[(b * shape.tokens + positions[i]) * rowElements + e]);
}

TEST_P(Stages, LaterTokensDoNotMatter) {
  std::vector<double> before = forward(random.inputs());
  int64_t token = random.shape.tokens * 2 / 3;
  int64_t groupRow = random.shape.groups * random.shape.headDim;
  int64_t queryRow = random.shape.heads * random.shape.headDim;
  for (int64_t b = 0; b < random.shape.batch; ++b) {
    std::fill_n(random.q.begin() + (b * random.shape.tokens + token) * queryRow, queryRow, 3.0f);
    std::fill_n(random.k.begin() + (b * random.shape.tokens + token) * groupRow, groupRow, 3.0f);
    std::fill_n(random.v.begin() + (b * random.shape.tokens + token) * groupRow, groupRow, 3.0f);
  }
  std::vector<double> after = forward(random.inputs());
  for (int64_t b = 0; b < random.shape.batch; ++b)
    for (int64_t i = 0; i < token * queryRow; ++i)
      ASSERT_EQ(before[b * random.shape.tokens * queryRow + i],
                after[b * random.shape.tokens * queryRow + i]);
}

INSTANTIATE_TEST_SUITE_P(Small, Stages, testing::ValuesIn(smallShapes()),
                         [](const auto &info) { return info.param.name; });

TEST(Attend, MatchesTheDefinition) {
  RandomCase random({"", 1, 21, 4, 2, 16, {.levels = 1}});
  AttendShape shape{1, 4, 2, 21, 16};
  std::vector<double> q = gather(random.query(), random.pyramid, random.selection());
  std::vector<double> k = gather(random.key(), random.pyramid, random.selection());
  std::vector<double> v = gather(random.value(), random.pyramid, random.selection());
  for (bool causal : {false, true}) {
    Attended attended = attend(shape, q, k, v, causal);
    for (int64_t i = 0; i < 4 * 21; ++i) {
      int64_t group = i / 21 / 2;
      int64_t visible = causal ? i % 21 + 1 : 21;
      double sum = 0;
      std::vector<double> output(16);
      for (int64_t j = group * 21; j < group * 21 + visible; ++j) {
        double dot = 0;
        for (int64_t d = 0; d < 16; ++d)
          dot += q[i * 16 + d] * k[j * 16 + d];
        double weight = std::exp(dot / 4);
        sum += weight;
        for (int64_t d = 0; d < 16; ++d)
          output[d] += weight * v[j * 16 + d];
      }
      EXPECT_NEAR(attended.logSumExp[i], std::log(sum), 1e-12);
      for (int64_t d = 0; d < 16; ++d)
        EXPECT_NEAR(attended.output[i * 16 + d], output[d] / sum, 1e-12);
    }
  }
}

TEST(Forward, OneLevelIsDenseAttention) {
  for (bool causal : {false, true}) {
    RandomCase random({"", 2, 133, 4, 2, 16, {.levels = 1, .causal = causal}});
    std::vector<int64_t> positions = allPositions(133);
    expectNear(forwardRows(random.inputs(), random.pyramid, random.selection(), positions),
               denseAttentionRows(random.inputs(), positions, causal), 1e-12);
  }
}

TEST(Forward, LargeScoresDoNotOverflow) {
  RandomCase random({"", 1, 64, 1, 1, 16, {.levels = 1}});
  for (float &element : random.q)
    element *= 1e4f;
  for (double element : denseAttentionRows(random.inputs(), allPositions(64), true))
    EXPECT_TRUE(std::isfinite(element));
}

TEST(SamplePositions, AreAscendingAndReachBothEnds) {
  for (int64_t tokens : {1, 7, 100, 65536})
    for (int64_t count : {1, 2, 8, 64, 256}) {
      std::vector<int64_t> positions = samplePositions(tokens, count);
      EXPECT_EQ(static_cast<int64_t>(positions.size()), std::min(tokens, count));
      EXPECT_TRUE(std::ranges::is_sorted(positions, std::less_equal<>()));
      EXPECT_GE(positions.front(), 0);
      EXPECT_LT(positions.back(), tokens);
      if (count >= 8) {
        EXPECT_EQ(positions.front(), 0);
        EXPECT_EQ(positions.back(), tokens - 1);
      }
    }
}

} // namespace
