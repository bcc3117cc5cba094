//===- PyramidTest.cpp - Sizes of a Lighthouse pyramid --------------------===//

#include "oracle/Pyramid.h"

#include <gtest/gtest.h>

using namespace lighthouse::oracle;

namespace {

std::string failure(int64_t tokens, const Options &options) {
  Result<Pyramid> pyramid = Pyramid::create(tokens, options);
  return pyramid ? "no failure" : pyramid.status().message();
}

TEST(Pyramid, Sizes) {
  Result<Pyramid> pyramid = Pyramid::create(98304, {});
  ASSERT_TRUE(pyramid.ok());
  EXPECT_EQ(pyramid->window(2), 16);
  EXPECT_EQ(pyramid->entries(2), 6144);
  EXPECT_EQ(pyramid->offset(1), 98304);
  EXPECT_EQ(pyramid->totalEntries(), 98304 + 24576 + 6144);
  EXPECT_EQ(pyramid->scoredEntries(), 24576 + 6144);
  EXPECT_EQ(pyramid->chunks(), 12);
  EXPECT_EQ(pyramid->gatheredLength(), 6144 + 2 * 4 * 1536);
  EXPECT_EQ(pyramid->levelOf(98303), 0);
  EXPECT_EQ(pyramid->levelOf(98304), 1);
  EXPECT_EQ(pyramid->levelOf(pyramid->totalEntries() - 1), 2);
}

TEST(Pyramid, GatheredLengthOfSpecialCases) {
  // Unequal chunks and lengths beyond 65535 follow the closed form; few candidates do not.
  EXPECT_EQ(Pyramid::create(65536, {})->gatheredLength(), 4096 + 2 * 4 * 1536);
  EXPECT_EQ(Pyramid::create(1 << 19, {.budget = 4096})->gatheredLength(), 65536);
  EXPECT_EQ(Pyramid::create(2048, {.budget = 512})->gatheredLength(), 128 + 512 + 2048);
  EXPECT_EQ(Pyramid::create(77, {.levels = 1})->gatheredLength(), 77);
  // 3 coarsest entries, all expanded: 12 children but for the ragged last window (33 = 2 * 16 + 1).
  EXPECT_EQ(Pyramid::create(33, {.budget = 128})->gatheredLength(), 3 + 9 + 33);
}

TEST(Pyramid, RaggedWindows) {
  Result<Pyramid> pyramid = Pyramid::create(35, {});
  ASSERT_TRUE(pyramid.ok());
  EXPECT_EQ(pyramid->entries(0), 35);
  EXPECT_EQ(pyramid->entries(1), 9);
  EXPECT_EQ(pyramid->entries(2), 3);
  EXPECT_EQ(pyramid->covered(0, 34), 1);
  EXPECT_EQ(pyramid->covered(1, 7), 4);
  EXPECT_EQ(pyramid->covered(1, 8), 3);
  EXPECT_EQ(pyramid->covered(2, 2), 3);
  EXPECT_EQ(pyramid->childrenEnd(2, 1), 8);
  EXPECT_EQ(pyramid->childrenEnd(2, 2), 9);
  EXPECT_EQ(pyramid->childrenEnd(1, 8), 35);
}

TEST(Pyramid, ChunksDifferByAtMostOne) {
  Result<Pyramid> pyramid = Pyramid::create(65536, {});
  ASSERT_TRUE(pyramid.ok());
  for (int64_t chunk = 0; chunk < pyramid->chunks(); ++chunk) {
    int64_t size = pyramid->chunkBegin(chunk + 1) - pyramid->chunkBegin(chunk);
    EXPECT_TRUE(size == 341 || size == 342);
  }
  EXPECT_EQ(pyramid->chunkBegin(0), 0);
  EXPECT_EQ(pyramid->chunkBegin(pyramid->chunks()), 4096);
}

TEST(Pyramid, BudgetNamesTheNearestValidOne) {
  EXPECT_EQ(failure(4096, {.budget = 200}),
            "the budget must be a positive multiple of 128, found 200; the nearest is 256");
  EXPECT_NE(failure(4096, {.budget = 190}).find("nearest is 128"), std::string::npos);
  EXPECT_NE(failure(4096, {.budget = 0}).find("nearest is 128"), std::string::npos);
  EXPECT_NE(failure(4096, {.budget = -5}).find("nearest is 128"), std::string::npos);
  EXPECT_NE(failure(4096, {.budget = 1000}).find("nearest is 1024"), std::string::npos);
  EXPECT_NE(failure(4096, {.budget = int64_t(1) << 40}).find("nearest is 21474835"),
            std::string::npos);
}

TEST(Pyramid, OptionsOutOfRange) {
  EXPECT_NE(failure(0, {}).find("sequence length"), std::string::npos);
  EXPECT_NE(failure(int64_t(1) << 31, {}).find("sequence length"), std::string::npos);
  EXPECT_NE(failure((int64_t(1) << 31) - 1, {}).find("entries, more than"), std::string::npos);
  EXPECT_NE(failure(64, {.factor = 3}).find("power of two"), std::string::npos);
  EXPECT_NE(failure(64, {.factor = 1}).find("power of two"), std::string::npos);
  EXPECT_NE(failure(64, {.levels = 0}).find("1 to 16 levels"), std::string::npos);
  EXPECT_NE(failure(64, {.levels = 17}).find("1 to 16 levels"), std::string::npos);
  EXPECT_NE(failure(64, {.chunkBudget = 7}).find("must be even"), std::string::npos);
}

} // namespace
