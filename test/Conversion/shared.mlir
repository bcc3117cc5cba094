// Shared memory on the host: plain buffers, copies at once, waits and barriers vanish.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N", 8], f32>

// CHECK-LABEL: func.func @ring
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-DAG: %[[RING:.*]] = memref.alloca() {alignment = 64 : i64} : memref<3x4x8xf32>
// CHECK-DAG: %[[TILE:.*]] = memref.alloca() {alignment = 64 : i64} : memref<4x8xf32>
// CHECK: scf.for
// The slot is taken modulo the extent.
// CHECK: %[[REST:.*]] = arith.remui %{{.*}}, %c3_i32 : i32
// CHECK: %[[I:.*]] = arith.index_cast %[[REST]] : i32 to index
// CHECK: %[[SLOT:.*]] = memref.subview %[[RING]][%[[I]], 0, 0] [1, 4, 8] [1, 1, 1]
// The copy fills what lies outside with zeros.
// CHECK: %[[ROW:.*]] = arith.cmpi ult
// CHECK: scf.if %[[ROW]]
// CHECK:   scf.yield %[[ZERO]]
// CHECK: vector.store %{{.*}}, %[[SLOT]]
// A load is a copy, as the slot may be filled again while the tile is in use.
// CHECK: vector.load %[[SLOT]]
// CHECK: vector.store %{{.*}}, %[[TILE]]
// CHECK: vector.load %[[TILE]]
// CHECK: arith.negf
// CHECK: vector.store %{{.*}}, %[[SLOT]]
// CHECK: vector.load %[[TILE]]
// CHECK: llvm.intr.masked.store
// CHECK: return
tile.kernel @ring(%x: !x, %k: i32, %y: !tile.view<["N", "N"], f32>) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %p = tile.program_id 0
  %c0 = arith.constant 0 : i32
  %r = tile.range %p : tensor<4xi32>
  %c = tile.range %c0 : tensor<8xi32>
  %ring = tile.alloc_shared : !tile.buffer<3x4x8xf32, 128>
  %slot = tile.slot %ring[%k] : !tile.buffer<3x4x8xf32, 128> -> !tile.buffer<4x8xf32, 128>
  tile.copy_async %x[%r, %c], %slot : !x, !tile.buffer<4x8xf32, 128>, tensor<4xi32>, tensor<8xi32>
  tile.commit
  tile.wait 0
  tile.barrier
  %t = tile.buffer_load %slot : !tile.buffer<4x8xf32, 128> -> tensor<4x8xf32>
  %n = arith.negf %t : tensor<4x8xf32>
  tile.buffer_store %n, %slot : tensor<4x8xf32>, !tile.buffer<4x8xf32, 128>
  tile.store %t, %y[%r, %c] : tensor<4x8xf32>, !tile.view<["N", "N"], f32>, tensor<4xi32>, tensor<8xi32>
  tile.return
}
