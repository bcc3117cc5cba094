// RUN: lighthouse-opt --tile-attach-target=target=x86-64-v4 --tile-to-host %s | FileCheck %s

// A streaming store of whole vectors bypasses the caches where its address is aligned to them; a fence
// makes it visible before the instances count as done.
// CHECK-LABEL: func.func @streaming
// CHECK: %[[REST:.*]] = arith.andi %{{.*}}, %c63_i64
// CHECK: %[[ALIGNED:.*]] = arith.cmpi eq, %[[REST]]
// CHECK: scf.if %[[ALIGNED]] {
// CHECK: llvm.store %[[V:.*]], %[[P:.*]] {alignment = 64 : i64, nontemporal} : vector<16xf32>
// CHECK: } else {
// CHECK: llvm.store %[[V]], %[[P]] {alignment = 4 : i64} : vector<16xf32>
// CHECK: llvm.fence seq_cst
// CHECK-NEXT: return
tile.kernel @streaming(%y: !tile.view<[64], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  tile.store %one, %y[%i] {in_bounds = array<i1: true>, streaming}
      : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// Parts of a vector and other stores go the usual way, without a fence.
// CHECK-LABEL: func.func @usual
// CHECK-NOT: nontemporal
// CHECK-NOT: llvm.fence
tile.kernel @usual(%y: !tile.view<[64], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %part = arith.constant dense<1.0> : tensor<8xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<8xi32>
  tile.store %one, %y[%i] {in_bounds = array<i1: true>}
      : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.store %part, %y[%j] {in_bounds = array<i1: true>, streaming}
      : tensor<8xf32>, !tile.view<[64], f32>, tensor<8xi32>
  tile.return
}
