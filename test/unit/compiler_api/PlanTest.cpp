//===- PlanTest.cpp - What attention costs, through the C interface ---------------------------===//

#include "CompilerApi.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class PlanTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(lh_spec_bundled("operators.lh", nullptr, &spec), LH_OK) << lh_last_error();
    options.length = 98304;
    options.batch = 1;
    options.heads = options.kv_heads = 8;
    options.head_dim = 128;
    options.levels = 3;
    options.factor = 4;
    options.budget = 1536;
    options.chunk = 128;
    options.layers = options.cards = 1;
    options.dtype = LH_BF16;
  }
  void TearDown() override { EXPECT_EQ(lh_spec_release(spec), LH_OK); }

  /// The options are refused with a message that has `text`.
  void expectRefused(const char *text) {
    EXPECT_EQ(lh_plan(spec, &options, &info), LH_INVALID_ARGUMENT) << text;
    EXPECT_THAT(lh_last_error(), AllOf(HasSubstr("lh_plan: "), HasSubstr(text)));
    EXPECT_TRUE(!info.json && !info.table);
  }

  lh_spec spec = nullptr;
  lh_plan_options options = sized<lh_plan_options>();
  lh_plan_info info = sized<lh_plan_info>();
};

} // namespace

TEST_F(PlanTest, GivesNumbersAndATable) {
  ASSERT_EQ(lh_plan(spec, &options, &info), LH_OK) << lh_last_error();
  EXPECT_EQ(std::strlen(info.json), info.json_size);
  EXPECT_EQ(std::strlen(info.table), info.table_size);
  // 8 heads of q~ and 16 of k~ and v~, 18432 rows of 256 bytes each.
  EXPECT_THAT(info.json, AllOf(HasSubstr("\"gathered_length\": 18432"),
                               HasSubstr("\"gathered\": 113246208"),
                               HasSubstr("\"device\": \"NVIDIA H200\"")));
  EXPECT_THAT(info.table, HasSubstr("S = 18432, N / S = 5.3"));
}

TEST_F(PlanTest, TakesCeilings) {
  options.card = "h100";
  options.memory_bytes = 1e9;
  options.copy_rate = 2e12;
  ASSERT_EQ(lh_plan(spec, &options, &info), LH_OK) << lh_last_error();
  EXPECT_THAT(info.table, AllOf(HasSubstr("1 x NVIDIA H100 80GB HBM3"),
                                HasSubstr("copy 2.00 TB/s, 16-bit matrix product 798 TFLOP/s, "
                                          "memory 1 GB, links 450 GB/s"),
                                HasSubstr("does not fit")));
}

TEST_F(PlanTest, RefusesWhatAttentionRefuses) {
  options.budget = 100;
  expectRefused("budget must be a positive multiple of chunk = 128, got 100; the nearest valid "
                "budget is 128");
  options.budget = 1536;
  options.kv_heads = 3;
  expectRefused("3 key/value heads do not divide 8 query heads");
  options.kv_heads = 8;
  options.cards = 8;
  expectRefused("8 pieces must divide the 12 chunks of budget = 1536 by chunk = 128: the nearest "
                "valid budget is 2048; or take chunk = 96");
  options.cards = 1;
  options.length = 0;
  expectRefused("N must be positive, got 0");
}

TEST_F(PlanTest, RefusesWrongStructures) {
  options.card = "abacus";
  expectRefused("there is no card 'abacus'; there are h200, h100");
  options.card = nullptr;
  options.dtype = 99;
  expectRefused("options->dtype is 99");
  options.dtype = LH_I32;
  expectRefused("dtype must be one of bf16, f16, f32, got i32");
  options.dtype = LH_BF16;
  options.link_rate = -1;
  expectRefused("the link bandwidth must be positive and finite, got -1");
  options.struct_size = 8;
  expectRefused("options->struct_size is 8");
  EXPECT_EQ(lh_plan(spec, nullptr, &info), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_plan: options is null");
  EXPECT_EQ(lh_plan(spec, &options, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_plan: info is null");
  EXPECT_EQ(lh_plan(nullptr, &options, &info), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_plan: spec is null");
}

TEST_F(PlanTest, NeedsTheOperators) {
  lh_spec other = openScale();
  EXPECT_EQ(lh_plan(other, &options, &info), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("there is no pipeline 'pool_score_op'"));
  EXPECT_EQ(lh_spec_release(other), LH_OK);
}
