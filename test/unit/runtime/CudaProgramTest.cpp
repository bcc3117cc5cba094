//===- CudaProgramTest.cpp - CUDA programs on the fake driver -------------===//

#include "CudaTest.h"
#include "FillSample.h"

#include "lighthouse/runtime/Cache.h"

#include <gmock/gmock.h>

#include <bit>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class CudaProgram : public CudaTest {
protected:
  /// Expects that a changed sample is not loaded, with a message that has `text`.
  static void expectRefused(StatusCode code, const char *text,
                            const std::function<void(Artifact &)> &change,
                            const LoadOptions &options = {}) {
    Artifact artifact = cudaSampleArtifact();
    change(artifact);
    const Status status = Program::load(artifact, options).status();
    EXPECT_EQ(status.code(), code) << text;
    EXPECT_THAT(status.message(), HasSubstr(text));
  }
};

/// Compiles the PTX of the sample to a fake cubin.
void makeCubin(Artifact &artifact, const std::string &arch) {
  CodeImage &image = imageOf(artifact);
  const std::string cubin = fakeCubin(arch, {image.bytes.begin(), image.bytes.end()});
  image = {CodeImage::Kind::Cubin, {cubin.begin(), cubin.end()}, 0};
  artifact.plans[0].arch = arch;
}

std::int64_t address(const cuda::DeviceBuffer &buffer) {
  return std::int64_t(reinterpret_cast<std::uintptr_t>(buffer.data()));
}

} // namespace

TEST_F(CudaProgram, LaunchesWithTheWordsOfItsArguments) {
  const Program program = load();
  const CudaSampleRun run;
  forgetCalls();
  const Status status = run.run(program);
  ASSERT_TRUE(status.ok()) << status.toString();
  EXPECT_TRUE(contextIsRestored());
  ASSERT_EQ(fake().launches.size(), 2u);
  const FakeLaunch &add = fake().launches[0], &scale = fake().launches[1];
  const std::int64_t buffer = address(run.workspace) + 64;

  EXPECT_EQ(add.kernel, "add");
  EXPECT_EQ(add.device, 0);
  EXPECT_THAT(add.grid, ElementsAre(8u, 1u, 1u));
  EXPECT_THAT(add.block, ElementsAre(128u, 1u, 1u));
  EXPECT_EQ(add.sharedBytes, 0u);
  EXPECT_EQ(add.stream, nullptr);
  EXPECT_THAT(add.words,
              ElementsAre(address(run.a), 4, address(run.b), 4, buffer, 4, sampleLength, 2, 2, 2));
  EXPECT_EQ(scale.kernel, "scale");
  EXPECT_EQ(scale.sharedBytes, 65536u);
  EXPECT_THAT(scale.words, ElementsAre(buffer, 4, std::bit_cast<std::int32_t>(0.5f),
                                       address(run.out), 4, sampleLength, 2, 2, 2));
}

TEST_F(CudaProgram, ResidentKernelsHaveNoMoreBlocksThanTheDeviceHolds) {
  // The fake device holds 2048 threads on each of its multiprocessors.
  constexpr unsigned most = 2048 / 128 * 1016;
  for (const bool isResident : {false, true})
    for (const std::int64_t rows : {100, 200}) {
      Artifact artifact = cudaSampleArtifact();
      artifact.plans[0].kernels[0].isResident = isResident;
      artifact.plans[0].launches[0].grid = {rows, 100, 1};
      Result<Program> program = Program::load(artifact);
      ASSERT_TRUE(program) << program.status().toString();
      const CudaSampleRun run;
      forgetCalls();
      ASSERT_TRUE(run.run(*program).ok());
      const FakeLaunch &launch = fake().launches[0];
      const unsigned instances = unsigned(rows) * 100;
      EXPECT_THAT(launch.grid,
                  ElementsAre(isResident ? std::min(instances, most) : instances, 1u, 1u));
      // The kernel sees all instances.
      EXPECT_EQ(launch.words[7], rows);
    }
}

TEST_F(CudaProgram, ARunIsNothingButChecksAndLaunches) {
  const Program program = load();
  const CudaSampleRun run;
  forgetCalls();
  ASSERT_TRUE(run.run(program).ok());
  EXPECT_THAT(fake().calls,
              ElementsAre("cuCtxPushCurrent_v2", "cuPointerGetAttributes", "cuPointerGetAttributes",
                          "cuPointerGetAttributes", "cuPointerGetAttributes", "cuLaunchKernel",
                          "cuLaunchKernel", "cuCtxPopCurrent_v2"));
}

TEST_F(CudaProgram, StridesStreamsAndDevices) {
  LoadOptions options;
  options.device = 1;
  const Program program = load(options);
  CudaSampleRun run(1);
  run.inputs[1].strides = {0};
  const Result<cuda::Stream> stream = cuda::Stream::create(1);
  ASSERT_TRUE(stream);
  forgetCalls();
  RunOptions onStream;
  onStream.stream = stream->handle();
  ASSERT_TRUE(run.run(program, onStream).ok());
  ASSERT_EQ(fake().launches.size(), 2u);
  EXPECT_EQ(fake().launches[0].device, 1);
  EXPECT_EQ(fake().launches[1].stream, stream->handle());
  EXPECT_EQ(fake().launches[0].words[3], 0);

  const Result<cuda::Stream> foreign = cuda::Stream::create(0);
  ASSERT_TRUE(foreign);
  onStream.stream = foreign->handle();
  const Status status = run.run(program, onStream);
  EXPECT_EQ(status.code(), StatusCode::DriverError);
  EXPECT_THAT(status.message(), HasSubstr("stage 'first', kernel 'add': cuLaunchKernel: "));
}

TEST_F(CudaProgram, EmptyGridsAreSkipped) {
  Artifact artifact = cudaSampleArtifact();
  artifact.plans[0].launches[0].grid = {2, 0, 2};
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program);
  const CudaSampleRun run;
  ASSERT_TRUE(run.run(*program).ok());
  ASSERT_EQ(fake().launches.size(), 1u);
  EXPECT_EQ(fake().launches[0].kernel, "scale");
}

TEST_F(CudaProgram, FillsOutputsOfAnyStrides) {
  const Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  RunOptions options;
  options.stream = stream->handle();
  for (const FillCase &c : fillCases()) {
    forgetCalls();
    expectFilled(c, Device::Cuda, options);
    EXPECT_EQ(std::ssize(fake().fillStreams), c.memsets) << c.name;
    EXPECT_THAT(fake().fillStreams, testing::Each(stream->handle()));
    EXPECT_THAT(fake().launches, testing::IsEmpty());
  }
}

TEST_F(CudaProgram, FillsComeBeforeTheirLaunch) {
  Artifact artifact = cudaSampleArtifact();
  artifact.plans[0].launches[0].fills = {{2, 0x40000000}};
  artifact.plans[0].launches[1].fills = {{2, 0}, {0, 1}};
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program);
  const CudaSampleRun run;
  forgetCalls();
  ASSERT_TRUE(run.run(*program).ok());
  EXPECT_THAT(std::span(fake().calls).subspan(5, 5),
              ElementsAre("cuMemsetD32Async", "cuLaunchKernel", "cuMemsetD32Async",
                          "cuMemsetD32Async", "cuLaunchKernel"));
  failEveryCall([&]() -> Status { return run.run(*program); });
}

TEST_F(CudaProgram, FillsFarApartAreRowsOfTheirOwn) {
  // Nothing is written to what is not there: the first memset fails.
  const FillCase c = {"far", DType::I8, 1, {2}, {std::int64_t(1) << 31}, 0};
  Result<Program> program = Program::load(fillArtifact(c, Device::Cuda));
  ASSERT_TRUE(program);
  const cuda::DeviceBuffer buffer = *cuda::DeviceBuffer::allocate(64);
  const TensorView output = {buffer.data(), c.dtype, c.shape, c.strides, Device::Cuda};
  forgetCalls();
  fake().failAt = 2;
  const Status status = program->run({}, {&output, 1}, nullptr, 0);
  EXPECT_THAT(status.message(), HasSubstr("stage 'fill', kernel 'add': cuMemsetD8Async: "));
}

TEST_F(CudaProgram, EveryFailingCallIsReportedAndLeavesNothing) {
  const CudaSampleRun run;
  TempDirectory directory;
  int round = 0;
  failEveryCall([&]() -> Status {
    // Always an empty cache.
    Cache cache(cacheOptions(directory / std::to_string(round++), nullptr));
    LoadOptions options;
    options.cubinCache = &cache;
    Result<Program> program = Program::load(cudaSampleArtifact(), options);
    if (!program)
      return program.status();
    if (Status s = run.run(*program); !s.ok())
      return s;
    std::vector<LaunchTiming> timings;
    RunOptions timed;
    timed.timings = &timings;
    if (Status s = run.run(*program, timed); !s.ok())
      return s;
    return cuda::kernelResources(*program).status();
  });
}

TEST_F(CudaProgram, TheLogOfTheDriverIsAttached) {
  Artifact artifact = cudaSampleArtifact();
  const std::string_view text = "no PTX at all";
  imageOf(artifact).bytes.assign(text.begin(), text.end());
  const Status status = Program::load(artifact).status();
  EXPECT_EQ(status.code(), StatusCode::DriverError);
  EXPECT_THAT(status.message(), HasSubstr("program 'cuda_sample': cuLinkAddData_v2: "));
  EXPECT_THAT(status.message(),
              HasSubstr("\nptxas application ptx input, line 1; fatal: Missing .version"));
}

TEST_F(CudaProgram, LoadRefuses) {
  LoadOptions third;
  third.device = 2;
  expectRefused(
      StatusCode::InvalidArgument, "there is no CUDA device 2; there are 2", [](Artifact &) {},
      third);
  third.device = -1;
  expectRefused(
      StatusCode::InvalidArgument, "there is no CUDA device -1", [](Artifact &) {}, third);

  expectRefused(StatusCode::Unsupported, "the PTX is compiled for sm_100; device 0 is sm_90",
                [](Artifact &a) { a.plans[0].arch = "sm_100"; });
  expectRefused(StatusCode::Unsupported, "the PTX is compiled for sm_80a; device 0 is sm_90",
                [](Artifact &a) { a.plans[0].arch = "sm_80a"; });
  expectRefused(StatusCode::Unsupported, "the cubin is compiled for sm_80; device 0 is sm_90",
                [](Artifact &a) { makeCubin(a, "sm_80"); });

  expectRefused(StatusCode::Unsupported,
                "kernel 'scale': it needs 262144 bytes of shared memory (0 of them static); device "
                "0 has 232448 for a block",
                [](Artifact &a) { a.plans[0].kernels[1].sharedBytes = 256 << 10; });
  fake().staticSharedBytes = 1000;
  expectRefused(StatusCode::Unsupported, "needs 232449 bytes of shared memory (1000 of them static",
                [](Artifact &a) { a.plans[0].kernels[1].sharedBytes = 231449; });
  fake().maxThreads = 96;
  expectRefused(StatusCode::Unsupported,
                "kernel 'add': it is launched with 128 threads; its registers allow 96",
                [](Artifact &) {});
  expectRefused(StatusCode::DriverError, "kernel 'missing': cuModuleGetFunction: ",
                [](Artifact &a) { a.plans[0].kernels[0].name = "missing"; });
}

TEST_F(CudaProgram, ArchitecturesThatRun) {
  for (const char *arch : {"sm_80", "sm_89", "sm_90", "sm_90a", "sm_90f"}) {
    Artifact artifact = cudaSampleArtifact();
    artifact.plans[0].arch = arch;
    EXPECT_TRUE(Program::load(artifact)) << arch;
  }
}

TEST_F(CudaProgram, LoadsCubins) {
  Artifact artifact = cudaSampleArtifact();
  makeCubin(artifact, "sm_90");
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program) << program.status().toString();
  EXPECT_EQ(fake().count("cuLinkCreate_v2"), 0);
}

//===----------------------------------------------------------------------===//
// What a run refuses
//===----------------------------------------------------------------------===//

TEST_F(CudaProgram, WrongArgumentsAreFoundBeforeAnyLaunch) {
  const Program program = load();
  const CudaSampleRun run, other(1);
  std::vector<float> onHost(sampleLength);
  struct Case {
    const char *message;
    std::function<void(CudaSampleRun &, void *&)> change;
  };
  const Case cases[] = {
      {"input 0 'a': the tensor is on device 'host'; this program runs on device 'cuda'",
       [](CudaSampleRun &r, void *&) { r.inputs[0].device = Device::Host; }},
      {"input 1 'b': memory of the host was passed; memory of CUDA device 0 is needed",
       [&](CudaSampleRun &r, void *&) { r.inputs[1].data = onHost.data(); }},
      {"output 0 'out': memory of CUDA device 1 was passed; memory of CUDA device 0 is needed",
       [&](CudaSampleRun &r, void *&) { r.outputs[0].data = other.out.data(); }},
      {"workspace: memory of CUDA device 1 was passed",
       [&](CudaSampleRun &, void *&workspace) { workspace = other.workspace.data(); }},
      {"workspace: a null pointer was passed",
       [&](CudaSampleRun &, void *&workspace) { workspace = nullptr; }},
      {"input 0 'a': dtype i32 was passed; f32 is needed",
       [](CudaSampleRun &r, void *&) { r.inputs[0].dtype = DType::I32; }},
      {"input 0 'a': shape [999] was passed",
       [](CudaSampleRun &r, void *&) { r.inputs[0].shape = {999}; }},
      {"a kernel needs a multiple of 16",
       [](CudaSampleRun &r, void *&) {
         r.inputs[0].data = static_cast<float *>(r.inputs[0].data) + 1;
       }},
      {"output 0 'out': it shares memory with input 0 'a'",
       [](CudaSampleRun &r, void *&) { r.outputs[0].data = r.inputs[0].data; }},
  };
  for (const Case &c : cases) {
    CudaSampleRun changed;
    void *workspace = changed.workspace.data();
    c.change(changed, workspace);
    const Status status =
        program.run(changed.inputs, changed.outputs, workspace, changed.workspace.size());
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
  EXPECT_THAT(fake().launches, testing::IsEmpty());
}

//===----------------------------------------------------------------------===//
// Capture
//===----------------------------------------------------------------------===//

TEST_F(CudaProgram, LoadDuringTheCaptureOfItsStreamNamesTheWarmUpCall) {
  const Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  LoadOptions options;
  options.stream = stream->handle();
  for (int mode : {0, 1, 2}) {
    beginCapture(stream->handle(), mode);
    expectRefused(
        StatusCode::InvalidArgument,
        "load the program before the capture begins: call Program::load (in C: "
        "lh_program_load_file or lh_program_load_memory) first",
        [](Artifact &) {}, options);
    EXPECT_EQ(fake().count("cuLinkCreate_v2"), 0);
    EXPECT_EQ(fake().count("cuModuleLoadData"), 0);
    endCapture(stream->handle());
  }
  // The capture of a stream that the legacy default stream waits for is noticed without being told.
  void *blocking = makeBlockingStream();
  beginCapture(blocking, 0);
  expectRefused(StatusCode::InvalidArgument, "before the capture begins", [](Artifact &) {});
  endCapture(blocking);
  destroyStream(blocking);
}

TEST_F(CudaProgram, LoadAndReleaseDoNotDisturbOtherCaptures) {
  const Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  for (int mode : {0, 1, 2}) {
    beginCapture(stream->handle(), mode);
    (void)load();
    std::thread([] { (void)load(); }).join();
    endCapture(stream->handle());
  }
}

TEST_F(CudaProgram, RunsAreCaptured) {
  Artifact artifact = cudaSampleArtifact();
  artifact.plans[0].launches[1].fills = {{2, 0}};
  Result<Program> loaded = Program::load(artifact);
  ASSERT_TRUE(loaded);
  const Program &program = *loaded;
  const CudaSampleRun run;
  std::vector<LaunchTiming> timings;
  Result<cuda::Graph> graph = cuda::Graph::capture([&](void *stream) {
    RunOptions options;
    options.stream = stream;
    forgetCalls();
    if (Status s = run.run(program, options); !s.ok())
      return s;
    EXPECT_EQ(fake().launches.size(), 2u);
    options.timings = &timings;
    const Status timed = run.run(program, options);
    EXPECT_EQ(timed.code(), StatusCode::InvalidArgument);
    EXPECT_THAT(timed.message(), HasSubstr("a stream that is being captured cannot be timed"));
    return Status();
  });
  ASSERT_TRUE(graph) << graph.status().toString();
  EXPECT_TRUE(graph->launch(nullptr).ok());
}

//===----------------------------------------------------------------------===//
// Timings, resources, threads
//===----------------------------------------------------------------------===//

TEST_F(CudaProgram, Timings) {
  const Program program = load();
  const CudaSampleRun run;
  std::vector<LaunchTiming> timings(7);
  RunOptions options;
  options.timings = &timings;
  for (int repeat = 0; repeat < 3; ++repeat) {
    ASSERT_TRUE(run.run(program, options).ok());
    ASSERT_EQ(timings.size(), 2u);
    EXPECT_EQ(timings[1].stage, "second");
    EXPECT_EQ(timings[1].kernel, "scale");
    EXPECT_EQ(timings[0].bytes, 3 * 4 * sampleLength);
    EXPECT_FLOAT_EQ(float(timings[0].seconds), 0.5e-3f);
  }
  EXPECT_EQ(fake().count("cuEventCreate"), 3) << "events are made once";
}

TEST_F(CudaProgram, Resources) {
  const Program program = load();
  fake().staticSharedBytes = 8;
  Result<std::vector<cuda::KernelResources>> kernels = cuda::kernelResources(program);
  ASSERT_TRUE(kernels) << kernels.status().toString();
  ASSERT_EQ(kernels->size(), 2u);
  const cuda::KernelResources &scale = kernels->back();
  EXPECT_EQ(scale.name, "scale");
  EXPECT_EQ(scale.registers, 40);
  EXPECT_EQ(scale.localBytes, 30);
  EXPECT_EQ(scale.staticSharedBytes, 8);
  EXPECT_EQ(scale.maxThreads, 1024);
  EXPECT_EQ(scale.blocksPerMultiprocessor, 16);

  Result<Program> host = Program::load(sampleArtifact());
  ASSERT_TRUE(host);
  EXPECT_EQ(cuda::kernelResources(*host).status().code(), StatusCode::InvalidArgument);
}

TEST_F(CudaProgram, ManyThreadsRunOneProgram) {
  const Program program = load();
  const CudaSampleRun run;
  constexpr int numThreads = 64, repeats = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < numThreads; ++t)
    threads.emplace_back([&] {
      // Each output is another's, which the fake driver does not mind.
      for (int repeat = 0; repeat < repeats; ++repeat)
        EXPECT_TRUE(run.run(program).ok());
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(fake().launches.size(), std::size_t(2 * numThreads * repeats));
  for (const FakeLaunch &launch : fake().launches)
    ASSERT_EQ(launch.device, 0);
}

TEST_F(CudaProgram, ManyThreadsLoad) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([t] {
      LoadOptions options;
      options.device = t % 2;
      (void)load(options);
    });
  for (std::thread &thread : threads)
    thread.join();
}
