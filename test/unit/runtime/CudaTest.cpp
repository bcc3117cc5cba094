//===- CudaTest.cpp - The fixture of tests with the fake driver -----------===//

#include "CudaTest.h"

#include "CudaTypes.h"

#include <gmock/gmock.h>

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

namespace lighthouse::runtime::test {

namespace {

/// Selects the fake driver for the whole program, before anything can open another.
class SelectFakeCuda : public testing::Environment {
  void SetUp() override { ::setenv("LIGHTHOUSE_CUDA_LIBRARY", FAKE_CUDA_LIBRARY, 1); }
};

[[maybe_unused]] testing::Environment *const selectFakeCuda =
    testing::AddGlobalTestEnvironment(new SelectFakeCuda());

/// A function of the fake driver, called as a caller with CUDA of its own would.
template <typename... Args> CUresult call(const char *name, Args... args) {
  static void *const library = ::dlopen(FAKE_CUDA_LIBRARY, RTLD_NOW);
  return reinterpret_cast<CUresult (*)(Args...)>(::dlsym(library, name))(args...);
}

CUcontext callersContext = nullptr;

} // namespace

FakeCudaState &CudaTest::fake() {
  static void *const library = ::dlopen(FAKE_CUDA_LIBRARY, RTLD_NOW);
  static FakeCudaState *const state =
      reinterpret_cast<FakeCudaState *(*)()>(::dlsym(library, "fakeCuda"))();
  return *state;
}

void CudaTest::forgetCalls() {
  std::lock_guard lock(fake().mutex);
  fake().calls.clear();
  fake().launches.clear();
  fake().tensorMaps.clear();
  fake().fillStreams.clear();
  fake().violations.clear();
  fake().injected = false;
  fake().failAt = -1;
}

void CudaTest::SetUp() {
  const FakeCudaState defaults;
  fake().capabilities = defaults.capabilities;
  fake().deviceCount = defaults.deviceCount;
  fake().driverVersion = defaults.driverVersion;
  fake().maxThreads = defaults.maxThreads;
  fake().staticSharedBytes = defaults.staticSharedBytes;
  // A device that only its owner has retained.
  call("cuDevicePrimaryCtxRetain", &callersContext, CUdevice(1));
  call("cuCtxPushCurrent_v2", callersContext);
  ASSERT_TRUE(cuda::isAvailable()) << cuda::driver().status().toString();
  forgetCalls();
  before = fake().live;
}

bool CudaTest::contextIsRestored() {
  const long failAt = std::exchange(fake().failAt, -1);
  CUcontext top = nullptr, below = nullptr;
  const bool found = call("cuCtxPopCurrent_v2", &top) == CUDA_SUCCESS && top == callersContext &&
                     call("cuCtxPopCurrent_v2", &below) != CUDA_SUCCESS;
  call("cuCtxPushCurrent_v2", callersContext);
  fake().failAt = failAt;
  return found;
}

void CudaTest::TearDown() {
  fake().failAt = -1;
  EXPECT_TRUE(contextIsRestored());
  if (!objectsLost) {
    EXPECT_EQ(fake().live, before);
  }
  EXPECT_THAT(fake().violations, testing::IsEmpty());
  CUcontext popped;
  call("cuCtxPopCurrent_v2", &popped);
  call("cuDevicePrimaryCtxRelease_v2", CUdevice(1));
}

void CudaTest::beginCapture(void *stream, int mode) {
  call("cuStreamBeginCapture_v2", static_cast<CUstream>(stream), mode);
}

void CudaTest::endCapture(void *stream) {
  CUgraph graph = nullptr;
  call("cuStreamEndCapture", static_cast<CUstream>(stream), &graph);
  call("cuGraphDestroy", graph);
}

void *CudaTest::makeBlockingStream() {
  CUcontext context = nullptr, popped = nullptr;
  CUstream stream = nullptr;
  call("cuDevicePrimaryCtxRetain", &context, CUdevice(0));
  call("cuCtxPushCurrent_v2", context);
  call("cuStreamCreate", &stream, 0u);
  call("cuCtxPopCurrent_v2", &popped);
  return stream;
}

void CudaTest::destroyStream(void *stream) {
  call("cuStreamDestroy_v2", static_cast<CUstream>(stream));
  call("cuDevicePrimaryCtxRelease_v2", CUdevice(0));
}

Program CudaTest::load(const LoadOptions &options) {
  Result<Program> program = Program::load(cudaSampleArtifact(), options);
  if (!program)
    throw std::runtime_error(program.status().toString());
  return *std::move(program);
}

/// For LeakSanitizer: `failEveryCall` makes destructors fail to enter their context, where nothing but
/// losing the driver's object is left to do. The fake driver counts its objects itself.
extern "C" __attribute__((visibility("default"))) const char *__lsan_default_suppressions() {
  return "leak:libfake_cuda.so\n";
}

void CudaTest::failEveryCall(const std::function<Status()> &body) {
  FakeCudaObjects live = fake().live;
  // After these nothing is left to be done about a failure.
  const auto cleans = [](const std::string &call) {
    return call.find("Destroy") != call.npos || call.find("Release") != call.npos ||
           call.find("Unload") != call.npos || call.find("Free") != call.npos ||
           call == "cuThreadExchangeStreamCaptureMode" || call == "cuCtxPopCurrent_v2";
  };
  for (long n = 0;; ++n) {
    forgetCalls();
    fake().failAt = n;
    const Status status = body();
    fake().failAt = -1;
    if (!fake().injected) {
      EXPECT_TRUE(status.ok()) << status.toString();
      EXPECT_GT(n, 2) << "nothing was tested";
      return;
    }
    const std::string failed = fake().calls[std::size_t(n)];
    SCOPED_TRACE("call " + std::to_string(n) + ", " + failed);
    if (status.ok() && failed == "cuCtxPushCurrent_v2") {
      EXPECT_EQ(fake().live.retained, live.retained);
      live = fake().live;
      objectsLost = true;
      continue;
    }
    if (!status.ok() || !cleans(failed)) {
      EXPECT_EQ(status.code(), StatusCode::DriverError) << status.toString();
      EXPECT_THAT(status.message(), testing::ContainsRegex(
                                        failed + ": CUDA_ERROR_UNKNOWN \\(999\\): unknown error "
                                                 "\\[runtime/lib/Driver/[A-Za-z]*\\.[a-z]*:[0-9]"));
    }
    EXPECT_TRUE(contextIsRestored());
    EXPECT_EQ(fake().live, live);
    if (testing::Test::HasFailure())
      return;
  }
}

} // namespace lighthouse::runtime::test
