//===- RopeTest.cpp - Both passes with rotary positions against the oracle --------------------===//
//
// Ragged lengths, two to five levels, grouped heads, all element types, both ways to pair columns;
// and tables that turn nothing.
//
//===------------------------------------------------------------------------------------------===//

#include "Pipeline.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

static constexpr const char *ropeSpec = R"(
import "lighthouse.lh";
pipeline rope<T: float, L: int, P: int, K: int, M: int, COVER: bool, INTERLEAVED: bool>
    (q: T[B, N, H, D], k: T[B, N, G, D], v: T[B, N, G, D], cos: f32[N, C], sin: f32[N, C])
    -> (o: T[B, N, H, D], indices: i32[B, G, S]) {
  let pyramid = pool(q, k, v, levels = L, factor = P);
  let selected = select(norm_score(pyramid), budget = K, chunk = M, cover_prefix = COVER);
  let (qs, ks, vs) = gather_rope(pyramid, selected, cos, sin, interleaved = INTERLEAVED);
  let (os, lse) = attend(qs, ks, vs, causal = true);
  return scatter(os, selected), indices(selected);
}
)";

namespace {

Compiler &ropeCompiler() {
  static runtime::Result<Compiler> compiler = Compiler::parse("rope.lh", ropeSpec);
  if (!compiler) {
    ADD_FAILURE() << compiler.status().message();
    std::exit(1);
  }
  return *compiler;
}

Request ropeRequest(const Case &c, bool interleaved) {
  Request request = forwardRequest(c);
  request.name = "rope";
  request.settings.push_back({"INTERLEAVED", interleaved ? "true" : "false"});
  for (const char *table : {"cos", "sin"})
    request.arguments.push_back({table, DType::F32, {c.tokens, c.dim / 2}});
  return request;
}

/// A rotary table [N, D/2]: `function` of the position times the frequency of the pair.
lhc::NamedArray makeTable(const Case &c, const char *name, double (*function)(double)) {
  std::vector<float> values;
  int64_t pairs = c.dim / 2;
  for (int64_t i = 0; i < c.tokens * pairs; ++i)
    values.push_back(
        float(function(double(i / pairs) * std::pow(1e4, -double(i % pairs) / double(pairs)))));
  auto array = support::Array::fromFloat(DType::F32, {c.tokens, pairs}, values);
  EXPECT_TRUE(array.ok()) << array.status().message();
  return {name, *std::move(array)};
}

/// q, k, v and the tables; with `gradient` do as well.
std::vector<lhc::NamedArray> makeRopeInputs(const Case &c, bool gradient) {
  std::vector<lhc::NamedArray> arrays = makeInputs(c, gradient);
  arrays.insert(arrays.begin() + 3, makeTable(c, "sin", std::sin));
  arrays.insert(arrays.begin() + 3, makeTable(c, "cos", std::cos));
  return arrays;
}

void checkBothPasses(const Case &c, bool interleaved, bool deterministic = false) {
  SCOPED_TRACE(c);
  Request request = ropeRequest(c, interleaved);
  request.gradient = true;
  request.deterministic = deterministic;
  std::vector<lhc::NamedArray> arrays = makeRopeInputs(c, /*gradient=*/true);
  // The outputs and the gradients of q, k, v and, which must be zero, of the tables.
  runAndVerify(ropeCompiler(), request, viewsOf(arrays), 7);
}

std::vector<Case> ropeCases() {
  return {
      {.name = "plain", .tokens = 2048, .heads = 2, .groups = 2},
      {.name = "two_levels", .tokens = 1500, .levels = 2, .factor = 8},
      {.name = "four_levels_ragged_prime",
       .tokens = 3001,
       .levels = 4,
       .factor = 2,
       .budget = 256},
      {.name = "five_levels_grouped",
       .batch = 2,
       .tokens = 1033,
       .heads = 4,
       .groups = 2,
       .dim = 32,
       .levels = 5,
       .factor = 2},
      {.name = "ragged_one_more", .tokens = 2049, .heads = 2, .groups = 1},
      {.name = "fewer_tokens_than_window", .tokens = 7},
      {.name = "one_token", .tokens = 1, .levels = 2, .factor = 2},
      {.name = "cover_prefix", .tokens = 2050, .budget = 64, .chunk = 16, .coverPrefix = true},
      {.name = "dim_16", .tokens = 1000, .dim = 16},
      {.name = "dim_48", .tokens = 1000, .dim = 48},
      {.name = "dim_256", .tokens = 700, .dim = 256},
      {.name = "half", .tokens = 2047, .heads = 2, .groups = 1, .dtype = DType::F16},
      {.name = "bfloat", .tokens = 2051, .heads = 4, .groups = 2, .dim = 128, .dtype = DType::BF16},
  };
}

class RopeTest : public testing::TestWithParam<std::tuple<Case, bool>> {};

std::string nameOf(const testing::TestParamInfo<std::tuple<Case, bool>> &info) {
  return std::get<0>(info.param).name + (std::get<1>(info.param) ? "_interleaved" : "_half");
}

} // namespace

TEST_P(RopeTest, AgreesWithOracle) {
  checkBothPasses(std::get<0>(GetParam()), std::get<1>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Cases, RopeTest,
                         testing::Combine(testing::ValuesIn(ropeCases()), testing::Bool()), nameOf);

TEST(RopeRandomTest, ShapesAgreeWithOracle) {
  std::mt19937 random(20262);
  for (int i = 0; i < 8; ++i)
    checkBothPasses(randomCase(random, "random" + std::to_string(i)), /*interleaved=*/i % 2,
                    /*deterministic=*/i % 4 > 1);
}

/// Tables that turn nothing give what the pass without rotation gives, but for rounding.
TEST(RopeIdentityTest, IsThePassWithoutRotation) {
  Case c{.name = "identity", .tokens = 1030, .heads = 4, .groups = 2};
  std::vector<lhc::NamedArray> arrays = makeInputs(c);
  std::unique_ptr<lhc::Execution> plain = compile(forwardCompiler(), forwardRequest(c));
  ASSERT_TRUE(plain);
  ASSERT_TRUE(plain->run(viewsOf(arrays)).ok());
  arrays.push_back(makeTable(c, "cos", [](double) { return 1.0; }));
  arrays.push_back(makeTable(c, "sin", [](double) { return 0.0; }));
  for (bool interleaved : {false, true}) {
    std::unique_ptr<lhc::Execution> rope = compile(ropeCompiler(), ropeRequest(c, interleaved));
    ASSERT_TRUE(rope);
    ASSERT_TRUE(rope->run(viewsOf(arrays)).ok());
    std::span<const float> a = plain->outputs[0].array.as<float>();
    std::span<const float> b = rope->outputs[0].array.as<float>();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a[i], b[i], 1e-5) << "element " << i;
  }
}

TEST(RopeErrorTest, TablesOfAnotherShapeAreRefused) {
  Case c{.name = "tables", .tokens = 512};
  Request request = ropeRequest(c, false);
  request.arguments.back().shape = {c.tokens, c.dim};
  auto artifact = ropeCompiler().compile(request, nullptr);
  ASSERT_FALSE(artifact.ok());
  EXPECT_EQ(artifact.status().code(), runtime::StatusCode::InvalidArgument);
}
