//===- SelectionTest.cpp - Scores, cascade and sub-sequence order ---------===//

#include "RandomCase.h"

#include <algorithm>
#include <cmath>
#include <set>

using namespace lighthouse::oracle;

namespace {

class EveryShape : public testing::TestWithParam<Shape> {
protected:
  EveryShape() : random(GetParam()), pyramid(random.pyramid), selection(random.selection()) {}

  int64_t rows() const { return selection.batch * selection.groups; }
  const int32_t *indices(int64_t row) const {
    return selection.indices.data() + row * pyramid.gatheredLength();
  }
  const int32_t *rank(int64_t row) const {
    return selection.rank.data() + row * pyramid.totalEntries();
  }
  bool isExpanded(int64_t row, int64_t level, int64_t entry) const {
    return level > 0 &&
           rank(row)[pyramid.offset(level - 1) + entry * pyramid.options().factor] >= 0;
  }

  RandomCase random;
  const Pyramid &pyramid;
  Selection selection;
};

TEST_P(EveryShape, IndicesAndRankAreInverse) {
  for (int64_t row = 0; row < rows(); ++row) {
    int64_t length = pyramid.gatheredLength();
    int64_t valid = std::find(indices(row), indices(row) + length, -1) - indices(row);
    for (int64_t position = 0; position < valid; ++position)
      EXPECT_EQ(rank(row)[indices(row)[position]], position);
    EXPECT_EQ(std::count(indices(row) + valid, indices(row) + length, -1), length - valid);
    EXPECT_EQ(valid, std::count_if(rank(row), rank(row) + pyramid.totalEntries(),
                                   [](int32_t position) { return position >= 0; }));
    // Only a ragged last window can make a row short, and by less than p per level.
    EXPECT_GE(valid, length - (pyramid.levels() - 1) * (pyramid.options().factor - 1));
    if (pyramid.tokens() % pyramid.window(pyramid.levels() - 1) == 0) {
      EXPECT_EQ(valid, length);
    }
  }
}

TEST_P(EveryShape, OrderIsThatOfThePublicSortKeys) {
  for (int64_t row = 0; row < rows(); ++row) {
    double previous = -1;
    for (int64_t position = 0; position < pyramid.gatheredLength(); ++position) {
      int64_t flat = indices(row)[position];
      if (flat < 0)
        break;
      int64_t level = pyramid.levelOf(flat);
      int64_t entry = flat - pyramid.offset(level);
      double key = static_cast<double>(entry * pyramid.window(level));
      if (isExpanded(row, level, entry))
        key += static_cast<double>(pyramid.window(level)) - std::ldexp(1.0, -int(level));
      EXPECT_LT(previous, key);
      previous = key;
    }
  }
}

TEST_P(EveryShape, CausalAndCovering) {
  // Under the order's own lower triangle an entry sees only what ended before its scatter range
  // begins; with the prefix option every position has a contributor.
  for (int64_t row = 0; row < rows(); ++row) {
    int64_t seen = -1;
    for (int64_t position = 0; position < pyramid.gatheredLength(); ++position) {
      int64_t flat = indices(row)[position];
      if (flat < 0)
        break;
      int64_t level = pyramid.levelOf(flat);
      int64_t last = (flat - pyramid.offset(level) + 1) * pyramid.window(level) - 1;
      seen = std::max(seen, last);
      EXPECT_EQ(seen, last);
    }
    if (!pyramid.options().coverPrefix)
      continue;
    for (int64_t token = 0; token < pyramid.tokens(); ++token) {
      bool covered = false;
      for (int64_t level = 0; level < pyramid.levels(); ++level) {
        int64_t entry = (token + 1) / pyramid.window(level) - 1;
        covered |= entry >= 0 && rank(row)[pyramid.offset(level) + entry] >= 0;
      }
      EXPECT_TRUE(covered) << token;
    }
  }
}

TEST_P(EveryShape, TakenOverFromIndices) {
  Result<Selection> taken =
      selectionFromIndices(pyramid, selection.batch, selection.groups, selection.indices);
  ASSERT_TRUE(taken.ok()) << taken.status().message();
  EXPECT_EQ(taken->rank, selection.rank);
  EXPECT_TRUE(checkSelection(pyramid, *taken, random.scores(), 0).ok());
  EXPECT_TRUE(checkSelection(pyramid, *taken, random.scores()).ok());
}

TEST_P(EveryShape, SmallScoreErrorsAreTolerated) {
  Scores scores = random.scores();
  for (float &score : scores.query) // Many ties within the tolerance, resolved differently.
    score = 1 + std::round(score * 4) / 4;
  Scores noisy = scores;
  for (std::size_t i = 0; i < noisy.query.size(); ++i)
    noisy.query[i] *= 1 + 1e-6f * static_cast<float>(i % 7);
  Selection other = select(pyramid, selection.batch, selection.groups, noisy.query, noisy.key);
  EXPECT_TRUE(checkSelection(pyramid, other, scores).ok())
      << checkSelection(pyramid, other, scores).message();
}

INSTANTIATE_TEST_SUITE_P(Small, EveryShape, testing::ValuesIn(smallShapes()),
                         [](const auto &info) { return info.param.name; });

/// A pyramid of 8 coarsest entries over 32 tokens, two levels, of which 2 + 2 are expanded.
class Cascade : public testing::Test {
protected:
  std::set<int64_t> expanded(std::vector<float> query, std::vector<float> key,
                             bool coverPrefix = false) {
    Pyramid pyramid = *Pyramid::create(
        32, {.levels = 2, .factor = 4, .budget = 4, .chunkBudget = 4, .coverPrefix = coverPrefix});
    Selection selection = select(pyramid, 1, 1, query, key);
    std::set<int64_t> result;
    for (int64_t entry = 0; entry < 8; ++entry)
      if (selection.rank[entry * 4] >= 0)
        result.insert(entry);
    return result;
  }
};

TEST_F(Cascade, HalfByQueryThenHalfByKey) {
  // By query 3 and 5; by key 5 and 3 come first but have a place, so 7 and 0 follow.
  EXPECT_EQ(expanded({0, 1, 2, 9, 3, 8, 4, 5}, {7, 0, 1, 9, 2, 10, 3, 8}),
            (std::set<int64_t>{0, 3, 5, 7}));
}

TEST_F(Cascade, TiesGoToTheLowerIndex) {
  EXPECT_EQ(expanded(std::vector<float>(8, 1), std::vector<float>(8, 1)),
            (std::set<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(expanded({1, 2, 1, 1, 1, 1, 1, 2}, {0, 0, 0, 5, 5, 5, 5, 0}),
            (std::set<int64_t>{1, 3, 4, 7}));
}

TEST_F(Cascade, PrefixTakesAPlaceOfTheQueryHalf) {
  EXPECT_EQ(expanded({0, 1, 2, 9, 3, 8, 4, 5}, {0, 0, 0, 0, 0, 0, 6, 7}, true),
            (std::set<int64_t>{0, 3, 6, 7}));
}

TEST_F(Cascade, NaNCountsAsTheLowestScore) {
  EXPECT_EQ(expanded({NAN, 1, 2, 9, 3, 8, 4, 5}, {NAN, 0, 0, NAN, 0, 0, 6, 7}),
            (std::set<int64_t>{3, 5, 6, 7}));
}

TEST(Scores, AreMaximaOfNormsOverWindowsAndGroups) {
  RandomCase random({"", 2, 45, 6, 2, 8, {.levels = 3, .factor = 4, .budget = 128}});
  Scores scores = random.scores();
  const Pyramid &pyramid = random.pyramid;
  auto norm = [](const Tensor &tensor, int64_t b, int64_t token, int64_t head) {
    double sum = 0;
    for (int64_t d = 0; d < tensor.headDim; ++d)
      sum += std::pow(tensor.row(b, token, head)[d], 2.0);
    return std::sqrt(sum);
  };
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t group = 0; group < 2; ++group)
      for (int64_t flat = pyramid.offset(1); flat < pyramid.totalEntries(); ++flat) {
        int64_t level = pyramid.levelOf(flat);
        int64_t begin = (flat - pyramid.offset(level)) * pyramid.window(level);
        double query = 0, key = 0;
        for (int64_t token = begin; token < std::min<int64_t>(begin + pyramid.window(level), 45);
             ++token) {
          key = std::max(key, norm(random.key(), b, token, group));
          for (int64_t head = 3 * group; head < 3 * group + 3; ++head)
            query = std::max(query, norm(random.query(), b, token, head));
        }
        int64_t at = (b * 2 + group) * pyramid.scoredEntries() + flat - pyramid.offset(1);
        EXPECT_FLOAT_EQ(scores.query[at], float(query));
        EXPECT_FLOAT_EQ(scores.key[at], float(key));
      }
}

TEST(Selection, LongerThan65535) {
  // The paper's own plot: N = 512K, k = 4096.
  RandomCase random({"", 1, 1 << 19, 1, 1, 2, {.budget = 4096}});
  Selection selection = random.selection();
  ASSERT_EQ(selection.indices.size(), 65536u);
  EXPECT_EQ(std::ranges::count(selection.indices, -1), 0);
  EXPECT_TRUE(selectionFromIndices(random.pyramid, 1, 1, selection.indices).ok());
}

class WrongIndices : public testing::Test {
protected:
  std::string failure() {
    Result<Selection> taken = selectionFromIndices(random.pyramid, 1, 1, indices);
    return taken ? "no failure" : taken.status().message();
  }

  RandomCase random{{"", 1, 523, 1, 1, 8, {.budget = 16, .chunkBudget = 8}}};
  std::vector<int32_t> indices = random.selection().indices;
};

TEST_F(WrongIndices, AreNamed) {
  std::vector<int32_t> good = indices;
  EXPECT_EQ(failure(), "no failure");
  std::swap(indices[10], indices[11]);
  EXPECT_EQ(failure(), "batch 0, group 0: position 10: the list is not the post-order walk of a "
                       "forest");
  indices = good;
  indices[20] = indices[3];
  EXPECT_NE(failure().find("position 20: entry"), std::string::npos);
  indices = good;
  indices[0] = 100000;
  EXPECT_NE(failure().find("position 0: 100000 is no entry"), std::string::npos);
  indices = good;
  indices[5] = -1;
  EXPECT_NE(failure().find("position 5"), std::string::npos);
  indices = good;
  indices.pop_back();
  EXPECT_NE(failure().find("indices, found"), std::string::npos);
}

TEST_F(WrongIndices, TooManyExpandedInAChunk) {
  // All 16 places in the first of two chunks: the length fits, the choice does not.
  Pyramid oneChunk = *Pyramid::create(523, {.budget = 16, .chunkBudget = 16});
  ASSERT_EQ(oneChunk.gatheredLength(), random.pyramid.gatheredLength());
  std::vector<float> equal(oneChunk.scoredEntries(), 1);
  indices = select(oneChunk, 1, 1, equal, equal).indices;
  EXPECT_NE(failure().find("expands 16 of 16 entries at level 2, expected 8"), std::string::npos)
      << failure();
}

TEST(Selection, PrefixOptionIsChecked) {
  Options options{.budget = 16, .chunkBudget = 8};
  Pyramid plain = *Pyramid::create(512, options);
  options.coverPrefix = true;
  Pyramid covering = *Pyramid::create(512, options);
  std::vector<float> scores(plain.scoredEntries(), 1);
  scores[plain.entries(1)] = 0; // The leftmost coarsest entry.
  Selection selection = select(plain, 1, 1, scores, scores);
  Result<Selection> taken = selectionFromIndices(covering, 1, 1, selection.indices);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.status().message(), "batch 0, group 0: entry 0 of level 2 is not expanded");
}

TEST(Selection, ChoiceAgainstTheScoresIsFound) {
  RandomCase random({"", 1, 1024, 1, 1, 8, {.budget = 16, .chunkBudget = 8}});
  Scores scores = random.scores();
  Selection selection = random.selection();
  Scores reversed = scores;
  for (float &score : reversed.query)
    score = 10 - score;
  Selection other = select(random.pyramid, 1, 1, reversed.query, reversed.key);
  Status status = checkSelection(random.pyramid, other, scores);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("batch 0, group 0, chunk 0: entry"), std::string::npos);
}

} // namespace
