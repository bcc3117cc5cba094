// What is computed where it is used, and what gets a buffer.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N", 32], f32>
!v = !tile.view<[32], f32>

// A chain of values with one use each is one loop without a buffer.
// CHECK-LABEL: func.func @chain
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK:   scf.for %{{.*}} = %c0 to %c32 step %c8
// CHECK:     %[[X:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK:     %[[Y:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK:     %[[M:.*]] = arith.mulf %[[X]], %[[Y]] : vector<8xf32>
// CHECK:     %[[E:.*]] = math.exp %[[M]] : vector<8xf32>
// CHECK:     llvm.store %[[E]]
// CHECK-NOT: scf.for
// CHECK: return
tile.kernel @chain(%x: !v, %y: !v, %z: !v) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<32xi32>
  %s = tile.load %x[%c] {in_bounds = array<i1: true>} : (!v, tensor<32xi32>) -> tensor<32xf32>
  %t = tile.load %y[%c] {in_bounds = array<i1: true>} : (!v, tensor<32xi32>) -> tensor<32xf32>
  %m = arith.mulf %s, %t : tensor<32xf32>
  %e = math.exp %m : tensor<32xf32>
  tile.store %e, %z[%c] {in_bounds = array<i1: true>} : tensor<32xf32>, !v, tensor<32xi32>
  tile.return
}

// A value with two uses is computed once, into one buffer.
// CHECK-LABEL: func.func @two_uses
// CHECK: %[[B:.*]] = memref.alloca() {alignment = 64 : i64} : memref<32xf32>
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK:   scf.for %[[I:.*]] = %c0 to %c32 step %c8
// CHECK:     %[[E:.*]] = math.exp
// CHECK:     vector.store %[[E]], %[[B]][%[[I]]]
// CHECK-NOT: math.exp
// CHECK:   scf.for
// CHECK:     vector.load %[[B]]
// CHECK:     llvm.store
// CHECK:   scf.for
// CHECK:     vector.load %[[B]]
// CHECK:     arith.negf
// CHECK:     llvm.store
// CHECK: return
tile.kernel @two_uses(%x: !v, %y: !v, %z: !v) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<32xi32>
  %s = tile.load %x[%c] {in_bounds = array<i1: true>} : (!v, tensor<32xi32>) -> tensor<32xf32>
  %e = math.exp %s : tensor<32xf32>
  %n = arith.negf %e : tensor<32xf32>
  tile.store %e, %y[%c] {in_bounds = array<i1: true>} : tensor<32xf32>, !v, tensor<32xi32>
  tile.store %n, %z[%c] {in_bounds = array<i1: true>} : tensor<32xf32>, !v, tensor<32xi32>
  tile.return
}

// What depends on scalars alone is computed again at each use.
// CHECK-LABEL: func.func @leaves
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK:   arith.sitofp
// CHECK:   llvm.store
// CHECK:   arith.sitofp
// CHECK:   llvm.store
// CHECK: return
tile.kernel @leaves(%y: !v, %z: !v) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %zero = arith.constant 0 : i32
  %p = tile.program_id 0
  %c = tile.range %zero : tensor<32xi32>
  %r = tile.range %p : tensor<32xi32>
  %f = arith.sitofp %r : tensor<32xi32> to tensor<32xf32>
  %n = arith.negf %f : tensor<32xf32>
  tile.store %f, %y[%c] {in_bounds = array<i1: true>} : tensor<32xf32>, !v, tensor<32xi32>
  tile.store %n, %z[%c] {in_bounds = array<i1: true>} : tensor<32xf32>, !v, tensor<32xi32>
  tile.return
}

// A value that is repeated along a dim is not computed again for each copy.
// CHECK-LABEL: func.func @repeated
// CHECK: %[[B:.*]] = memref.alloca() {{.*}} : memref<4xf32>
// CHECK-NOT: memref.alloca
// CHECK: math.exp {{.*}} : vector<4xf32>
// CHECK: vector.store %{{.*}}, %[[B]]
// CHECK: scf.for %[[R:.*]] = %c0 to %c4
// CHECK:   scf.for %{{.*}} = %c0 to %c32 step %c8
// CHECK:     %[[S:.*]] = memref.load %[[B]][%[[R]]]
// CHECK:     vector.broadcast %[[S]] : f32 to vector<8xf32>
// CHECK: return
tile.kernel @repeated(%x: !v, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<4xi32>
  %c = tile.range %zero : tensor<32xi32>
  %s = tile.load %x[%r] {in_bounds = array<i1: true>} : (!v, tensor<4xi32>) -> tensor<4xf32>
  %e = math.exp %s : tensor<4xf32>
  %column = tile.reshape %e : tensor<4xf32> -> tensor<4x1xf32>
  %wide = tile.broadcast %column : tensor<4x1xf32> -> tensor<4x32xf32>
  tile.store %wide, %y[%r, %c] {in_bounds = array<i1: true, true>} : tensor<4x32xf32>, !x, tensor<4xi32>, tensor<32xi32>
  tile.return
}

// Shapes: a transpose reads one element for each lane; a reshape that keeps rows reads vectors, any
// other goes by the element's number.
// CHECK-LABEL: func.func @shapes
// CHECK: %[[B:.*]] = memref.alloca() {{.*}} : memref<4x32xf32>
// CHECK-NOT: memref.alloca
// CHECK: math.exp
// CHECK: scf.for %[[R:.*]] = %c0 to %c32
// CHECK-COUNT-4: memref.load %[[B]]
// CHECK: vector.from_elements %{{.*}} : vector<4xf32>
// CHECK: scf.for %[[R:.*]] = %c0 to %c4
// CHECK:   scf.for %[[C:.*]] = %c0 to %c32 step %c8
// CHECK:     vector.load %[[B]][%[[R]], %[[C]]]
// CHECK: scf.for
// CHECK:   scf.for
// CHECK:     %[[COL:.*]] = arith.remui
// CHECK:     %[[ROW:.*]] = arith.divui
// CHECK:     vector.load %[[B]][%[[ROW]], %[[COL]]] : memref<4x32xf32>, vector<8xf32>
// CHECK: return
tile.kernel @shapes(%x: !x, %y: !x, %z: !tile.view<[1, 4, 32], f32>, %w: !tile.view<[8, 16], f32>) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<4xi32>
  %c = tile.range %zero : tensor<32xi32>
  %one = tile.range %zero : tensor<1xi32>
  %r8 = tile.range %zero : tensor<8xi32>
  %c16 = tile.range %zero : tensor<16xi32>
  %s = tile.load %x[%r, %c] {in_bounds = array<i1: true, true>} : (!x, tensor<4xi32>, tensor<32xi32>) -> tensor<4x32xf32>
  %e = math.exp %s : tensor<4x32xf32>
  %t = tile.transpose %e : tensor<4x32xf32> -> tensor<32x4xf32>
  tile.store %t, %y[%c, %r] {in_bounds = array<i1: true, true>} : tensor<32x4xf32>, !x, tensor<32xi32>, tensor<4xi32>
  %u = tile.reshape %e : tensor<4x32xf32> -> tensor<1x4x32xf32>
  tile.store %u, %z[%one, %r, %c] {in_bounds = array<i1: true, true, true>} : tensor<1x4x32xf32>, !tile.view<[1, 4, 32], f32>, tensor<1xi32>, tensor<4xi32>, tensor<32xi32>
  %v = tile.reshape %e : tensor<4x32xf32> -> tensor<8x16xf32>
  tile.store %v, %w[%r8, %c16] {in_bounds = array<i1: true, true>} : tensor<8x16xf32>, !tile.view<[8, 16], f32>, tensor<8xi32>, tensor<16xi32>
  tile.return
}

// The lanes are as many as fit a register, or fewer where the last dim is odd.
// CHECK-LABEL: func.func @odd
// CHECK: scf.for %{{.*}} = %c0 to %c12 step %c4
// CHECK:   llvm.store %{{.*}} : vector<4xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c5 step %c1
// CHECK:   llvm.store %{{.*}} : f32
tile.kernel @odd(%x: f32, %y: !v) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<12xi32>
  %s = tile.range %zero : tensor<5xi32>
  %t = tensor.splat %x : tensor<12xf32>
  %u = tensor.splat %x : tensor<5xf32>
  tile.store %t, %y[%r] {in_bounds = array<i1: true>} : tensor<12xf32>, !v, tensor<12xi32>
  tile.store %u, %y[%s] {in_bounds = array<i1: true>} : tensor<5xf32>, !v, tensor<5xi32>
  tile.return
}
