//===- ProgramTest.cpp - Running native code ------------------------------===//

#include "FillSample.h"
#include "TestSupport.h"

#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

/// Memory for one run of the sample program. Inputs and output may have gaps between elements.
struct SampleRun {
  std::vector<float> a, b, out;
  alignas(64) std::array<std::byte, 4096> workspace;
  std::vector<TensorView> inputs, outputs;

  explicit SampleRun(std::int64_t strideA = 1, std::int64_t strideB = 1, std::int64_t strideOut = 1)
      : a(std::size_t(sampleLength * strideA)), b(std::size_t(sampleLength * strideB)),
        out(std::size_t(sampleLength * strideOut), -1.0f) {
    for (std::size_t i = 0; i < a.size(); ++i)
      a[i] = float(i);
    for (std::size_t i = 0; i < b.size(); ++i)
      b[i] = 0.25f * float(i);
    const auto view = [](std::vector<float> &data, std::int64_t stride) {
      return TensorView{data.data(), DType::F32, {sampleLength}, {stride}, Device::Host};
    };
    inputs = {view(a, strideA), view(b, strideB)};
    outputs = {view(out, strideOut)};
  }

  Status run(const Program &program, const RunOptions &options = {}) {
    return program.run(inputs, outputs, workspace.data(), workspace.size(), options);
  }

  void check() const {
    const auto strideA = inputs[0].strides[0], strideB = inputs[1].strides[0],
               strideOut = outputs[0].strides[0];
    for (std::int64_t i = 0; i < sampleLength * strideOut; ++i) {
      const std::int64_t element = i / strideOut;
      const float expected =
          i % strideOut != 0
              ? -1.0f
              : (a[std::size_t(element * strideA)] + b[std::size_t(element * strideB)]) * 0.5f +
                    1.0f;
      ASSERT_EQ(out[std::size_t(i)], expected) << i;
    }
  }
};

Program loadSample() {
  Result<Program> program = Program::load(sampleArtifact());
  EXPECT_TRUE(program) << program.status().toString();
  return *std::move(program);
}

} // namespace

TEST(Program, Runs) {
  const Program program = loadSample();
  EXPECT_EQ(program.plan(), sampleArtifact().plans[0]);
  for (int repeat = 0; repeat < 3; ++repeat) {
    SampleRun run;
    const Status status = run.run(program);
    ASSERT_TRUE(status.ok()) << status.toString();
    run.check();
  }
}

TEST(Program, HonoursStrides) {
  const Program program = loadSample();
  SampleRun run(3, 2, 5);
  ASSERT_TRUE(run.run(program).ok());
  run.check();

  // Broadcast and reversed inputs.
  SampleRun special;
  special.inputs[0].strides = {0};
  special.inputs[1].data = &special.b.back();
  special.inputs[1].strides = {-1};
  ASSERT_TRUE(special.run(program).ok());
  for (std::size_t i = 0; i < special.out.size(); ++i)
    ASSERT_EQ(special.out[i], special.b[special.b.size() - 1 - i] * 0.5f + 1.0f);
}

TEST(Program, SurvivesItsArtifactAndMoves) {
  auto artifact = std::make_unique<Artifact>(sampleArtifact());
  Result<Program> loaded = Program::load(*artifact);
  ASSERT_TRUE(loaded);
  artifact.reset();
  Program first = *std::move(loaded);
  Program second = std::move(first);
  first = std::move(second);
  SampleRun run;
  ASSERT_TRUE(run.run(first).ok());
  run.check();
}

TEST(Program, Timings) {
  const Program program = loadSample();
  SampleRun run;
  ThreadPool pool(2);
  std::vector<LaunchTiming> timings(7);
  ASSERT_TRUE(run.run(program, {.timings = &timings, .pool = &pool}).ok());
  ASSERT_EQ(timings.size(), 2u);
  EXPECT_EQ(timings[0].stage, "first");
  EXPECT_EQ(timings[0].kernel, "add");
  EXPECT_EQ(timings[0].bytes, 3 * 4 * sampleLength);
  EXPECT_EQ(timings[1].stage, "second");
  EXPECT_EQ(timings[1].kernel, "scale");
  EXPECT_EQ(timings[1].bytes, 2 * 4 * sampleLength);
  EXPECT_GE(timings[0].seconds, 0.0);
}

TEST(Program, ConcurrentRuns) {
  const Program program = loadSample();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        SampleRun run(1 + repeat % 3);
        EXPECT_TRUE(run.run(program).ok());
        run.check();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Program, EmptyGridRunsNothing) {
  Artifact artifact = sampleArtifact();
  artifact.plans[0].launches[1].grid = {0, 5, 5};
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program);
  SampleRun run;
  ASSERT_TRUE(run.run(*program).ok());
  EXPECT_THAT(run.out, testing::Each(-1.0f));
}

TEST(Program, FillsOutputsOfAnyStrides) {
  ThreadPool one(1), four(4);
  for (ThreadPool *pool : {&one, &four})
    for (const FillCase &c : fillCases())
      expectFilled(c, Device::Host, {.pool = pool});
}

TEST(Program, FillsComeBeforeTheirLaunch) {
  Artifact artifact = sampleArtifact();
  artifact.plans[0].launches[1].fills = {{0, std::bit_cast<std::uint32_t>(4.0f)},
                                         {2, std::bit_cast<std::uint32_t>(9.0f)},
                                         {0, std::bit_cast<std::uint32_t>(2.0f)}};
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program);
  SampleRun run;
  ASSERT_TRUE(run.run(*program).ok());
  EXPECT_THAT(run.out, testing::Each(2.0f * 0.5f + 1.0f));
}

TEST(Program, EntryPoints) {
  const Artifact artifact = withScaled(sampleArtifact());
  Result<Program> first = Program::load(artifact, {.entryPoint = "sample"});
  ASSERT_TRUE(first) << first.status().toString();
  EXPECT_EQ(first->plan(), artifact.plans[0]);
  SampleRun run;
  ASSERT_TRUE(run.run(*first).ok());
  run.check();
  EXPECT_EQ(Program::load(artifact, {.entryPoint = "scaled"})->plan(), artifact.plans[1]);
  for (const char *name : {"", "other"}) {
    const Status status = Program::load(artifact, {.entryPoint = name}).status();
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("sample, scaled"));
  }
}

TEST(Program, KernelsOfSeveralImages) {
  Artifact artifact = sampleArtifact();
  // Of the second image only `scale` is used, which must not run the code of the first.
  artifact.images.push_back(artifact.images[0]);
  std::ranges::fill(std::span(imageOf(artifact, 1).bytes).first(128), 0xcc);
  std::ranges::fill(std::span(imageOf(artifact).bytes).subspan(128), 0xcc);
  artifact.plans[0].kernels[1].image = 1;
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program) << program.status().toString();
  SampleRun run;
  ASSERT_TRUE(run.run(*program).ok());
  run.check();
}

/// How many ranges of memory of this process are executable and of no file.
static int executableRanges() {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find(" r-xp 00000000 00:00 0") != std::string::npos && line.back() != ']';
  return count;
}

TEST(Program, ArtifactsThatShareAnImageShareItsCode) {
  const int before = executableRanges();
  Artifact artifact = sampleArtifact();
  std::optional<Program> first = *Program::load(artifact);
  EXPECT_EQ(executableRanges(), before + 1);
  Artifact other = artifact;
  other.plans[0].name = "other";
  std::optional<Program> second = *Program::load(other);
  EXPECT_EQ(executableRanges(), before + 1);
  // The code stays while a program uses it, whatever becomes of the artifacts.
  artifact = other = tinyArtifact();
  first.reset();
  SampleRun run;
  ASSERT_TRUE(run.run(*second).ok());
  run.check();
  second.reset();
  EXPECT_EQ(executableRanges(), before);
}

TEST(Program, Parameters) {
  Result<Program> program = Program::load(withScaled(sampleArtifact()), {.entryPoint = "scaled"});
  ASSERT_TRUE(program) << program.status().toString();
  std::vector<float> x(sampleLength), out(sampleLength);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = float(i);
  const TensorView input = TensorView::contiguous(x.data(), DType::F32, {sampleLength});
  const TensorView output = TensorView::contiguous(out.data(), DType::F32, {sampleLength});
  const auto run = [&](std::span<const std::uint64_t> parameters) {
    return program->run({&input, 1}, {&output, 1}, nullptr, 0, {.parameters = parameters});
  };
  for (float factor : {0.25f, -3.0f}) {
    const std::uint64_t bits[] = {std::bit_cast<std::uint32_t>(factor)};
    ASSERT_TRUE(run(bits).ok());
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(out[i], x[i] * factor + 1.0f);
  }
  const std::uint64_t two[] = {0, 0};
  EXPECT_EQ(run({}).code(), StatusCode::InvalidArgument);
  EXPECT_THAT(run({}).message(), HasSubstr("0 parameters were passed; the program has 1"));
  EXPECT_THAT(run(two).message(), HasSubstr("2 parameters were passed; the program has 1"));
}

TEST(Program, NothingToDo) {
  Result<Program> program = Program::load(tinyArtifact());
  ASSERT_TRUE(program);
  EXPECT_TRUE(program->run({}, {}, nullptr, 0).ok());
  Artifact noImage = tinyArtifact();
  noImage.images.clear();
  ASSERT_TRUE(Program::load(noImage));
}

TEST(Program, CodeIsNeverWritableAndExecutable) {
  const Program program = loadSample();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
}

TEST(Program, LoadRefuses) {
  Artifact entry = sampleArtifact();
  entry.plans[0].kernels[0].entry = 5000;
  EXPECT_EQ(Program::load(entry).status().code(), StatusCode::InvalidArgument);

  if (detectCpuLevel() < CpuLevel::V4) {
    Artifact newer = sampleArtifact();
    newer.plans[0].cpuLevel = "x86-64-v4";
    const Status status = Program::load(newer).status();
    EXPECT_EQ(status.code(), StatusCode::Unsupported);
    EXPECT_THAT(status.message(), HasSubstr("is compiled for x86-64-v4; this processor has"));
  }
}
