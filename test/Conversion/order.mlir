// The order of accesses of one instance: a load that waits for its use is done before what it reads
// is overwritten.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<[8], f32>

// CHECK-LABEL: func.func @store_to_the_same
// CHECK: scf.for
// CHECK: %[[V:.*]] = llvm.load %[[X:.*]] {alignment = 4 : i64}
// CHECK: vector.store %[[V]], %[[KEPT:[a-z0-9_]+]][
// CHECK: llvm.store %{{.*}}, %[[X]]
// CHECK: %[[L:.*]] = vector.load %[[KEPT]]
// CHECK: math.exp %[[L]]
tile.kernel @store_to_the_same(%f: f32, %x: !x, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %s = tensor.splat %f : tensor<8xf32>
  %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!x, tensor<8xi32>) -> tensor<8xf32>
  %e = math.exp %t : tensor<8xf32>
  tile.store %s, %x[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.store %e, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}

// A store to another tensor does not wait for it.
// CHECK-LABEL: func.func @store_to_another
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK: llvm.store
// CHECK: %[[V:.*]] = llvm.load %{{.*}} {alignment = 4 : i64}
// CHECK: math.exp %[[V]]
// CHECK: llvm.store
tile.kernel @store_to_another(%f: f32, %x: !x, %y: !x, %z: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %s = tensor.splat %f : tensor<8xf32>
  %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!x, tensor<8xi32>) -> tensor<8xf32>
  %e = math.exp %t : tensor<8xf32>
  tile.store %s, %z[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.store %e, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}

// A store of what it overwrites elsewhere: all is read before anything is written.
// CHECK-LABEL: func.func @shifted
// CHECK: scf.for
// CHECK: llvm.intr.masked.load
// CHECK: vector.store %{{.*}}, %[[KEPT:[a-z0-9_]+]][
// CHECK: vector.load %[[KEPT]]
// CHECK: llvm.store
tile.kernel @shifted(%x: !tile.view<["N"], f32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<16xi32>
  %q = tile.range %c1 : tensor<16xi32>
  %t = tile.load %x[%r] : (!tile.view<["N"], f32>, tensor<16xi32>) -> tensor<16xf32>
  %e = math.exp %t : tensor<16xf32>
  tile.store %e, %x[%q] {in_bounds = array<i1: true>} : tensor<16xf32>, !tile.view<["N"], f32>, tensor<16xi32>
  tile.return
}

// The subscripts of a store, too.
// CHECK-LABEL: func.func @own_subscripts
// CHECK: llvm.load %{{.*}} -> vector<8xi32>
// CHECK: vector.store %{{.*}}, %[[KEPT:[a-z0-9_]+]][
// CHECK: vector.load %[[KEPT]]
// CHECK: llvm.intr.masked.scatter
tile.kernel @own_subscripts(%x: !tile.view<[8], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!tile.view<[8], i32>, tensor<8xi32>) -> tensor<8xi32>
  tile.store %r, %x[%t] : tensor<8xi32>, !tile.view<[8], i32>, tensor<8xi32>
  tile.return
}

// Atomics are stores.
// CHECK-LABEL: func.func @atomic
// CHECK: vector.store %{{.*}}, %[[KEPT:[a-z0-9_]+]][
// CHECK: llvm.atomicrmw fadd
// CHECK: vector.load %[[KEPT]]
tile.kernel @atomic(%f: f32, %x: !x, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!x, tensor<8xi32>) -> tensor<8xf32>
  tile.atomic_rmw add %f, %x[%c0] : f32, !x, i32
  tile.store %t, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}

// Nothing waits across the begin of a loop or a branch, whatever is in it.
// CHECK-LABEL: func.func @branch
// CHECK: vector.store %{{.*}}, %[[KEPT:[a-z0-9_]+]][
// CHECK: scf.if
// CHECK:   llvm.store
// CHECK: vector.load %[[KEPT]]
tile.kernel @branch(%on: i1, %f: f32, %x: !x, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!x, tensor<8xi32>) -> tensor<8xf32>
  scf.if %on {
    tile.store %f, %x[%c0] {in_bounds = array<i1: true>} : f32, !x, i32
  }
  tile.store %t, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}
