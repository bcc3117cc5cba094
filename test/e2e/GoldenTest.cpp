//===- GoldenTest.cpp - The golden cases of the public implementation -------------------------===//

#include "Pipeline.h"

#include "support/CounterRandom.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::TensorView;

class GoldenTest : public testing::TestWithParam<const char *> {
protected:
  /// Where the tests run elsewhere than they were built, the environment says where the data are.
  std::string folder() const {
    const char *named = std::getenv("LIGHTHOUSE_TEST_DIR");
    return std::string(named ? named : LIGHTHOUSE_TEST_DIR) + "/golden/" + GetParam();
  }

  support::Array read(const std::string &name) const {
    auto array = support::readNpy(folder() + "/" + name + ".npy");
    EXPECT_TRUE(array.ok()) << array.status().message();
    return array ? *std::move(array) : support::Array();
  }

  /// Reads the case. Files that are not there fail the test, which is then not run.
  void SetUp() override {
    const std::string path = folder() + "/meta.json";
    auto buffer = llvm::MemoryBuffer::getFile(path);
    ASSERT_TRUE(bool(buffer)) << path << ": " << buffer.getError().message();
    llvm::Expected<llvm::json::Value> json = llvm::json::parse((*buffer)->getBuffer());
    ASSERT_TRUE(bool(json)) << path << ": " << llvm::toString(json.takeError());
    const llvm::json::Object *meta = json->getAsObject();
    ASSERT_TRUE(meta) << path;
    auto number = [&](llvm::StringRef key) { return meta->getInteger(key).value_or(-1); };
    golden.name = GetParam();
    golden.batch = number("B");
    golden.tokens = number("N");
    golden.heads = golden.groups = number("H");
    golden.dim = number("D");
    golden.levels = number("L");
    golden.factor = number("p");
    golden.budget = number("k");
    golden.seed = number("seed");
    scorer = meta->getString("scorer").value_or("norm").str();
    dilation = number("dilation");
  }

  /// The gate of `gla`: the logarithm of a sigmoid of what the generator gives, over 16.
  support::Array makeGate() const {
    std::vector<float> gate =
        support::counterTensor(golden.seed, support::CounterTensor(4), golden.batch, golden.tokens,
                               golden.heads, 1);
    for (float &x : gate)
      x = -std::log1p(std::exp(-double(x))) / 16;
    auto array = support::Array::fromFloat(runtime::DType::F32,
                                           {golden.batch, golden.tokens, golden.heads}, gate);
    EXPECT_TRUE(array.ok()) << array.status().message();
    return *std::move(array);
  }

  /// Runs a pipeline of a bundled specification on q, k and v, the gate if it takes one, and do.
  std::unique_ptr<lhc::Execution>
  run(const std::string &specification, const std::string &pipeline,
      const std::vector<std::pair<std::string, std::string>> &settings,
      bool gradient = false) const {
    auto compiler = Compiler::openBundled(specification);
    if (!compiler) {
      ADD_FAILURE() << compiler.status().message();
      return nullptr;
    }
    Request request = forwardRequest(golden);
    request.name = pipeline;
    request.settings = settings;
    if (scorer != "norm")
      request.settings.push_back({"DILATION", std::to_string(dilation)});
    request.exposeSelections = false;
    request.gradient = gradient;
    std::vector<lhc::NamedArray> arrays = makeInputs(golden, gradient);
    if (scorer == "gla") {
      request.arguments.push_back(
          {"gate", runtime::DType::F32, {golden.batch, golden.tokens, golden.heads}});
      arrays.insert(arrays.begin() + 3, {"gate", makeGate()});
    }
    std::unique_ptr<lhc::Execution> execution = compile(*compiler, request);
    if (!execution)
      return nullptr;
    std::vector<TensorView> inputs = viewsOf(arrays);
    runtime::Status status = execution->run(inputs);
    EXPECT_TRUE(status.ok()) << status.message();
    return execution;
  }

  /// A pipeline of Lighthouse Attention, `suffix` behind its name.
  std::unique_ptr<lhc::Execution> runAttention(const std::string &suffix, bool gradient = false) const {
    const bool isNorm = scorer == "norm";
    return run(isNorm ? "lighthouse.lh" : "lighthouse_scorers.lh",
               (isNorm ? "lighthouse" : "lighthouse_" + scorer) + suffix,
               {{"L", std::to_string(golden.levels)},
                {"P", std::to_string(golden.factor)},
                {"K", std::to_string(golden.budget)}},
               gradient);
  }

  /// Compares a result with the golden one of its name, at the rows that are kept.
  void expectGolden(const lhc::NamedArray &output) const {
    support::Array expected = read(output.name), rows = read("rows");
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < rows.elements(); ++i)
      positions.push_back(rows.dtype() == runtime::DType::I64 ? rows.as<int64_t>()[i]
                                                              : rows.as<int32_t>()[i]);
    std::span<const float> actual = output.array.as<float>(), values = expected.as<float>();
    int64_t width = golden.heads * golden.dim;
    ASSERT_FALSE(positions.empty());
    ASSERT_EQ(values.size(), golden.batch * positions.size() * width) << output.name;
    double largest = 0, error = 0;
    for (int64_t b = 0; b < golden.batch; ++b)
      for (size_t r = 0; r < positions.size(); ++r)
        for (int64_t i = 0; i < width; ++i) {
          double reference = values[(b * positions.size() + r) * width + i];
          largest = std::max(largest, std::abs(reference));
          error = std::max(
              error, std::abs(actual[(b * golden.tokens + positions[r]) * width + i] - reference));
        }
    EXPECT_LE(error, 1e-5 * largest) << output.name;
  }

  Case golden;
  std::string scorer;
  int64_t dilation = 0;
};

TEST_P(GoldenTest, IndicesAreEqual) {
  std::unique_ptr<lhc::Execution> execution = runAttention("_selection");
  ASSERT_TRUE(execution);
  const lhc::NamedArray &indices = execution->outputs.front();
  EXPECT_EQ(indices.name, "indices");
  support::Array expected = read("indices");
  ASSERT_EQ(indices.array.shape(), expected.shape());
  int64_t differing = 0;
  for (int64_t i = 0; i < expected.elements(); ++i)
    differing += indices.array.as<int32_t>()[i] != expected.as<int32_t>()[i];
  EXPECT_EQ(differing, 0);
}

/// Output and gradients.
TEST_P(GoldenTest, ResultsAreWithinTolerance) {
  std::unique_ptr<lhc::Execution> execution = runAttention("", /*gradient=*/true);
  ASSERT_TRUE(execution);
  ASSERT_GE(execution->outputs.size(), 4u);
  for (const lhc::NamedArray &output : execution->outputs)
    if (output.name != "dgate")
      expectGolden(output);
}

/// Cases that hold the scores of base positions.
class ScorerGoldenTest : public GoldenTest {};

TEST_P(ScorerGoldenTest, ScoresAreWithinTolerance) {
  std::unique_ptr<lhc::Execution> execution =
      run("scorers.lh", scorer + "_score", {{"scale", std::to_string(1 / std::sqrt(golden.dim))}});
  ASSERT_TRUE(execution);
  ASSERT_EQ(execution->outputs.size(), 2u);
  for (const lhc::NamedArray &output : execution->outputs) {
    // [B, G, N] here, [B, N, G] there.
    support::Array expected = read(output.name == "sq" ? "score_q" : "score_k");
    std::span<const float> actual = output.array.as<float>(), values = expected.as<float>();
    ASSERT_EQ(actual.size(), values.size());
    double largest = 0, error = 0;
    for (int64_t b = 0; b < golden.batch; ++b)
      for (int64_t n = 0; n < golden.tokens; ++n)
        for (int64_t g = 0; g < golden.groups; ++g) {
          double reference = values[(b * golden.tokens + n) * golden.groups + g];
          largest = std::max(largest, std::abs(reference));
          error = std::max(
              error,
              std::abs(actual[(b * golden.groups + g) * golden.tokens + n] - reference));
        }
    EXPECT_LE(error, 1e-5 * largest) << output.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest,
                         testing::Values("tiny_all", "l2p2", "l3p4", "l3p8", "l4p2", "l5p2",
                                         "dilated_l2p2", "gla_l3p2"),
                         [](const auto &info) { return std::string(info.param); });

INSTANTIATE_TEST_SUITE_P(Cases, ScorerGoldenTest, testing::Values("dilated_l2p2", "gla_l3p2"),
                         [](const auto &info) { return std::string(info.param); });
