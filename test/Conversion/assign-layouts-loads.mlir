// Layouts of loads: neighbouring lanes read neighbouring memory, and each thread as many elements at once as
// the alignment of the tensor and of the start allows, up to 16 bytes.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts,cse))' | FileCheck %s \
// RUN:   -D'V4=#tile.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>' \
// RUN:   -D'V8=#tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [128]], warp = [[256], [512]]>' \
// RUN:   -D'V2=#tile.layout<register = [[1], [256], [512]], lane = [[2], [4], [8], [16], [32]], warp = [[64], [128]]>' \
// RUN:   -D'V1=#tile.layout<register = [[128], [256], [512]], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>' \
// RUN:   -D'HALF=#tile.layout<register = [[0, 1], [0, 2], [0, 4], [4, 0], [8, 0], [16, 0], [32, 0]], lane = [[0, 8], [0, 16], [0, 32], [0, 64], [1, 0]], warp = [[2, 0]]>' \
// RUN:   -D'ROWS=#tile.layout<register = [[4], [8], [16], [32]], lane = [[0], [0], [0], [0], [1]], warp = [[2]]>' \
// RUN:   -D'COLUMNS=#tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [0]], warp = [[0]]>' \
// RUN:   -D'LIST=#tile.layout<register = [[8], [16], [32]], lane = [[0], [0], [0], [0], [1]], warp = [[2], [4]]>' \
// RUN:   -D'SPREAD=#tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[64], [128]]>'

!x = !tile.view<[4096], f32>
!h = !tile.view<[64, 128], bf16>
#one = affine_map<() -> (1, 1, 1)>

// 16 bytes of f32 are four. What is computed from a load stays with it, constants and ranges follow.
// CHECK-LABEL: tile.kernel @aligned
// CHECK: arith.constant dense<2.000000e+00> : tensor<1024xf32, [[V4]]>
// CHECK: %[[I:.*]] = tile.range %{{.*}} : tensor<1024xi32, [[V4]]>
// CHECK: tile.load %{{.*}}[%[[I]]] : {{.*}} -> tensor<1024xf32, [[V4]]>
// CHECK: arith.mulf %{{.*}} : tensor<1024xf32, [[V4]]>
// CHECK: %[[E:.*]] = math.exp2 %{{.*}} : tensor<1024xf32, [[V4]]>
// CHECK-NOT: convert_layout
// CHECK: tile.store %[[E]], %{{.*}}[%[[I]]] : tensor<1024xf32, [[V4]]>, !tile.view<[4096], f32>, tensor<1024xi32, [[V4]]>
tile.kernel @aligned(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %two = arith.constant dense<2.0> : tensor<1024xf32>
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  %m = arith.mulf %v, %two : tensor<1024xf32>
  %e = math.exp2 %m : tensor<1024xf32>
  tile.store %e, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// The tensor is aligned to 8 bytes: two.
// CHECK-LABEL: tile.kernel @eight
// CHECK: tile.load %{{.*}} -> tensor<1024xf32, [[V2]]>
// CHECK: tile.store %{{.*}} : tensor<1024xf32, [[V2]]>
tile.kernel @eight(%x: !x {tile.alignment = 8 : i64}, %y: !x {tile.alignment = 8 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  tile.store %v, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// Nothing is known of the tensor: one.
// CHECK-LABEL: tile.kernel @unaligned
// CHECK: tile.load %{{.*}} -> tensor<1024xf32, [[V1]]>
tile.kernel @unaligned(%x: !x, %y: !x) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  tile.store %v, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// The start is even and no more: two.
// CHECK-LABEL: tile.kernel @start
// CHECK: tile.load %{{.*}} -> tensor<1024xf32, [[V2]]>
tile.kernel @start(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}, %n: i32) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c2 = arith.constant 2 : i32
  %s = arith.muli %n, %c2 : i32
  %i = tile.range %s : tensor<1024xi32>
  %v = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  tile.store %v, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// Eight bf16; 16 lanes read a row, and two rows make a warp. A subscript has its slice of the layout.
// CHECK-LABEL: tile.kernel @half
// CHECK: %[[I:.*]] = tile.range %{{.*}} : tensor<64xi32, [[ROWS]]>
// CHECK: %[[J:.*]] = tile.range %{{.*}} : tensor<128xi32, [[COLUMNS]]>
// CHECK: tile.load %{{.*}}[%[[I]], %[[J]]] : {{.*}} -> tensor<64x128xbf16, [[HALF]]>
tile.kernel @half(%x: !h {tile.alignment = 16 : i64}, %y: !h {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  %v = tile.load %x[%i, %j] : (!h, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xbf16>
  tile.store %v, %y[%i, %j] : tensor<64x128xbf16>, !h, tensor<64xi32>, tensor<128xi32>
  tile.return
}

// A list of rows is small: every thread loads those that it needs.
// CHECK-LABEL: tile.kernel @gather
// CHECK: %[[ROWS:.*]] = tile.load %{{.*}} -> tensor<64xi32, [[LIST]]>
// CHECK: tile.load %{{.*}}[%[[ROWS]], %{{.*}}] :
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @gather(%x: !h {tile.alignment = 16 : i64}, %r: !tile.view<[64], i32>, %y: !h {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  %rows = tile.load %r[%i] : (!tile.view<[64], i32>, tensor<64xi32>) -> tensor<64xi32>
  %v = tile.load %x[%rows, %j] : (!h, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xbf16>
  tile.store %v, %y[%i, %j] : tensor<64x128xbf16>, !h, tensor<64xi32>, tensor<128xi32>
  tile.return
}

// Threads before width: 256 elements are two for each of 128 threads, not four for half of them.
// CHECK-LABEL: tile.kernel @spread
// CHECK: tile.load %{{.*}} -> tensor<256xf32, [[SPREAD]]>
tile.kernel @spread(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<256xi32>
  %v = tile.load %x[%i] : (!x, tensor<256xi32>) -> tensor<256xf32>
  tile.store %v, %y[%i] : tensor<256xf32>, !x, tensor<256xi32>
  tile.return
}

// What is added to a product, or to what it carried, is read as the product lies: lanes side by side read
// sectors of 32 bytes of f32, and halves of them of bf16, as their next register has the other half.
// CHECK-LABEL: tile.kernel @beside_product
// CHECK: %[[D:.*]] = tile.dot {{.*}}, tensor<64x64xf32, [[P:#[^>]*>]]>{{$}}
// CHECK: %[[F:.*]] = tile.load {{.*}} -> tensor<64x64xf32, [[P]]>
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[D]], %[[F]] : tensor<64x64xf32, [[P]]>
// CHECK-NEXT: %[[H:.*]] = tile.load {{.*}} -> tensor<64x64xbf16, [[P]]>
// CHECK-NEXT: %[[W:.*]] = arith.extf %[[H]]
// CHECK-NEXT: arith.addf %[[S]], %[[W]] : tensor<64x64xf32, [[P]]>
// CHECK-NOT: convert_layout
// CHECK: tile.store
tile.kernel @beside_product(%a: !tile.view<[64, 64], bf16> {tile.alignment = 16 : i64}, %f: !tile.view<[64, 64], f32> {tile.alignment = 16 : i64}, %y: !tile.view<[64, 64], f32> {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<64xi32>
  %t = tile.load %a[%i, %i] : (!tile.view<[64, 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %p = tile.dot %t, %t, %zero : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  %x = tile.load %f[%i, %i] : (!tile.view<[64, 64], f32>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf32>
  %s = arith.addf %p, %x : tensor<64x64xf32>
  %h = tile.load %a[%i, %i] : (!tile.view<[64, 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %w = arith.extf %h : tensor<64x64xbf16> to tensor<64x64xf32>
  %z = arith.addf %s, %w : tensor<64x64xf32>
  tile.store %z, %y[%i, %i] : tensor<64x64xf32>, !tile.view<[64, 64], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// Of tiles that meet the narrower elements are read by the layout of the wider, which comes first or not: a thread
// reads what it has side by side at once.
// CHECK-LABEL: tile.kernel @beside_load
// CHECK: tile.load {{.*}} -> tensor<1024xbf16, [[V4]]>
// CHECK: tile.load {{.*}} -> tensor<1024xf32, [[V4]]>
// CHECK: tile.load {{.*}} -> tensor<1024xbf16, [[V4]]>
// CHECK-NOT: convert_layout
// CHECK: tile.store {{.*}} : tensor<1024xf32, [[V4]]>
tile.kernel @beside_load(%h: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %g: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 3 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %a = tile.load %h[%i] : (!tile.view<[4096], bf16>, tensor<1024xi32>) -> tensor<1024xbf16>
  %w = arith.extf %a : tensor<1024xbf16> to tensor<1024xf32>
  %b = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  %s = arith.addf %w, %b : tensor<1024xf32>
  %d = tile.load %g[%i] : (!tile.view<[4096], bf16>, tensor<1024xi32>) -> tensor<1024xbf16>
  %v = arith.extf %d : tensor<1024xbf16> to tensor<1024xf32>
  %t = arith.addf %s, %v : tensor<1024xf32>
  tile.store %t, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// Tiles meet through whatever is computed of them element by element, more than once or with others of their own
// width: all lie as the widest of them.
// CHECK-LABEL: tile.kernel @beside_chain
// CHECK: tile.load {{.*}} -> tensor<1024xbf16, [[V4]]>
// CHECK: tile.load {{.*}} -> tensor<1024xbf16, [[V4]]>
// CHECK: tile.load {{.*}} -> tensor<1024xf32, [[V4]]>
// CHECK-NOT: convert_layout
// CHECK: tile.store {{.*}} : tensor<1024xf32, [[V4]]>
tile.kernel @beside_chain(%h: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %g: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 3 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %a = tile.load %h[%i] : (!tile.view<[4096], bf16>, tensor<1024xi32>) -> tensor<1024xbf16>
  %d = tile.load %g[%i] : (!tile.view<[4096], bf16>, tensor<1024xi32>) -> tensor<1024xbf16>
  %b = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  %w = arith.extf %a : tensor<1024xbf16> to tensor<1024xf32>
  %v = arith.extf %d : tensor<1024xbf16> to tensor<1024xf32>
  %p = arith.mulf %w, %v : tensor<1024xf32>
  %e = math.exp2 %b : tensor<1024xf32>
  %m = arith.mulf %b, %e : tensor<1024xf32>
  %q = arith.mulf %v, %m : tensor<1024xf32>
  %s = arith.addf %p, %q : tensor<1024xf32>
  tile.store %s, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// A mask of ranges alone, in whatever layout, does not join the tiles that it is for: each thread reads 16 bytes of
// either at once.
// CHECK-LABEL: tile.kernel @beside_mask
// CHECK: tile.load {{.*}} -> tensor<1024xbf16, [[V8]]>
// CHECK: tile.load {{.*}} -> tensor<1024xf32, [[V4]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @beside_mask(%h: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %x: !x {tile.alignment = 16 : i64}, %g: !tile.view<[4096], bf16> {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %n = arith.constant dense<1000> : tensor<1024xi32>
  %none = arith.constant dense<0.0> : tensor<1024xbf16>
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %i = tile.range %c0 : tensor<1024xi32>
  %m = arith.cmpi slt, %i, %n : tensor<1024xi32>
  %a = tile.load %h[%i] : (!tile.view<[4096], bf16>, tensor<1024xi32>) -> tensor<1024xbf16>
  %b = tile.load %x[%i] : (!x, tensor<1024xi32>) -> tensor<1024xf32>
  %v = arith.select %m, %a, %none : tensor<1024xi1>, tensor<1024xbf16>
  %w = arith.select %m, %b, %zero : tensor<1024xi1>, tensor<1024xf32>
  tile.store %v, %g[%i] : tensor<1024xbf16>, !tile.view<[4096], bf16>, tensor<1024xi32>
  tile.store %w, %y[%i] : tensor<1024xf32>, !x, tensor<1024xi32>
  tile.return
}

// A scan leaves 128 bytes side by side in each thread, which no thread reads: the load has a layout of its own.
// CHECK-LABEL: tile.kernel @beside_scan
// CHECK: tile.scan
// CHECK: tile.load {{.*}} -> tensor<4096xf32, [[V4:#[^>]*>]]>
// CHECK: tile.convert_layout
tile.kernel @beside_scan(%x: !x {tile.alignment = 16 : i64}, %z: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<4096xi32>
  %a = tile.load %x[%i] : (!x, tensor<4096xi32>) -> tensor<4096xf32>
  %n = tile.scan add %a axis 0 : tensor<4096xf32>
  %b = tile.load %z[%i] : (!x, tensor<4096xi32>) -> tensor<4096xf32>
  %s = arith.addf %n, %b : tensor<4096xf32>
  tile.store %s, %y[%i] : tensor<4096xf32>, !x, tensor<4096xi32>
  tile.return
}
