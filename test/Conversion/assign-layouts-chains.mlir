// What follows from a load: reductions, broadcasts, changes of shape, scans, and values that are made again.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts,cse))' | FileCheck %s \
// RUN:   -D'TILE=#tile.layout<register = [[0, 1], [0, 2], [4, 0], [8, 0], [16, 0], [32, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [0, 64]], warp = [[1, 0], [2, 0]]>' \
// RUN:   -D'ROWS=#tile.layout<register = [[4], [8], [16], [32]], lane = [[0], [0], [0], [0], [0]], warp = [[1], [2]]>' \
// RUN:   -D'COLUMN=#tile.layout<register = [[4, 0], [8, 0], [16, 0], [32, 0]], lane = [[0, 0], [0, 0], [0, 0], [0, 0], [0, 0]], warp = [[1, 0], [2, 0]]>' \
// RUN:   -D'COLUMNS=#tile.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0], [0]]>' \
// RUN:   -D'LOAD=#tile.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>' \
// RUN:   -D'SCAN=#tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [128]], warp = [[256], [512]]>' \
// RUN:   -D'FLAT=#tile.layout<register = [[1], [2], [128], [256], [512]], lane = [[4], [8], [16], [32], [64]], warp = []>' \
// RUN:   -D'SQUARE=#tile.layout<register = [[0, 1], [0, 2], [4, 0], [8, 0], [16, 0]], lane = [[0, 4], [0, 8], [0, 16], [1, 0], [2, 0]], warp = []>' \
// RUN:   -D'TURNED=#tile.layout<register = [[1, 0], [2, 0], [0, 4], [0, 8], [0, 16], [0, 32]], lane = [[4, 0], [8, 0], [16, 0], [32, 0], [64, 0]], warp = [[0, 1], [0, 2]]>' \
// RUN:   -D'WRITTEN=#tile.layout<register = [[0, 1], [0, 2], [8, 0], [16, 0], [32, 0], [64, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [1, 0]], warp = [[2, 0], [4, 0]]>'

!x = !tile.view<[64, 128], f32>
!s = !tile.view<[64], f32>
!n = !tile.view<[1024], i32>
#one = affine_map<() -> (1, 1, 1)>

// A reduction leaves its result where the rows are, as copies in all lanes; back in the tile's shape
// nothing moves. A small row of weights is loaded as it is needed.
// CHECK-LABEL: tile.kernel @normalise
// CHECK-NOT: convert_layout
// CHECK: %[[V:.*]] = tile.load %{{.*}} -> tensor<64x128xf32, [[TILE]]>
// CHECK: %[[TOP:.*]] = tile.reduce max %[[V]] axis 1 : {{.*}} -> tensor<64xf32, [[ROWS]]>
// CHECK: %[[C:.*]] = tile.reshape %[[TOP]] : {{.*}} -> tensor<64x1xf32, [[COLUMN]]>
// CHECK: %[[B:.*]] = tile.broadcast %[[C]] : {{.*}} -> tensor<64x128xf32, [[TILE]]>
// CHECK: arith.subf %[[V]], %[[B]] : tensor<64x128xf32, [[TILE]]>
// CHECK: tile.load %{{.*}} -> tensor<128xf32, [[COLUMNS]]>
// CHECK: tile.store %{{.*}} : tensor<64x128xf32, [[TILE]]>
// CHECK: tile.store %[[TOP]], %{{.*}} : tensor<64xf32, [[ROWS]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @normalise(%x: !x {tile.alignment = 16 : i64}, %w: !tile.view<[128], f32> {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}, %m: !s) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  %v = tile.load %x[%i, %j] : (!x, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xf32>
  %top = tile.reduce max %v axis 1 : tensor<64x128xf32> -> tensor<64xf32>
  %column = tile.reshape %top : tensor<64xf32> -> tensor<64x1xf32>
  %wide = tile.broadcast %column : tensor<64x1xf32> -> tensor<64x128xf32>
  %d = arith.subf %v, %wide : tensor<64x128xf32>
  %weights = tile.load %w[%j] : (!tile.view<[128], f32>, tensor<128xi32>) -> tensor<128xf32>
  %row = tile.reshape %weights : tensor<128xf32> -> tensor<1x128xf32>
  %all = tile.broadcast %row : tensor<1x128xf32> -> tensor<64x128xf32>
  %p = arith.mulf %d, %all : tensor<64x128xf32>
  tile.store %p, %y[%i, %j] : tensor<64x128xf32>, !x, tensor<64xi32>, tensor<128xi32>
  tile.store %top, %m[%i] : tensor<64xf32>, !s, tensor<64xi32>
  tile.return
}

// A scan has neighbours in a thread, then in lanes, then in warps. Its rows are written as they lie:
// a thread's four elements and its neighbours' make whole sectors.
// CHECK-LABEL: tile.kernel @scan
// CHECK: %[[V:.*]] = tile.load %{{.*}} -> tensor<1024xi32, [[LOAD]]>
// CHECK: %[[W:.*]] = tile.convert_layout %[[V]] : tensor<1024xi32, [[LOAD]]> -> tensor<1024xi32, [[SCAN]]>
// CHECK: %[[S:.*]] = tile.scan add %[[W]] axis 0 : tensor<1024xi32, [[SCAN]]>
// CHECK: tile.store %[[S]], %{{.*}} : tensor<1024xi32, [[SCAN]]>
tile.kernel @scan(%x: !n {tile.alignment = 16 : i64}, %y: !n {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!n, tensor<1024xi32>) -> tensor<1024xi32>
  %s = tile.scan add %v axis 0 : tensor<1024xi32>
  tile.store %s, %y[%i] : tensor<1024xi32>, !n, tensor<1024xi32>
  tile.return
}

// A reshape keeps the elements in their places where that is a layout of the new shape. 96 elements as
// 16 rows of 6 are not: the odd part lies elsewhere, and the tile is moved into a layout of its own.
// CHECK-LABEL: tile.kernel @reshapes
// CHECK: tile.reshape %{{.*}} : tensor<1024xi32, [[FLAT]]> -> tensor<32x32xi32, [[SQUARE]]>
// CHECK-NOT: convert_layout
// CHECK: tile.reshape %{{.*}} : tensor<96xi32, {{.*}}> -> tensor<16x6xi32, #tile.layout<
tile.kernel @reshapes(%x: !n {tile.alignment = 16 : i64}, %y: !tile.view<[32, 32], i32> {tile.alignment = 16 : i64}, %z: !tile.view<[96], i32>, %u: !tile.view<[16, 6], i32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %j = tile.range %c0 : tensor<32xi32>
  %v = tile.load %x[%i] : (!n, tensor<1024xi32>) -> tensor<1024xi32>
  %r = tile.reshape %v : tensor<1024xi32> -> tensor<32x32xi32>
  tile.store %r, %y[%j, %j] : tensor<32x32xi32>, !tile.view<[32, 32], i32>, tensor<32xi32>, tensor<32xi32>
  %k = tile.range %c0 : tensor<96xi32>
  %a = tile.range %c0 : tensor<16xi32>
  %b = tile.range %c0 : tensor<6xi32>
  %w = tile.load %z[%k] : (!tile.view<[96], i32>, tensor<96xi32>) -> tensor<96xi32>
  %q = tile.reshape %w : tensor<96xi32> -> tensor<16x6xi32>
  tile.store %q, %u[%a, %b] : tensor<16x6xi32>, !tile.view<[16, 6], i32>, tensor<16xi32>, tensor<6xi32>
  tile.return
}

// A transpose renames dims; what then would be written one element here and one there goes through a
// layout with whole rows.
// CHECK-LABEL: tile.kernel @transposed
// CHECK: %[[T:.*]] = tile.transpose %{{.*}} : tensor<64x128xf32, [[TILE]]> -> tensor<128x64xf32, [[TURNED]]>
// CHECK: %[[W:.*]] = tile.convert_layout %[[T]] : tensor<128x64xf32, [[TURNED]]> -> tensor<128x64xf32, [[WRITTEN]]>
// CHECK: tile.store %[[W]],
tile.kernel @transposed(%x: !x {tile.alignment = 16 : i64}, %y: !tile.view<[128, 64], f32> {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  %v = tile.load %x[%i, %j] : (!x, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xf32>
  %t = tile.transpose %v : tensor<64x128xf32> -> tensor<128x64xf32>
  tile.store %t, %y[%j, %i] : tensor<128x64xf32>, !tile.view<[128, 64], f32>, tensor<128xi32>, tensor<64xi32>
  tile.return
}

// A value of ranges and constants alone is made once for each layout in which it is used; a value that
// was loaded is moved.
// CHECK-LABEL: tile.kernel @free
// CHECK-DAG: %[[R0:.*]] = tile.range %{{.*}} : tensor<1024xi32, [[LOAD]]>
// CHECK-DAG: %[[R1:.*]] = tile.range %{{.*}} : tensor<1024xi32, [[SCAN]]>
// CHECK-DAG: %[[S0:.*]] = arith.addi %[[R0]], %{{.*}} : tensor<1024xi32, [[LOAD]]>
// CHECK-DAG: %[[S1:.*]] = arith.addi %[[R1]], %{{.*}} : tensor<1024xi32, [[SCAN]]>
// CHECK: %[[V:.*]] = tile.load %{{.*}} -> tensor<1024xi32, [[LOAD]]>
// CHECK: arith.addi %[[V]], %[[S0]]
// CHECK: tile.convert_layout %[[V]]
// CHECK: %[[S:.*]] = tile.scan
// CHECK: arith.muli %[[S]], %[[S1]] : tensor<1024xi32, [[SCAN]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @free(%n: !n {tile.alignment = 16 : i64}, %m: !n {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %c5 = arith.constant dense<5> : tensor<1024xi32>
  %sum = arith.addi %i, %c5 : tensor<1024xi32>
  %v = tile.load %n[%i] : (!n, tensor<1024xi32>) -> tensor<1024xi32>
  %a = arith.addi %v, %sum : tensor<1024xi32>
  tile.store %a, %m[%i] : tensor<1024xi32>, !n, tensor<1024xi32>
  %s = tile.scan add %v axis 0 : tensor<1024xi32>
  %b = arith.muli %s, %sum : tensor<1024xi32>
  tile.store %b, %m[%i] : tensor<1024xi32>, !n, tensor<1024xi32>
  tile.return
}
