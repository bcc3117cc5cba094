// Buffers and scratch memory that are not in use at the same time share addresses.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
#all = #tile.layout<register = [], lane = [[1], [2], [4], [8], [32]], warp = [[16]]>
#one = affine_map<() -> (1, 1, 1)>
!b = !tile.buffer<64xf32>
!y = !tile.view<[64], f32>
!t = tensor<64xf32, #lanes>

// The second begins where the first did, behind a barrier of its own: others may still read the first.
// CHECK-LABEL: llvm.func ptx_kernelcc @one_after_the_other(
// CHECK-SAME: ["lighthouse.shared", "256"]
// CHECK: nvvm.barrier
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK-NEXT: nvvm.barrier
// CHECK-NEXT: nvvm.barrier
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @one_after_the_other(%f: f32, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #lanes>
  %v = tensor.splat %f : !t
  %first = tile.alloc_shared : !b
  tile.buffer_store %v, %first : !t, !b
  %w = tile.buffer_load %first : !b -> !t
  %second = tile.alloc_shared : !b
  tile.buffer_store %w, %second : !t, !b
  %u = tile.buffer_load %second : !b -> !t
  tile.store %u, %y[%i] {in_bounds = array<i1: true>} : !t, !y, tensor<64xi32, #lanes>
  tile.return
}

// CHECK-LABEL: llvm.func ptx_kernelcc @together(
// CHECK-SAME: ["lighthouse.shared", "512"]
// CHECK: arith.addi %{{.*}}, %c256_i32
// CHECK: llvm.return
tile.kernel @together(%f: f32, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #lanes>
  %v = tensor.splat %f : !t
  %first = tile.alloc_shared : !b
  %second = tile.alloc_shared : !b
  tile.buffer_store %v, %first : !t, !b
  tile.buffer_store %v, %second : !t, !b
  %u = tile.buffer_load %first : !b -> !t
  tile.store %u, %y[%i] {in_bounds = array<i1: true>} : !t, !y, tensor<64xi32, #lanes>
  tile.return
}

// What a loop uses lives as long as the loop, so that two are in use in it; the third takes the place
// of one of them.
// CHECK-LABEL: llvm.func ptx_kernelcc @loop(
// CHECK-SAME: ["lighthouse.shared", "512"]
// CHECK: scf.for
// CHECK: arith.addi %{{.*}}, %c256_i32
// CHECK: llvm.return
tile.kernel @loop(%f: f32, %n: i32, %y: !y) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %i = tile.range %c0 : tensor<64xi32, #lanes>
  %v = tensor.splat %f : !t
  %first = tile.alloc_shared : !b
  tile.buffer_store %v, %first : !t, !b
  scf.for %k = %c0 to %n step %c1 : i32 {
    %w = tile.buffer_load %first : !b -> !t
    %second = tile.alloc_shared : !b
    tile.buffer_store %w, %second : !t, !b
  }
  %third = tile.alloc_shared : !b
  tile.buffer_store %v, %third : !t, !b
  %u = tile.buffer_load %third : !b -> !t
  tile.store %u, %y[%i] {in_bounds = array<i1: true>} : !t, !y, tensor<64xi32, #lanes>
  tile.return
}

// A buffer whose copy may be under way is in use until the wait for all copies: the second has a place
// of its own, the third that of the first.
// CHECK-LABEL: llvm.func ptx_kernelcc @in_flight(
// CHECK-SAME: ["lighthouse.shared", "512"]
// CHECK: cp.async.ca.shared.global
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: arith.addi %{{.*}}, %c256_i32
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: llvm.return
tile.kernel @in_flight(%x: !y, %f: f32, %y: !y) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #lanes>
  %v = tensor.splat %f : !t
  %first = tile.alloc_shared : !b
  tile.copy_async %x[%i], %first {in_bounds = array<i1: true>} : !y, !b, tensor<64xi32, #lanes>
  tile.commit
  tile.wait 1
  %second = tile.alloc_shared : !b
  tile.buffer_store %v, %second : !t, !b
  %u = tile.buffer_load %second : !b -> !t
  tile.wait 0
  %third = tile.alloc_shared : !b
  tile.buffer_store %u, %third : !t, !b
  %w = tile.buffer_load %third : !b -> !t
  tile.store %w, %y[%i] {in_bounds = array<i1: true>} : !t, !y, tensor<64xi32, #lanes>
  tile.return
}

// The scratch memory of a conversion and of a reduction, then a larger buffer: all at the start.
// CHECK-LABEL: llvm.func ptx_kernelcc @scratch(
// CHECK-SAME: ["lighthouse.shared", "512"]
// CHECK-NOT: %c256_i32
// CHECK: llvm.return
tile.kernel @scratch(%f: f32, %y: !y) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32, #lanes>
  %v = tensor.splat %f : !t
  %first = tile.alloc_shared : !b
  tile.buffer_store %v, %first : !t, !b
  %w = tile.buffer_load %first : !b -> !t
  %c = tile.convert_layout %w : !t -> tensor<64xf32, #all>
  %s = tile.reduce add %c axis 0 : tensor<64xf32, #all> -> f32
  %second = tile.alloc_shared : !tile.buffer<128xf32>
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : f32, !y, i32
  tile.return
}
