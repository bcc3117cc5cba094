// Partial reductions and votes.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N", 64], f32>
!y = !tile.view<["N", 8], f32>

// Part p has the elements p, p + 8, ...: vectors combine, and no lanes are exchanged.
// CHECK-LABEL: func.func @last_axis
// CHECK: scf.for %[[I:.*]] = %c0 to %c16 step %c1
// CHECK:   %[[R:.*]] = scf.for %[[J:.*]] = %c0 to %c64 step %c8 iter_args(%[[BEFORE:.*]] = %cst) -> (vector<8xf32>)
// CHECK:     %[[T:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK:     %[[AFTER:.*]] = arith.addf %[[BEFORE]], %[[T]] : vector<8xf32>
// CHECK:     scf.yield %[[AFTER]]
// CHECK-NOT: vector.shuffle
// CHECK:   vector.store %[[R]], %{{.*}}[%[[I]], %c0]
tile.kernel @last_axis(%x: !x, %y: !y) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = tile.range %zero : tensor<64xi32>
  %p = tile.range %zero : tensor<8xi32>
  %t = tile.load %x[%r, %c] {in_bounds = array<i1: true, true>} : (!x, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %s = tile.reduce_partial add %t axis 1 : tensor<16x64xf32> -> tensor<16x8xf32>
  tile.store %s, %y[%r, %p] {in_bounds = array<i1: true, true>} : tensor<16x8xf32>, !y, tensor<16xi32>, tensor<8xi32>
  tile.return
}

// Along an outer axis rows combine.
// CHECK-LABEL: func.func @outer_axis
// CHECK: scf.for %[[P:.*]] = %c0 to %c4 step %c1
// CHECK:   scf.for %[[C:.*]] = %c0 to %c64 step %c8
// CHECK:     scf.for %[[I:.*]] = %c0 to %c16 step %c4 iter_args
// CHECK:       arith.addi %[[P]], %[[I]] : index
// CHECK:       arith.cmpf ogt, %{{.*}} : vector<8xf32>
tile.kernel @outer_axis(%x: !x, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = tile.range %zero : tensor<64xi32>
  %p = tile.range %zero : tensor<4xi32>
  %t = tile.load %x[%r, %c] {in_bounds = array<i1: true, true>} : (!x, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %s = tile.reduce_partial max %t axis 0 : tensor<16x64xf32> -> tensor<4x64xf32>
  tile.store %s, %y[%p, %c] {in_bounds = array<i1: true, true>} : tensor<4x64xf32>, !x, tensor<4xi32>, tensor<64xi32>
  tile.return
}

// One warp holds all elements: a vote is a reduction.
// CHECK-LABEL: func.func @votes
// CHECK: arith.ori
// CHECK: arith.andi
// CHECK-NOT: tile.
tile.kernel @votes(%x: !x, %b: !tile.view<["N"], i1>) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = tile.range %zero : tensor<64xi32>
  %t = tile.load %x[%r, %c] : (!x, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %m = arith.cmpf oeq, %t, %t : tensor<16x64xf32>
  %any = tile.vote any %m : tensor<16x64xi1>
  %all = tile.vote all %m : tensor<16x64xi1>
  tile.store %any, %b[%zero] : i1, !tile.view<["N"], i1>, i32
  tile.store %all, %b[%one] : i1, !tile.view<["N"], i1>, i32
  tile.return
}
