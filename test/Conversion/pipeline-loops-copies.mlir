// Pipelined loops by asynchronous copies.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-pipeline-loops,canonicalize,cse))' | FileCheck %s

// Three stages: two groups before the loop, and one in it for two iterations later. A wait leaves one in flight.
// CHECK-LABEL: tile.kernel @product(
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : i32
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : i32
// CHECK: %[[A:.*]] = tile.alloc_shared : !tile.buffer<3x64x32xbf16, 128>
// CHECK: %[[B:.*]] = tile.alloc_shared : !tile.buffer<3x128x32xbf16, 128>
// CHECK: %[[FIRST:.*]] = tile.range %[[C0]] : tensor<32xi32>
// CHECK: %[[A0:.*]] = tile.slot %[[A]][%[[C0]]]
// CHECK: tile.copy_async %arg0[%[[ROWS:.*]], %[[FIRST]]], %[[A0]]
// CHECK: %[[B0:.*]] = tile.slot %[[B]][%[[C0]]]
// CHECK: tile.copy_async %arg1[%[[COLUMNS:.*]], %[[FIRST]]], %[[B0]]
// CHECK: tile.commit
// CHECK: tile.copy_async
// CHECK: tile.copy_async
// CHECK: tile.commit
// CHECK: %[[SUM:.*]]:2 = scf.for %[[K:.*]] = {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[I:.*]] = %[[C0]])
// CHECK-NEXT: tile.wait 1
// CHECK-DAG: %[[LATER:.*]] = arith.addi %[[I]], %[[C2]] : i32
// CHECK-DAG: %[[START:.*]] = arith.addi %[[K]], %[[C64]] : i32
// CHECK: %[[DEPTH:.*]] = tile.range %[[START]]
// CHECK: %[[AN:.*]] = tile.slot %[[A]][%[[LATER]]]
// CHECK: tile.copy_async %arg0[%[[ROWS]], %[[DEPTH]]], %[[AN]]
// CHECK: tile.copy_async %arg1[%[[COLUMNS]], %[[DEPTH]]]
// CHECK: tile.commit
// CHECK: %[[AI:.*]] = tile.slot %[[A]][%[[I]]]
// CHECK: %[[X:.*]] = tile.buffer_load %[[AI]]
// CHECK: %[[BI:.*]] = tile.slot %[[B]][%[[I]]]
// CHECK: %[[Y:.*]] = tile.buffer_load %[[BI]]
// CHECK: %[[T:.*]] = tile.transpose %[[Y]]
// CHECK: %[[PRODUCT:.*]] = tile.dot %[[X]], %[[T]], %[[ACC]]
// CHECK: %[[NEXT:.*]] = arith.addi %[[I]], %[[C1]] : i32
// CHECK: scf.yield %[[PRODUCT]], %[[NEXT]]
// CHECK-NEXT: }
// CHECK-NEXT: tile.wait 0
// CHECK: tile.store %[[SUM]]#0
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @product(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["N", "K"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32>) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 128, m ceildiv 64, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c32 = arith.constant 32 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<64x128xf32>
  %x = tile.program_id 0
  %y = tile.program_id 1
  %n = arith.muli %x, %c128 : i32
  %m = arith.muli %y, %c64 : i32
  %rows = tile.range %m : tensor<64xi32>
  %columns = tile.range %n : tensor<128xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %c32 iter_args(%acc = %zero) -> (tensor<64x128xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%columns, %depth] : (!tile.view<["N", "K"], bf16>, tensor<128xi32>, tensor<32xi32>) -> tensor<128x32xbf16>
    %t = tile.transpose %r : tensor<128x32xbf16> -> tensor<32x128xbf16>
    %product = tile.dot %l, %t, %acc : tensor<64x32xbf16>, tensor<32x128xbf16>, tensor<64x128xf32>
    scf.yield %product : tensor<64x128xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x128xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<128xi32>
  tile.return
}
}

// -----

// In a loop, of which the place and the bounds depend; one operand is computed and stays, one load is no
// operand. With two stages nothing is in flight behind the wait. The step is known at run time.
// CHECK-LABEL: tile.kernel @inner(
// CHECK: tile.alloc_shared : !tile.buffer<2x32x64xf16, 128>
// CHECK-NOT: tile.alloc_shared
// CHECK: scf.for %[[H:[^ ]*]] =
// CHECK: tile.copy_async %arg1[%[[H]], %{{.*}}, %{{.*}}]
// CHECK: tile.commit
// CHECK: scf.for %[[K:[^ ]*]] = %[[H]] to %{{.*}} step %[[STEP:[^ ]*]] iter_args
// CHECK-NEXT: tile.wait 0
// CHECK: arith.addi %[[K]], %[[STEP]] : i32
// CHECK: tile.copy_async %arg1[%[[H]],
// CHECK: tile.commit
// CHECK: tile.load %arg0
// CHECK: tile.buffer_load
// CHECK: tile.load %arg2
// CHECK: scf.if
// CHECK: tile.dot
// CHECK: tile.wait 0
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @inner(%a: !tile.view<["H", "K"], f32>, %b: !tile.view<["H", "K", 64], f16> {tile.alignment = 16 : i64}, %w: !tile.view<["K"], f32>, %c: !tile.view<["H", 64], f32>, %step: i32) attributes {dims = ["H", "K"], grid = affine_map<()[h, k] -> (1, 1, 1)>, inputs = 3 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %rows = tile.range %c0 : tensor<16xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %heads = tile.dim "H"
  %end = tile.dim "K"
  scf.for %h = %c0 to %heads step %c1 : i32 {
    %sum = scf.for %k = %h to %end step %step iter_args(%acc = %zero) -> (tensor<16x64xf32>) : i32 {
      %depth = tile.range %k : tensor<32xi32>
      %x = tile.load %a[%rows, %depth] : (!tile.view<["H", "K"], f32>, tensor<16xi32>, tensor<32xi32>) -> tensor<16x32xf32>
      %l = arith.truncf %x : tensor<16x32xf32> to tensor<16x32xf16>
      %r = tile.load %b[%h, %depth, %columns] : (!tile.view<["H", "K", 64], f16>, i32, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xf16>
      %f = tile.load %w[%k] : (!tile.view<["K"], f32>, i32) -> f32
      %positive = arith.cmpf ogt, %f, %f : f32
      %next = scf.if %positive -> tensor<16x64xf32> {
        %product = tile.dot %l, %r, %acc : tensor<16x32xf16>, tensor<32x64xf16>, tensor<16x64xf32>
        scf.yield %product : tensor<16x64xf32>
      } else {
        scf.yield %acc : tensor<16x64xf32>
      }
      scf.yield %next : tensor<16x64xf32>
    } {tile.pipelined = 2 : i64}
    tile.store %sum, %c[%rows, %columns] : tensor<16x64xf32>, !tile.view<["H", 64], f32>, tensor<16xi32>, tensor<64xi32>
  }
  tile.return
}
}

// -----

// One stage overlaps nothing, and the attribute goes.
// CHECK-LABEL: tile.kernel @one_stage(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @one_stage(%a: !tile.view<["M"], f32>, %c: !tile.view<["M"], f32>) attributes {dims = ["M"], grid = affine_map<()[m] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %end = tile.dim "M"
  scf.for %k = %c0 to %end step %c1 : i32 {
    %x = tile.load %a[%k] : (!tile.view<["M"], f32>, i32) -> f32
    tile.store %x, %c[%k] : f32, !tile.view<["M"], f32>, i32
  } {tile.pipelined = 1 : i64}
  tile.return
}
}
