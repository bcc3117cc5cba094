//===- RotaryTest.cpp - Rotary positions of rows --------------------------===//

#include "RandomCase.h"

#include "oracle/Softmax.h"
#include "oracle/Stages.h"

#include <cmath>

using namespace lighthouse::oracle;

namespace {

/// One position, which turns its two pairs by 90 degrees and by 60.
const std::vector<float> kCos = {0, 0.5f};
const std::vector<float> kSin = {1, std::sqrt(0.75f)};

std::vector<double> rotated(bool interleaved, std::vector<double> row) {
  Rotary{kCos, kSin, interleaved}.rotate(0, 4, row.data());
  return row;
}

TEST(RotaryRows, PairsAreHalvesOrNeighbours) {
  double sine = kSin[1];
  expectNear(rotated(false, {1, 2, 3, 4}), std::vector<double>{-3, 1 - 4 * sine, 1, 2 * sine + 2},
             1e-12);
  expectNear(rotated(true, {1, 2, 3, 4}),
             std::vector<double>{-2, 1, 1.5 - 4 * sine, 3 * sine + 2}, 1e-12);
}

TEST(RotaryRows, TheWayBackIsTheInverse) {
  for (bool interleaved : {false, true}) {
    std::vector<double> row = rotated(interleaved, {1, 2, 3, 4});
    Rotary{kCos, kSin, interleaved}.rotateBack(0, 4, row.data());
    expectNear(row, std::vector<double>{1, 2, 3, 4}, 1e-6); // The tables are floats.
  }
}

/// Rows are rotated at the last token that their entry covers, those of a cut window at the last
/// token of all.
TEST(RotaryRows, PositionsAreTheLastThatEntriesCover) {
  RandomCase random({"", 1, 21, 1, 1, 4, {3, 2, 8, 4}});
  random.rotate(false);
  Selection selection = random.selection();
  std::vector<double> plain = gather(random.query(), random.pyramid, selection);
  std::vector<double> rows = gather(random.query(), random.pyramid, selection, random.rotary);
  bool hasCut = false;
  for (int64_t i = 0; i < random.pyramid.gatheredLength(); ++i) {
    int32_t flat = selection.indices[i];
    if (flat < 0) {
      for (int64_t d = 0; d < 4; ++d)
        EXPECT_EQ(rows[i * 4 + d], 0);
      continue;
    }
    int64_t level = random.pyramid.levelOf(flat), window = int64_t(1) << level;
    int64_t entry = flat - random.pyramid.offset(level);
    int64_t last = std::min<int64_t>(entry * window + window, 21) - 1;
    hasCut |= entry * window + window > 21;
    std::vector<double> expected(plain.begin() + i * 4, plain.begin() + i * 4 + 4);
    random.rotary->rotate(last, 4, expected.data());
    expectNear(std::span(rows).subspan(i * 4, 4), expected, 1e-12);
  }
  EXPECT_TRUE(hasCut);
}

/// Rows of the coarsest level are rounded before they are rotated, as pooling stores them.
TEST(RotaryRows, RowsOfTheCoarsestLevelAreRoundedTwice) {
  RandomCase random({"", 1, 32, 1, 1, 4, {2, 2, 4, 2}});
  random.rotate(true);
  Selection selection = random.selection();
  auto gathered = [&](Rounding rounding) {
    return gather(random.query(), random.pyramid, selection, random.rotary, rounding);
  };
  std::vector<double> rows = gathered(Rounding::BFloat16), exact = gathered(Rounding::None);
  std::vector<double> once = exact;
  roundTo(Rounding::BFloat16, once);
  bool differs = false;
  for (int64_t i = 0; i < random.pyramid.gatheredLength(); ++i)
    for (int64_t d = 0; d < 4; ++d) {
      if (random.pyramid.levelOf(selection.indices[i]) == 0) {
        EXPECT_EQ(rows[i * 4 + d], once[i * 4 + d]);
      } else {
        differs |= rows[i * 4 + d] != once[i * 4 + d];
      }
    }
  EXPECT_TRUE(differs);
}

} // namespace
