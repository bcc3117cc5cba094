//===- CudaDeviceTest.cpp - On a GPU, where there is one ------------------===//

#include "CudaSample.h"
#include "FillSample.h"
#include "HopperSample.h"

#include "lighthouse/runtime/Cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

class CudaDeviceTest : public testing::Test {
protected:
  void SetUp() override {
    if (!cuda::isAvailable())
      GTEST_SKIP() << "no GPU: " << cuda::driver().status().toString();
    Result<Program> loaded = Program::load(cudaSampleArtifact());
    ASSERT_TRUE(loaded) << loaded.status().toString();
    program.emplace(*std::move(loaded));
  }

  std::optional<Program> program;
};

RunOptions onStream(void *stream) {
  RunOptions options;
  options.stream = stream;
  return options;
}

} // namespace

TEST_F(CudaDeviceTest, Describes) {
  Result<cuda::DriverInfo> driver = cuda::driver();
  ASSERT_TRUE(driver);
  Result<std::vector<cuda::DeviceInfo>> devices = cuda::devices();
  ASSERT_TRUE(devices) << devices.status().toString();
  for (const cuda::DeviceInfo &device : *devices) {
    std::printf("%s, CUDA %d, %s, %d.%d: %.1f GB, %d multiprocessors, %d bytes shared\n",
                driver->path.c_str(), driver->version, device.name.c_str(), device.major,
                device.minor, double(device.memoryBytes) * 1e-9, device.multiprocessors,
                device.sharedBytesPerBlock);
    EXPECT_GT(device.multiprocessors, 0);
    EXPECT_GE(device.sharedBytesPerBlock, 48 << 10);
    EXPECT_GT(device.l2Bytes, 0);
    EXPECT_GE(device.registersPerMultiprocessor, 65536);
  }
}

TEST_F(CudaDeviceTest, Runs) {
  const CudaSampleRun run;
  const Status status = run.run(*program);
  ASSERT_TRUE(status.ok()) << status.toString();
  EXPECT_TRUE(run.isRight());
}

TEST_F(CudaDeviceTest, HonoursStrides) {
  CudaSampleRun run;
  // b is a[0] everywhere, which is 0.
  run.inputs[1] = run.inputs[0];
  run.inputs[1].strides = {0};
  ASSERT_TRUE(run.run(*program).ok());
  std::vector<float> out(sampleLength);
  ASSERT_TRUE(cuda::copy(out.data(), run.out.data(), run.out.size()).ok());
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], 0.5f * float(i) + 8.0f) << i;
}

TEST_F(CudaDeviceTest, TwoStreams) {
  const CudaSampleRun runs[2];
  Result<cuda::Stream> streams[2] = {cuda::Stream::create(), cuda::Stream::create()};
  ASSERT_TRUE(streams[0] && streams[1]);
  for (int repeat = 0; repeat < 10; ++repeat)
    for (int i : {0, 1})
      ASSERT_TRUE(runs[i].run(*program, onStream(streams[i]->handle())).ok());
  for (int i : {0, 1}) {
    ASSERT_TRUE(streams[i]->synchronize().ok());
    EXPECT_TRUE(runs[i].isRight());
  }
}

TEST_F(CudaDeviceTest, GraphCapture) {
  const CudaSampleRun run;
  Result<cuda::Graph> graph = cuda::Graph::capture([&](void *stream) {
    // In between, another program is loaded and released; that must not break the capture.
    if (Status s = run.run(*program, onStream(stream)); !s.ok())
      return s;
    LoadOptions warm;
    warm.stream = stream;
    const Status refused = Program::load(cudaSampleArtifact(), warm).status();
    EXPECT_THAT(refused.message(), HasSubstr("call Program::load"));
    std::vector<LaunchTiming> timings;
    RunOptions timed = onStream(stream);
    timed.timings = &timings;
    EXPECT_EQ(run.run(*program, timed).code(), StatusCode::InvalidArgument);
    return Program::load(cudaSampleArtifact("another")).status();
  });
  ASSERT_TRUE(graph) << graph.status().toString();
  ASSERT_TRUE(cuda::synchronize().ok());
  EXPECT_FALSE(run.isRight()) << "nothing has run yet";
  Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  for (int repeat = 0; repeat < 3; ++repeat) {
    run.clear();
    ASSERT_TRUE(graph->launch(stream->handle()).ok());
    ASSERT_TRUE(stream->synchronize().ok());
    EXPECT_TRUE(run.isRight());
  }
}

TEST_F(CudaDeviceTest, FillsOutputsOfAnyStrides) {
  for (const FillCase &c : fillCases())
    expectFilled(c, Device::Cuda);
}

TEST_F(CudaDeviceTest, FillsAreCaptured) {
  Artifact artifact = cudaSampleArtifact();
  artifact.plans[0].launches[1].fills = {{0, std::bit_cast<std::uint32_t>(2.0f)}};
  Result<Program> filling = Program::load(artifact);
  ASSERT_TRUE(filling) << filling.status().toString();
  const CudaSampleRun run;
  Result<cuda::Graph> graph = cuda::Graph::capture(
      [&](void *stream) { return run.run(*filling, onStream(stream)); });
  ASSERT_TRUE(graph) << graph.status().toString();
  ASSERT_TRUE(graph->launch(nullptr).ok());
  std::vector<float> out(sampleLength);
  ASSERT_TRUE(cuda::copy(out.data(), run.out.data(), run.out.size()).ok());
  EXPECT_THAT(out, testing::Each(2.0f * 0.5f + 8.0f));
}

TEST_F(CudaDeviceTest, Timings) {
  const CudaSampleRun run;
  std::vector<LaunchTiming> timings;
  RunOptions options;
  options.timings = &timings;
  for (int repeat = 0; repeat < 3; ++repeat) {
    ASSERT_TRUE(run.run(*program, options).ok());
    ASSERT_EQ(timings.size(), 2u);
    for (const LaunchTiming &timing : timings) {
      EXPECT_GT(timing.seconds, 0.0);
      EXPECT_LT(timing.seconds, 1.0);
    }
  }
  EXPECT_TRUE(run.isRight());
}

TEST_F(CudaDeviceTest, CubinsComeFromTheCache) {
  program.reset(); // or its code would be shared
  TempDirectory directory;
  Cache cache(cacheOptions(directory.path(), nullptr));
  LoadOptions options;
  options.cubinCache = &cache;
  for (int round = 0; round < 2; ++round) {
    Result<Program> loaded = Program::load(cudaSampleArtifact(), options);
    ASSERT_TRUE(loaded) << loaded.status().toString();
    const CudaSampleRun run;
    ASSERT_TRUE(run.run(*loaded).ok());
    EXPECT_TRUE(run.isRight());
  }
  EXPECT_EQ(cache.counters().hits, 1u);
  EXPECT_EQ(cache.counters().published, 1u);
}

TEST_F(CudaDeviceTest, ARejectedCubinIsLinkedAnew) {
  program.reset(); // or its code would be shared
  TempDirectory directory;
  Cache cache(cacheOptions(directory.path(), nullptr));
  LoadOptions options;
  options.cubinCache = &cache;
  ASSERT_TRUE(Program::load(cudaSampleArtifact(), options));
  const std::vector<std::string> names = namesWithPrefix(directory.path(), "");
  ASSERT_EQ(names.size(), 1u);
  const std::string path = directory / names.front();
  Artifact entry = *Artifact::readFile(path);
  // Still an ELF file, of another machine.
  imageOf(entry).bytes[18] ^= 0xff;
  writeBytes(path, serialized(entry));
  Result<Program> loaded = Program::load(cudaSampleArtifact(), options);
  ASSERT_TRUE(loaded) << loaded.status().toString();
  EXPECT_EQ(cache.counters().published, 2u);
}

TEST_F(CudaDeviceTest, Resources) {
  Result<std::vector<cuda::KernelResources>> kernels = cuda::kernelResources(*program);
  ASSERT_TRUE(kernels) << kernels.status().toString();
  for (const cuda::KernelResources &kernel : *kernels) {
    EXPECT_GT(kernel.registers, 0);
    EXPECT_EQ(kernel.localBytes, 0);
    EXPECT_GE(kernel.maxThreads, 128);
    EXPECT_GE(kernel.blocksPerMultiprocessor, 1);
  }
}

TEST_F(CudaDeviceTest, TheLogOfTheDriverIsAttached) {
  Artifact artifact = cudaSampleArtifact();
  const std::string_view text = ".version 7.0\n.target sm_80\n.address_size 64\nnonsense;\n";
  imageOf(artifact).bytes.assign(text.begin(), text.end());
  const Status status = Program::load(artifact).status();
  EXPECT_EQ(status.code(), StatusCode::DriverError);
  EXPECT_THAT(status.message(), HasSubstr("CUDA_ERROR_INVALID_PTX (218)"));
  EXPECT_THAT(status.message(), HasSubstr("nonsense"));
}

TEST_F(CudaDeviceTest, WrongMemoryIsRefused) {
  CudaSampleRun run;
  std::vector<float> onHost(sampleLength + 4);
  void *data = onHost.data();
  std::size_t space = 4 * onHost.size();
  run.inputs[0].data = std::align(16, 4 * sampleLength, data, space);
  EXPECT_THAT(run.run(*program).message(), HasSubstr("input 0 'a': memory of the host was passed"));
}

TEST_F(CudaDeviceTest, ThreadsWithoutAContext) {
  const CudaSampleRun run;
  std::thread([&] {
    EXPECT_TRUE(run.run(*program).ok());
    EXPECT_TRUE(run.isRight());
  }).join();
}

TEST_F(CudaDeviceTest, EntryPointsAndParameters) {
  const Artifact artifact = withScaled(cudaSampleArtifact());
  Result<Program> sample = Program::load(artifact, {.entryPoint = "cuda_sample"});
  Result<Program> scaled = Program::load(artifact, {.entryPoint = "scaled"});
  ASSERT_TRUE(sample) << sample.status().toString();
  ASSERT_TRUE(scaled) << scaled.status().toString();
  const CudaSampleRun run;
  ASSERT_TRUE(run.run(*sample).ok());
  EXPECT_TRUE(run.isRight());
  for (float factor : {2.5f, -1.0f}) {
    const std::uint64_t bits[] = {std::bit_cast<std::uint32_t>(factor)};
    run.clear();
    const Status status = scaled->run(std::span(run.inputs).first(1), run.outputs, nullptr, 0,
                                      {.parameters = bits});
    ASSERT_TRUE(status.ok()) << status.toString();
    std::vector<float> out(sampleLength);
    ASSERT_TRUE(cuda::copy(out.data(), run.out.data(), run.out.size()).ok());
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_EQ(out[i], float(i) * factor + 8.0f) << i;
  }
}

//===----------------------------------------------------------------------===//
// Devices from 9.0 on
//===----------------------------------------------------------------------===//

namespace {

class HopperDeviceTest : public testing::Test {
protected:
  void SetUp() override {
    if (!cuda::isAvailable())
      GTEST_SKIP() << "no GPU: " << cuda::driver().status().toString();
    Result<std::vector<cuda::DeviceInfo>> devices = cuda::devices();
    ASSERT_TRUE(devices) << devices.status().toString();
    if (devices->front().major < 9)
      GTEST_SKIP() << devices->front().name << " has neither tensor maps nor clusters";
  }

  /// Loads an entry point of the sample.
  static Program load(const char *entryPoint) {
    Result<Program> program = Program::load(hopperArtifact(), {.entryPoint = entryPoint});
    if (!program)
      throw std::runtime_error(program.status().toString());
    return *std::move(program);
  }

  static cuda::DeviceBuffer allocate(std::size_t bytes) {
    Result<cuda::DeviceBuffer> buffer = cuda::DeviceBuffer::allocate(bytes);
    if (!buffer)
      throw std::runtime_error(buffer.status().toString());
    return *std::move(buffer);
  }
};

} // namespace

TEST_F(HopperDeviceTest, CopiesThroughATensorMap) {
  const Program program = load("copy");
  // Contiguous, and a view of a tensor with longer rows.
  for (std::int64_t stride : {copyColumns, copyColumns + 4}) {
    std::vector<float> x(std::size_t(copyRows * stride));
    std::vector<float> y(std::size_t(copyOutRows * copyOutColumns));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = float(i) + 1;
    const cuda::DeviceBuffer from = allocate(x.size() * sizeof(float));
    const cuda::DeviceBuffer to = allocate(y.size() * sizeof(float));
    ASSERT_TRUE(cuda::copy(from.data(), x.data(), from.size()).ok());
    ASSERT_TRUE(cuda::fill(to.data(), 0xff, to.size()).ok());
    const TensorView input = {
        from.data(), DType::F32, {copyRows, copyColumns}, {stride, 1}, Device::Cuda};
    const TensorView output = TensorView::contiguous(to.data(), DType::F32,
                                                     {copyOutRows, copyOutColumns}, Device::Cuda);
    const Status status = program.run({&input, 1}, {&output, 1}, nullptr, 0);
    ASSERT_TRUE(status.ok()) << status.toString();
    ASSERT_TRUE(cuda::copy(y.data(), to.data(), to.size()).ok());
    for (std::int64_t row = 0; row < copyOutRows; ++row)
      for (std::int64_t column = 0; column < copyOutColumns; ++column)
        ASSERT_EQ(y[std::size_t(row * copyOutColumns + column)],
                  row < copyRows && column < copyColumns ? x[std::size_t(row * stride + column)]
                                                         : 0.0f)
            << row << ", " << column;
  }
}

TEST_F(HopperDeviceTest, LaunchesClusters) {
  const Program program = load("ranks");
  std::vector<std::int32_t> ranks(std::size_t(2 * rankedBlocks));
  const cuda::DeviceBuffer out = allocate(ranks.size() * sizeof(std::int32_t));
  const TensorView output =
      TensorView::contiguous(out.data(), DType::I32, {rankedBlocks, 2}, Device::Cuda);
  const Status status = program.run({}, {&output, 1}, nullptr, 0);
  ASSERT_TRUE(status.ok()) << status.toString();
  ASSERT_TRUE(cuda::copy(ranks.data(), out.data(), out.size()).ok());
  EXPECT_THAT(ranks, testing::ElementsAre(2, 0, 2, 1, 2, 0, 2, 1, 2, 0, 2, 1));
}
