//===- BackwardTest.cpp - Gradients against the oracle ----------------------------------------===//
//
// The cases of the forward pass, random ones, strided cotangents, and results that must be the same bits
// at every run.
//
//===------------------------------------------------------------------------------------------===//

#include "Pipeline.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

static Request backwardRequest(const Case &c, bool deterministic) {
  Request request = forwardRequest(c);
  request.gradient = true;
  request.deterministic = deterministic;
  return request;
}

static void runAndVerify(const Case &c, bool deterministic) {
  SCOPED_TRACE(c);
  std::vector<lhc::NamedArray> arrays = makeInputs(c, /*gradient=*/true);
  e2e::runAndVerify(forwardCompiler(), backwardRequest(c, deterministic), viewsOf(arrays), 5);
}

class BackwardTest : public testing::TestWithParam<Case> {};

TEST_P(BackwardTest, AgreesWithOracle) { runAndVerify(GetParam(), /*deterministic=*/false); }

static std::vector<Case> backwardCases() {
  std::vector<Case> some(cases().begin(), cases().end());
  // The oracle of its gradient takes minutes.
  std::erase_if(some, [](const Case &c) { return c.name == "sequence_over_65535"; });
  return some;
}

INSTANTIATE_TEST_SUITE_P(Cases, BackwardTest, testing::ValuesIn(backwardCases()),
                         [](const auto &info) { return info.param.name; });

TEST(BackwardRandomTest, ShapesAgreeWithOracle) {
  std::mt19937 random(20261);
  for (int i = 0; i < 12; ++i)
    runAndVerify(randomCase(random, "random" + std::to_string(i)), /*deterministic=*/i % 2);
}

TEST(BackwardDeterminismTest, SameInputsGiveTheSameBits) {
  for (DType dtype : {DType::F32, DType::BF16}) {
    Case c{.name = "twice", .tokens = 2500, .heads = 2, .groups = 1, .dtype = dtype};
    std::vector<lhc::NamedArray> arrays = makeInputs(c, /*gradient=*/true);
    std::vector<TensorView> inputs = viewsOf(arrays);
    std::unique_ptr<lhc::Execution> execution =
        compile(forwardCompiler(), backwardRequest(c, /*deterministic=*/true));
    ASSERT_TRUE(execution);
    ASSERT_TRUE(execution->run(inputs).ok());
    std::vector<std::vector<std::byte>> first;
    for (const lhc::NamedArray &output : execution->outputs)
      first.emplace_back(output.array.bytes().begin(), output.array.bytes().end());
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(execution->run(inputs).ok());
      for (auto [output, bytes] : llvm::zip_equal(execution->outputs, first))
        ASSERT_EQ(0, std::memcmp(output.array.bytes().data(), bytes.data(), bytes.size()))
            << output.name;
    }
  }
}

/// The two passes as entry points of one artifact give what both together give: what crosses is saved
/// by the one and taken by the other, a selection as its entries.
TEST(BackwardEntryPointsTest, AgreeWithBothPassesInOne) {
  for (const Case &c : {Case{.name = "f32", .tokens = 1500, .heads = 4, .groups = 2},
                        Case{.name = "bf16", .batch = 2, .tokens = 2049, .dtype = DType::BF16}}) {
    SCOPED_TRACE(c);
    std::vector<lhc::NamedArray> arrays = makeInputs(c, /*gradient=*/true);
    Request request = backwardRequest(c, /*deterministic=*/true);
    std::unique_ptr<lhc::Execution> both = compile(forwardCompiler(), request);
    ASSERT_TRUE(both);
    ASSERT_TRUE(both->run(viewsOf(arrays)).ok());

    request.separate = true;
    auto artifact = forwardCompiler().compile(request, nullptr);
    ASSERT_TRUE(artifact.ok()) << artifact.status().message();
    ASSERT_EQ(artifact->plans.size(), 3u);
    auto run = [&](std::string_view name) {
      runtime::LoadOptions options;
      options.entryPoint = name;
      auto execution = lhc::Execution::create(*artifact, options);
      ASSERT_TRUE(execution.ok()) << execution.status().message();
      auto inputs = lhc::orderInputs(execution->plan(), arrays);
      ASSERT_TRUE(inputs.ok()) << inputs.status().message();
      runtime::Status status = execution->run(*inputs);
      ASSERT_TRUE(status.ok()) << status.message();
      for (lhc::NamedArray &output : execution->outputs)
        arrays.push_back(std::move(output));
    };
    run(request.name + "_fwd");
    run(request.name + "_bwd");
    for (lhc::NamedArray &expected : both->outputs) {
      auto found = llvm::find_if(
          arrays, [&](const lhc::NamedArray &array) { return array.name == expected.name; });
      ASSERT_NE(found, arrays.end()) << expected.name;
      ASSERT_EQ(found->array.bytes().size(), expected.array.bytes().size());
      EXPECT_EQ(0, std::memcmp(found->array.bytes().data(), expected.array.bytes().data(),
                               expected.array.bytes().size()))
          << expected.name;
    }
    // Nothing of q, k and v is kept.
    auto backward = artifact->entryPoint(request.name + "_bwd");
    ASSERT_TRUE(backward.ok());
    for (const runtime::TensorSpec &input : (*backward)->inputs)
      EXPECT_THAT(input.name, testing::Not(testing::AnyOf("q", "k", "v")));
  }
}

TEST(BackwardErrorTest, WrongCotangentsAreRefused) {
  Case c{.name = "cotangent", .tokens = 512};
  Request request = backwardRequest(c, false);
  request.arguments.push_back({"do", c.dtype, {c.batch, c.tokens + 1, c.heads, c.dim}});
  auto artifact = forwardCompiler().compile(request, nullptr);
  ASSERT_FALSE(artifact.ok());
  EXPECT_EQ(artifact.status().code(), runtime::StatusCode::InvalidArgument);
  EXPECT_THAT(artifact.status().message(), testing::HasSubstr("cotangent 'do' must be"));
  request.arguments.back().name = "dp";
  artifact = forwardCompiler().compile(request, nullptr);
  ASSERT_FALSE(artifact.ok());
  EXPECT_THAT(artifact.status().message(),
              testing::HasSubstr("has no argument 'dp'; its cotangents are do"));
}

TEST(BackwardErrorTest, KernelsWithoutAdjointAreNamed) {
  auto compiler = Compiler::parse("own.lh", R"(
kernel twice(x: f32[N]) -> (y: f32[N]) grid (cdiv(N, 64)) {
  let i = program_id(0) * 64;
  store(y[i :+ 64], 2 * load(x[i :+ 64]));
}
pipeline p(x: f32[N]) -> (y: f32[N]) {
  return twice(x);
}
)");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  Request request;
  request.name = "p";
  request.arguments = {{"x", DType::F32, {100}}};
  request.gradient = true;
  setTarget(request);
  auto artifact = compiler->compile(request, nullptr);
  ASSERT_FALSE(artifact.ok());
  EXPECT_THAT(artifact.status().message(),
              testing::HasSubstr("own.lh:7:10: error: kernel 'twice' has no adjoint"));
}
