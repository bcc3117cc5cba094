// RUN: lighthouse-opt %s --canonicalize | FileCheck %s

// A splat added to a range is a range: the mark of contiguous subscripts survives arithmetic.
// CHECK-LABEL: tile.kernel @ranges
// CHECK-SAME: (%[[X:.*]]: !tile.view<["N"], i32>, %[[I:.*]]: i32)
tile.kernel @ranges(%x: !tile.view<["N"], i32>, %i: i32) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  // CHECK-DAG: %[[C5:.*]] = arith.constant 5 : i32
  // CHECK-DAG: %[[UNEVEN:.*]] = arith.constant dense<[5, 6]> : tensor<2xi32>
  // CHECK: %[[R:.*]] = tile.range %[[I]] : tensor<8xi32>
  // CHECK: %[[A:.*]] = arith.addi %[[I]], %[[I]] : i32
  // CHECK: %[[RA:.*]] = tile.range %[[A]] : tensor<8xi32>
  // CHECK: tile.store %[[RA]], %[[X]][%[[RA]]]
  %r = tile.range %i : tensor<8xi32>
  %s = tensor.splat %i : tensor<8xi32>
  %left = arith.addi %s, %r : tensor<8xi32>
  tile.store %left, %x[%left] : tensor<8xi32>, !tile.view<["N"], i32>, tensor<8xi32>
  // CHECK: %[[B:.*]] = arith.addi %[[I]], %[[C5]]
  // CHECK: %[[RB:.*]] = tile.range %[[B]] : tensor<8xi32>
  // CHECK: tile.store %[[RB]], %[[X]][%[[RB]]]
  %c = arith.constant dense<5> : tensor<8xi32>
  %right = arith.addi %r, %c : tensor<8xi32>
  tile.store %right, %x[%right] : tensor<8xi32>, !tile.view<["N"], i32>, tensor<8xi32>
  // The sum of two ranges is none.
  // CHECK: arith.addi %[[R]], %[[R]] : tensor<8xi32>
  %twice = arith.addi %r, %r : tensor<8xi32>
  tile.store %twice, %x[%r] : tensor<8xi32>, !tile.view<["N"], i32>, tensor<8xi32>
  // Nor is that of a range and other constants.
  // CHECK: arith.addi %{{.*}}, %[[UNEVEN]] : tensor<2xi32>
  %short = tile.range %i : tensor<2xi32>
  %d = arith.constant dense<[5, 6]> : tensor<2xi32>
  %uneven = arith.addi %short, %d : tensor<2xi32>
  tile.store %uneven, %x[%short] : tensor<2xi32>, !tile.view<["N"], i32>, tensor<2xi32>
  tile.return
}

// Constant coordinates inside a constant extent need no check; the boundary is exact.
// CHECK-LABEL: tile.kernel @in_bounds
tile.kernel @in_bounds(%x: !tile.view<["N", 16], f32>, %i: i32) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  %minus = arith.constant -1 : i32
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  %c9 = arith.constant 9 : i32
  %c15 = arith.constant 15 : i32
  %c16 = arith.constant 16 : i32
  %all = tile.range %c0 : tensor<16xi32>
  %late = tile.range %c1 : tensor<16xi32>
  %half = tile.range %c8 : tensor<8xi32>
  %over = tile.range %c9 : tensor<8xi32>
  %early = tile.range %minus : tensor<8xi32>
  // The whole dim; the named dim is not known, and what is there stays.
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: false, true>} :
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: true, true>} :
  %v0 = tile.load %x[%c0, %all] : (!tile.view<["N", 16], f32>, i32, tensor<16xi32>) -> tensor<16xf32>
  tile.store %v0, %x[%i, %all] {in_bounds = array<i1: true, false>} : tensor<16xf32>, !tile.view<["N", 16], f32>, i32, tensor<16xi32>
  // One too far.
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] : (
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] : tensor
  %v1 = tile.load %x[%c0, %late] : (!tile.view<["N", 16], f32>, i32, tensor<16xi32>) -> tensor<16xf32>
  tile.store %v1, %x[%i, %late] : tensor<16xf32>, !tile.view<["N", 16], f32>, i32, tensor<16xi32>
  // The last eight.
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: false, true>} :
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: false, true>} :
  %v2 = tile.load %x[%i, %half] : (!tile.view<["N", 16], f32>, i32, tensor<8xi32>) -> tensor<8xf32>
  tile.store %v2, %x[%i, %half] : tensor<8xf32>, !tile.view<["N", 16], f32>, i32, tensor<8xi32>
  // One past the end, one before the start.
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] : (
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] : tensor
  %v3 = tile.load %x[%i, %over] : (!tile.view<["N", 16], f32>, i32, tensor<8xi32>) -> tensor<8xf32>
  tile.store %v3, %x[%i, %early] : tensor<8xf32>, !tile.view<["N", 16], f32>, i32, tensor<8xi32>
  // Scalars: the last and the first, then one beyond them.
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: false, true>} :
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: false, true>} :
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] : (
  // CHECK: tile.store %{{.*}}[%{{.*}}, %{{.*}}] : f32
  %s0 = tile.load %x[%i, %c15] : (!tile.view<["N", 16], f32>, i32, i32) -> f32
  tile.store %s0, %x[%i, %c0] : f32, !tile.view<["N", 16], f32>, i32, i32
  %s1 = tile.load %x[%i, %c16] : (!tile.view<["N", 16], f32>, i32, i32) -> f32
  tile.store %s1, %x[%i, %minus] : f32, !tile.view<["N", 16], f32>, i32, i32
  tile.return
}

// CHECK-LABEL: tile.kernel @reshapes
tile.kernel @reshapes(%x: !tile.view<[4, 8], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<4xi32>
  %c = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r, %c] : (!tile.view<[4, 8], f32>, tensor<4xi32>, tensor<8xi32>) -> tensor<4x8xf32>
  // To the same shape: nothing.
  %same = tile.reshape %t : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: tile.store %{{.*}} : tensor<4x8xf32>
  tile.store %same, %x[%r, %c] : tensor<4x8xf32>, !tile.view<[4, 8], f32>, tensor<4xi32>, tensor<8xi32>
  // CHECK: tile.reshape %{{.*}} : tensor<4x8xf32> -> tensor<8x4xf32>
  %other = tile.reshape %t : tensor<4x8xf32> -> tensor<8x4xf32>
  tile.store %other, %x[%c, %r] : tensor<8x4xf32>, !tile.view<[4, 8], f32>, tensor<8xi32>, tensor<4xi32>
  tile.return
}

// CHECK-LABEL: tile.kernel @unused_memory
tile.kernel @unused_memory(%x: !tile.view<[64], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // CHECK: tile.alloc_shared : !tile.buffer<64xf32>
  // CHECK-NOT: tile.alloc_
  %used = tile.alloc_shared : !tile.buffer<64xf32>
  %unused = tile.alloc_shared : !tile.buffer<2x64xf32>
  %counting = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
  %named = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>
  %slot = tile.slot %unused[%c0] : !tile.buffer<2x64xf32> -> !tile.buffer<64xf32>
  %t = tile.buffer_load %used : !tile.buffer<64xf32> -> tensor<64xf32>
  %r = tile.range %c0 : tensor<64xi32>
  tile.store %t, %x[%r] : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// A wait for products passes constants on and stays a wait.
// CHECK-LABEL: tile.kernel @waits
// CHECK-SAME: (%[[X:.*]]: !tile.view<["N"], f32>)
tile.kernel @waits(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<8xf32>
  // CHECK: %[[LOADED:.*]] = tile.load
  // CHECK: %[[ENDED:.*]] = tile.dot_wait 1, %[[LOADED]] : tensor<8xf32>
  // CHECK: tile.dot_wait 0{{$}}
  // CHECK: tile.store %[[ENDED]]
  // CHECK: tile.store %[[ZERO]]
  // CHECK: tile.store %[[ZERO]]
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = tile.range %c0 : tensor<8xi32>
  %loaded = tile.load %x[%r] : (!tile.view<["N"], f32>, tensor<8xi32>) -> tensor<8xf32>
  %a:2 = tile.dot_wait 1, %zero, %loaded : tensor<8xf32>, tensor<8xf32>
  %b = tile.dot_wait 0, %zero : tensor<8xf32>
  tile.store %a#1, %x[%r] : tensor<8xf32>, !tile.view<["N"], f32>, tensor<8xi32>
  tile.store %a#0, %x[%r] : tensor<8xf32>, !tile.view<["N"], f32>, tensor<8xi32>
  tile.store %b, %x[%r] : tensor<8xf32>, !tile.view<["N"], f32>, tensor<8xi32>
  tile.return
}
