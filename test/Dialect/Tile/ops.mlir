// Every op and type is printed as it was read, in its own and in the generic form.
// RUN: lighthouse-opt %s | lighthouse-opt | FileCheck %s
// RUN: lighthouse-opt %s --mlir-print-op-generic | lighthouse-opt | FileCheck %s

// CHECK: #[[HALF:.*]] = affine_map<()[s0, s1, s2] -> (s1 ceildiv 2)>
// CHECK: #[[GRID:.*]] = affine_map<()[s0, s1, s2] -> (s1 ceildiv 64, s0, 1)>
// CHECK: tile.kernel @everything(%[[X:.*]]: !tile.view<["B", 3, "N"], f32> {tile.name = "x"}, %[[SCALE:.*]]: bf16, %[[Y:.*]]: !tile.view<["N", "M"], i1> {tile.init = true}) attributes {
// CHECK-SAME: dim_exprs = {M = #[[HALF]]}
// CHECK-SAME: dims = ["B", "N", "M"]
// CHECK-SAME: grid = #[[GRID]]
// CHECK-SAME: inputs = 0 : i64
// CHECK-SAME: params = {D = 64 : i64}
// CHECK-SAME: stage = "pool"
tile.kernel @everything(%x: !tile.view<["B", 3, "N"], f32> {tile.name = "x"}, %scale: bf16, %y: !tile.view<["N", "M"], i1> {tile.init = true}) attributes {
    dims = ["B", "N", "M"], grid = affine_map<()[b, n, m] -> (n ceildiv 64, b, 1)>, inputs = 0 : i64,
    dim_exprs = {M = affine_map<()[b, n, m] -> (n ceildiv 2)>}, stage = "pool", params = {D = 64 : i64}} {
  // CHECK: %[[P:.*]] = tile.program_id 0
  // CHECK: tile.program_id 2
  // CHECK: tile.num_programs 1
  // CHECK: tile.num_blocks
  // CHECK: tile.dim "M"
  %p = tile.program_id 0
  %p2 = tile.program_id 2
  %count = tile.num_programs 1
  %blocks = tile.num_blocks
  %dim = tile.dim "M"
  // CHECK: %[[I:.*]] = tile.range %[[P]] : tensor<64xi32>
  %i = tile.range %p : tensor<64xi32>
  %j = tile.range %p : tensor<16xi32>
  %t = arith.constant true
  %zero = arith.constant 0.0 : f32
  %mask = arith.constant dense<true> : tensor<64x16xi1>
  // CHECK: tile.load %[[X]][%[[P]], %[[P]], %[[P]]] : (!tile.view<["B", 3, "N"], f32>, i32, i32, i32) -> f32
  %s = tile.load %x[%p, %p, %p] : (!tile.view<["B", 3, "N"], f32>, i32, i32, i32) -> f32
  // CHECK: tile.load %{{.*}} {in_bounds = array<i1: false, true, false>} : {{.*}} -> tensor<64x16xf32>
  %v = tile.load %x[%i, %p, %j] {in_bounds = array<i1: false, true, false>} : (!tile.view<["B", 3, "N"], f32>, tensor<64xi32>, i32, tensor<16xi32>) -> tensor<64x16xf32>
  // CHECK: tile.load %{{.*}} mask %{{.*}} other %{{.*}} : {{.*}}, tensor<64x16xi1>, f32) -> tensor<64x16xf32>
  %w = tile.load %x[%i, %p, %j] mask %mask other %zero : (!tile.view<["B", 3, "N"], f32>, tensor<64xi32>, i32, tensor<16xi32>, tensor<64x16xi1>, f32) -> tensor<64x16xf32>
  // CHECK: tile.load %{{.*}} mask %{{.*}} : {{.*}}, i1) -> tensor<64xf32>
  %u = tile.load %x[%i, %p, %p] mask %t : (!tile.view<["B", 3, "N"], f32>, tensor<64xi32>, i32, i32, i1) -> tensor<64xf32>
  // CHECK: tile.store %{{.*}}, %[[Y]][%[[I]], %{{.*}}] mask %{{.*}} : tensor<64x16xi1>, !tile.view<["N", "M"], i1>, tensor<64xi32>, tensor<16xi32> mask tensor<64x16xi1>
  tile.store %mask, %y[%i, %j] mask %mask : tensor<64x16xi1>, !tile.view<["N", "M"], i1>, tensor<64xi32>, tensor<16xi32> mask tensor<64x16xi1>
  // CHECK: tile.store %{{.*}}, %[[Y]][%[[P]], %[[P]]] {in_bounds = array<i1: true, true>} : i1, !tile.view<["N", "M"], i1>, i32, i32
  tile.store %t, %y[%p, %p] {in_bounds = array<i1: true, true>} : i1, !tile.view<["N", "M"], i1>, i32, i32
  // CHECK: tile.atomic_rmw add %{{.*}}, %[[X]][%[[P]], %[[P]], %[[P]]] mask %{{.*}} : f32, {{.*}}, i32, i32, i32 mask i1
  tile.atomic_rmw add %s, %x[%p, %p, %p] mask %t : f32, !tile.view<["B", 3, "N"], f32>, i32, i32, i32 mask i1
  // CHECK: tile.atomic_rmw max %{{.*}}, %[[X]][%[[I]], %[[P]], %[[P]]] : tensor<64xf32>, {{.*}}, tensor<64xi32>, i32, i32
  tile.atomic_rmw max %u, %x[%i, %p, %p] : tensor<64xf32>, !tile.view<["B", 3, "N"], f32>, tensor<64xi32>, i32, i32
  // CHECK: tile.barrier
  tile.barrier
  // CHECK: tile.reshape %{{.*}} : tensor<64xf32> -> tensor<64x1xf32>
  // CHECK: tile.broadcast %{{.*}} : tensor<64x1xf32> -> tensor<64x16xf32>
  // CHECK: tile.transpose %{{.*}} : tensor<64x16xf32> -> tensor<16x64xf32>
  %column = tile.reshape %u : tensor<64xf32> -> tensor<64x1xf32>
  %wide = tile.broadcast %column : tensor<64x1xf32> -> tensor<64x16xf32>
  %turned = tile.transpose %wide : tensor<64x16xf32> -> tensor<16x64xf32>
  // CHECK: tile.reduce add %{{.*}} axis 0 : tensor<64x16xf32> -> tensor<16xf32>
  // CHECK: tile.reduce mul %{{.*}} axis 1 : tensor<64x16xf32> -> tensor<64xf32>
  // CHECK: tile.reduce min %{{.*}} axis 0 : tensor<64xf32> -> f32
  // CHECK: tile.reduce and %{{.*}} axis 1 : tensor<64x16xi1> -> tensor<64xi1>
  %r0 = tile.reduce add %v axis 0 : tensor<64x16xf32> -> tensor<16xf32>
  %r1 = tile.reduce mul %v axis 1 : tensor<64x16xf32> -> tensor<64xf32>
  %r2 = tile.reduce min %u axis 0 : tensor<64xf32> -> f32
  %r3 = tile.reduce and %mask axis 1 : tensor<64x16xi1> -> tensor<64xi1>
  // CHECK: tile.scan max %{{.*}} axis 1 : tensor<64x16xf32>
  // CHECK: tile.scan add %{{.*}} axis 0 {exclusive} : tensor<64xi32>
  %c0 = tile.scan max %v axis 1 : tensor<64x16xf32>
  %c1 = tile.scan add %i axis 0 {exclusive} : tensor<64xi32>
  %acc = arith.constant dense<0.0> : tensor<64x64xf32>
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} : tensor<64x16xf32>, tensor<16x64xf32>, tensor<64x64xf32>
  %d = tile.dot %v, %turned, %acc : tensor<64x16xf32>, tensor<16x64xf32>, tensor<64x64xf32>
  // CHECK: %[[BUF:.*]] = tile.alloc_shared : !tile.buffer<2x64x16xf32, 32>
  // CHECK: %[[SLOT:.*]] = tile.slot %[[BUF]][%[[P]]] : !tile.buffer<2x64x16xf32, 32> -> !tile.buffer<64x16xf32, 32>
  // CHECK: tile.copy_async %[[X]][%[[I]], %[[P]], %{{.*}}], %[[SLOT]] : !tile.view<["B", 3, "N"], f32>, !tile.buffer<64x16xf32, 32>, tensor<64xi32>, i32, tensor<16xi32>
  // CHECK: tile.commit
  // CHECK: tile.wait 0
  // CHECK: tile.buffer_load %[[SLOT]] : !tile.buffer<64x16xf32, 32> -> tensor<64x16xf32>
  // CHECK: tile.buffer_store %{{.*}}, %[[SLOT]] : tensor<64x16xf32>, !tile.buffer<64x16xf32, 32>
  // CHECK: tile.buffer_store %{{.*}}, %[[SLOT]] {unordered} : tensor<64x16xf32>, !tile.buffer<64x16xf32, 32>
  %buf = tile.alloc_shared : !tile.buffer<2x64x16xf32, 32>
  %slot = tile.slot %buf[%p] : !tile.buffer<2x64x16xf32, 32> -> !tile.buffer<64x16xf32, 32>
  tile.copy_async %x[%i, %p, %j], %slot : !tile.view<["B", 3, "N"], f32>, !tile.buffer<64x16xf32, 32>, tensor<64xi32>, i32, tensor<16xi32>
  tile.commit
  tile.wait 0
  %loaded = tile.buffer_load %slot : !tile.buffer<64x16xf32, 32> -> tensor<64x16xf32>
  tile.buffer_store %loaded, %slot : tensor<64x16xf32>, !tile.buffer<64x16xf32, 32>
  tile.buffer_store %loaded, %slot {unordered} : tensor<64x16xf32>, !tile.buffer<64x16xf32, 32>
  // CHECK: tile.return
  tile.return
}

// A view of rank 0 has no subscripts.
// CHECK-LABEL: tile.kernel @scalar
tile.kernel @scalar(%x: !tile.view<[], f64>, %y: !tile.view<[], f64>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  // CHECK: %[[V:.*]] = tile.load %{{.*}}[] : (!tile.view<[], f64>) -> f64
  // CHECK: tile.store %[[V]], %{{.*}}[] : f64, !tile.view<[], f64>
  %v = tile.load %x[] : (!tile.view<[], f64>) -> f64
  tile.store %v, %y[] : f64, !tile.view<[], f64>
  tile.return
}
