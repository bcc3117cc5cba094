// Pipelined loops whose products are in tf32: asynchronous where the rows of both operands go along K.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-pipeline-loops,canonicalize,cse,tile-check-barriers))' | FileCheck %s

// CHECK-LABEL: tile.kernel @along(
// CHECK: tile.role "producer"
// CHECK: tile.role "consumer"
// CHECK: tile.dot_async %{{.*}}, %{{.*}}, %{{.*}} {tf32, transpose_b} : !tile.buffer<64x32xf32, 128>, !tile.buffer<64x32xf32, 128>,
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @along(%a: !tile.view<["M", "K"], f32> {tile.alignment = 16 : i64}, %b: !tile.view<["N", "K"], f32> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], f32>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xf32>
    %rt = tile.load %b[%columns, %depth] : (!tile.view<["N", "K"], f32>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xf32>
    %r = tile.transpose %rt : tensor<64x32xf32> -> tensor<32x64xf32>
    %product = tile.dot %l, %r, %acc {tf32} : tensor<64x32xf32>, tensor<32x64xf32>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @across(
// CHECK: tile.copy_async
// CHECK: tile.dot %{{.*}} {tf32}
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @across(%a: !tile.view<["M", "K"], f32> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], f32> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the rows of its operands in tf32 do not go along what is summed}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], f32>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xf32>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], f32>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xf32>
    %product = tile.dot %l, %r, %acc {tf32} : tensor<64x32xf32>, tensor<32x64xf32>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}
