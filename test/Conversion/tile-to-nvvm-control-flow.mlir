// Loops, branches, elementwise functions: one value per register of a tile.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#two = #tile.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
#one = affine_map<() -> (1, 1, 1)>
!y = !tile.view<[64], i32>

// A step of more than one could pass the end by way of the largest i32, so the loop counts in 64 bits,
// unless its end is far enough from it.
// CHECK-LABEL: llvm.func ptx_kernelcc @steps(
// CHECK: %[[END:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK: scf.for %[[I:.*]] = %c0_i64 to %[[END]] step %c64_i64 : i64
// CHECK: arith.trunci %[[I]] : i64 to i32
// CHECK: scf.for %{{.*}} = %c0_i32 to %{{.*}} step %c1_i32 : i32
// CHECK: scf.for %{{.*}} = %{{.*}} to %c4096_i32 step %c64_i32 : i32
// CHECK: llvm.return
tile.kernel @steps(%n: i32, %m: i32, %y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %c4096 = arith.constant 4096 : i32
  scf.for %i = %c0 to %n step %c64 : i32 {
    tile.store %m, %y[%i] : i32, !tile.view<["N"], i32>, i32
  }
  scf.for %i = %c0 to %n step %c1 : i32 {
    tile.store %m, %y[%i] : i32, !tile.view<["N"], i32>, i32
  }
  scf.for %i = %m to %c4096 step %c64 : i32 {
    tile.store %m, %y[%i] : i32, !tile.view<["N"], i32>, i32
  }
  tile.return
}

// CHECK-LABEL: llvm.func ptx_kernelcc @carried(
// CHECK: %[[R:.*]]:3 = scf.for {{.*}} iter_args(%[[T0:.*]] = %{{.*}}, %[[T1:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}}) -> (i32, i32, i32)
// CHECK: %[[U0:.*]] = arith.addi %[[T0]],
// CHECK: %[[U1:.*]] = arith.addi %[[T1]],
// CHECK: %[[V:.*]] = arith.addi %[[S]], %c1_i32
// CHECK: scf.yield %[[U0]], %[[U1]], %[[V]]
// A branch of values is a choice for each register.
// CHECK: arith.select %{{.*}}, %[[R]]#0, %{{.*}} : i32
// CHECK: arith.select %{{.*}}, %[[R]]#1, %{{.*}} : i32
// CHECK: scf.while (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (i32, i32) -> (i32, i32)
// CHECK: arith.cmpi slt, %{{.*}}, %[[R]]#2
// CHECK: scf.condition
// CHECK: ^bb0(%{{.*}}: i32, %{{.*}}: i32)
// CHECK: scf.yield %{{.*}}, %{{.*}} : i32, i32
// CHECK: llvm.return
tile.kernel @carried(%n: i32, %c: i1, %y: !y) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %i = tile.range %c0 : tensor<64xi32, #two>
  %r:2 = scf.for %k = %c0 to %n step %c1 iter_args(%t = %i, %s = %n) -> (tensor<64xi32, #two>, i32) : i32 {
    %u = arith.addi %t, %i : tensor<64xi32, #two>
    %v = arith.addi %s, %c1 : i32
    scf.yield %u, %v : tensor<64xi32, #two>, i32
  }
  %b = scf.if %c -> tensor<64xi32, #two> {
    scf.yield %r#0 : tensor<64xi32, #two>
  } else {
    scf.yield %i : tensor<64xi32, #two>
  }
  %w = scf.while (%a = %b) : (tensor<64xi32, #two>) -> tensor<64xi32, #two> {
    %low = tile.reduce min %a axis 0 : tensor<64xi32, #two> -> i32
    %go = arith.cmpi slt, %low, %r#1 : i32
    scf.condition(%go) %a : tensor<64xi32, #two>
  } do {
  ^bb0(%a: tensor<64xi32, #two>):
    %d = arith.addi %a, %a : tensor<64xi32, #two>
    scf.yield %d : tensor<64xi32, #two>
  }
  tile.store %w, %y[%i] {in_bounds = array<i1: true>} : tensor<64xi32, #two>, !y, tensor<64xi32, #two>
  tile.return
}

// A broadcast repeats a register, an odd extent is three of them; exp2 and rsqrt are the approximate
// instructions, those of 16-bit floats by way of f32.
// CHECK-LABEL: llvm.func ptx_kernelcc @shapes(
// CHECK: %[[F:.*]] = arith.sitofp
// CHECK: %[[E:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[F]]) : (f32) -> f32
// CHECK-COUNT-3: llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// CHECK: %[[W:.*]] = arith.extf %{{.*}} : bf16 to f32
// CHECK: %[[Q:.*]] = llvm.call_intrinsic "llvm.nvvm.rsqrt.approx.f"(%[[W]]) : (f32) -> f32
// CHECK: arith.truncf %[[Q]] : f32 to bf16
// CHECK: llvm.return
tile.kernel @shapes(%f: f32, %h: bf16, %y: !tile.view<[32, 3], f32> {tile.strides = array<i64: 3, 1>}, %z: !tile.view<[32], bf16>) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>
  %j = tile.range %c0 : tensor<3xi32, #tile.layout<register = [], lane = [[0], [0], [0], [0], [0]], warp = []>>
  %n = arith.sitofp %i : tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>> to tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>
  %c = tile.reshape %n : tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>> -> tensor<32x1xf32, #tile.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>>
  %b = tile.broadcast %c : tensor<32x1xf32, #tile.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>> -> tensor<32x3xf32, #tile.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>>
  %e = math.exp2 %b fastmath<afn> : tensor<32x3xf32, #tile.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>>
  tile.store %e, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<32x3xf32, #tile.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>>, !tile.view<[32, 3], f32>, tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>, tensor<3xi32, #tile.layout<register = [], lane = [[0], [0], [0], [0], [0]], warp = []>>
  %q = math.rsqrt %h fastmath<afn> : bf16
  tile.store %q, %z[%c0] {in_bounds = array<i1: true>} : bf16, !tile.view<[32], bf16>, i32
  tile.return
}

// What the condition sees need not be what the body and the results are.
// CHECK-LABEL: llvm.func ptx_kernelcc @condition_alone(
// CHECK: scf.while (%{{.*}} = %{{.*}}) : (i32) -> () {
// CHECK: scf.condition(%{{.*}})
// CHECK: } do {
// CHECK: scf.yield %{{.*}} : i32
// CHECK: llvm.return
tile.kernel @condition_alone(%n: i32, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  scf.while (%a = %n) : (i32) -> () {
    %go = arith.cmpi sgt, %a, %c0 : i32
    scf.condition(%go)
  } do {
    %v = tile.load %y[%c0] {in_bounds = array<i1: true>} : (!y, i32) -> i32
    tile.store %n, %y[%c0] {in_bounds = array<i1: true>} : i32, !y, i32
    scf.yield %v : i32
  }
  tile.return
}

// A store behind a load of the same view, also of the iteration before, waits for all threads that may
// still have to load; not so after a barrier, nor for a view that only the other side of a branch read.
// CHECK-LABEL: llvm.func ptx_kernelcc @stores_behind_loads(
// CHECK: ld.global
// CHECK: nvvm.barrier
// CHECK: st.global
// CHECK-NOT: nvvm.barrier
// CHECK: st.global
// CHECK: scf.for
// CHECK: nvvm.barrier
// CHECK: st.global
// CHECK: ld.global
// CHECK: }
// CHECK: scf.if
// CHECK: nvvm.barrier
// CHECK: } else {
// CHECK: nvvm.barrier
// CHECK: st.global
// CHECK: llvm.return
tile.kernel @stores_behind_loads(%n: i32, %c: i1, %y: !y) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %v = tile.load %y[%n] : (!y, i32) -> i32
  tile.store %v, %y[%c0] {in_bounds = array<i1: true>} : i32, !y, i32
  tile.store %v, %y[%c1] {in_bounds = array<i1: true>} : i32, !y, i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    tile.store %v, %y[%c0] {in_bounds = array<i1: true>} : i32, !y, i32
    %w = tile.load %y[%i] : (!y, i32) -> i32
    tile.store %w, %y[%c1] {in_bounds = array<i1: true>} : i32, !y, i32
  }
  scf.if %c {
    tile.barrier
  } else {
    tile.store %v, %y[%c1] {in_bounds = array<i1: true>} : i32, !y, i32
  }
  tile.return
}
