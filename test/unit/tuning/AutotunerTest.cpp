//===- AutotunerTest.cpp - Timing on a driver that computes nothing, and entry points ---------===//

#include "lighthouse/Tuning/Autotuner.h"

#include "lighthouse/Pipelines/TargetName.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Cuda.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse;
using namespace lighthouse::tuning;
using runtime::DType;
using testing::HasSubstr;

namespace {

class AutotunerTest : public testing::Test {
protected:
  static void SetUpTestSuite() { setenv("LIGHTHOUSE_CUDA_LIBRARY", FAKE_CUDA_LIBRARY, 1); }

  Autotuner make(Policy policy) {
    return Autotuner(
        {policy, "none", [this](std::string_view text) { remarks.emplace_back(text); }});
  }

  /// The Lighthouse pipeline on a device.
  static Work lighthouse(const char *target) {
    runtime::Result<CompileTarget> found = parseTarget(target);
    EXPECT_TRUE(found.ok()) << found.status().message();
    Work work;
    work.request.name = "lighthouse";
    work.request.settings = {{"K", "128"}};
    work.request.level = found->level;
    work.request.arch = found->arch;
    work.request.device = found->deviceName;
    for (const char *name : {"q", "k", "v"})
      work.request.arguments.push_back({name, DType::F32, {1, 600, 1, 32}});
    work.program.device = found->device.value_or(0);
    work.program.repeat = 1;
    return work;
  }

  std::vector<std::string> remarks;
};

Compiler openLighthouse() {
  runtime::Result<Compiler> compiler = Compiler::openBundled("lighthouse.lh");
  EXPECT_TRUE(compiler.ok()) << compiler.status().message();
  return *std::move(compiler);
}

/// The kernels that were timed.
std::vector<std::string> kernelsOf(const Report &report) {
  std::vector<std::string> names;
  for (const Group &group : report.groups)
    names.push_back(group.kernel);
  return names;
}

} // namespace

TEST_F(AutotunerTest, TimesOnADevice) {
  Compiler compiler = openLighthouse();
  Autotuner tuner = make(Policy::Tables);
  Work work = lighthouse("cuda:1");
  runtime::Result<runtime::cuda::Stream> stream = runtime::cuda::Stream::create(1);
  ASSERT_TRUE(stream.ok()) << stream.status().message();
  work.program.stream = stream->handle();
  runtime::Result<Report> report = tuner.tune(compiler, work, "scatter_tiles");
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_THAT(kernelsOf(*report), testing::ElementsAre("scatter_tiles"));
  // Nothing is computed, so all results are equal.
  for (const Candidate &candidate : report->groups[0].candidates)
    EXPECT_EQ(candidate.rejected, "") << spell(candidate.settings);
  runtime::Result<runtime::TuningTable> table = runtime::TuningTable::fromJson(tuner.json());
  ASSERT_TRUE(table.ok());
  ASSERT_FALSE(table->entries().empty());
  EXPECT_EQ(table->entries()[0].use.target, work.request.arch);
  EXPECT_EQ(table->entries()[0].use.device, work.request.device);
}

TEST_F(AutotunerTest, NothingIsTimedDuringACapture) {
  Compiler compiler = openLighthouse();
  Autotuner tuner = make(Policy::FirstUse);
  Work work = lighthouse("cuda:0");
  runtime::Result<runtime::cuda::Graph> graph = runtime::cuda::Graph::capture([&](void *stream) {
    work.program.stream = stream;
    runtime::Result<bool> capturing = runtime::cuda::isCapturing(stream);
    EXPECT_TRUE(capturing.ok() && *capturing);
    tuner.beforeUse(compiler, work);
    runtime::Result<Report> refused = tuner.tune(compiler, work);
    EXPECT_THAT(refused.status().message(), HasSubstr("the stream is being captured"));
    return runtime::Status();
  });
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_TRUE(remarks.empty()) << remarks.front();
  // Afterwards it is.
  work.program.stream = nullptr;
  tuner.beforeUse(compiler, work);
  EXPECT_FALSE(remarks.empty());
  size_t timed = remarks.size();
  tuner.beforeUse(compiler, work);
  EXPECT_EQ(remarks.size(), timed);
}

/// Each pass is timed on its own: what the other one uses stays unknown.
TEST_F(AutotunerTest, EntryPointsAreTimedOnTheirOwn) {
  Compiler compiler = openLighthouse();
  Autotuner tuner = make(Policy::FirstUse);
  Work work = lighthouse("host");
  work.request.gradient = work.request.separate = true;
  work.program.entryPoint = "lighthouse_fwd";
  runtime::Result<Report> forward = tuner.tune(compiler, work);
  ASSERT_TRUE(forward.ok()) << forward.status().message();
  for (const Group &group : forward->groups)
    EXPECT_EQ(group.kernel.find("backward"), std::string::npos) << group.kernel;
  // The backward pass takes places, which random numbers cannot be.
  work.program.entryPoint = "lighthouse_bwd";
  runtime::Result<Report> backward = tuner.tune(compiler, work);
  ASSERT_FALSE(backward.ok());
  EXPECT_THAT(backward.status().message(), HasSubstr("needs data to be timed with"));
  remarks.clear();
  tuner.beforeUse(compiler, work);
  EXPECT_TRUE(remarks.empty()) << remarks.front();
}
