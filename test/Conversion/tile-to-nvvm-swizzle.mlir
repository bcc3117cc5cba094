// Swizzled buffers with extents that are no powers of two.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#store = #tile.layout<register = [[1, 0, 0], [2, 0, 0]], lane = [[0, 0, 1], [0, 0, 2], [0, 0, 4], [0, 0, 8], [0, 0, 16]], warp = []>
#load = #tile.layout<register = [[0, 0, 1], [0, 0, 2]], lane = [[0, 0, 4], [0, 0, 8], [0, 0, 16], [1, 0, 0], [2, 0, 0]], warp = []>
// Whoever writes and whoever reads share the bits of a row between thread and registers differently, and
// must come to the same place. Rows are numbered in steps of 4 for the swizzle, not of 3: row 1 of the
// first dim, at 384 bytes, flips chunk bit 2, and row 1, 1 at 512 bytes chunk bits 2 and 0.
// CHECK-LABEL: llvm.func ptx_kernelcc @rows(
// CHECK: arith.xori %{{.*}}, %c64_i32
// CHECK: llvm.getelementptr %{{.*}}[384] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK: arith.xori %{{.*}}, %c80_i32
// CHECK: llvm.getelementptr %{{.*}}[512] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK: nvvm.barrier
// The reader's threads have the first dim.
// CHECK: %[[TURN:.*]] = arith.muli %[[ROW:.*]], %c4_i32
// CHECK: %[[BITS:.*]] = arith.andi %[[TURN]], %c7_i32
// CHECK: %[[CHUNK:.*]] = arith.shli %[[BITS]], %c4_i32
// CHECK: arith.xori %{{.*}}, %[[CHUNK]]
// CHECK: arith.muli %[[ROW]], %c384_i32
// CHECK: arith.xori %{{.*}}, %c16_i32
// CHECK: arith.xori %{{.*}}, %c32_i32
// CHECK: llvm.return
tile.kernel @rows(%f: f32, %y: !tile.view<[4, 3, 32], f32> {tile.strides = array<i64: 96, 32, 1>}) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<4x3x32xf32, 128>
  %v = tensor.splat %f : tensor<4x3x32xf32, #store>
  tile.buffer_store %v, %buf : tensor<4x3x32xf32, #store>, !tile.buffer<4x3x32xf32, 128>
  %w = tile.buffer_load %buf : !tile.buffer<4x3x32xf32, 128> -> tensor<4x3x32xf32, #load>
  %s = tile.reduce add %w axis 2 : tensor<4x3x32xf32, #load> -> tensor<4x3xf32, #tile.layout<register = [], lane = [[0, 0], [0, 0], [0, 0], [1, 0], [2, 0]], warp = []>>
  %r = tile.reduce add %s axis 1 : tensor<4x3xf32, #tile.layout<register = [], lane = [[0, 0], [0, 0], [0, 0], [1, 0], [2, 0]], warp = []>> -> tensor<4xf32, #tile.layout<register = [], lane = [[0], [0], [0], [1], [2]], warp = []>>
  %i = tile.range %c0 : tensor<4xi32, #tile.layout<register = [], lane = [[0], [0], [0], [1], [2]], warp = []>>
  tile.store %r, %y[%i, %c0, %c0] {in_bounds = array<i1: true, true, true>} : tensor<4xf32, #tile.layout<register = [], lane = [[0], [0], [0], [1], [2]], warp = []>>, !tile.view<[4, 3, 32], f32>, tensor<4xi32, #tile.layout<register = [], lane = [[0], [0], [0], [1], [2]], warp = []>>, i32, i32
  tile.return
}
