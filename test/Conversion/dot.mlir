// The matrix product: a block of accumulators in registers, one broadcast element of the left
// operand times a row of vectors of the right one.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v4 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!a = !tile.view<["N", 16], f32>
!h = !tile.view<["N", 16], bf16>

// No temporary for the accumulator, and no buffer but for the operands and the result.
// CHECK-LABEL: func.func @plain
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-COUNT-3: memref.alloca
// CHECK-NOT: memref.alloca
// CHECK: %[[ACC:.*]]:{{[0-9]+}} = scf.for %[[K:.*]] = %c0 to %c16 step %c1 iter_args(%[[C0:[a-z0-9]+]] = %[[ZERO]], %[[C1:[a-z0-9]+]] = %[[ZERO]]
// CHECK:   %[[RIGHT:.*]] = vector.load %{{.*}}[%[[K]], %{{.*}}] : memref<16x16xf32>, vector<16xf32>
// CHECK:   %[[S:.*]] = memref.load %{{.*}}[%{{.*}}, %[[K]]] : memref<16x16xf32>
// CHECK:   %[[LEFT:.*]] = vector.broadcast %[[S]]
// CHECK:   %[[P:.*]] = arith.mulf %[[LEFT]], %[[RIGHT]] fastmath<contract>
// CHECK:   arith.addf %[[P]], %[[C0]] fastmath<contract>
// CHECK:   scf.yield
// CHECK: vector.store %[[ACC]]#0
// CHECK: return
tile.kernel @plain(%x: !a, %y: !a, %z: !a) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %s = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %t = tile.load %y[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %c = arith.constant dense<0.0> : tensor<16x16xf32>
  %d = tile.dot %s, %t, %c : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  tile.store %d, %z[%r, %r] {in_bounds = array<i1: true, true>} : tensor<16x16xf32>, !a, tensor<16xi32>, tensor<16xi32>
  tile.return
}

// A right operand that is a transpose is packed by shuffles of whole rows.
// CHECK-LABEL: func.func @transposed_right
// CHECK-COUNT-3: memref.alloca
// CHECK-NOT: memref.alloca
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30]
// CHECK: scf.for {{.*}} iter_args
tile.kernel @transposed_right(%x: !a, %y: !a, %z: !a) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %s = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %t = tile.load %y[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %tt = tile.transpose %t : tensor<16x16xf32> -> tensor<16x16xf32>
  %c = arith.constant dense<0.0> : tensor<16x16xf32>
  %d = tile.dot %s, %tt, %c : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  tile.store %d, %z[%r, %r] {in_bounds = array<i1: true, true>} : tensor<16x16xf32>, !a, tensor<16xi32>, tensor<16xi32>
  tile.return
}

// A left operand is read one element at a time: its transpose with the subscripts exchanged.
// CHECK-LABEL: func.func @transposed_left
// CHECK-COUNT-3: memref.alloca
// CHECK-NOT: memref.alloca
// CHECK-NOT: vector.shuffle
// CHECK: scf.for %[[K:.*]] = %c0 to %c16 step %c1 iter_args
// CHECK:   memref.load %{{.*}}[%[[K]], %{{.*}}] : memref<16x16xf32>
// CHECK-NOT: vector.shuffle
// CHECK: return
tile.kernel @transposed_left(%x: !a, %y: !a, %z: !a) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %s = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %t = tile.load %y[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %ss = tile.transpose %s : tensor<16x16xf32> -> tensor<16x16xf32>
  %c = arith.constant dense<0.0> : tensor<16x16xf32>
  %d = tile.dot %ss, %t, %c : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  tile.store %d, %z[%r, %r] {in_bounds = array<i1: true, true>} : tensor<16x16xf32>, !a, tensor<16xi32>, tensor<16xi32>
  tile.return
}

// 16-bit operands are widened when they are packed; the accumulator is computed where it is read.
// CHECK-LABEL: func.func @narrow
// CHECK-DAG: %[[A:.*]] = memref.alloca() {{.*}} : memref<16x16xf32>
// CHECK-NOT: memref<{{.*}}bf16>
// CHECK: arith.extf %{{.*}} : vector<16xbf16> to vector<16xf32>
// CHECK: vector.store
// CHECK: arith.extf %{{.*}} : vector<16xbf16> to vector<16xf32>
// CHECK: vector.store
// CHECK: %[[START:.*]] = vector.broadcast %{{.*}} : f32 to vector<16xf32>
// CHECK: scf.for %{{.*}} iter_args(%{{.*}} = %[[START]]
tile.kernel @narrow(%x: !h, %y: !h, %f: f32, %z: !a) attributes {dims = ["N"], grid = #grid, inputs = 3 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %s = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!h, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xbf16>
  %t = tile.load %y[%r, %r] {in_bounds = array<i1: true, true>} : (!h, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xbf16>
  %c = tensor.splat %f : tensor<16x16xf32>
  %d = tile.dot %s, %t, %c : tensor<16x16xbf16>, tensor<16x16xbf16>, tensor<16x16xf32>
  tile.store %d, %z[%r, %r] {in_bounds = array<i1: true, true>} : tensor<16x16xf32>, !a, tensor<16xi32>, tensor<16xi32>
  tile.return
}

// An operand that depends on scalars alone gets its buffer where it is needed, each time: the other
// product may run when this one does not.
// CHECK-LABEL: func.func @constant_operand
// CHECK: scf.if
// CHECK:   vector.store %{{.*}}, %[[IN:.*]][
// CHECK:   iter_args
// CHECK:   memref.load %[[IN]]
// CHECK: } else {
// CHECK: {{^      }}}
// CHECK: vector.store %{{.*}}, %[[AFTER:.*]][
// CHECK: iter_args
// CHECK: memref.load %[[AFTER]]
tile.kernel @constant_operand(%x: !a, %on: i1, %z: !a) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<16xi32>
  %c = arith.constant dense<0.0> : tensor<16x16xf32>
  %ones = arith.constant dense<1.0> : tensor<16x16xf32>
  %t = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!a, tensor<16xi32>, tensor<16xi32>) -> tensor<16x16xf32>
  %first = scf.if %on -> tensor<16x16xf32> {
    %d = tile.dot %ones, %t, %c : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
    scf.yield %d : tensor<16x16xf32>
  } else {
    scf.yield %c : tensor<16x16xf32>
  }
  %e = tile.dot %ones, %first, %c : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  tile.store %e, %z[%r, %r] {in_bounds = array<i1: true, true>} : tensor<16x16xf32>, !a, tensor<16xi32>, tensor<16xi32>
  tile.return
}
