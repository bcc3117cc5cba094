//===- CompilerTest.cpp - Keys, cache, errors and phases of the compiler ----------------------===//

#include "lighthouse/Pipelines/Compiler.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

using namespace lighthouse;
using runtime::DType;
using runtime::StatusCode;
using testing::HasSubstr;

static constexpr const char *addSpec = R"(
kernel vector_add<T: float = f32, BLOCK: int = 1024 in {256, 512, 1024}>
    (x: T[N], y: T[N]) -> (z: T[N])
    grid (cdiv(N, BLOCK))
{
  let i = program_id(0) * BLOCK;
  store(z[i :+ BLOCK], load(x[i :+ BLOCK]) + load(y[i :+ BLOCK]));
}

pipeline add3(x: f32[N], y: f32[N], z: f32[N]) -> (r: f32[N]) {
  return vector_add<BLOCK = 256>(vector_add(x, y), z);
}
)";

static Compiler makeCompiler(std::string text = addSpec, CompilerOptions options = {}) {
  runtime::Result<Compiler> compiler = Compiler::parse("add.lh", std::move(text), options);
  EXPECT_TRUE(compiler.ok()) << compiler.status().message();
  return *std::move(compiler);
}

static Request add3(int64_t n) {
  Request request;
  request.name = "add3";
  request.level = "x86-64-v2";
  for (const char *name : {"x", "y", "z"})
    request.arguments.push_back({name, DType::F32, {n}});
  return request;
}

static std::string makeDirectory() {
  llvm::SmallString<128> path;
  EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("lighthouse-test", path));
  return path.str().str();
}

TEST(CompilerTest, KeyChangesWithEveryPart) {
  Compiler compiler = makeCompiler();
  std::set<std::string> keys;
  Request request = add3(1000);
  keys.insert(compiler.key(request));
  request.arguments[0].shape[0] = 1001;
  keys.insert(compiler.key(request));
  request.arguments[0].dtype = DType::F16;
  keys.insert(compiler.key(request));
  request.level = "x86-64-v3";
  keys.insert(compiler.key(request));
  request.settings.emplace_back("BLOCK", "256");
  keys.insert(compiler.key(request));
  request.exposeSelections = true;
  keys.insert(compiler.key(request));
  request.kind = Request::Kind::Kernel;
  keys.insert(compiler.key(request));
  keys.insert(makeCompiler(std::string(addSpec) + "\n").key(request));
  EXPECT_EQ(keys.size(), 8u);
}

TEST(CompilerTest, KeyIgnoresTheOrderOfOptions) {
  Compiler compiler = makeCompiler();
  Request request = add3(1000);
  request.settings = {{"A", "1"}, {"B", "2"}};
  std::string key = compiler.key(request);
  std::swap(request.settings[0], request.settings[1]);
  std::swap(request.arguments[0], request.arguments[2]);
  EXPECT_EQ(compiler.key(request), key);
}

TEST(CompilerTest, NothingIsSetTwice) {
  std::string directory = makeDirectory();
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(directory); });
  runtime::CacheOptions options;
  options.directory = directory + "/cache";
  auto cache = std::make_shared<runtime::Cache>(options);
  Compiler compiler = makeCompiler();
  Request request = add3(1000);
  request.kind = Request::Kind::Kernel;
  request.name = "vector_add";
  request.arguments.pop_back();
  request.settings = {{"BLOCK", "256"}};
  ASSERT_TRUE(compiler.compile(request, cache).ok());
  request.settings.emplace_back("BLOCK", "512");
  EXPECT_THAT(compiler.compile(request, cache).status().message(),
              HasSubstr("parameter 'BLOCK' is set twice"));
  request.settings.pop_back();
  request.arguments.push_back(request.arguments.back());
  EXPECT_THAT(compiler.compile(request, cache).status().message(),
              HasSubstr("argument 'y' is given twice"));
}

TEST(CompilerTest, BuildIdIsThere) { EXPECT_GE(compilerBuildId().size(), 16u); }

TEST(CompilerTest, KernelsComeFromTheCacheForEveryShape) {
  std::string directory = makeDirectory();
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(directory); });
  runtime::CacheOptions options;
  options.directory = directory + "/cache";
  auto cache = std::make_shared<runtime::Cache>(options);
  auto expectCounts = [&](uint64_t hits, uint64_t misses) {
    EXPECT_EQ(cache->counters().hits, hits);
    EXPECT_EQ(cache->counters().misses, misses);
    EXPECT_EQ(cache->counters().published, misses);
  };
  Compiler compiler = makeCompiler();
  auto first = compiler.compile(add3(1000), cache);
  ASSERT_TRUE(first.ok()) << first.status().message();
  expectCounts(0, 2); // two settings of BLOCK
  // The same compiler asks the disk no more, whatever the extent.
  auto second = compiler.compile(add3(1000), cache);
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_EQ(*first, *second);
  auto longer = compiler.compile(add3(12345), cache);
  ASSERT_TRUE(longer.ok()) << longer.status().message();
  EXPECT_EQ(longer->images, first->images);
  EXPECT_EQ(longer->plans[0].inputs[0].shape, std::vector<int64_t>{12345});
  expectCounts(0, 2);
  // Another compiler finds the kernel, for a shape that was never compiled.
  auto other = makeCompiler().compile(add3(77), cache);
  ASSERT_TRUE(other.ok()) << other.status().message();
  ASSERT_EQ(other->images.size(), first->images.size());
  for (auto [ours, theirs] : llvm::zip_equal(other->images, first->images))
    EXPECT_EQ(*ours, *theirs);
  expectCounts(2, 2);
}

/// A request for lighthouse.lh, forward and backward.
static Request makeTraining(int64_t batch, int64_t length, bool separate) {
  Request request;
  request.name = "lighthouse";
  request.level = "x86-64-v2";
  request.gradient = true;
  request.separate = separate;
  for (const char *name : {"q", "k", "v"})
    request.arguments.push_back({name, DType::F32, {batch, length, 2, 16}});
  return request;
}

TEST(CompilerTest, APlanForAnotherShapeCompilesNothing) {
  auto compiler = Compiler::openBundled("lighthouse.lh", CompilerOptions());
  ASSERT_TRUE(compiler) << compiler.status().message();
  for (bool separate : {false, true}) {
    auto first = compiler->compile(makeTraining(1, 4096, separate), nullptr);
    ASSERT_TRUE(first) << first.status().message();
    EXPECT_EQ(first->plans.size(), separate ? 3u : 1u);
    for (auto [batch, length] : {std::pair(1, 8192), {3, 5000}, {2, 4099}}) {
      auto other = compiler->compile(makeTraining(batch, length, separate), nullptr);
      ASSERT_TRUE(other) << other.status().message();
      EXPECT_EQ(other->plans[0].inputs[0].shape, (std::vector<int64_t>{batch, length, 2, 16}));
      // Not only equal: the same.
      EXPECT_EQ(other->images, first->images);
    }
  }
}

TEST(CompilerTest, PlansAreThoseOfTheArtifactWithoutCode) {
  Compiler compiler = makeCompiler();
  runtime::Result<std::vector<runtime::Plan>> plans = compiler.plans(add3(1000));
  ASSERT_TRUE(plans.ok()) << plans.status().message();
  runtime::Result<runtime::Artifact> artifact = compiler.compile(add3(1000), nullptr);
  ASSERT_TRUE(artifact.ok()) << artifact.status().message();
  ASSERT_EQ(plans->size(), 1u);
  const runtime::Plan &plan = plans->front(), &whole = artifact->plans.front();
  EXPECT_EQ(plan.inputs, whole.inputs);
  EXPECT_EQ(plan.outputs, whole.outputs);
  EXPECT_EQ(plan.buffers, whole.buffers);
  EXPECT_EQ(plan.workspaceBytes, whole.workspaceBytes);
  ASSERT_EQ(plan.launches.size(), 2u);
  for (size_t i = 0; i < plan.launches.size(); ++i) {
    EXPECT_EQ(plan.launches[i].grid, whole.launches[i].grid);
    EXPECT_EQ(plan.launches[i].cost.bytesRead, 8000);
    EXPECT_EQ(plan.launches[i].cost.bytesWritten, 4000);
  }
  Request wrong = add3(1000);
  wrong.arguments[0].shape = {7, 7};
  EXPECT_EQ(compiler.plans(wrong).status().code(), StatusCode::InvalidArgument);
}

TEST(CompilerTest, CompilationIsReproducible) {
  auto first = makeCompiler().compile(add3(1000), nullptr);
  auto second = makeCompiler().compile(add3(1000), nullptr);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
}

TEST(CompilerTest, EveryPhaseOfTheTargetPrints) {
  Compiler compiler = makeCompiler();
  for (const PhaseInfo &phase : allPhases())
    for (const char *arch : {"", "sm_80"}) {
      Request request = add3(1000);
      request.arch = arch;
      auto text = compiler.emit(request, phase.phase);
      if (!(request.isCuda() ? phase.onCuda : phase.onHost) || phase.phase == Phase::Gradient) {
        EXPECT_FALSE(text.ok()) << phase.name.str();
        continue;
      }
      ASSERT_TRUE(text.ok()) << phase.name.str() << ": " << text.status().message();
      EXPECT_FALSE(text->empty()) << phase.name.str();
    }
}

TEST(CompilerTest, DumpHasEveryPhaseOfTheTarget) {
  std::string directory = makeDirectory();
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(directory); });
  CompilerOptions options;
  options.dumpDirectory = directory;
  Compiler compiler = makeCompiler(addSpec, options);
  ASSERT_TRUE(compiler.emit(add3(1000), Phase::Artifact).ok());
  for (const PhaseInfo &phase : allPhases()) {
    std::string name = llvm::formatv("{0:d2}-{1}.{2}", unsigned(phase.phase) + 1, phase.name,
                                     phase.extension);
    bool isThere = phase.onHost && phase.phase != Phase::Gradient;
    EXPECT_EQ(llvm::sys::fs::exists(directory + "/" + name), isThere) << name;
  }
}

TEST(CompilerTest, KernelAloneIsAPipelineOfOneLaunch) {
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "vector_add";
  request.level = "x86-64-v2";
  request.arguments = {{"x", DType::BF16, {1000}}, {"y", DType::BF16, {1000}}};
  auto artifact = makeCompiler().compile(request, nullptr);
  ASSERT_TRUE(artifact.ok()) << artifact.status().message();
  EXPECT_EQ(artifact->plans[0].launches.size(), 1u);
  EXPECT_EQ(artifact->plans[0].inputs[0].name, "x");
  EXPECT_EQ(artifact->plans[0].outputs[0].name, "z");
  EXPECT_EQ(artifact->plans[0].outputs[0].dtype, DType::BF16);
}

TEST(CompilerTest, HalfNeedsAProcessorThatConvertsIt) {
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "vector_add";
  request.level = "x86-64-v2";
  request.arguments = {{"x", DType::F16, {1000}}, {"y", DType::F16, {1000}}};
  Compiler compiler = makeCompiler();
  runtime::Status status = compiler.compile(request, nullptr).status();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("f16 needs x86-64-v3"));
  request.level = "x86-64-v3";
  EXPECT_TRUE(compiler.compile(request, nullptr).ok());
}

TEST(CompilerTest, InstancesAreMadeForOneTarget) {
  std::string spec = "kernel ask(x: f32[N]) -> (y: f32[N]) grid (1) {\n"
                     "  store(y[0], load(x[0]) * f32(target.vector_bits + target.capability));\n"
                     "}";
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "ask";
  request.arguments = {{"x", DType::F32, {8}}};
  Compiler compiler = makeCompiler(spec);
  for (const char *name : {"x86-64-v2", "x86-64-v4", "sm_80", "sm_90", "sm_90a", "x86-64-v2"}) {
    bool isCuda = llvm::StringRef(name).starts_with("sm_");
    (isCuda ? request.arch : request.level) = name;
    if (!isCuda)
      request.arch.clear();
    auto artifact = compiler.compile(request, nullptr);
    ASSERT_TRUE(artifact.ok()) << artifact.status().message();
    // What other targets left behind changes nothing.
    EXPECT_EQ(*artifact, *makeCompiler(spec).compile(request, nullptr)) << name;
    auto tile = compiler.emit(request, Phase::Tile);
    ASSERT_TRUE(tile.ok()) << tile.status().message();
    EXPECT_THAT(*tile, HasSubstr("#tile.target<\"" + std::string(name) + "\">"));
  }
}

TEST(CompilerTest, OpenKernelHasCodeButNoArtifact) {
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "vector_add";
  request.level = "x86-64-v2";
  Compiler compiler = makeCompiler();
  auto text = compiler.emit(request, Phase::Asm);
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_THAT(*text, HasSubstr("vector_add"));
  auto artifact = compiler.emit(request, Phase::Artifact);
  EXPECT_EQ(artifact.status().code(), StatusCode::InvalidArgument);
  EXPECT_THAT(artifact.status().message(), HasSubstr("add.lh:3:6: error:"));
  EXPECT_THAT(artifact.status().message(), HasSubstr("'x' has none"));
  request.arguments = {{"x", DType::F32, {1000}}};
  artifact = compiler.emit(request, Phase::Artifact);
  EXPECT_THAT(artifact.status().message(), HasSubstr("'y' has none"));
}

TEST(CompilerTest, ScalarsOfKernelsAreSet) {
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "scale";
  request.level = "x86-64-v2";
  request.arguments = {{"x", DType::F32, {1000}}};
  Compiler compiler = makeCompiler(R"(
kernel scale(x: f32[N], by: f32) -> (y: f32[N]) grid (N) {
  store(y[program_id(0)], by * load(x[program_id(0)]));
}
)");
  EXPECT_TRUE(compiler.emit(request, Phase::Asm).ok());
  std::string message = compiler.compile(request, nullptr).status().message();
  EXPECT_THAT(message, HasSubstr("needs the value of every scalar; give it with --set by=VALUE"));
  request.settings = {{"by", "two"}};
  message = compiler.compile(request, nullptr).status().message();
  EXPECT_THAT(message, HasSubstr("expected a value of type 'f32' for 'by', found 'two'"));
  request.settings = {{"by", "2.5"}};
  EXPECT_TRUE(compiler.compile(request, nullptr).ok());
}

TEST(CompilerTest, ErrorsAreRenderedWithTheirPlace) {
  auto compiler = Compiler::parse("bad.lh", "kernel k() -> (z: f32[N]) grid (1) { let x = y; }");
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "k";
  request.level = "x86-64-v2";
  runtime::Status status =
      compiler ? compiler->emit(request, Phase::Tile).status() : compiler.status();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("bad.lh:1:46: error:"));
  EXPECT_THAT(status.message(), HasSubstr("^"));
}

TEST(CompilerTest, UnknownNamesAndShapesAreErrors) {
  Compiler compiler = makeCompiler();
  Request request = add3(1000);
  request.name = "nothing";
  EXPECT_EQ(compiler.compile(request, nullptr).status().code(), StatusCode::InvalidArgument);
  request = add3(0);
  EXPECT_EQ(compiler.compile(request, nullptr).status().code(), StatusCode::InvalidArgument);
  request = add3(int64_t(1) << 31);
  EXPECT_EQ(compiler.compile(request, nullptr).status().code(), StatusCode::InvalidArgument);
  request = add3(1000);
  request.level = "x86-64-v9";
  EXPECT_THAT(compiler.compile(request, nullptr).status().message(),
              HasSubstr("unknown processor level 'x86-64-v9'; the targets are x86-64-v2, "));
  request.arch = "sm_91";
  EXPECT_THAT(compiler.emit(request, Phase::Ptx).status().message(),
              HasSubstr("unknown architecture 'sm_91'; the targets are"));
  // The compiler is as good as before.
  EXPECT_TRUE(compiler.compile(add3(1000), nullptr).ok());
}
