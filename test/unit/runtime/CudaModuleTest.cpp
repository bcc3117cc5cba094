//===- CudaModuleTest.cpp - Code that programs share, on the fake driver --===//

#include "CudaTest.h"

#include "lighthouse/runtime/Cache.h"

#include <gmock/gmock.h>

#include <bit>
#include <optional>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class CudaModule : public CudaTest {
protected:
  /// Loads an entry point and expects that this links and loads so many modules.
  static std::optional<Program> loadExpecting(long modules, const Artifact &artifact,
                                              const LoadOptions &options = {}) {
    forgetCalls();
    Result<Program> program = Program::load(artifact, options);
    EXPECT_TRUE(program) << program.status().toString();
    EXPECT_EQ(fake().count("cuLinkCreate_v2"), modules);
    EXPECT_EQ(fake().count("cuModuleLoadData"), modules);
    return program ? std::optional(*std::move(program)) : std::nullopt;
  }
};

/// The sample under another key, with another plan.
Artifact otherSample() {
  Artifact artifact = cudaSampleArtifact("other key");
  artifact.plans[0].name = "other_sample";
  artifact.plans[0].kernels[0].threads = 256;
  return artifact;
}

} // namespace

TEST_F(CudaModule, EntryPointsShareCode) {
  const Artifact artifact = withScaled(cudaSampleArtifact());
  std::optional<Program> sample = loadExpecting(1, artifact, {.entryPoint = "cuda_sample"});
  std::optional<Program> scaled = loadExpecting(0, artifact, {.entryPoint = "scaled"});
  EXPECT_EQ(fake().live.modules, 1);

  // The code stays until the last program has gone.
  sample.reset();
  EXPECT_EQ(fake().count("cuModuleUnload"), 0);
  const CudaSampleRun run;
  const std::uint64_t factor[] = {std::bit_cast<std::uint32_t>(2.5f)};
  forgetCalls();
  const Status status =
      scaled->run(std::span(run.inputs).first(1), run.outputs, nullptr, 0, {.parameters = factor});
  ASSERT_TRUE(status.ok()) << status.toString();
  ASSERT_EQ(fake().launches.size(), 1u);
  EXPECT_EQ(fake().launches[0].kernel, "scale");
  scaled.reset();
  EXPECT_EQ(fake().count("cuModuleUnload"), 1);
  EXPECT_EQ(fake().live.modules, 0);
}

TEST_F(CudaModule, ProgramsOfOtherArtifactsShareCode) {
  std::optional<Program> sample = loadExpecting(1, cudaSampleArtifact());
  std::optional<Program> other = loadExpecting(0, otherSample());
  const CudaSampleRun run;
  ASSERT_TRUE(run.run(*other).ok());
  EXPECT_EQ(fake().launches[0].block[0], 256u);

  Artifact differs = cudaSampleArtifact();
  imageOf(differs).bytes.push_back('\n');
  std::optional<Program> third = loadExpecting(1, differs);
  EXPECT_EQ(fake().live.modules, 2);
  other.reset();
  sample.reset();
  EXPECT_EQ(fake().count("cuModuleUnload"), 1);
  // What has gone is loaded anew.
  sample = loadExpecting(1, cudaSampleArtifact());
}

TEST_F(CudaModule, DevicesDoNotShare) {
  std::optional<Program> first = loadExpecting(1, cudaSampleArtifact());
  std::optional<Program> second = loadExpecting(1, cudaSampleArtifact(), {.device = 1});
  std::optional<Program> third = loadExpecting(0, otherSample(), {.device = 1});
  const CudaSampleRun run(1);
  ASSERT_TRUE(run.run(*third).ok());
  EXPECT_EQ(fake().launches[0].device, 1);
}

TEST_F(CudaModule, ManyThreadsLoadOneArtifactOnce) {
  constexpr int numThreads = 16;
  const Artifact artifact = withScaled(cudaSampleArtifact());
  std::vector<std::optional<Program>> programs(numThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < numThreads; ++t)
    threads.emplace_back([&, t] {
      Result<Program> program =
          Program::load(artifact, {.entryPoint = t % 2 == 0 ? "cuda_sample" : "scaled"});
      EXPECT_TRUE(program) << program.status().toString();
      if (program)
        programs[std::size_t(t)] = *std::move(program);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(fake().count("cuLinkCreate_v2"), 1);
  EXPECT_EQ(fake().count("cuModuleLoadData"), 1);
  EXPECT_EQ(fake().live.modules, 1);
  programs.clear();
  EXPECT_EQ(fake().count("cuModuleUnload"), 1);
}

TEST_F(CudaModule, AProgramKeepsItsSharedMemory) {
  Artifact more = cudaSampleArtifact();
  more.plans[0].kernels[1].sharedBytes = 100 << 10;
  std::optional<Program> large = loadExpecting(1, more);
  std::optional<Program> small = loadExpecting(0, cudaSampleArtifact());
  const CudaSampleRun run;
  for (const Program *program : {&*large, &*small}) {
    const Status status = run.run(*program);
    EXPECT_TRUE(status.ok()) << status.toString();
  }
}

TEST_F(CudaModule, AFailedLoadIsNotShared) {
  for (long n = 0;; ++n) {
    const FakeCudaObjects before = fake().live;
    forgetCalls();
    fake().failAt = n;
    Result<Program> failed = Program::load(cudaSampleArtifact());
    const bool reached = std::exchange(fake().failAt, -1) < long(fake().calls.size());
    if (!failed) {
      EXPECT_EQ(fake().live, before) << n;
    }
    if (!reached) {
      EXPECT_GT(n, 2) << "nothing was tested";
      return;
    }
    // A call that cleans may fail.
    if (failed)
      continue;
    std::optional<Program> loaded = loadExpecting(1, cudaSampleArtifact());
    ASSERT_TRUE(loaded) << n;
  }
}

TEST_F(CudaModule, EntryPointsThatDoNotExistAreRefused) {
  const Artifact artifact = withScaled(cudaSampleArtifact());
  const Status ambiguous = Program::load(artifact).status();
  EXPECT_EQ(ambiguous.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(ambiguous.message(), HasSubstr("name one: cuda_sample, scaled"));
  EXPECT_THAT(Program::load(artifact, {.entryPoint = "x"}).status().message(),
              HasSubstr("no entry point 'x'; it has cuda_sample, scaled"));
  EXPECT_THAT(fake().calls, testing::IsEmpty());
}

TEST_F(CudaModule, ParametersAreWords) {
  Result<Program> program =
      Program::load(withScaled(cudaSampleArtifact()), {.entryPoint = "scaled"});
  ASSERT_TRUE(program) << program.status().toString();
  const CudaSampleRun run;
  const auto runWith = [&](std::span<const std::uint64_t> parameters) {
    return program->run(std::span(run.inputs).first(1), run.outputs, nullptr, 0,
                        {.parameters = parameters});
  };
  const auto address = [](const cuda::DeviceBuffer &buffer) {
    return std::int64_t(reinterpret_cast<std::uintptr_t>(buffer.data()));
  };
  for (std::uint64_t bits : {std::uint64_t(0x40200000), UINT64_MAX}) {
    forgetCalls();
    const Status status = runWith({&bits, 1});
    ASSERT_TRUE(status.ok()) << status.toString();
    EXPECT_THAT(fake().launches[0].words, ElementsAre(address(run.a), 4, std::int64_t(bits),
                                                      address(run.out), 4, sampleLength, 2, 2, 2));
  }
  forgetCalls();
  EXPECT_THAT(runWith({}).message(), HasSubstr("0 parameters were passed; the program has 1"));
  EXPECT_THAT(fake().calls, testing::IsEmpty());
}

//===----------------------------------------------------------------------===//
// The cache of cubins
//===----------------------------------------------------------------------===//

TEST_F(CudaModule, CubinsAreCached) {
  TempDirectory directory;
  Cache cache(cacheOptions(directory.path(), nullptr));
  const LoadOptions cached = {.cubinCache = &cache};
  const auto links = [&](const Artifact &artifact, const LoadOptions &how) {
    const long before = fake().count("cuLinkComplete");
    Result<Program> program = Program::load(artifact, how);
    EXPECT_TRUE(program) << program.status().toString();
    return fake().count("cuLinkComplete") - before;
  };

  EXPECT_EQ(links(cudaSampleArtifact(), cached), 1);
  EXPECT_EQ(links(cudaSampleArtifact(), cached), 0);
  // Neither the key of the artifact nor its plans matter.
  EXPECT_EQ(links(cudaSampleArtifact("other key"), cached), 0);
  EXPECT_EQ(links(otherSample(), cached), 0);
  EXPECT_EQ(links(withScaled(cudaSampleArtifact()), {.entryPoint = "scaled", .cubinCache = &cache}),
            0);

  Artifact otherPtx = cudaSampleArtifact();
  imageOf(otherPtx).bytes.push_back('\n');
  EXPECT_EQ(links(otherPtx, cached), 1);

  const LoadOptions otherArch = {.device = 1, .cubinCache = &cache};
  EXPECT_EQ(links(cudaSampleArtifact(), otherArch), 1);
  EXPECT_EQ(links(cudaSampleArtifact(), otherArch), 0);
  EXPECT_EQ(links(cudaSampleArtifact(), {}), 1) << "nothing is looked up without being asked";
}

TEST_F(CudaModule, BrokenAndRejectedEntriesAreMisses) {
  TempDirectory directory;
  Cache cache(cacheOptions(directory.path(), nullptr));
  const LoadOptions options = {.cubinCache = &cache};
  (void)load(options);
  const std::vector<std::string> names = namesWithPrefix(directory.path(), "");
  ASSERT_EQ(names.size(), 1u);
  const std::string key = Artifact::readFile(directory / names.front())->key;
  EXPECT_THAT(key, testing::StartsWith("cubin sm_90 driver 12040 libfake_cuda.so, "));
  const std::string path = entryPath(directory.path(), key);
  const std::vector<std::uint8_t> good = readBytes(path);

  std::vector<std::uint8_t> flipped = good;
  flipped[flipped.size() / 2] ^= 1;
  writeBytes(path, flipped);
  forgetCalls();
  (void)load(options);
  EXPECT_EQ(fake().count("cuLinkComplete"), 1);
  EXPECT_EQ(cache.counters().corrupt, 1u);
  EXPECT_EQ(readBytes(path), good);

  // An intact entry that the driver does not take.
  Artifact rejected = *Artifact::deserialize(good);
  imageOf(rejected).bytes[fakeCubinText] = '?';
  writeBytes(path, serialized(rejected));
  forgetCalls();
  (void)load(options);
  EXPECT_EQ(fake().count("cuLinkComplete"), 1);
  EXPECT_EQ(fake().count("cuModuleLoadData"), 2);
  EXPECT_EQ(readBytes(path), good);

  // An intact entry without a cubin.
  Artifact empty = *Artifact::deserialize(good);
  empty.plans[0].kernels.clear();
  empty.images.clear();
  writeBytes(path, serialized(empty));
  forgetCalls();
  (void)load(options);
  EXPECT_EQ(fake().count("cuLinkComplete"), 1);
  EXPECT_EQ(readBytes(path), good);
}
