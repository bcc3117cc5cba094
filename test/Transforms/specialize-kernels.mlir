// The constants of a plan go into its kernels: extents, grid, strides of buffers, alignments.
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels | FileCheck %s
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels=alignment=4 | FileCheck %s --check-prefix=FOUR
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels=alignment=1 | FileCheck %s --check-prefix=ONE
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=12 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=32 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=0 2>&1 | FileCheck %s --check-prefix=REFUSED

// REFUSED: error: lighthouse-specialize-kernels: alignment must be 1, 2, 4, 8 or 16

!caller = memref<6x1000xf32, strided<[?, ?]>>

// One dispatch: everything is known. What the caller passes keeps its strides to itself, but its rows
// are as long as those of contiguous tensors: 4000 bytes have 16 as divisor.
// CHECK-DAG: #[[GRID:.*]] = affine_map<()[s0, s1, s2] -> (16, 6, 1)>
// CHECK-DAG: #[[SIX:.*]] = affine_map<()[s0, s1, s2] -> (6)>
// CHECK-DAG: #[[THOUSAND:.*]] = affine_map<()[s0, s1, s2] -> (1000)>
// CHECK-DAG: #[[NINE:.*]] = affine_map<()[s0, s1, s2] -> (9)>
// CHECK-DAG: #[[PART:.*]] = affine_map<()[s0, s1] -> (s1 ceildiv 6, 6, 1)>
// CHECK-DAG: #[[TWO_SIX:.*]] = affine_map<()[s0, s1] -> (6)>
// CHECK: tile.kernel @alone(
// CHECK-SAME: %{{.*}}: !tile.view<[6, 1000], f32> {tile.alignment = 16 : i64, tile.name = "x", tile.strides = array<i64: -9223372036854775808, -9223372036854775808>}
// CHECK-SAME: %{{.*}}: f32,
// Contiguous buffers have their strides; rows of 9 elements keep 4 bytes.
// CHECK-SAME: %{{.*}}: !tile.view<[6, 1000], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: 1000, 1>}
// CHECK-SAME: %{{.*}}: !tile.view<[6, 9], f32> {tile.alignment = 4 : i64, tile.strides = array<i64: 9, 1>}
// CHECK-SAME: dim_exprs = {K = #[[NINE]], M = #[[SIX]], N = #[[THOUSAND]]}
// CHECK-SAME: grid = #[[GRID]]
// FOUR: tile.kernel @alone(
// FOUR-SAME: tile.alignment = 4 : i64, tile.name = "x"
// FOUR-SAME: tile.alignment = 4 : i64, tile.strides = array<i64: 1000, 1>
// ONE: tile.kernel @alone(
// ONE-SAME: tile.alignment = 1 : i64, tile.name = "x"
// ONE-SAME: tile.alignment = 1 : i64, tile.strides = array<i64: 9, 1>
tile.kernel @alone(%x: !tile.view<["M", "N"], f32> {tile.name = "x"}, %a: f32, %y: !tile.view<["M", "N"], f32>, %z: !tile.view<["M", "K"], f32>) attributes {
    dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 64, m, 1)>, inputs = 2 : i64} {
  // Neither dims nor numbers of programs are left.
  // CHECK-NOT: tile.dim
  // CHECK-NOT: tile.num_programs
  // CHECK-DAG: %[[N:.*]] = arith.constant 1000 : i32
  // CHECK-DAG: %[[COUNT:.*]] = arith.constant 16 : i32
  // CHECK: arith.addi %[[N]], %[[COUNT]]
  %n = tile.dim "N"
  %count = tile.num_programs 0
  %s = arith.addi %n, %count : i32
  // CHECK: tile.program_id 0
  %p = tile.program_id 0
  %v = tile.load %x[%s, %p] : (!tile.view<["M", "N"], f32>, i32, i32) -> f32
  tile.store %v, %y[%s, %p] : f32, !tile.view<["M", "N"], f32>, i32, i32
  // CHECK: tile.return
  tile.return
}

lighthouse.plan @once inputs(%x "x" : !caller) outputs(%r "r" : memref<6x9xf32, strided<[?, ?]>>) workspace 24256 {
  %0 = lighthouse.buffer 0 : memref<6x1000xf32>
  %1 = lighthouse.buffer 24000 : memref<6x9xf32>
  lighthouse.dispatch @alone grid [16, 6, 1] dims [6, 1000, 9] (%x, %0, %1) scalars [2.0 : f32] stage "alone" : !caller, memref<6x1000xf32>, memref<6x9xf32>
}

// Two dispatches: only what they agree on. They differ in N, in the grid along N, in the strides of y
// and in the alignment of its rows: 36 bytes against 64.
// CHECK: tile.kernel @shared(
// CHECK-SAME: %[[X:.*]]: !tile.view<[6, "N"], f32> {tile.alignment = 4 : i64, tile.strides = array<i64: -9223372036854775808, -9223372036854775808>}
// CHECK-SAME: %[[Y:.*]]: !tile.view<[6, "N"], f32> {tile.alignment = 4 : i64, tile.strides = array<i64: -9223372036854775808, 1>}
// CHECK-SAME: dim_exprs = {M = #[[TWO_SIX]]}
// CHECK-SAME: grid = #[[PART]]
tile.kernel @shared(%x: !tile.view<["M", "N"], f32>, %y: !tile.view<["M", "N"], f32>) attributes {
    dims = ["M", "N"], grid = affine_map<()[m, n] -> (n ceildiv 6, m, 1)>, inputs = 1 : i64} {
  // CHECK-DAG: %[[M:.*]] = arith.constant 6 : i32
  // CHECK-DAG: %[[N:.*]] = tile.dim "N"
  // CHECK: arith.addi %[[M]], %[[N]]
  %m = tile.dim "M"
  %n = tile.dim "N"
  %s = arith.addi %m, %n : i32
  // The grid agrees along its second axis.
  // CHECK-DAG: %[[P0:.*]] = tile.num_programs 0
  // CHECK-DAG: %[[P1:.*]] = arith.constant 6 : i32
  // CHECK: arith.addi %[[P0]], %[[P1]]
  %p0 = tile.num_programs 0
  %p1 = tile.num_programs 1
  %p = arith.addi %p0, %p1 : i32
  %v = tile.load %x[%s, %p] : (!tile.view<["M", "N"], f32>, i32, i32) -> f32
  tile.store %v, %y[%s, %p] : f32, !tile.view<["M", "N"], f32>, i32, i32
  tile.return
}

lighthouse.plan @twice inputs(%x "x" : memref<6x9xf32, strided<[?, ?]>>, %z "z" : memref<6x16xf32, strided<[?, ?]>>) outputs() workspace 640 {
  %0 = lighthouse.buffer 0 : memref<6x9xf32>
  %1 = lighthouse.buffer 256 : memref<6x16xf32>
  lighthouse.dispatch @shared grid [2, 6, 1] dims [6, 9] (%x, %0) stage "a" : memref<6x9xf32, strided<[?, ?]>>, memref<6x9xf32>
  lighthouse.dispatch @shared grid [3, 6, 1] dims [6, 16] (%z, %1) stage "b" : memref<6x16xf32, strided<[?, ?]>>, memref<6x16xf32>
}

// Dispatches of two plans count as well. Vectors have no rows to keep apart; halves of 2 bytes do.
// CHECK: tile.kernel @vectors(
// CHECK-SAME: !tile.view<[7], f16> {tile.alignment = 16 : i64, tile.strides = array<i64: 1>}
// CHECK-SAME: !tile.view<[3, 5], f16> {tile.alignment = 2 : i64, tile.strides = array<i64: 5, 1>}
// CHECK-SAME: !tile.view<[1, 5], f16> {tile.alignment = 16 : i64, tile.strides = array<i64: 5, 1>}
// CHECK-SAME: !tile.view<[], f64> {tile.alignment = 1 : i64, tile.strides = array<i64>}
tile.kernel @vectors(%x: !tile.view<["N"], f16>, %y: !tile.view<[3, 5], f16>, %z: !tile.view<["ONE", 5], f16>, %w: !tile.view<[], f64>) attributes {
    dims = ["N", "ONE"], grid = affine_map<()[n, one] -> (n, 1, 1)>, inputs = 0 : i64} {
  tile.return
}

lighthouse.plan @first inputs() outputs() workspace 320 {
  %x = lighthouse.buffer 0 : memref<7xf16>
  %y = lighthouse.buffer 64 : memref<3x5xf16>
  %z = lighthouse.buffer 128 : memref<1x5xf16>
  %w = lighthouse.buffer 192 : memref<f64>
  lighthouse.dispatch @vectors grid [7, 1, 1] dims [7, 1] (%x, %y, %z, %w) stage "v" : memref<7xf16>, memref<3x5xf16>, memref<1x5xf16>, memref<f64>
}
lighthouse.plan @second inputs() outputs() workspace 320 {
  %x = lighthouse.buffer 64 : memref<7xf16>
  %y = lighthouse.buffer 0 : memref<3x5xf16>
  %z = lighthouse.buffer 128 : memref<1x5xf16>
  %w = lighthouse.buffer 192 : memref<f64>
  lighthouse.dispatch @vectors grid [7, 1, 1] dims [7, 1] (%x, %y, %z, %w) stage "v" : memref<7xf16>, memref<3x5xf16>, memref<1x5xf16>, memref<f64>
}

// A kernel that no plan uses stays as it is.
// CHECK: tile.kernel @unused(%{{.*}}: !tile.view<["N"], f32>) attributes
tile.kernel @unused(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  tile.return
}
