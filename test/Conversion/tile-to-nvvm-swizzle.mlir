// Swizzled buffers with extents that are no powers of two.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#store = #tile.layout<register = [[1, 0, 0], [2, 0, 0]], lane = [[0, 0, 1], [0, 0, 2], [0, 0, 4], [0, 0, 8], [0, 0, 16]], warp = []>
#load = #tile.layout<register = [[0, 0, 1], [0, 0, 2]], lane = [[0, 0, 4], [0, 0, 8], [0, 0, 16], [1, 0, 0], [2, 0, 0]], warp = []>
// Whoever writes and whoever reads share the bits of a row between thread and registers differently, and
// must come to the same place. The row in its matrix flips bits of the chunk's number, the number of the
// matrix, of 384 bytes, does not.
// CHECK-LABEL: llvm.func ptx_kernelcc @rows(
// CHECK: llvm.getelementptr %{{.*}}[384] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK: arith.xori %{{.*}}, %c16_i32
// CHECK: llvm.getelementptr %{{.*}}[512] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK: nvvm.barrier
// The reader's threads have the first dim.
// CHECK: arith.muli %{{.*}}, %c384_i32
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

#wide = #tile.layout<register = [[0, 1], [0, 2], [0, 32]], lane = [[0, 4], [0, 8], [0, 16], [1, 0], [2, 0]], warp = []>
// Rows of two spans: the second panel of 4 rows lies 512 bytes behind the first.
// CHECK-LABEL: llvm.func ptx_kernelcc @panels(
// CHECK: arith.muli %{{.*}}, %c512_i32
// CHECK: %[[TURN:.*]] = arith.andi %{{.*}}, %c7_i32
// CHECK-NEXT: %[[CHUNK:.*]] = arith.shli %[[TURN]], %c4_i32
// CHECK: arith.xori %{{.*}}, %[[CHUNK]]
// CHECK: llvm.getelementptr %{{.*}}[512] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK: llvm.return
tile.kernel @panels(%f: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<4x64xf32, 128>
  %v = tensor.splat %f : tensor<4x64xf32, #wide>
  tile.buffer_store %v, %buf : tensor<4x64xf32, #wide>, !tile.buffer<4x64xf32, 128>
  tile.return
}

#narrow = #tile.layout<register = [[0, 1], [0, 2]], lane = [[0, 4], [1, 0], [2, 0], [4, 0], [8, 0]], warp = []>
// A span of 32 bytes: bit 2 of the row's number is bit 7 of the address, and permutes.
// CHECK-LABEL: llvm.func ptx_kernelcc @narrow(
// CHECK: %[[BIT:.*]] = arith.shrui %[[ROW:.*]], %c2_i32
// CHECK: %[[TURN:.*]] = arith.andi %[[BIT]], %c1_i32
// CHECK: %[[CHUNK:.*]] = arith.shli %[[TURN]], %c4_i32
// CHECK: arith.xori %{{.*}}, %[[CHUNK]]
// CHECK: llvm.return
tile.kernel @narrow(%f: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<16x8xf32, 128>
  %v = tensor.splat %f : tensor<16x8xf32, #narrow>
  tile.buffer_store %v, %buf : tensor<16x8xf32, #narrow>, !tile.buffer<16x8xf32, 128>
  tile.return
}
