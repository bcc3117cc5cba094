//===- Pipeline.cpp - Compiles and runs pipelines for the end-to-end tests --------------------===//

#include "Pipeline.h"

#include "lighthouse/Pipelines/TargetName.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Cuda.h"
#include "support/CounterRandom.h"

#include <gtest/gtest.h>

using namespace lighthouse;

static constexpr const char *forwardSpec = R"(
import "lighthouse.lh";
pipeline forward<T: float, L: int, P: int, K: int, M: int = 128, COVER: bool = false>
    (q: T[B, N, H, D], k: T[B, N, G, D], v: T[B, N, G, D])
    -> (o: T[B, N, H, D], indices: i32[B, G, S]) {
  let pyramid = pool(q, k, v, levels = L, factor = P);
  let selected = select(norm_score(pyramid), budget = K, chunk = M, cover_prefix = COVER);
  let (qs, ks, vs) = gather(pyramid, selected);
  let (os, lse) = attend(qs, ks, vs, causal = true);
  return scatter(os, selected), indices(selected);
}
)";

std::vector<lhc::NamedArray> e2e::makeInputs(const Case &c, bool gradient) {
  std::vector<lhc::NamedArray> arrays;
  constexpr const char *names[] = {"q", "k", "v", "do"};
  for (unsigned i = 0; i < (gradient ? 4 : 3); ++i) {
    int64_t heads = i == 0 || i == 3 ? c.heads : c.groups;
    std::vector<float> values =
        support::counterTensor(c.seed, support::CounterTensor(i), c.batch, c.tokens, heads, c.dim);
    auto array = support::Array::fromFloat(c.dtype, {c.batch, c.tokens, heads, c.dim}, values);
    EXPECT_TRUE(array.ok()) << array.status().message();
    arrays.push_back({names[i], *std::move(array)});
  }
  return arrays;
}

std::vector<runtime::TensorView> e2e::viewsOf(std::vector<lhc::NamedArray> &arrays) {
  std::vector<runtime::TensorView> views;
  for (lhc::NamedArray &named : arrays)
    views.push_back(lhc::viewOf(named.array));
  return views;
}

Request e2e::forwardRequest(const Case &c) {
  Request request;
  request.name = "forward";
  request.settings = {{"L", std::to_string(c.levels)},
                      {"P", std::to_string(c.factor)},
                      {"K", std::to_string(c.budget)},
                      {"M", std::to_string(c.chunk)},
                      {"COVER", c.coverPrefix ? "true" : "false"}};
  request.arguments = {{"q", c.dtype, {c.batch, c.tokens, c.heads, c.dim}},
                       {"k", c.dtype, {c.batch, c.tokens, c.groups, c.dim}},
                       {"v", c.dtype, {c.batch, c.tokens, c.groups, c.dim}}};
  setTarget(request);
  request.exposeSelections = true;
  return request;
}

#ifdef LIGHTHOUSE_TEST_CUDA

namespace {

/// Skips all tests of the program where there is no GPU.
class NeedsGpu : public testing::Environment {
  void SetUp() override {
    if (!runtime::cuda::isAvailable())
      GTEST_SKIP() << "no GPU";
  }
};

const testing::Environment *const needsGpu = testing::AddGlobalTestEnvironment(new NeedsGpu);

} // namespace

void e2e::setTarget(Request &request) {
  auto target = parseTarget("cuda");
  ASSERT_TRUE(target.ok()) << target.status().message();
  request.arch = target->arch;
}

#else

void e2e::setTarget(Request &request) { request.level = hostLevel(); }

#endif

Compiler &e2e::forwardCompiler() {
  static runtime::Result<Compiler> compiler = Compiler::parse("forward.lh", forwardSpec);
  if (!compiler) {
    ADD_FAILURE() << compiler.status().message();
    std::exit(1);
  }
  return *compiler;
}

std::unique_ptr<lhc::Execution> e2e::compile(Compiler &compiler, const Request &request) {
  runtime::Result<runtime::Artifact> artifact = compiler.compile(request, nullptr);
  if (!artifact) {
    ADD_FAILURE() << artifact.status().message();
    return nullptr;
  }
  runtime::Result<lhc::Execution> execution = lhc::Execution::create(*artifact);
  if (!execution) {
    ADD_FAILURE() << execution.status().message();
    return nullptr;
  }
  return std::make_unique<lhc::Execution>(*std::move(execution));
}

void e2e::runAndVerify(Compiler &compiler, const Request &request,
                       const std::vector<runtime::TensorView> &inputs, size_t count) {
  std::unique_ptr<lhc::Execution> execution = compile(compiler, request);
  ASSERT_TRUE(execution);
  runtime::Status status = execution->run(inputs);
  ASSERT_TRUE(status.ok()) << status.message();
  auto meanings = compiler.describe(request);
  ASSERT_TRUE(meanings.ok()) << meanings.status().message();
  auto verdicts = lhc::verify(*meanings, inputs, execution->outputs, /*rows=*/512);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status().message();
  ASSERT_EQ(verdicts->size(), count);
  for (const lhc::Verdict &verdict : *verdicts) {
    EXPECT_TRUE(verdict.checked) << verdict.result << ": " << verdict.text;
    EXPECT_TRUE(verdict.passed) << verdict.result << ": " << verdict.text;
  }
}

std::string e2e::hostLevel() {
  runtime::Result<runtime::CpuLevel> level = runtime::hostCpuLevel();
  EXPECT_TRUE(level.ok());
  return level ? std::string(runtime::cpuLevelName(*level)) : "";
}
