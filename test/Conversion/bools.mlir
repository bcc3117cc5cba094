// A bool takes a byte in every memory and a bit in a register.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!b = !tile.view<[8], i1>

// CHECK-LABEL: func.func @bools
// CHECK-DAG: %[[B:.*]] = memref.alloca() {{.*}} : memref<8xi8>
// CHECK-DAG: %[[ONE:.*]] = arith.constant dense<1> : vector<8xi8>
// CHECK: llvm.intr.masked.load %{{.*}}, %{{.*}}, %[[ONE]] {{.*}} -> vector<8xi8>
// CHECK: %[[T:.*]] = arith.trunci %{{.*}} : vector<8xi8> to vector<8xi1>
// CHECK: %[[N:.*]] = arith.xori %[[T]], %{{.*}} : vector<8xi1>
// CHECK: %[[W:.*]] = arith.extui %[[N]] : vector<8xi1> to vector<8xi8>
// CHECK: vector.store %[[W]], %[[B]]
// CHECK: %[[V:.*]] = vector.load %[[B]]{{.*}} : memref<8xi8>, vector<8xi8>
// CHECK: %[[R:.*]] = arith.trunci %[[V]] : vector<8xi8> to vector<8xi1>
// CHECK: %[[M:.*]] = arith.extui %[[R]] : vector<8xi1> to vector<8xi8>
// CHECK: llvm.store %[[M]], %{{.*}} {alignment = 1 : i64} : vector<8xi8>
tile.kernel @bools(%x: !tile.view<["N"], i1>, %y: !b, %z: !b) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %true = arith.constant true
  %ones = arith.constant dense<true> : tensor<8xi1>
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r] other %true : (!tile.view<["N"], i1>, tensor<8xi32>, i1) -> tensor<8xi1>
  %n = arith.xori %t, %ones : tensor<8xi1>
  tile.store %n, %y[%r] {in_bounds = array<i1: true>} : tensor<8xi1>, !b, tensor<8xi32>
  tile.store %n, %z[%r] {in_bounds = array<i1: true>} : tensor<8xi1>, !b, tensor<8xi32>
  // With so many uses the value gets a buffer.
  tile.store %n, %y[%r] {in_bounds = array<i1: true>} : tensor<8xi1>, !b, tensor<8xi32>
  tile.store %n, %z[%r] {in_bounds = array<i1: true>} : tensor<8xi1>, !b, tensor<8xi32>
  tile.return
}
