//===- SpaceTest.cpp - What is tried ----------------------------------------------------------===//

#include "lighthouse/Tuning/Space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse::tuning;
using lighthouse::frontend::TunableUse;

static TunableUse use(std::string kernel, std::string shapes,
                      std::vector<TunableUse::Parameter> open) {
  return {kernel, kernel + "_instance", "T=f32", std::move(shapes), std::move(open)};
}

TEST(Space, AllCombinationsTheDefaultsFirst) {
  auto groups = makeGroups({use("a", "x=f32[4]", {{"P", "2", {"1", "2"}}, {"Q", "9", {"7", "8"}}})},
                           "");
  ASSERT_TRUE(groups.ok()) << groups.status().message();
  ASSERT_EQ(groups->size(), 1u);
  std::vector<std::string> spelled;
  for (const Candidate &candidate : groups->front().candidates)
    spelled.push_back(spell(candidate.settings));
  // A default need not be one of the choices.
  EXPECT_THAT(spelled, testing::ElementsAre("P=2, Q=9", "P=1, Q=7", "P=1, Q=8", "P=2, Q=7",
                                            "P=2, Q=8"));
}

TEST(Space, UsesOfTheSameInstanceAreOneGroup) {
  std::vector<TunableUse::Parameter> open = {{"P", "2", {"1", "2"}}};
  std::vector<TunableUse> uses = {use("a", "x=f32[4]", open), use("b", "x=f32[4]", open),
                                  use("a", "x=f32[8]", open), use("a", "x=f32[4]", open)};
  auto groups = makeGroups(uses, "");
  ASSERT_TRUE(groups.ok());
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_THAT((*groups)[0].shapes, testing::ElementsAre("x=f32[4]", "x=f32[8]"));
  groups = makeGroups(uses, "b");
  ASSERT_TRUE(groups.ok());
  EXPECT_EQ(groups->size(), 1u);
  EXPECT_FALSE(makeGroups(uses, "c").ok());

  lighthouse::Request request;
  request.level = "x86-64-v3";
  lighthouse::runtime::TuningTable table;
  groups = makeGroups(uses, "a");
  ASSERT_TRUE(groups->front().addTo(table, request, groups->front().candidates[1]).ok());
  EXPECT_EQ(table.entries().size(), 2u);
}

TEST(Space, CombinationsAreLimited) {
  std::vector<std::string> choices(16, "1");
  EXPECT_TRUE(makeGroups({use("a", "", {{"P", "1", choices}, {"Q", "1", choices}})}, "").ok());
  choices.push_back("1");
  EXPECT_FALSE(makeGroups({use("a", "", {{"P", "1", choices}, {"Q", "1", choices}})}, "").ok());
}
