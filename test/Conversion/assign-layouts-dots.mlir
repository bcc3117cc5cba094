// Layouts of products: fragments of mma.sync where the tensor cores apply, else blocks of 4 by 4.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts,cse))' | FileCheck %s \
// RUN:   -D'ACC=#tile.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16], [0, 32]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0], [32, 0]]>' \
// RUN:   -D'LEFT=#tile.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16], [0, 32]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0], [32, 0]]>' \
// RUN:   -D'RIGHT=#tile.layout<register = [[1, 0], [8, 0], [0, 8], [0, 16], [0, 32], [16, 0], [32, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 0], [0, 0]]>' \
// RUN:   -D'LEFT32=#tile.layout<register = [[8, 0], [0, 4], [0, 8], [0, 16], [0, 32]], lane = [[0, 1], [0, 2], [1, 0], [2, 0], [4, 0]], warp = [[16, 0], [32, 0]]>' \
// RUN:   -D'RIGHT32=#tile.layout<register = [[4, 0], [0, 8], [0, 16], [0, 32], [8, 0], [16, 0], [32, 0]], lane = [[1, 0], [2, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 0], [0, 0]]>' \
// RUN:   -D'BLOCKS=#tile.layout<register = [[0, 1], [0, 2], [1, 0], [2, 0], [32, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [4, 0]], warp = [[8, 0], [16, 0]]>' \
// RUN:   -D'SUMS=#tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16], [32]]>' \
// RUN:   -D'ROWS=#tile.layout<register = [[0, 1], [0, 2], [0, 4], [16, 0], [32, 0]], lane = [[0, 8], [0, 16], [0, 32], [1, 0], [2, 0]], warp = [[4, 0], [8, 0]]>'

!a = !tile.view<[64, 64], bf16>
!f = !tile.view<[64, 64], f32>
#one = affine_map<() -> (1, 1, 1)>

// Pairs along K for 16-bit operands. Every warp has the columns of the right operand: copies.
// CHECK-LABEL: tile.kernel @half
// CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<64x64xf32, [[ACC]]>
// CHECK: %[[V:.*]] = tile.load
// CHECK: %[[A:.*]] = tile.convert_layout %[[V]] : {{.*}} -> tensor<64x64xbf16, [[LEFT]]>
// CHECK: %[[B:.*]] = tile.convert_layout %[[V]] : {{.*}} -> tensor<64x64xbf16, [[RIGHT]]>
// CHECK: %[[D:.*]] = tile.dot %[[A]], %[[B]], %[[ZERO]] : {{.*}}, tensor<64x64xf32, [[ACC]]>
// Two lanes write 32 bytes side by side: no way through shared memory.
// CHECK: tile.store %[[D]],
tile.kernel @half(%x: !a {tile.alignment = 16 : i64}, %y: !f {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %v = tile.load %x[%i, %i] : (!a, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %d = tile.dot %v, %v, %zero : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tile.store %d, %y[%i, %i] : tensor<64x64xf32>, !f, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// Single elements for tf32; the result is the same.
// CHECK-LABEL: tile.kernel @tf32
// CHECK: %[[A:.*]] = tile.convert_layout %{{.*}} -> tensor<64x64xf32, [[LEFT32]]>
// CHECK: %[[B:.*]] = tile.convert_layout %{{.*}} -> tensor<64x64xf32, [[RIGHT32]]>
// CHECK: tile.dot %[[A]], %[[B]], %{{.*}} {tf32} : {{.*}}, tensor<64x64xf32, [[ACC]]>
tile.kernel @tf32(%x: !f {tile.alignment = 16 : i64}, %y: !f {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %v = tile.load %x[%i, %i] : (!f, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf32>
  %d = tile.dot %v, %v, %zero {tf32} : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
  tile.store %d, %y[%i, %i] : tensor<64x64xf32>, !f, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// f32 without tf32: operands as they come, as they are read from shared memory.
// CHECK-LABEL: tile.kernel @plain
// CHECK: %[[V:.*]] = tile.load
// CHECK-NOT: convert_layout
// CHECK: tile.dot %[[V]], %[[V]], %{{.*}} : {{.*}}, tensor<64x64xf32, [[BLOCKS]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @plain(%x: !f {tile.alignment = 16 : i64}, %y: !f {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %v = tile.load %x[%i, %i] : (!f, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf32>
  %d = tile.dot %v, %v, %zero : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
  tile.store %d, %y[%i, %i] : tensor<64x64xf32>, !f, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// A loop-carried accumulator and what is reduced from it stay in the fragments: the zeros before the
// loop are made there, and only operands and the result in f16 are moved.
// CHECK-LABEL: tile.kernel @carried
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<64x64xf32, [[ACC]]>
// CHECK-DAG: %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<64xf32, [[SUMS]]>
// CHECK: %[[R:.*]]:2 = scf.for {{.*}} iter_args(%[[C:.*]] = %[[ZERO]], %[[S:.*]] = %[[ONES]]) -> (tensor<64x64xf32, [[ACC]]>, tensor<64xf32, [[SUMS]]>)
// CHECK: tile.convert_layout %{{.*}} -> tensor<64x64xf16, [[LEFT]]>
// CHECK: tile.convert_layout %{{.*}} -> tensor<64x64xf16, [[RIGHT]]>
// CHECK: %[[D:.*]] = tile.dot %{{.*}}, %{{.*}}, %[[C]] :
// CHECK-NOT: convert_layout
// CHECK: %[[T:.*]] = tile.reduce add %[[D]] axis 1 : {{.*}} -> tensor<64xf32, [[SUMS]]>
// CHECK: %[[U:.*]] = arith.addf %[[S]], %[[T]] : tensor<64xf32, [[SUMS]]>
// CHECK: scf.yield %[[D]], %[[U]]
// CHECK-NOT: convert_layout
// CHECK: %[[H:.*]] = arith.truncf
// CHECK: %[[W:.*]] = tile.convert_layout %[[H]] : tensor<64x64xf16, [[ACC]]> -> tensor<64x64xf16, [[ROWS]]>
// CHECK: tile.store %[[W]],
tile.kernel @carried(%x: !tile.view<[64, 512], f16> {tile.alignment = 16 : i64}, %w: !tile.view<[512, 64], f16> {tile.alignment = 16 : i64}, %y: !tile.view<[64, 64], f16> {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %c512 = arith.constant 512 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %ones = arith.constant dense<1.0> : tensor<64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %r:2 = scf.for %k = %c0 to %c512 step %c64 iter_args(%acc = %zero, %sum = %ones) -> (tensor<64x64xf32>, tensor<64xf32>) : i32 {
    %j = tile.range %k : tensor<64xi32>
    %a = tile.load %x[%i, %j] : (!tile.view<[64, 512], f16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf16>
    %b = tile.load %w[%j, %i] : (!tile.view<[512, 64], f16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf16>
    %d = tile.dot %a, %b, %acc : tensor<64x64xf16>, tensor<64x64xf16>, tensor<64x64xf32>
    %s = tile.reduce add %d axis 1 : tensor<64x64xf32> -> tensor<64xf32>
    %t = arith.addf %sum, %s : tensor<64xf32>
    scf.yield %d, %t : tensor<64x64xf32>, tensor<64xf32>
  }
  %column = tile.reshape %r#1 : tensor<64xf32> -> tensor<64x1xf32>
  %wide = tile.broadcast %column : tensor<64x1xf32> -> tensor<64x64xf32>
  %q = arith.divf %r#0, %wide : tensor<64x64xf32>
  %h = arith.truncf %q : tensor<64x64xf32> to tensor<64x64xf16>
  tile.store %h, %y[%i, %i] : tensor<64x64xf16>, !tile.view<[64, 64], f16>, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// Operands from shared memory and a result that is only summed up and written: each of eight warps has 32 by
// 32 of it, as four have 32 by 64 where all columns of a row are wanted.
// CHECK-LABEL: tile.kernel @balanced
// CHECK: scf.for
// CHECK: tile.dot {{.*}}, tensor<64x128xf32, #tile.layout<register = {{\[\[}}0, 1], [8, 0], [0, 32], [0, 64], [32, 0]], lane = {{\[\[}}0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = {{\[\[}}0, 8], [16, 0], [0, 16]]>>{{$}}
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @balanced(%y: !tile.view<[64, 128], f32> {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 0 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %zero = arith.constant dense<0.0> : tensor<64x128xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  %left = tile.alloc_shared : !tile.buffer<64x16xbf16>
  %right = tile.alloc_shared : !tile.buffer<16x128xbf16>
  %r = scf.for %k = %c0 to %c4 step %c1 iter_args(%acc = %zero) -> (tensor<64x128xf32>) : i32 {
    %a = tile.buffer_load %left : !tile.buffer<64x16xbf16> -> tensor<64x16xbf16>
    %b = tile.buffer_load %right : !tile.buffer<16x128xbf16> -> tensor<16x128xbf16>
    %d = tile.dot %a, %b, %acc : tensor<64x16xbf16>, tensor<16x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  tile.atomic_rmw add %r, %y[%i, %j] : tensor<64x128xf32>, !tile.view<[64, 128], f32>, tensor<64xi32>, tensor<128xi32>
  tile.return
}
