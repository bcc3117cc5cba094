//===- GoldenTest.cpp - The oracle against the public implementation ------===//

#include "oracle/Compare.h"
#include "support/CounterRandom.h"
#include "support/Npy.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <fstream>

using namespace lighthouse;
using namespace lighthouse::oracle;

namespace {

class Golden : public testing::TestWithParam<const char *> {
protected:
  support::Array load(const std::string &name) const {
    Result<support::Array> array = support::readNpy(folder + name + ".npy");
    EXPECT_TRUE(array.ok()) << array.status().message();
    return array ? std::move(*array) : support::Array();
  }

  std::string folder = std::string(LIGHTHOUSE_TEST_DIR "/golden/") + GetParam() + "/";
};

TEST_P(Golden, IndicesAndOutputs) {
  nlohmann::json meta = nlohmann::json::parse(std::ifstream(folder + "meta.json"));
  int64_t B = meta["B"], N = meta["N"], H = meta["H"], D = meta["D"];
  std::vector<std::vector<float>> qkv;
  for (auto which :
       {support::CounterTensor::Query, support::CounterTensor::Key, support::CounterTensor::Value})
    qkv.push_back(support::counterTensor(meta["seed"], which, B, N, H, D));
  Inputs inputs{{qkv[0], B, N, H, D}, {qkv[1], B, N, H, D}, {qkv[2], B, N, H, D}};

  Result<Pyramid> pyramid =
      Pyramid::create(N, {.levels = meta["L"], .factor = meta["p"], .budget = meta["k"]});
  ASSERT_TRUE(pyramid.ok()) << pyramid.status().message();
  EXPECT_EQ(pyramid->gatheredLength(), meta["S"]);
  Scores scores = normScores(inputs, *pyramid);
  Selection selection = select(*pyramid, B, H, scores.query, scores.key);

  support::Array indices = load("indices");
  EXPECT_EQ(indices.shape(), (std::vector<int64_t>{B, H, meta["S"]}));
  EXPECT_TRUE(std::ranges::equal(selection.indices, indices.as<int32_t>()));

  support::Array rows = load("rows");
  std::vector<int64_t> positions(rows.as<int32_t>().begin(), rows.as<int32_t>().end());
  Expectation expected = expectForward(inputs, *pyramid, selection, positions, runtime::DType::F32);
  Comparison comparison = compare(load("o").as<float>(), expected);
  EXPECT_TRUE(comparison.passed) << comparison.toString();
}

INSTANTIATE_TEST_SUITE_P(All, Golden,
                         testing::Values("tiny_all", "l2p2", "l3p4", "l3p8", "l4p2", "l5p2"),
                         [](const auto &info) { return std::string(info.param); });

TEST(CounterRandom, FirstValuesOfTheFormula) {
  // From the formula in Python, seed 2, tensor k, shape [1, 2, 2, 2].
  std::vector<float> values = support::counterTensor(2, support::CounterTensor::Key, 1, 2, 2, 2);
  ASSERT_EQ(values.size(), 8u);
  EXPECT_EQ(values, (std::vector<float>{-0x1.2450b80000000p-3f, -0x1.2a0af40000000p-2f,
                                        0x1.e3bfb00000000p-2f, 0x1.83457c0000000p-1f,
                                        0x1.13f1be0000000p+0f, -0x1.ea5af60000000p-4f,
                                        0x1.8331560000000p+0f, 0x1.7545ba0000000p+0f}));
}

} // namespace
