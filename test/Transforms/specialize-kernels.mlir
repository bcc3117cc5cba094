// Kernels learn what their dispatches have in common, and nothing else of their shapes.
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels | FileCheck %s
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels=alignment=4 | FileCheck %s --check-prefix=FOUR
// RUN: lighthouse-opt %s --lighthouse-specialize-kernels=alignment=1 | FileCheck %s --check-prefix=ONE
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=12 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=32 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: %exit 1 lighthouse-opt %s --lighthouse-specialize-kernels=alignment=0 2>&1 | FileCheck %s --check-prefix=REFUSED

// REFUSED: error: lighthouse-specialize-kernels: alignment must be 1, 2, 4, 8 or 16

!caller = memref<6x960xf32, strided<[?, ?]>>

// Extents and the grid stay values of the run. N is a multiple of the longest tile along it, M has no
// tile, K is no multiple. What the caller passes keeps its strides to itself; of a buffer those are known
// that are constants of the kernel. Rows of 3840 bytes keep 16, rows of 36 bytes an element.
// CHECK-DAG: #[[EIGHT:.*]] = affine_map<()[s0, s1, s2, s3] -> (8)>
// CHECK-DAG: #[[TWO:.*]] = affine_map<()[s0, s1, s2, s3] -> (2)>
// CHECK-DAG: #[[GRID:.*]] = affine_map<()[s0, s1, s2] -> (s1 ceildiv 64, s0, 1)>
// CHECK: tile.kernel @alone(
// CHECK-SAME: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64, tile.name = "x", tile.strides = array<i64: -9223372036854775808, -9223372036854775808>}
// CHECK-SAME: f32,
// CHECK-SAME: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: -9223372036854775808, 1>}
// CHECK-SAME: !tile.view<["M", "K"], f32> {tile.alignment = 4 : i64, tile.strides = array<i64: -9223372036854775808, 1>}
// CHECK-SAME: !tile.view<["M", "N", 3, 8], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: -9223372036854775808, 24, 8, 1>}
// CHECK-SAME: grid = #[[GRID]]
// CHECK-SAME: tile.divisors = {N = 64 : i64}
// CHECK: tile.dim "N"
// CHECK: tile.num_programs 0
// FOUR: tile.kernel @alone(
// FOUR-SAME: tile.alignment = 4 : i64, tile.name = "x"
// FOUR-SAME: tile.alignment = 4 : i64, tile.strides
// ONE: tile.kernel @alone(
// ONE-SAME: tile.alignment = 1 : i64, tile.name = "x"
// ONE-SAME: tile.alignment = 1 : i64, tile.strides
tile.kernel @alone(%x: !tile.view<["M", "N"], f32> {tile.name = "x"}, %a: f32, %y: !tile.view<["M", "N"], f32>, %z: !tile.view<["M", "K"], f32>, %w: !tile.view<["M", "N", 3, 8], f32>) attributes {
    dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 64, m, 1)>, inputs = 2 : i64} {
  %n = tile.dim "N"
  %count = tile.num_programs 0
  %s = arith.addi %n, %count : i32
  %p = tile.program_id 0
  %short = tile.range %s : tensor<32xi32>
  %long = tile.range %p : tensor<64xi32>
  // Longer tiles are cut by masks.
  %longest = tile.range %p : tensor<2048xi32>
  %v = tile.load %x[%p, %short] : (!tile.view<["M", "N"], f32>, i32, tensor<32xi32>) -> tensor<32xf32>
  %u = tile.load %x[%p, %long] : (!tile.view<["M", "N"], f32>, i32, tensor<64xi32>) -> tensor<64xf32>
  %t = tile.load %x[%p, %longest] : (!tile.view<["M", "N"], f32>, i32, tensor<2048xi32>) -> tensor<2048xf32>
  tile.store %v, %z[%p, %short] : tensor<32xf32>, !tile.view<["M", "K"], f32>, i32, tensor<32xi32>
  tile.return
}

lighthouse.plan @once inputs(%x "x" : !caller) outputs() workspace 576448 {
  %0 = lighthouse.buffer 0 : memref<6x960xf32>
  %1 = lighthouse.buffer 23040 : memref<6x9xf32>
  %2 = lighthouse.buffer 23296 : memref<6x960x3x8xf32>
  lighthouse.dispatch @alone grid [15, 6, 1] dims [6, 960, 9] (%x, %0, %1, %2) scalars [2.0 : f32] stage "alone" : !caller, memref<6x960xf32>, memref<6x9xf32>, memref<6x960x3x8xf32>
}

// Dispatches that allow different assumptions get kernels of their own, those of all plans together: the
// first and the third differ in nothing that matters.
// CHECK: tile.kernel @shared(
// CHECK-SAME: tile.divisors = {N = 32 : i64}
// CHECK: tile.kernel @[[RAGGED:shared_[0-9]+]](
// CHECK-NOT: tile.divisors
// CHECK: lighthouse.plan @twice
// CHECK: lighthouse.dispatch @shared grid [2, 6, 1]
// CHECK: lighthouse.dispatch @[[RAGGED]] grid [3, 6, 1]
// CHECK: lighthouse.plan @thrice
// CHECK: lighthouse.dispatch @shared grid [3, 7, 1]
tile.kernel @shared(%x: !tile.view<["M", "N"], f32>, %y: !tile.view<["M", "N"], f32>) attributes {
    dims = ["M", "N"], grid = affine_map<()[m, n] -> (n ceildiv 32, m, 1)>, inputs = 1 : i64} {
  %p = tile.program_id 1
  %r = tile.range %p : tensor<32xi32>
  %v = tile.load %x[%p, %r] : (!tile.view<["M", "N"], f32>, i32, tensor<32xi32>) -> tensor<32xf32>
  tile.store %v, %y[%p, %r] : tensor<32xf32>, !tile.view<["M", "N"], f32>, i32, tensor<32xi32>
  tile.return
}

lighthouse.plan @twice inputs(%x "x" : memref<6x64xf32, strided<[?, ?]>>, %z "z" : memref<6x68xf32, strided<[?, ?]>>) outputs() workspace 3200 {
  %0 = lighthouse.buffer 0 : memref<6x64xf32>
  %1 = lighthouse.buffer 1536 : memref<6x68xf32>
  lighthouse.dispatch @shared grid [2, 6, 1] dims [6, 64] (%x, %0) stage "a" : memref<6x64xf32, strided<[?, ?]>>, memref<6x64xf32>
  lighthouse.dispatch @shared grid [3, 6, 1] dims [6, 68] (%z, %1) stage "b" : memref<6x68xf32, strided<[?, ?]>>, memref<6x68xf32>
}
lighthouse.plan @thrice inputs(%x "x" : memref<7x96xf32, strided<[?, ?]>>) outputs() workspace 2688 {
  %0 = lighthouse.buffer 0 : memref<7x96xf32>
  lighthouse.dispatch @shared grid [3, 7, 1] dims [7, 96] (%x, %0) stage "c" : memref<7x96xf32, strided<[?, ?]>>, memref<7x96xf32>
}

// Of a dim along rows that is no whole tile, or whose tiles are long, it is known whether accesses of 8 elements
// are whole; of other dims not.
// CHECK: tile.kernel @long(
// CHECK-SAME: tile.divisors = {N = 8 : i64}
// CHECK: tile.kernel @[[CUT:long_[0-9]+]](
// CHECK-NOT: tile.divisors
// CHECK: lighthouse.dispatch @long grid [1, 2, 1] dims [72, 3000]
// CHECK: lighthouse.dispatch @[[CUT]] grid [1, 2, 1] dims [72, 3001]
tile.kernel @long(%x: !tile.view<["M", "N"], f32>, %y: !tile.view<["M", "N"], f32>) attributes {
    dims = ["M", "N"], grid = affine_map<()[m, n] -> (n ceildiv 4096, m ceildiv 64, 1)>, inputs = 1 : i64} {
  %p = tile.program_id 1
  %rows = tile.range %p : tensor<64xi32>
  %r = tile.range %p : tensor<4096xi32>
  %v = tile.load %x[%rows, %r] : (!tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<4096xi32>) -> tensor<64x4096xf32>
  tile.store %v, %y[%rows, %r] : tensor<64x4096xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<4096xi32>
  tile.return
}

lighthouse.plan @rows inputs(%x "x" : memref<72x3000xf32>, %z "z" : memref<72x3001xf32>) outputs() workspace 1728384 {
  %0 = lighthouse.buffer 0 : memref<72x3000xf32>
  %1 = lighthouse.buffer 864000 : memref<72x3001xf32>
  lighthouse.dispatch @long grid [1, 2, 1] dims [72, 3000] (%x, %0) stage "a" : memref<72x3000xf32>, memref<72x3000xf32>
  lighthouse.dispatch @long grid [1, 2, 1] dims [72, 3001] (%z, %1) stage "b" : memref<72x3001xf32>, memref<72x3001xf32>
}

// Small extents that the kernel divides by become constants, and so do those that it divides by them; not
// what it only divides, nor what is large.
// CHECK: tile.kernel @heads(
// CHECK-SAME: !tile.view<[8, 2, "N", "L"], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: -9223372036854775808, -9223372036854775808, -9223372036854775808, 1>}
// CHECK-SAME: dim_exprs = {G = #[[TWO]], H = #[[EIGHT]]}
// CHECK-NOT: tile.dim "H"
// CHECK-NOT: tile.dim "G"
// CHECK: tile.dim "N"
// CHECK: tile.dim "L"
tile.kernel @heads(%x: !tile.view<["H", "G", "N", "L"], f32>) attributes {
    dims = ["H", "G", "N", "L"], grid = affine_map<()[h, g, n, l] -> (h, n ceildiv 16, 1)>, inputs = 0 : i64} {
  %h = tile.dim "H"
  %g = tile.dim "G"
  %n = tile.dim "N"
  %l = tile.dim "L"
  %c16 = arith.constant 16 : i32
  %heads = arith.divsi %h, %g : i32
  %p = tile.program_id 0
  %group = arith.divsi %p, %heads : i32
  %blocks = arith.ceildivsi %n, %c16 : i32
  %rest = arith.remsi %blocks, %l : i32
  %v = arith.constant 0.0 : f32
  tile.store %v, %x[%p, %group, %rest, %rest] : f32, !tile.view<["H", "G", "N", "L"], f32>, i32, i32, i32, i32
  tile.return
}

lighthouse.plan @first inputs() outputs() workspace 409600 {
  %x = lighthouse.buffer 0 : memref<8x2x16x400xf32>
  lighthouse.dispatch @heads grid [8, 1, 1] dims [8, 2, 16, 400] (%x) stage "h" : memref<8x2x16x400xf32>
}

// Vectors have no rows to keep apart; halves of 2 bytes do, where a row is a constant of the kernel.
// CHECK: tile.kernel @vectors(
// CHECK-SAME: !tile.view<["N"], f16> {tile.alignment = 16 : i64, tile.strides = array<i64: 1>}
// CHECK-SAME: !tile.view<[3, 6], f16> {tile.alignment = 4 : i64, tile.strides = array<i64: 6, 1>}
// CHECK-SAME: !tile.view<["ONE", 5], f16> {tile.alignment = 16 : i64, tile.strides = array<i64: 5, 1>}
// CHECK-SAME: !tile.view<[], f64> {tile.alignment = 1 : i64, tile.strides = array<i64>}
tile.kernel @vectors(%x: !tile.view<["N"], f16>, %y: !tile.view<[3, 6], f16>, %z: !tile.view<["ONE", 5], f16>, %w: !tile.view<[], f64>) attributes {
    dims = ["N", "ONE"], grid = affine_map<()[n, one] -> (n, 1, 1)>, inputs = 0 : i64} {
  tile.return
}

lighthouse.plan @second inputs() outputs() workspace 320 {
  %x = lighthouse.buffer 64 : memref<7xf16>
  %y = lighthouse.buffer 0 : memref<3x6xf16>
  %z = lighthouse.buffer 128 : memref<1x5xf16>
  %w = lighthouse.buffer 192 : memref<f64>
  lighthouse.dispatch @vectors grid [7, 1, 1] dims [7, 1] (%x, %y, %z, %w) stage "v" : memref<7xf16>, memref<3x6xf16>, memref<1x5xf16>, memref<f64>
}

// A kernel that no plan uses stays as it is.
// CHECK: tile.kernel @unused(%{{.*}}: !tile.view<["N"], f32>) attributes
tile.kernel @unused(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  tile.return
}
