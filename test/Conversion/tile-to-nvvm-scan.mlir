// Scans: within a thread, then over lanes by doubling distances, then over warps.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#warp = #tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#block = #tile.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[128]]>
#odd = #tile.layout<register = [], lane = [[1], [0], [0], [0], [0]], warp = []>
#one = affine_map<() -> (1, 1, 1)>

// The thread's own sum first; five steps add those of the lanes before, and one more makes it exclusive.
// CHECK-LABEL: llvm.func ptx_kernelcc @lanes(
// CHECK: arith.addi
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c1_i32, %c0_i32 :
// CHECK: arith.cmpi uge, %{{.*}}, %c1_i32
// CHECK: arith.select %{{.*}}, %{{.*}}, %c0_i32
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c2_i32, %c0_i32 :
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c4_i32, %c0_i32 :
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c8_i32, %c0_i32 :
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c16_i32, %c0_i32 :
// CHECK: shfl.sync up %{{.*}}, %{{.*}}, %c1_i32, %c0_i32 :
// CHECK-NOT: shfl.sync up
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @lanes(%n: i32, %y: !tile.view<[64], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<64xi32, #warp>
  %j = tile.range %c0 : tensor<64xi32, #warp>
  %s = tile.scan add %i axis 0 : tensor<64xi32, #warp>
  tile.store %s, %y[%j] {in_bounds = array<i1: true>} : tensor<64xi32, #warp>, !tile.view<[64], i32>, tensor<64xi32, #warp>
  tile.return
}

// What has nothing before it is the neutral element, which for a maximum is -inf.
// CHECK-LABEL: llvm.func ptx_kernelcc @exclusive(
// CHECK: %[[NONE:.*]] = arith.constant 0xFF800000 : f32
// CHECK-COUNT-6: shfl.sync up
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[NONE]]
// CHECK: llvm.return
tile.kernel @exclusive(%f: f32, %y: !tile.view<[64], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %v = tensor.splat %f : tensor<64xf32, #warp>
  %j = tile.range %c0 : tensor<64xi32, #warp>
  %s = tile.scan max %v axis 0 {exclusive} : tensor<64xf32, #warp>
  tile.store %s, %y[%j] {in_bounds = array<i1: true>} : tensor<64xf32, #warp>, !tile.view<[64], f32>, tensor<64xi32, #warp>
  tile.return
}

// The sums of two warps in shared memory: each warp adds those before it.
// CHECK-LABEL: llvm.func ptx_kernelcc @warps(
// CHECK-SAME: ["lighthouse.shared", "64"]
// CHECK-COUNT-6: shfl.sync up
// CHECK: shfl.sync idx
// CHECK: nvvm.barrier
// CHECK: scf.if
// CHECK: llvm.store %{{.*}} : i32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK-COUNT-2: llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: arith.cmpi ugt, %{{.*}}, %c0_i32 : i32
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @warps(%n: i32, %y: !tile.view<[256], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<256xi32, #block>
  %j = tile.range %c0 : tensor<256xi32, #block>
  %s = tile.scan add %i axis 0 : tensor<256xi32, #block>
  tile.store %s, %y[%j] {in_bounds = array<i1: true>} : tensor<256xi32, #block>, !tile.view<[256], i32>, tensor<256xi32, #block>
  tile.return
}

// Three blocks of two one after the other, each with the sum of those before.
// CHECK-LABEL: llvm.func ptx_kernelcc @odd(
// CHECK-COUNT-6: shfl.sync up
// CHECK-NOT: shfl.sync up
// CHECK-COUNT-3: llvm.inline_asm {{.*}}st.global.b32
// CHECK: llvm.return
tile.kernel @odd(%n: i32, %y: !tile.view<[6], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<6xi32, #odd>
  %j = tile.range %c0 : tensor<6xi32, #odd>
  %s = tile.scan add %i axis 0 : tensor<6xi32, #odd>
  tile.store %s, %y[%j] {in_bounds = array<i1: true>} : tensor<6xi32, #odd>, !tile.view<[6], i32>, tensor<6xi32, #odd>
  tile.return
}
