//===- CudaTest.cpp - What only a GPU can get wrong -------------------------------------------===//

#include "Pipeline.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

/// Selects from scores that are given, so that both targets choose from the same.
static constexpr const char *selectionSpec = R"(
import "lighthouse.lh";
pipeline selection<T: float, L: int, P: int, K: int, M: int = 128, COVER: bool = false>
    (q: T[B, N, H, D], k: T[B, N, G, D], v: T[B, N, G, D], sq: f32[B, G, NS], sk: f32[B, G, NS])
    -> (indices: i32[B, G, S]) {
  let scores = make_scores(pool(q, k, v, levels = L, factor = P), sq, sk);
  return indices(select(scores, budget = K, chunk = M, cover_prefix = COVER));
}
)";

static int64_t numScores(const Case &c) {
  int64_t count = 0, window = 1;
  for (int64_t level = 1; level < c.levels; ++level) {
    window *= c.factor;
    count += (c.tokens + window - 1) / window;
  }
  return count;
}

class SelectionTest : public testing::TestWithParam<Case> {};

TEST_P(SelectionTest, SameScoresGiveTheIndicesOfTheHost) {
  const Case &c = GetParam();
  auto compiler = Compiler::parse("selection.lh", selectionSpec);
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  Request request = forwardRequest(c);
  request.name = "selection";
  request.exposeSelections = false;
  std::vector<int64_t> shape{c.batch, c.groups, numScores(c)};
  request.arguments.push_back({"sq", DType::F32, shape});
  request.arguments.push_back({"sk", DType::F32, shape});

  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::mt19937 random(7);
  for (const char *name : {"sq", "sk"}) {
    // Few values, so that many scores are equal.
    std::vector<float> scores(c.batch * c.groups * numScores(c));
    for (float &score : scores)
      score = float(int(random() % 200) - 50) / 8;
    auto array = support::Array::fromFloat(DType::F32, shape, scores);
    ASSERT_TRUE(array.ok());
    arrays.push_back({name, *std::move(array)});
  }
  std::vector<std::vector<int32_t>> indices;
  for (bool onHost : {false, true}) {
    if (onHost) {
      request.arch.clear();
      request.level = hostLevel();
    }
    std::unique_ptr<lhc::Execution> execution = compile(*compiler, request);
    ASSERT_TRUE(execution);
    auto inputs = lhc::orderInputs(execution->plan(), arrays);
    ASSERT_TRUE(inputs.ok());
    runtime::Status status = execution->run(*inputs);
    ASSERT_TRUE(status.ok()) << status.message();
    std::span<const int32_t> result = execution->outputs[0].array.as<int32_t>();
    indices.emplace_back(result.begin(), result.end());
  }
  EXPECT_EQ(indices[0], indices[1]);
}

static const Case selectionCases[] = {
    {.name = "plain", .batch = 2, .tokens = 8192, .heads = 3, .groups = 3, .dim = 16},
    {.name = "paper", .tokens = 98304, .heads = 2, .groups = 2, .dim = 16, .budget = 1536},
    {.name = "unequal", .tokens = 65536, .dim = 16, .budget = 1536},
    {.name = "ragged", .tokens = 30011, .dim = 16, .levels = 4, .factor = 2, .budget = 512},
    {.name = "few", .tokens = 900, .dim = 16, .budget = 384},
    {.name = "cover", .tokens = 20000, .dim = 16, .budget = 256, .chunk = 64, .coverPrefix = true},
    {.name = "large_chunks", .tokens = 262144, .dim = 16, .budget = 512},
    {.name = "largest_chunks", .tokens = 200000, .dim = 16, .levels = 2, .factor = 4, .budget = 256},
};

INSTANTIATE_TEST_SUITE_P(Cases, SelectionTest, testing::ValuesIn(selectionCases),
                         [](const auto &info) { return info.param.name; });

/// Every row of a tensor of more than 2^31 elements is read where it lies.
TEST(CudaOffsetTest, BeyondTwoToThe31) {
  auto compiler = Compiler::parse("sums.lh", R"(
kernel row_sums(x: i8[M, N]) -> (y: i32[M]) grid (M) {
  let r = program_id(0);
  var total = 0;
  for j in range(0, N, 1024) { total += sum(i32(load(x[r, j :+ 1024])), axis = 0); }
  store(y[r], total);
}
)");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  constexpr int64_t rows = 70000, columns = 40000;
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "row_sums";
  request.arguments = {{"x", DType::I8, {rows, columns}}};
  setTarget(request);
  auto artifact = compiler->compile(request, nullptr);
  ASSERT_TRUE(artifact.ok()) << artifact.status().message();
  auto program = runtime::Program::load(*artifact);
  ASSERT_TRUE(program.ok()) << program.status().message();

  using runtime::cuda::DeviceBuffer;
  auto x = DeviceBuffer::allocate(rows * columns), y = DeviceBuffer::allocate(rows * 4);
  if (!x)
    GTEST_SKIP() << "not enough memory: " << x.status().message();
  ASSERT_TRUE(y.ok());
  ASSERT_TRUE(runtime::cuda::fill(x->data(), 1, x->size()).ok());
  auto at = [&](int64_t element) { return static_cast<char *>(x->data()) + element; };
  // Around element 2^31, and at the very end.
  constexpr int64_t border = int64_t(1) << 31;
  for (int64_t element : {border - 1, border, border + 1, rows * columns - 1})
    ASSERT_TRUE(runtime::cuda::fill(at(element), 5, 1).ok());
  TensorView in = TensorView::contiguous(x->data(), DType::I8, {rows, columns});
  TensorView out = TensorView::contiguous(y->data(), DType::I32, {rows});
  in.device = out.device = runtime::Device::Cuda;
  runtime::Status status = program->run(std::span(&in, 1), std::span(&out, 1), nullptr, 0);
  ASSERT_TRUE(status.ok()) << status.message();
  std::vector<int32_t> sums(rows);
  ASSERT_TRUE(runtime::cuda::copy(sums.data(), y->data(), y->size()).ok());
  std::vector<int32_t> expected(rows, columns);
  for (int64_t element : {border - 1, border, border + 1, rows * columns - 1})
    expected[element / columns] += 4;
  EXPECT_EQ(sums, expected);
}

/// What can be captured in a graph gives the same when it is replayed.
TEST(CudaGraphTest, CapturedForwardPassGivesTheSameBits) {
  Case c{.name = "graph", .tokens = 4000, .heads = 4, .groups = 2, .budget = 256, .dtype = DType::BF16};
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::unique_ptr<lhc::Execution> execution = compile(forwardCompiler(), forwardRequest(c));
  ASSERT_TRUE(execution);
  auto inputs = lhc::orderInputs(execution->plan(), arrays);
  ASSERT_TRUE(inputs.ok());
  ASSERT_TRUE(execution->run(*inputs).ok());
  auto bytes = execution->outputs[0].array.bytes();
  std::vector<std::byte> first(bytes.begin(), bytes.end());
  auto graph = runtime::cuda::Graph::capture([&](void *stream) {
    runtime::RunOptions options;
    options.stream = stream;
    return execution->launch(options);
  });
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(graph->launch(nullptr).ok());
  ASSERT_TRUE(runtime::cuda::synchronize().ok());
  ASSERT_TRUE(execution->download().ok());
  EXPECT_EQ(0, std::memcmp(first.data(), bytes.data(), first.size()));
}
