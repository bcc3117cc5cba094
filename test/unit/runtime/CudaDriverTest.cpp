//===- CudaDriverTest.cpp - The driver, devices, memory, streams, fork ----===//

#include "CudaTest.h"
#include "HopperSample.h"

#include "lighthouse/runtime/lighthouse.h"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

class CudaDriver : public CudaTest {};

/// What an example program prints about the sample artifact with another driver library.
std::string runSampleWith(const char *library, const char *program = RUN_ARTIFACT_PROGRAM,
                          const Artifact &artifact = cudaSampleArtifact()) {
  TempDirectory directory;
  const ScopedEnvironment driver("LIGHTHOUSE_CUDA_LIBRARY", library);
  const ScopedEnvironment cache("LIGHTHOUSE_CACHE_DIR", (directory / "cache").c_str());
  const std::string path = directory / "sample.lha";
  writeBytes(path, serialized(artifact));
  return outputOf(std::string(program) + " '" + path + "'");
}

} // namespace

TEST_F(CudaDriver, DescribesItself) {
  Result<cuda::DriverInfo> driver = cuda::driver();
  ASSERT_TRUE(driver) << driver.status().toString();
  EXPECT_EQ(driver->version, 12040);
  EXPECT_EQ(driver->path, FAKE_CUDA_LIBRARY);
  EXPECT_EQ(driver->build, "libfake_cuda.so, " +
                               std::to_string(std::filesystem::file_size(FAKE_CUDA_LIBRARY)) +
                               " bytes");
  EXPECT_TRUE(cuda::isAvailable());
  fake().deviceCount = 0;
  EXPECT_FALSE(cuda::isAvailable());
  Result<std::vector<cuda::DeviceInfo>> none = cuda::devices();
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, testing::IsEmpty());
}

TEST_F(CudaDriver, Devices) {
  Result<std::vector<cuda::DeviceInfo>> devices = cuda::devices();
  ASSERT_TRUE(devices) << devices.status().toString();
  ASSERT_EQ(devices->size(), 2u);
  const cuda::DeviceInfo &first = devices->front();
  EXPECT_EQ(first.name, "Fake H100");
  EXPECT_EQ(first.major, 9);
  EXPECT_EQ(first.memoryBytes, std::uint64_t(80) << 30);
  EXPECT_EQ(first.sharedBytesPerBlock, 227 << 10);
  EXPECT_EQ(devices->back().ordinal, 1);
  failEveryCall([] { return cuda::devices().status(); });
}

TEST_F(CudaDriver, Buffers) {
  Result<cuda::DeviceBuffer> first = cuda::DeviceBuffer::allocate(100, 1);
  ASSERT_TRUE(first) << first.status().toString();
  EXPECT_EQ(first->size(), 100u);
  cuda::DeviceBuffer buffer = *std::move(first);
  ASSERT_TRUE(cuda::fill(buffer.data(), 7, 100).ok());
  std::vector<unsigned char> bytes(100);
  ASSERT_TRUE(cuda::copy(bytes.data(), buffer.data(), 100).ok());
  EXPECT_THAT(bytes, testing::Each(7));
  EXPECT_TRUE(contextIsRestored());

  EXPECT_EQ(cuda::DeviceBuffer::allocate(0)->data(), nullptr);
  EXPECT_EQ(cuda::DeviceBuffer::allocate(1, 2).status().code(), StatusCode::InvalidArgument);
  const Status full = cuda::DeviceBuffer::allocate(std::size_t(1) << 40).status();
  EXPECT_EQ(full.code(), StatusCode::OutOfMemory) << full.toString();
  EXPECT_THAT(full.message(), HasSubstr("cuMemAlloc_v2: CUDA_ERROR_OTHER (2): "));
  std::vector<unsigned char> more(100);
  EXPECT_THAT(cuda::copy(bytes.data(), more.data(), 100).message(),
              HasSubstr("no memory of a CUDA device was passed"));
  EXPECT_TRUE(cuda::copy(nullptr, nullptr, 0).ok());
  failEveryCall([&]() -> Status {
    Result<cuda::DeviceBuffer> made = cuda::DeviceBuffer::allocate(64);
    if (!made)
      return made.status();
    if (Status s = cuda::fill(made->data(), 1, 64); !s.ok())
      return s;
    return cuda::copy(bytes.data(), made->data(), 64);
  });
}

TEST_F(CudaDriver, MemoryDoesNotDisturbCaptures) {
  const Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  const auto useMemory = [] {
    void *memory = nullptr;
    const float value = 1;
    EXPECT_EQ(lh_device_alloc(0, sizeof value, &memory), LH_OK) << lh_last_error();
    EXPECT_EQ(lh_copy(memory, &value, sizeof value), LH_OK) << lh_last_error();
    EXPECT_TRUE(cuda::fill(memory, 0, sizeof value).ok());
    EXPECT_EQ(lh_device_free(memory), LH_OK) << lh_last_error();
  };
  for (int mode : {0, 1, 2}) {
    beginCapture(stream->handle(), mode);
    useMemory();
    std::thread(useMemory).join();
    endCapture(stream->handle());
  }
}

TEST_F(CudaDriver, StreamsEventsAndGraphs) {
  failEveryCall([]() -> Status {
    Result<cuda::Stream> stream = cuda::Stream::create();
    if (!stream)
      return stream.status();
    Result<cuda::Event> start = cuda::Event::create(), end = cuda::Event::create();
    for (Result<cuda::Event> *event : {&start, &end}) {
      if (!*event)
        return event->status();
      if (Status s = (*event)->record(stream->handle()); !s.ok())
        return s;
    }
    Result<double> seconds = end->secondsSince(*start);
    if (!seconds)
      return seconds.status();
    EXPECT_FLOAT_EQ(float(*seconds), 0.5e-3f);
    Result<cuda::Graph> graph = cuda::Graph::capture([](void *) { return Status(); });
    if (!graph)
      return graph.status();
    if (Status s = graph->launch(stream->handle()); !s.ok())
      return s;
    if (Status s = stream->synchronize(); !s.ok())
      return s;
    if (Status s = cuda::synchronizeStream(stream->handle()); !s.ok())
      return s;
    return cuda::synchronize();
  });
}

TEST_F(CudaDriver, AFailedCaptureGivesTheStatusOfItsBody) {
  const Status body(StatusCode::NotFound, "the body");
  Result<cuda::Graph> graph = cuda::Graph::capture([&](void *) { return body; });
  EXPECT_EQ(graph.status().message(), "the body");
}

//===----------------------------------------------------------------------===//
// Without a driver, or with another
//===----------------------------------------------------------------------===//

TEST_F(CudaDriver, HostProgramsNeedNone) {
  EXPECT_THAT(runSampleWith("/no/such/libcuda.so", RUN_ARTIFACT_PROGRAM, sampleArtifact()),
              testing::StartsWith("out [1000] 1 2 3"));
}

TEST_F(CudaDriver, AMissingLibraryIsNamed) {
  const std::string text = runSampleWith("/no/such/libcuda.so");
  EXPECT_THAT(text,
              HasSubstr("lh_program_load_file_with: no CUDA driver: /no/such/libcuda.so: cannot"));
}

TEST_F(CudaDriver, AMissingFunctionIsNamedWithTheVersion) {
  const std::string text = runSampleWith(INCOMPLETE_CUDA_LIBRARY);
  EXPECT_THAT(text, HasSubstr("(CUDA 11.2) lacks the function cuDeviceGetCount; a driver for CUDA "
                              "11.4 or later is needed"));
}

/// The sample for sm_90 with one of its entry points alone.
static Artifact hopperArtifactWith(std::size_t entryPoint) {
  Artifact artifact = hopperArtifact();
  artifact.plans = {artifact.plans[entryPoint]};
  return artifact;
}

TEST_F(CudaDriver, AnOlderDriverRunsWhatItCan) {
  for (const char *program : {RUN_ARTIFACT_PROGRAM, RUN_ARTIFACT_CPP_PROGRAM})
    EXPECT_EQ(runSampleWith(OLD_CUDA_LIBRARY, program), "out [1000] 0 0 0 0 0 0 0 0\n");
  const std::pair<std::size_t, std::string> lacking[] = {
      {0, "program 'copy': kernel 'copy': the CUDA driver " OLD_CUDA_LIBRARY
          " (CUDA 11.4) lacks the function cuTensorMapEncodeTiled; a driver for CUDA 12.0 or later "
          "is needed"},
      {1, "program 'ranks': kernel 'ranks': the CUDA driver " OLD_CUDA_LIBRARY
          " (CUDA 11.4) lacks the function cuLaunchKernelEx; a driver for CUDA 12.0 or later is "
          "needed"}};
  for (const auto &[entryPoint, message] : lacking) {
    const Artifact artifact = hopperArtifactWith(entryPoint);
    const std::string text = runSampleWith(OLD_CUDA_LIBRARY, RUN_ARTIFACT_CPP_PROGRAM, artifact);
    EXPECT_THAT(text, HasSubstr("unsupported: " + message));
    // Of a newer driver they are used.
    EXPECT_THAT(runSampleWith(FAKE_CUDA_LIBRARY, RUN_ARTIFACT_CPP_PROGRAM, artifact),
                testing::StartsWith(entryPoint == 0 ? "y [24, 48] 0" : "out [6, 2]"));
  }
}

TEST_F(CudaDriver, ExamplesRunOnIt) {
  // The fake driver runs no kernel, so that the output stays as it was allocated: zeros.
  for (const char *program : {RUN_ARTIFACT_PROGRAM, RUN_ARTIFACT_CPP_PROGRAM})
    EXPECT_EQ(runSampleWith(FAKE_CUDA_LIBRARY, program), "out [1000] 0 0 0 0 0 0 0 0\n");
}

TEST_F(CudaDriver, AnotherBuildOfTheDriverIsAMissOfTheCache) {
  TempDirectory directory;
  const ScopedEnvironment cache("LIGHTHOUSE_CACHE_DIR", (directory / "cache").c_str());
  const std::string artifact = directory / "sample.lha";
  writeBytes(artifact, serialized(cudaSampleArtifact()));
  const auto entriesAfterRunWith = [&](const std::string &library) {
    const ScopedEnvironment driver("LIGHTHOUSE_CUDA_LIBRARY", library.c_str());
    (void)outputOf(std::string(RUN_ARTIFACT_CPP_PROGRAM) + " '" + artifact + "'");
    return namesWithPrefix(directory / "cache", "").size();
  };
  // One link for all builds, as libcuda.so.1 is.
  const std::string link = directory / "libcuda.so.1";
  for (std::size_t build : {1, 2}) {
    const std::string file = directory / ("libcuda.so.550.54." + std::to_string(build));
    std::filesystem::copy_file(FAKE_CUDA_LIBRARY, file);
    std::filesystem::remove(link);
    std::filesystem::create_symlink(file, link);
    EXPECT_EQ(entriesAfterRunWith(link), build);
    EXPECT_EQ(entriesAfterRunWith(link), build);
  }
}

//===----------------------------------------------------------------------===//
// Fork
//===----------------------------------------------------------------------===//

TEST_F(CudaDriver, AForkedChildGetsErrorsAndNeverHangs) {
  auto program = std::make_unique<Program>(load());
  auto run = std::make_unique<CudaSampleRun>();
  forgetCalls();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    const auto isForkError = [](const Status &status) {
      return status.code() == StatusCode::Unsupported &&
             status.message().find("forked") != std::string::npos;
    };
    bool right = isForkError(run->run(*program)) && isForkError(cuda::driver().status()) &&
                 isForkError(Program::load(cudaSampleArtifact()).status()) &&
                 isForkError(cuda::copy(nullptr, run->a.data(), 4)) && !cuda::isAvailable();
    // Nothing reaches the driver when they are destroyed either.
    program.reset();
    run.reset();
    right = right && fake().calls.empty();
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(run->run(*program).ok()) << "the parent goes on";
}
