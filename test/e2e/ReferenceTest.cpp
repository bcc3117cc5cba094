//===- ReferenceTest.cpp - Asynchronous examples of the documentation -------------------------===//
//
// The kernels are the text of the pages. Each is run on a GPU of sm_90a; elsewhere it is compiled
// only.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"

#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace e2e;
using lighthouse::runtime::DType;

/// The block of `page`, a path from the root of the sources, whose kernel begins with `begin`.
static std::string exampleOf(const std::string &page, const std::string &begin) {
  const char *named = std::getenv("LIGHTHOUSE_TEST_DIR");
  std::string path = std::string(named ? named : LIGHTHOUSE_TEST_DIR) + "/../" + page;
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text) {
    ADD_FAILURE() << path << ": " << text.getError().message();
    return "";
  }
  size_t at = (*text)->getBuffer().find("```lh\nkernel " + begin);
  if (at == llvm::StringRef::npos) {
    ADD_FAILURE() << path << " has no kernel " << begin;
    return "";
  }
  return (*text)->getBuffer().substr(at).split('\n').second.split("```").first.str();
}

/// Runs the kernel of `page` that begins with `begin`, its name and some of its parameters.
static std::optional<KernelValues>
runExample(const std::string &page, const std::string &begin, std::vector<Input> inputs,
           std::vector<std::pair<std::string, std::string>> settings = {}) {
  std::string kernel = begin.substr(0, begin.find('<'));
  return runOnHopper({.name = kernel,
                      .source = exampleOf(page, begin),
                      .inputs = std::move(inputs),
                      .settings = std::move(settings),
                      .kernel = kernel});
}

TEST(ReferenceTest, SumOfRows) {
  constexpr int64_t rows = 1000, columns = 64;
  std::optional<KernelValues> run =
      runExample("docs/language.md", "sum_of_rows<", {{"x", DType::F32, {rows, columns}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(columns);
  for (int64_t i = 0; i < rows * columns; ++i)
    y[i % columns] += run->inputs[0][i];
  expectSame("y", std::vector<int64_t>{columns}, run->results[0], y);
}

/// Both kernels of that name: with roles, and with a loop that is pipelined and a b that is
/// transposed.
TEST(ReferenceTest, Product) {
  constexpr int64_t rows = 200, columns = 136, depth = 264;
  for (bool isPipelined : {false, true}) {
    SCOPED_TRACE(isPipelined ? "pipelined" : "roles");
    std::optional<KernelValues> run = runExample(
        "docs/language.md", isPipelined ? "product<T: float" : "product<STAGES",
        {{"a", DType::BF16, {rows, depth}, -4, 4},
         {"b", DType::BF16,
          isPipelined ? std::vector<int64_t>{columns, depth} : std::vector<int64_t>{depth, columns},
          -1, 1}});
    if (!run) {
      if (isPipelined)
        GTEST_SKIP() << "no GPU of sm_90a";
      continue;
    }
    std::vector<double> y(rows * columns);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < depth; ++k)
          y[i * columns + j] += run->inputs[0][i * depth + k] *
                                run->inputs[1][isPipelined ? j * depth + k : k * columns + j];
    // One of them rounds its results to bf16.
    expectSame("product", std::vector<int64_t>{rows, columns}, run->results[0], y,
               isPipelined ? 1.0 / 256 : 0);
  }
}

TEST(ReferenceTest, SumInTurn) {
  constexpr int64_t rows = 2000, columns = 64;
  std::optional<KernelValues> run =
      runExample("docs/language.md", "sum_in_turn<", {{"x", DType::F32, {rows, columns}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(64 * columns);
  for (int64_t i = 0; i < rows * columns; ++i)
    y[i % (64 * columns)] += run->inputs[0][i];
  expectSame("y", std::vector<int64_t>{64, columns}, run->results[0], y);
  expectSame("turn", std::vector<int64_t>{1}, run->results[1],
             std::vector<double>{std::ceil(rows / 64.0)});
}

namespace {

/// Attention of `heads` heads, each with keys and values of its own, in double precision.
struct Attention {
  Attention(const KernelValues &run, int64_t heads, int64_t rows, int64_t dim, double scale,
            bool isCausal) {
    const std::vector<double> &q = run.inputs[0], &k = run.inputs[1], &v = run.inputs[2];
    for (int64_t row = 0; row < heads * rows; ++row) {
      int64_t first = row / rows * rows, count = isCausal ? row - first + 1 : rows;
      std::vector<double> weights(count);
      double total = 0;
      for (int64_t j = 0; j < count; ++j) {
        double score = 0;
        for (int64_t d = 0; d < dim; ++d)
          score += q[row * dim + d] * k[(first + j) * dim + d];
        total += weights[j] = std::exp(score * scale);
      }
      for (int64_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (int64_t j = 0; j < count; ++j)
          sum += weights[j] * v[(first + j) * dim + d];
        o.push_back(sum / total);
      }
      lse.push_back(std::log(total));
    }
  }

  std::vector<double> o, lse;
};

} // namespace

// Scores are about 2; weights and outputs are rounded to bf16.
static constexpr const char *scaleSetting = "0.0078125";
static constexpr double scale = 0.0078125, outputTolerance = 0.04, logarithmTolerance = 1e-4;
static constexpr int64_t heads = 2, rows = 300, dim = 128;

/// Runs a kernel of `page` on q, k and v of that shape.
static std::optional<KernelValues> runAttention(const std::string &page, const std::string &kernel,
                                                const std::vector<int64_t> &shape) {
  return runExample(
      page, kernel + "<",
      {{"q", DType::BF16, shape}, {"k", DType::BF16, shape}, {"v", DType::BF16, shape}},
      {{"scale", scaleSetting}});
}

TEST(ReferenceTest, AttentionInOneLoop) {
  std::vector<int64_t> shape{heads, rows, dim};
  std::optional<KernelValues> run = runAttention("docs/language.md", "attention", shape);
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  Attention expected(*run, heads, rows, dim, scale, /*isCausal=*/false);
  expectSame("o", shape, run->results[0], expected.o, outputTolerance);
}

TEST(ReferenceTest, AttentionWhoseConsumersTakeTurns) {
  std::vector<int64_t> shape{1, heads, rows, dim};
  std::optional<KernelValues> run = runAttention("dialect/docs/tile.md", "attend_sm90", shape);
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  Attention expected(*run, heads, rows, dim, scale, /*isCausal=*/true);
  expectSame("o", shape, run->results[0], expected.o, outputTolerance);
  expectSame("lse", std::vector<int64_t>{1, heads, rows}, run->results[1], expected.lse,
             logarithmTolerance);
}
