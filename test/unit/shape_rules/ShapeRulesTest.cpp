//===- ShapeRulesTest.cpp - sizes in the dialect against sizes in the oracle ------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "oracle/Pyramid.h"

#include <gtest/gtest.h>

#include <random>

using namespace lighthouse;

namespace {

/// The oracle was written without the dialect and adds up chunk by chunk.
TEST(ShapeRules, AgreeWithTheOracle) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<lh::LighthouseDialect>();
  std::mt19937 random(22);
  auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int round = 0; round < 20000; ++round) {
    oracle::Options options;
    options.levels = pick(2, 5);
    options.factor = int64_t(1) << pick(1, 3);
    options.chunkBudget = 2 * pick(1, 16);
    options.budget = options.chunkBudget * pick(1, 40);
    int64_t length = pick(1, round % 2 ? 200 : 20000);
    SCOPED_TRACE(testing::Message()
                 << "N=" << length << " L=" << options.levels << " p=" << options.factor
                 << " k=" << options.budget << " m=" << options.chunkBudget);
    auto expected = oracle::Pyramid::create(length, options);
    ASSERT_TRUE(expected.ok()) << expected.status().message();

    auto shape = lh::PyramidAttr::get(&context, options.levels, options.factor);
    ASSERT_EQ(shape.getNumTotal(length), expected->totalEntries());
    ASSERT_EQ(shape.getNumScored(length), expected->scoredEntries());
    ASSERT_EQ(shape.getNumCoarsest(length), expected->entries(options.levels - 1));
    auto selection = lh::SelectionType::get(&context, /*batch=*/1, length, /*groups=*/1,
                                            options.budget, options.chunkBudget,
                                            /*cover_prefix=*/false, shape);
    ASSERT_EQ(selection.getGatheredLength(), expected->gatheredLength());
  }
}

TEST(ShapeRules, NearestBudget) {
  EXPECT_EQ(lh::getNearestBudget(191, 128), 128);
  EXPECT_EQ(lh::getNearestBudget(192, 128), 128); // equally near: the lower one
  EXPECT_EQ(lh::getNearestBudget(193, 128), 256);
  EXPECT_EQ(lh::getNearestBudget(-7, 128), 128);
  EXPECT_EQ(lh::getNearestBudget(0, 2), 2);
  EXPECT_EQ(lh::getNearestBudget(std::numeric_limits<int64_t>::max(), 128), 2147483520);
}

} // namespace
