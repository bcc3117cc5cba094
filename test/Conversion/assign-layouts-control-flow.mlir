// Layouts across branches and loops.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts,cse))' | FileCheck %s \
// RUN:   -D'V4=#tile.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>' \
// RUN:   -D'SCAN=#tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [128]], warp = [[256], [512]]>' \
// RUN:   -D'ANY=#tile.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>'

!y = !tile.view<[1024], f32>
#one = affine_map<() -> (1, 1, 1)>

// Both sides of a branch yield in the layout of the one that has its own; a loop carries it on.
// CHECK-LABEL: tile.kernel @branches
// CHECK-NOT: convert_layout
// CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<1024xf32, [[V4]]>
// CHECK: %[[R:.*]] = scf.if %{{.*}} -> (tensor<1024xf32, [[V4]]>)
// CHECK: scf.yield %[[ZERO]]
// CHECK: %[[V:.*]] = tile.load
// CHECK: scf.yield %[[V]]
// CHECK: scf.while (%{{.*}} = %[[R]]) : (tensor<1024xf32, [[V4]]>) -> tensor<1024xf32, [[V4]]>
// CHECK: scf.condition(%{{.*}}) %{{.*}} : tensor<1024xf32, [[V4]]>
// CHECK: ^bb0(%{{.*}}: tensor<1024xf32, [[V4]]>)
// CHECK: scf.yield %{{.*}} : tensor<1024xf32, [[V4]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @branches(%x: !tile.view<[1024], f32> {tile.alignment = 16 : i64}, %y: !tile.view<[1024], f32> {tile.alignment = 16 : i64}, %c: i1) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %i = tile.range %c0 : tensor<1024xi32>
  %r = scf.if %c -> tensor<1024xf32> {
    scf.yield %zero : tensor<1024xf32>
  } else {
    %v = tile.load %x[%i] : (!tile.view<[1024], f32>, tensor<1024xi32>) -> tensor<1024xf32>
    scf.yield %v : tensor<1024xf32>
  }
  %w = scf.while (%a = %r) : (tensor<1024xf32>) -> tensor<1024xf32> {
    %t = tile.reduce add %a axis 0 : tensor<1024xf32> -> f32
    %f = arith.constant 1.0 : f32
    %go = arith.cmpf olt, %t, %f : f32
    scf.condition(%go) %a : tensor<1024xf32>
  } do {
  ^bb0(%b: tensor<1024xf32>):
    %n = arith.addf %b, %b : tensor<1024xf32>
    scf.yield %n : tensor<1024xf32>
  }
  tile.store %w, %y[%i] : tensor<1024xf32>, !tile.view<[1024], f32>, tensor<1024xi32>
  tile.return
}

// The sides disagree: the first decides, and the other moves its value.
// CHECK-LABEL: tile.kernel @sides
// CHECK: scf.if %{{.*}} -> (tensor<1024xf32, [[SCAN]]>)
// CHECK: tile.convert_layout
// CHECK: %[[S:.*]] = tile.scan add
// CHECK: scf.yield %[[S]] : tensor<1024xf32, [[SCAN]]>
// CHECK: } else {
// CHECK: %[[W:.*]] = tile.convert_layout %{{.*}} : tensor<1024xf32, [[V4]]> -> tensor<1024xf32, [[SCAN]]>
// CHECK: scf.yield %[[W]] : tensor<1024xf32, [[SCAN]]>
// CHECK: tile.store %{{.*}} : tensor<1024xf32, [[SCAN]]>
tile.kernel @sides(%x: !y {tile.alignment = 16 : i64}, %y: !y {tile.alignment = 16 : i64}, %c: i1) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!y, tensor<1024xi32>) -> tensor<1024xf32>
  %r = scf.if %c -> tensor<1024xf32> {
    %s = tile.scan add %v axis 0 : tensor<1024xf32>
    scf.yield %s : tensor<1024xf32>
  } else {
    scf.yield %v : tensor<1024xf32>
  }
  tile.store %r, %y[%i] : tensor<1024xf32>, !y, tensor<1024xi32>
  tile.return
}

// What the loop computes decides for what it carries; what it only passes on keeps the layout of its
// start, or gets one for tiles of its size.
// CHECK-LABEL: tile.kernel @loops
// CHECK: scf.for {{.*}} -> (tensor<1024xf32, [[SCAN]]>, tensor<1024xf32, [[V4]]>, tensor<1024xf32, [[ANY]]>)
// CHECK: tile.convert_layout %{{.*}} : tensor<1024xf32, [[V4]]> -> tensor<1024xf32, [[SCAN]]>
// CHECK: tile.scan
// CHECK: arith.addf %{{.*}} : tensor<1024xf32, [[SCAN]]>
// CHECK-NOT: convert_layout
// CHECK: scf.yield
// CHECK: }
// CHECK-COUNT-2: tile.convert_layout %{{.*}} : tensor<1024xf32, [[V4]]> -> tensor<1024xf32, [[SCAN]]>
// CHECK-NOT: convert_layout
// CHECK: tile.return
tile.kernel @loops(%x: !y {tile.alignment = 16 : i64}, %y: !y {tile.alignment = 16 : i64}, %n: i32) attributes {dims = [], grid = #one, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %i = tile.range %c0 : tensor<1024xi32>
  %v = tile.load %x[%i] : (!y, tensor<1024xi32>) -> tensor<1024xf32>
  %r:3 = scf.for %k = %c0 to %n step %c1 iter_args(%a = %zero, %b = %v, %c = %zero) -> (tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>) : i32 {
    %s = tile.scan add %b axis 0 : tensor<1024xf32>
    %t = arith.addf %a, %s : tensor<1024xf32>
    scf.yield %t, %b, %c : tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>
  }
  %p = arith.addf %r#0, %r#1 : tensor<1024xf32>
  %q = arith.addf %p, %r#2 : tensor<1024xf32>
  tile.store %q, %y[%i] : tensor<1024xf32>, !y, tensor<1024xi32>
  tile.return
}

// What the condition sees need not be what the body and the results are.
// CHECK-LABEL: tile.kernel @condition_alone
// CHECK: scf.while (%{{.*}} = %{{.*}}) : (tensor<1024xf32, [[V4]]>) -> ()
// CHECK: scf.condition(%{{.*}})
// CHECK: scf.yield %{{.*}} : tensor<1024xf32, [[V4]]>
tile.kernel @condition_alone(%x: !y {tile.alignment = 16 : i64}, %n: f32) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %i = tile.range %c0 : tensor<1024xi32>
  scf.while (%a = %zero) : (tensor<1024xf32>) -> () {
    %s = tile.reduce add %a axis 0 : tensor<1024xf32> -> f32
    %go = arith.cmpf olt, %s, %n : f32
    scf.condition(%go)
  } do {
    %v = tile.load %x[%i] : (!y, tensor<1024xi32>) -> tensor<1024xf32>
    tile.barrier
    scf.yield %v : tensor<1024xf32>
  }
  tile.return
}
