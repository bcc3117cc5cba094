//===- HopperSample.cpp - Programs with tensor maps and clusters ----------===//

#include "HopperSample.h"

#include <string_view>

namespace lighthouse::runtime::test {

// The tensor map of x, then words: y, its strides, the grid. Thread 0 has the box of 8 x 16 brought
// to shared memory, then every thread stores one element.
static constexpr std::string_view copyPtx = R"(.version 8.0
.target sm_90
.address_size 64

.visible .entry copy(.param .align 64 .b8 copy_args[176])
{
  .reg .pred %p, %done;
  .reg .b32 %r<11>;
  .reg .b64 %rd<7>;
  .reg .f32 %f;
  .shared .align 128 .b8 tile[512];
  .shared .align 8 .b64 barrier;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  ld.param.u32 %r3, [copy_args+152];
  rem.u32 %r4, %r2, %r3;
  div.u32 %r5, %r2, %r3;
  shl.b32 %r4, %r4, 4;
  shl.b32 %r5, %r5, 3;
  mov.u32 %r6, tile;
  mov.u32 %r7, barrier;
  setp.ne.u32 %p, %r1, 0;
  @%p bra begun;
  mbarrier.init.shared::cta.b64 [%r7], 1;
  fence.proxy.async.shared::cta;
  mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r7], 512;
  mov.b64 %rd1, copy_args;
  cvta.param.u64 %rd1, %rd1;
  cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
      [%r6], [%rd1, {%r4, %r5}], [%r7];
begun:
  bar.sync 0;
waiting:
  mbarrier.try_wait.parity.shared::cta.b64 %done, [%r7], 0;
  @!%done bra waiting;
  shr.u32 %r8, %r1, 4;
  add.u32 %r8, %r8, %r5;
  and.b32 %r9, %r1, 15;
  add.u32 %r9, %r9, %r4;
  cvt.u64.u32 %rd2, %r8;
  ld.param.b64 %rd3, [copy_args+136];
  mul.lo.s64 %rd2, %rd2, %rd3;
  cvt.u64.u32 %rd4, %r9;
  ld.param.b64 %rd5, [copy_args+144];
  mul.lo.s64 %rd4, %rd4, %rd5;
  add.s64 %rd2, %rd2, %rd4;
  ld.param.b64 %rd6, [copy_args+128];
  add.s64 %rd6, %rd6, %rd2;
  shl.b32 %r10, %r1, 2;
  add.u32 %r10, %r10, %r6;
  ld.shared.f32 %f, [%r10];
  st.global.f32 [%rd6], %f;
  ret;
}
)";

// Words: out, its strides, the grid. Thread 0 of each block stores two numbers.
static constexpr std::string_view ranksPtx = R"(.version 8.0
.target sm_90
.address_size 64

.visible .entry ranks(.param .align 8 .b8 ranks_args[48])
{
  .reg .pred %p;
  .reg .b32 %r<5>;
  .reg .b64 %rd<5>;
  mov.u32 %r1, %tid.x;
  setp.ne.u32 %p, %r1, 0;
  @%p bra ranks_done;
  mov.u32 %r2, %ctaid.x;
  cvt.u64.u32 %rd1, %r2;
  ld.param.b64 %rd2, [ranks_args+8];
  mul.lo.s64 %rd1, %rd1, %rd2;
  ld.param.b64 %rd3, [ranks_args];
  add.s64 %rd1, %rd1, %rd3;
  mov.u32 %r3, %cluster_nctaid.x;
  st.global.u32 [%rd1], %r3;
  ld.param.b64 %rd4, [ranks_args+16];
  add.s64 %rd1, %rd1, %rd4;
  mov.u32 %r4, %cluster_ctarank;
  st.global.u32 [%rd1], %r4;
ranks_done:
  ret;
}
)";

static std::shared_ptr<const CodeImage> image(std::string_view ptx) {
  return std::make_shared<const CodeImage>(
      CodeImage{CodeImage::Kind::Ptx, {ptx.begin(), ptx.end()}, 0});
}

Artifact hopperArtifact() {
  KernelArg map = {KernelArg::Kind::TensorMap, DType::F32, 2, true, 16};
  map.map.box = {8, 16};
  Plan copy;
  copy.name = "copy";
  copy.target = "cuda";
  copy.arch = "sm_90";
  copy.inputs = {{"x", DType::F32, {copyRows, copyColumns}}};
  copy.outputs = {{"y", DType::F32, {copyOutRows, copyOutColumns}}};
  copy.kernels = {
      {"copy", 0, 0, 0, {map, {KernelArg::Kind::Tensor, DType::F32, 2}}, {}, 128, 0, 1}};
  copy.launches = {{0, "copy", {3, 3, 1}, {LaunchArg::input(0), LaunchArg::output(0)}, {}}};

  Plan ranks;
  ranks.name = "ranks";
  ranks.target = "cuda";
  ranks.arch = "sm_90";
  ranks.outputs = {{"out", DType::I32, {rankedBlocks, 2}}};
  ranks.kernels = {{"ranks", 1, 0, 0, {{KernelArg::Kind::Tensor, DType::I32, 2}}, {}, 32, 0, 2}};
  ranks.launches = {{0, "ranks", {rankedBlocks, 1, 1}, {LaunchArg::output(0)}, {}}};
  return {"hopper sample", {std::move(copy), std::move(ranks)}, {image(copyPtx), image(ranksPtx)}};
}

} // namespace lighthouse::runtime::test
