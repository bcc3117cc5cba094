// Reductions: the registers of a thread as a tree, then lanes, then warps.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#thread = #tile.layout<register = [[0, 1], [0, 2]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>
#rows = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#lanes = #tile.layout<register = [], lane = [[0, 1], [0, 2], [1, 0], [2, 0], [4, 0]], warp = []>
#few = #tile.layout<register = [], lane = [[0], [0], [1], [2], [4]], warp = []>
#block = #tile.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>
#odd = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#one = affine_map<() -> (1, 1, 1)>
!y = !tile.view<[32], f32>

// CHECK-LABEL: llvm.func ptx_kernelcc @registers(
// CHECK: %[[V:.*]] = llvm.load
// CHECK: %[[A:.*]] = arith.addf
// CHECK: %[[B:.*]] = arith.addf
// CHECK: arith.addf %[[A]], %[[B]]
// CHECK-NOT: shfl
// CHECK-NOT: arith.addf
// CHECK: llvm.return
tile.kernel @registers(%x: !tile.view<[32, 4], f32>, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<32xi32, #rows>
  %j = tile.range %c0 : tensor<4xi32, #tile.layout<register = [[1], [2]], lane = [[0], [0], [0], [0], [0]], warp = []>>
  %v = tile.load %x[%i, %j] {in_bounds = array<i1: true, true>} : (!tile.view<[32, 4], f32>, tensor<32xi32, #rows>, tensor<4xi32, #tile.layout<register = [[1], [2]], lane = [[0], [0], [0], [0], [0]], warp = []>>) -> tensor<32x4xf32, #thread>
  %s = tile.reduce add %v axis 1 : tensor<32x4xf32, #thread> -> tensor<32xf32, #rows>
  tile.store %s, %y[%i] {in_bounds = array<i1: true>} : tensor<32xf32, #rows>, !y, tensor<32xi32, #rows>
  tile.return
}

// Lane bits 0 and 1 lie along the axis: all lanes get the result by butterflies.
// CHECK-LABEL: llvm.func ptx_kernelcc @shuffles(
// CHECK: %[[F:.*]] = llvm.load %{{.*}} -> f32
// CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c1_i32, %c31_i32 :
// CHECK: arith.maxnumf
// CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c2_i32, %c31_i32 :
// CHECK: arith.maxnumf
// CHECK-NOT: bfly
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @shuffles(%f: f32, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<8xi32, #few>
  %v = tensor.splat %f : tensor<8x4xf32, #lanes>
  %s = tile.reduce max %v axis 1 : tensor<8x4xf32, #lanes> -> tensor<8xf32, #few>
  tile.store %s, %y[%i] {in_bounds = array<i1: true>} : tensor<8xf32, #few>, !y, tensor<8xi32, #few>
  tile.return
}

// 4 registers, 32 lanes, then 4 warps: the first lane of each leaves its part in shared memory, which comes in pieces of 64 bytes, and every
// thread combines them in the same order. The result is a scalar, the same in all threads.
// CHECK-LABEL: llvm.func ptx_kernelcc @warps(
// CHECK-SAME: ["lighthouse.shared", "64"]
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %{{.*}}, %c0_i32 : i32
// CHECK-COUNT-3: arith.minsi
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c1_i32, %c31_i32 :
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c2_i32, %c31_i32 :
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c4_i32, %c31_i32 :
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c8_i32, %c31_i32 :
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c16_i32, %c31_i32 :
// CHECK: %[[PART:.*]] = arith.minsi
// CHECK: nvvm.barrier
// CHECK: scf.if %[[FIRST]] {
// CHECK: llvm.store %[[PART]], %{{.*}} : i32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: %[[P0:.*]] = llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: %[[P1:.*]] = llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: %[[P2:.*]] = llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: %[[P3:.*]] = llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: %[[M1:.*]] = arith.minsi %[[P0]], %[[P1]]
// CHECK: %[[M2:.*]] = arith.minsi %[[M1]], %[[P2]]
// CHECK: arith.minsi %[[M2]], %[[P3]]
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @warps(%n: i32, %y: !tile.view<[1], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<512xi32, #block>
  %s = tile.reduce min %i axis 0 : tensor<512xi32, #block> -> i32
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : i32, !tile.view<[1], i32>, i32
  tile.return
}

// The odd part of an extent is registers: three.
// CHECK-LABEL: llvm.func ptx_kernelcc @odd(
// CHECK: %[[A:.*]] = arith.ori %{{.*}}, %{{.*}} : i32
// CHECK: arith.ori %[[A]], %{{.*}} : i32
// CHECK-COUNT-5: shfl.sync bfly
// CHECK-NOT: bfly
// CHECK: llvm.return
tile.kernel @odd(%n: i32, %y: !tile.view<[1], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<96xi32, #odd>
  %s = tile.reduce or %i axis 0 : tensor<96xi32, #odd> -> i32
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : i32, !tile.view<[1], i32>, i32
  tile.return
}

// One element in each lane: a product may be fused into the sum of a lane, and the lanes differ in the
// last bit; they all take the sum of lane 0.
// CHECK-LABEL: llvm.func ptx_kernelcc @same_in_all_lanes(
// CHECK: shfl.sync bfly %{{.*}}, %{{.*}}, %c16_i32, %c31_i32 :
// CHECK: arith.addf
// CHECK: shfl.sync idx %{{.*}}, %{{.*}}, %c0_i32, %c31_i32 :
// CHECK: llvm.return
tile.kernel @same_in_all_lanes(%f: f32, %y: !tile.view<[1], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %v = tensor.splat %f : tensor<32xf32, #odd>
  %p = arith.mulf %v, %v : tensor<32xf32, #odd>
  %s = tile.reduce add %p axis 0 : tensor<32xf32, #odd> -> f32
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : f32, !tile.view<[1], f32>, i32
  tile.return
}

// The parts of 32 warps.
// CHECK-LABEL: llvm.func ptx_kernelcc @many_warps(
// CHECK-SAME: ["lighthouse.shared", "128"]
tile.kernel @many_warps(%n: i32, %y: !tile.view<[1], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 32 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %n : tensor<1024xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64], [128], [256], [512]]>>
  %s = tile.reduce add %i axis 0 : tensor<1024xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64], [128], [256], [512]]>> -> i32
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : i32, !tile.view<[1], i32>, i32
  tile.return
}
