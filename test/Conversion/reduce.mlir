// Reductions and scans.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N", 64], f32>
!v = !tile.view<[64], f32>

// Along the last axis: independent chains of vectors, here two as four do not divide 48, then the
// lanes by halves.
// CHECK-LABEL: func.func @last_axis
// CHECK-DAG: %[[LOW:.*]] = arith.constant dense<0xFF800000> : vector<8xf32>
// CHECK-NOT: memref.alloca
// CHECK: %[[R:.*]]:2 = scf.for %{{.*}} = %c0 to %c48 step %c16 iter_args(%[[A:.*]] = %[[LOW]], %[[B:.*]] = %[[LOW]])
// CHECK:   %[[T:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK:   arith.cmpf ogt, %[[T]], %[[A]]
// CHECK: %[[ALL:.*]] = arith.select %{{.*}}, %[[R]]#1, %[[R]]#0 : vector<8xi1>, vector<8xf32>
// CHECK-DAG: vector.shuffle %[[ALL]], %[[ALL]] [0, 1, 2, 3]
// CHECK-DAG: vector.shuffle %[[ALL]], %[[ALL]] [4, 5, 6, 7]
// CHECK-DAG: vector.shuffle {{.*}} [0, 1] : vector<4xf32>
// CHECK-DAG: vector.shuffle {{.*}} [2, 3] : vector<4xf32>
// CHECK-DAG: vector.shuffle {{.*}} [0] : vector<2xf32>
// CHECK-DAG: vector.shuffle {{.*}} [1] : vector<2xf32>
// CHECK: %[[S:.*]] = vector.extract {{.*}}[0] : f32 from vector<1xf32>
// CHECK: llvm.store %[[S]]
tile.kernel @last_axis(%x: !v, %y: !v) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<48xi32>
  %t = tile.load %x[%c] {in_bounds = array<i1: true>} : (!v, tensor<48xi32>) -> tensor<48xf32>
  %m = tile.reduce max %t axis 0 : tensor<48xf32> -> f32
  tile.store %m, %y[%zero] {in_bounds = array<i1: true>} : f32, !v, i32
  tile.return
}

// Along an outer axis: vectors of columns, no shuffles; the source is read where it is summed.
// CHECK-LABEL: func.func @outer_axis
// CHECK: %[[SUM:.*]] = memref.alloca() {{.*}} : memref<64xf32>
// CHECK-NOT: memref.alloca
// CHECK: scf.for %[[C:.*]] = %c0 to %c64 step %c8
// CHECK:   %[[R:.*]]:4 = scf.for %{{.*}} = %c0 to %c16 step %c4 iter_args
// CHECK-COUNT-4: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: vector.shuffle
// CHECK:   vector.store %{{.*}}, %[[SUM]][%[[C]]]
tile.kernel @outer_axis(%x: !x, %y: !v) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = tile.range %zero : tensor<64xi32>
  %t = tile.load %x[%r, %c] {in_bounds = array<i1: true, true>} : (!x, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %s = tile.reduce add %t axis 0 : tensor<16x64xf32> -> tensor<64xf32>
  tile.store %s, %y[%c] {in_bounds = array<i1: true>} : tensor<64xf32>, !v, tensor<64xi32>
  tile.return
}

// The neutral elements.
// CHECK-LABEL: func.func @neutral
// CHECK-DAG: arith.constant dense<-2147483648> : vector<8xi32>
// CHECK-DAG: arith.constant dense<2147483647> : vector<8xi32>
// CHECK-DAG: arith.constant dense<1> : vector<8xi32>
// CHECK-DAG: arith.constant dense<true> : vector<8xi1>
// CHECK-DAG: arith.constant dense<false> : vector<8xi1>
// CHECK-DAG: arith.constant dense<0x7F800000> : vector<8xf32>
// CHECK: arith.maxsi {{.*}} : vector<8xi32>
// CHECK: arith.minsi {{.*}} : vector<8xi32>
// CHECK: arith.muli {{.*}} : vector<8xi32>
// CHECK: arith.andi {{.*}} : vector<8xi1>
// CHECK: arith.ori {{.*}} : vector<8xi1>
// CHECK: arith.cmpf olt, {{.*}} : vector<8xf32>
tile.kernel @neutral(%x: !tile.view<[64], i32>, %f: !v, %y: !tile.view<[64], i32>, %z: !tile.view<[2], i1>, %w: !v) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %c = tile.range %zero : tensor<64xi32>
  %t = tile.load %x[%c] {in_bounds = array<i1: true>} : (!tile.view<[64], i32>, tensor<64xi32>) -> tensor<64xi32>
  %max = tile.reduce max %t axis 0 : tensor<64xi32> -> i32
  %min = tile.reduce min %t axis 0 : tensor<64xi32> -> i32
  %mul = tile.reduce mul %t axis 0 : tensor<64xi32> -> i32
  tile.store %max, %y[%zero] : i32, !tile.view<[64], i32>, i32
  tile.store %min, %y[%one] : i32, !tile.view<[64], i32>, i32
  tile.store %mul, %y[%two] : i32, !tile.view<[64], i32>, i32
  %b = arith.cmpi sgt, %t, %c : tensor<64xi32>
  %and = tile.reduce and %b axis 0 : tensor<64xi1> -> i1
  %or = tile.reduce or %b axis 0 : tensor<64xi1> -> i1
  tile.store %and, %z[%zero] : i1, !tile.view<[2], i1>, i32
  tile.store %or, %z[%one] : i1, !tile.view<[2], i1>, i32
  %g = tile.load %f[%c] {in_bounds = array<i1: true>} : (!v, tensor<64xi32>) -> tensor<64xf32>
  %least = tile.reduce min %g axis 0 : tensor<64xf32> -> f32
  tile.store %least, %w[%zero] : f32, !v, i32
  tile.return
}

// A scan along the last axis goes element by element; an exclusive one stores what came before.
// CHECK-LABEL: func.func @scan_last
// CHECK: %[[B:.*]] = memref.alloca() {{.*}} : memref<64xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c64 step %c1 iter_args(%[[BEFORE:.*]] = %cst)
// CHECK:   %[[T:.*]] = llvm.load %{{.*}} -> f32
// CHECK:   %[[AFTER:.*]] = arith.addf %[[BEFORE]], %[[T]] : f32
// CHECK:   memref.store %[[BEFORE]], %[[B]][%[[I]]]
// CHECK:   scf.yield %[[AFTER]] : f32
tile.kernel @scan_last(%x: !v, %y: !v) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<64xi32>
  %t = tile.load %x[%c] {in_bounds = array<i1: true>} : (!v, tensor<64xi32>) -> tensor<64xf32>
  %s = tile.scan add %t axis 0 {exclusive} : tensor<64xf32>
  tile.store %s, %y[%c] {in_bounds = array<i1: true>} : tensor<64xf32>, !v, tensor<64xi32>
  tile.return
}

// Along an outer axis vectors of columns run side by side; an inclusive one stores the new value.
// CHECK-LABEL: func.func @scan_outer
// CHECK: %[[B:.*]] = memref.alloca() {{.*}} : memref<16x64xf32>
// CHECK: scf.for %[[C:.*]] = %c0 to %c64 step %c8
// CHECK:   scf.for %[[R:.*]] = %c0 to %c16 step %c1 iter_args(%[[BEFORE:.*]] = %cst)
// CHECK:     %[[AFTER:.*]] = arith.addf %[[BEFORE]], %{{.*}} : vector<8xf32>
// CHECK:     vector.store %[[AFTER]], %[[B]][%[[R]], %[[C]]]
// CHECK:     scf.yield %[[AFTER]]
tile.kernel @scan_outer(%x: !x, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = tile.range %zero : tensor<64xi32>
  %t = tile.load %x[%r, %c] {in_bounds = array<i1: true, true>} : (!x, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %s = tile.scan add %t axis 0 : tensor<16x64xf32>
  tile.store %s, %y[%r, %c] {in_bounds = array<i1: true, true>} : tensor<16x64xf32>, !x, tensor<16xi32>, tensor<64xi32>
  tile.return
}
