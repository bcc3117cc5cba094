//===- CudaSample.cpp - A CUDA program for tests --------------------------===//

#include "CudaSample.h"

#include <array>
#include <bit>
#include <stdexcept>
#include <string_view>

namespace lighthouse::runtime::test {

// Words of add: a, its stride, b, its stride, t, its stride, N, the grid. Of scale: t, its stride,
// factor, out, its stride, N, the grid. One element per thread.
static constexpr std::string_view samplePtx = R"(.version 7.0
.target sm_80
.address_size 64

.extern .shared .align 16 .b8 scratch[];

.visible .entry add(.param .align 8 .b8 add_args[80])
{
  .reg .pred %p;
  .reg .b32 %r<5>;
  .reg .b64 %rd<6>;
  .reg .f32 %f<4>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  cvt.s64.s32 %rd1, %r4;
  ld.param.b64 %rd2, [add_args+48];
  setp.ge.s64 %p, %rd1, %rd2;
  @%p bra add_done;
  ld.param.b64 %rd3, [add_args];
  ld.param.b64 %rd4, [add_args+8];
  mul.lo.s64 %rd5, %rd1, %rd4;
  add.s64 %rd3, %rd3, %rd5;
  ld.global.f32 %f1, [%rd3];
  ld.param.b64 %rd3, [add_args+16];
  ld.param.b64 %rd4, [add_args+24];
  mul.lo.s64 %rd5, %rd1, %rd4;
  add.s64 %rd3, %rd3, %rd5;
  ld.global.f32 %f2, [%rd3];
  add.f32 %f3, %f1, %f2;
  ld.param.b64 %rd3, [add_args+32];
  ld.param.b64 %rd4, [add_args+40];
  mul.lo.s64 %rd5, %rd1, %rd4;
  add.s64 %rd3, %rd3, %rd5;
  st.global.f32 [%rd3], %f3;
add_done:
  ret;
}

.visible .entry scale(.param .align 8 .b8 scale_args[72])
{
  .reg .pred %p;
  .reg .b32 %r<7>;
  .reg .b64 %rd<9>;
  .reg .f32 %f<5>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  cvt.s64.s32 %rd1, %r4;
  ld.param.b64 %rd2, [scale_args+40];
  setp.ge.s64 %p, %rd1, %rd2;
  @%p bra scale_done;
  ld.param.b64 %rd3, [scale_args];
  ld.param.b64 %rd4, [scale_args+8];
  mul.lo.s64 %rd5, %rd1, %rd4;
  add.s64 %rd3, %rd3, %rd5;
  ld.global.f32 %f1, [%rd3];
  // Through the far end of 64 KiB of shared memory.
  mov.u32 %r5, scratch;
  shl.b32 %r6, %r3, 2;
  add.u32 %r5, %r5, %r6;
  st.shared.f32 [%r5+65024], %f1;
  ld.shared.f32 %f1, [%r5+65024];
  ld.param.f32 %f2, [scale_args+16];
  ld.param.b64 %rd6, [scale_args+48];
  ld.param.b64 %rd7, [scale_args+56];
  mul.lo.s64 %rd6, %rd6, %rd7;
  ld.param.b64 %rd7, [scale_args+64];
  mul.lo.s64 %rd6, %rd6, %rd7;
  cvt.rn.f32.s64 %f3, %rd6;
  fma.rn.f32 %f4, %f1, %f2, %f3;
  ld.param.b64 %rd3, [scale_args+24];
  ld.param.b64 %rd4, [scale_args+32];
  mul.lo.s64 %rd5, %rd1, %rd4;
  add.s64 %rd3, %rd3, %rd5;
  st.global.f32 [%rd3], %f4;
scale_done:
  ret;
}
)";

Artifact cudaSampleArtifact(std::string key) {
  const KernelArg tensor = {KernelArg::Kind::Tensor, DType::F32, 1, false, 4};
  const KernelArg aligned = {KernelArg::Kind::Tensor, DType::F32, 1, false, 16};
  const KernelArg scalar = {KernelArg::Kind::Scalar, DType::F32, 0, false, 1};
  const auto grid = std::array<std::int32_t, 3>{2, 2, 2};
  Plan plan;
  plan.name = "cuda_sample";
  plan.target = "cuda";
  plan.arch = "sm_80";
  plan.inputs = {{"a", DType::F32, {sampleLength}}, {"b", DType::F32, {sampleLength}}};
  plan.outputs = {{"out", DType::F32, {sampleLength}}};
  plan.workspaceBytes = 4096;
  plan.buffers = {{64, DType::F32, {sampleLength}}};
  plan.kernels = {{"add", 0, 0, 0, {aligned, tensor, tensor}, {"N"}, 128, 0, 1},
                  {"scale", 0, 0, 0, {tensor, scalar, tensor}, {"N"}, 128, 64 << 10, 1}};
  plan.launches = {{0,
                    "first",
                    grid,
                    {LaunchArg::input(0), LaunchArg::input(1), LaunchArg::buffer(0)},
                    {sampleLength}},
                   {1,
                    "second",
                    grid,
                    {LaunchArg::buffer(0), LaunchArg::scalar(std::bit_cast<std::uint32_t>(0.5f)),
                     LaunchArg::output(0)},
                    {sampleLength}}};
  return {std::move(key),
          {std::move(plan)},
          {std::make_shared<const CodeImage>(
              CodeImage{CodeImage::Kind::Ptx, {samplePtx.begin(), samplePtx.end()}, 0})}};
}

float cudaSampleResult(std::int64_t index) {
  return (float(index) + 0.25f * float(index)) * 0.5f + 8.0f;
}

static cuda::DeviceBuffer allocate(std::size_t bytes, int device) {
  Result<cuda::DeviceBuffer> buffer = cuda::DeviceBuffer::allocate(bytes, device);
  if (!buffer)
    throw std::runtime_error(buffer.status().toString());
  return *std::move(buffer);
}

static void check(const Status &status) { EXPECT_TRUE(status.ok()) << status.toString(); }

CudaSampleRun::CudaSampleRun(int device)
    : a(allocate(4 * sampleLength, device)), b(allocate(4 * sampleLength, device)),
      out(allocate(4 * sampleLength, device)), workspace(allocate(4096, device)) {
  std::vector<float> ramp(sampleLength), quarter(sampleLength);
  for (std::size_t i = 0; i < ramp.size(); ++i) {
    ramp[i] = float(i);
    quarter[i] = 0.25f * float(i);
  }
  check(cuda::copy(a.data(), ramp.data(), a.size()));
  check(cuda::copy(b.data(), quarter.data(), b.size()));
  clear();
  const auto view = [](const cuda::DeviceBuffer &buffer) {
    return TensorView::contiguous(buffer.data(), DType::F32, {sampleLength}, Device::Cuda);
  };
  inputs = {view(a), view(b)};
  outputs = {view(out)};
}

void CudaSampleRun::clear() const { check(cuda::fill(out.data(), 0xff, out.size())); }

testing::AssertionResult CudaSampleRun::isRight() const {
  std::vector<float> result(sampleLength);
  if (Status s = cuda::copy(result.data(), out.data(), out.size()); !s.ok())
    return testing::AssertionFailure() << s.toString();
  for (std::int64_t i = 0; i < sampleLength; ++i)
    if (result[std::size_t(i)] != cudaSampleResult(i))
      return testing::AssertionFailure()
             << "out[" << i << "] is " << result[std::size_t(i)] << ", not " << cudaSampleResult(i);
  return testing::AssertionSuccess();
}

} // namespace lighthouse::runtime::test
