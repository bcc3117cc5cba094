//===- GoldenTest.cpp - The oracle against the public implementation ------===//

#include "oracle/Compare.h"
#include "support/CounterRandom.h"
#include "support/Npy.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <fstream>

using namespace lighthouse;
using namespace lighthouse::oracle;
using runtime::DType;

namespace {

class Golden : public testing::TestWithParam<const char *> {
protected:
  support::Array load(const std::string &name) const {
    Result<support::Array> array = support::readNpy(folder + name + ".npy");
    EXPECT_TRUE(array.ok()) << array.status().message();
    return array ? std::move(*array) : support::Array();
  }

  std::vector<float> input(support::CounterTensor which) const {
    return support::counterTensor(meta["seed"], which, B, N, H, D);
  }
  Tensor view(const std::vector<float> &values) const { return {values, B, N, H, D}; }
  Inputs inputs() const { return {view(q), view(k), view(v)}; }
  Pyramid pyramid() const {
    return *Pyramid::create(N, {.levels = meta["L"], .factor = meta["p"], .budget = meta["k"]});
  }
  Selection selection() const {
    Scores scores = normScores(inputs(), pyramid());
    return select(pyramid(), B, H, scores.query, scores.key);
  }
  /// The base positions that the files keep.
  std::vector<int64_t> positions() const {
    support::Array rows = load("rows");
    return {rows.as<int32_t>().begin(), rows.as<int32_t>().end()};
  }
  void expectFile(const std::string &name, const Expectation &expected) const {
    Comparison comparison = compare(load(name).as<float>(), expected);
    EXPECT_TRUE(comparison.passed) << name << ": " << comparison.toString();
  }

  std::string folder = std::string(LIGHTHOUSE_TEST_DIR "/golden/") + GetParam() + "/";
  nlohmann::json meta = nlohmann::json::parse(std::ifstream(folder + "meta.json"));
  int64_t B = meta["B"], N = meta["N"], H = meta["H"], D = meta["D"];
  std::vector<float> q = input(support::CounterTensor::Query);
  std::vector<float> k = input(support::CounterTensor::Key);
  std::vector<float> v = input(support::CounterTensor::Value);
};

TEST_P(Golden, IndicesAndOutputs) {
  EXPECT_EQ(pyramid().gatheredLength(), meta["S"]);
  support::Array indices = load("indices");
  EXPECT_EQ(indices.shape(), (std::vector<int64_t>{B, H, meta["S"]}));
  EXPECT_TRUE(std::ranges::equal(selection().indices, indices.as<int32_t>()));
  expectFile("o", expectForward(inputs(), pyramid(), selection(), positions(), DType::F32));
}

TEST_P(Golden, Gradients) {
  std::vector<float> dO = input(support::CounterTensor::OutputGradient);
  GradientExpectations expected = expectBackward(inputs(), view(dO), pyramid(), selection(),
                                                 positions(), allPositions(H), DType::F32);
  expectFile("dq", expected.query);
  expectFile("dk", expected.key);
  expectFile("dv", expected.value);
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
