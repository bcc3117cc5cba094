// Changes of layout: by renaming registers, by shuffles, through shared memory.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#low = #tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#high = #tile.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
#ab = #tile.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
#ba = #tile.layout<register = [[2], [1]], lane = [[4], [8], [16], [32], [64]], warp = []>
#turn = #tile.layout<register = [[1]], lane = [[32], [2], [4], [8], [16]], warp = []>
#all = #tile.layout<register = [[1], [32]], lane = [[2], [4], [8], [16], [0]], warp = []>
#row = #tile.layout<register = [], lane = [[0, 1], [0, 2], [0, 4], [0, 8], [0, 16]], warp = [[1, 0]]>
#column = #tile.layout<register = [], lane = [[1, 0], [0, 1], [0, 2], [0, 4], [0, 8]], warp = [[0, 16]]>
#one = affine_map<() -> (1, 1, 1)>

// The same lanes and warps: nothing moves, there and back. Only the warp is told by a shuffle.
// CHECK-LABEL: llvm.func ptx_kernelcc @rename(
// CHECK: nvvm.shfl.sync idx
// CHECK-NOT: shfl
// CHECK-NOT: barrier
// CHECK: %[[I0:.*]] = arith.shli %{{.*}}, %c2_i32
// CHECK: %[[I1:.*]] = arith.addi %[[I0]], %c1_i32
// CHECK: %[[F0:.*]] = arith.sitofp %[[I0]]
// CHECK: %[[F1:.*]] = arith.sitofp %[[I1]]
// CHECK: llvm.insertelement %[[F0]], %{{.*}}[%c0_i32
// CHECK: llvm.insertelement %[[F1]], %{{.*}}[%c1_i32
// CHECK-NOT: shfl
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @rename(%f: f32, %y: !tile.view<[128], f32> {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32, #ab>
  %c = tile.convert_layout %i : tensor<128xi32, #ab> -> tensor<128xi32, #ba>
  %d = tile.convert_layout %c : tensor<128xi32, #ba> -> tensor<128xi32, #ab>
  %w = arith.sitofp %d : tensor<128xi32, #ab> to tensor<128xf32, #ab>
  tile.store %w, %y[%i] {in_bounds = array<i1: true>} : tensor<128xf32, #ab>, !tile.view<[128], f32>, tensor<128xi32, #ab>
  tile.return
}

// Every lane bit comes from a lane bit: one shuffle for each register. Bit 0 of this lane is bit 4 of
// the other, and bit 1 its bit 0.
// CHECK-LABEL: llvm.func ptx_kernelcc @shuffle(
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
// CHECK: %[[V0:.*]] = llvm.load {{.*}} -> f32
// CHECK: %[[V1:.*]] = llvm.load {{.*}} -> f32
// CHECK: %[[S1:.*]] = arith.shrui %[[LANE]], %c1_i32
// CHECK: arith.andi %[[S1]], %c1_i32
// CHECK: %[[B0:.*]] = arith.andi %[[LANE]], %c1_i32
// CHECK: %[[B4:.*]] = arith.shli %[[B0]], %c4_i32
// CHECK: %[[FROM:.*]] = arith.ori %{{.*}}, %[[B4]]
// CHECK: %[[W0:.*]] = llvm.bitcast %[[V0]] : f32 to i32
// CHECK: nvvm.shfl.sync idx %{{.*}}, %[[W0]], %[[FROM]],
// CHECK: %[[W1:.*]] = llvm.bitcast %[[V1]] : f32 to i32
// CHECK: nvvm.shfl.sync idx %{{.*}}, %[[W1]], %[[FROM]],
// CHECK-NOT: shfl
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @shuffle(%x: !tile.view<[64], f32>, %y: !tile.view<[64], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #low>
  %j = tile.range %c0 : tensor<64xi32, #turn>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!tile.view<[64], f32>, tensor<64xi32, #low>) -> tensor<64xf32, #low>
  %c = tile.convert_layout %v : tensor<64xf32, #low> -> tensor<64xf32, #turn>
  tile.store %c, %y[%j] {in_bounds = array<i1: true>} : tensor<64xf32, #turn>, !tile.view<[64], f32>, tensor<64xi32, #turn>
  tile.return
}

// A lane bit that was a register: both registers are read, and the lane's bit chooses. 64 bits are two
// words. A register that was a lane bit reads from the other half of the lanes.
// CHECK-LABEL: llvm.func ptx_kernelcc @choose(
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
// CHECK: %[[BIT:.*]] = arith.andi %[[LANE]], %c1_i32
// CHECK: %[[EVEN:.*]] = arith.cmpi eq, %[[BIT]], %c0_i32
// CHECK-COUNT-4: nvvm.shfl.sync idx %{{.*}}, %{{.*}}, %{{.*}}, %c31_i32 :
// CHECK: arith.select %[[EVEN]], %{{.*}}, %{{.*}} : f64
// CHECK: arith.ori %{{.*}}, %c16_i32
// CHECK-COUNT-4: nvvm.shfl.sync idx
// CHECK: arith.select %[[EVEN]], %{{.*}}, %{{.*}} : f64
// CHECK-NOT: shfl
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @choose(%x: !tile.view<[64], f64>, %y: !tile.view<[64], f64>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #low>
  %j = tile.range %c0 : tensor<64xi32, #high>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!tile.view<[64], f64>, tensor<64xi32, #low>) -> tensor<64xf64, #low>
  %c = tile.convert_layout %v : tensor<64xf64, #low> -> tensor<64xf64, #high>
  tile.store %c, %y[%j] {in_bounds = array<i1: true>} : tensor<64xf64, #high>, !tile.view<[64], f64>, tensor<64xi32, #high>
  tile.return
}

// To copies in both halves of the lanes: four registers by four shuffles.
// CHECK-LABEL: llvm.func ptx_kernelcc @spread(
// CHECK: nvvm.shfl.sync idx
// CHECK-COUNT-4: nvvm.shfl.sync idx
// CHECK-NOT: shfl
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @spread(%x: !tile.view<[64], f32>, %y: !tile.view<[64], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #low>
  %j = tile.range %c0 : tensor<64xi32, #all>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!tile.view<[64], f32>, tensor<64xi32, #low>) -> tensor<64xf32, #low>
  %c = tile.convert_layout %v : tensor<64xf32, #low> -> tensor<64xf32, #all>
  tile.store %c, %y[%j] {in_bounds = array<i1: true>} : tensor<64xf32, #all>, !tile.view<[64], f32>, tensor<64xi32, #all>
  tile.return
}

// To other warps: through shared memory between two barriers, with rows of 128 bytes padded by 16.
// CHECK-LABEL: llvm.func ptx_kernelcc @memory(
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx
// CHECK: %[[V:.*]] = llvm.load {{.*}} -> f32
// CHECK: nvvm.barrier
// CHECK: arith.muli %{{.*}}, %c144_i32
// CHECK: llvm.store %[[V]], %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: arith.muli %{{.*}}, %c144_i32
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @memory(%x: !tile.view<[2, 32], f32> {tile.strides = array<i64: 32, 1>}, %y: !tile.view<[2, 32], f32> {tile.strides = array<i64: 32, 1>}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<2xi32, #tile.layout<register = [], lane = [[0], [0], [0], [0], [0]], warp = [[1]]>>
  %j = tile.range %c0 : tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[0]]>>
  %v = tile.load %x[%i, %j] {in_bounds = array<i1: true, true>} : (!tile.view<[2, 32], f32>, tensor<2xi32, #tile.layout<register = [], lane = [[0], [0], [0], [0], [0]], warp = [[1]]>>, tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[0]]>>) -> tensor<2x32xf32, #row>
  %c = tile.convert_layout %v : tensor<2x32xf32, #row> -> tensor<2x32xf32, #column>
  %s = tile.reduce add %c axis 0 : tensor<2x32xf32, #column> -> tensor<32xf32, #tile.layout<register = [], lane = [[0], [1], [2], [4], [8]], warp = [[16]]>>
  %k = tile.range %c0 : tensor<32xi32, #tile.layout<register = [], lane = [[0], [1], [2], [4], [8]], warp = [[16]]>>
  tile.store %s, %y[%c0, %k] {in_bounds = array<i1: true, true>} : tensor<32xf32, #tile.layout<register = [], lane = [[0], [1], [2], [4], [8]], warp = [[16]]>>, !tile.view<[2, 32], f32>, i32, tensor<32xi32, #tile.layout<register = [], lane = [[0], [1], [2], [4], [8]], warp = [[16]]>>
  tile.return
}
