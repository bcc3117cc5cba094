// Pipelined loops of kernels for a target with roles, bulk copies and asynchronous products.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-pipeline-loops,canonicalize,cse))' | FileCheck %s
// RUN: lighthouse-opt %s --split-input-file --tile-layout-pipeline --tile-to-nvvm-pipeline | FileCheck %s --check-prefix=LOWERED

// The producer counts iterations as the consumer does; slot i is filled once iteration i - 2 has said that slot
// i - 3 was read. The result has room beside the rings, so it leaves by a bulk store.
// CHECK-LABEL: tile.kernel @product(
// CHECK-SAME: inputs = 2 : i64} {
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[BEFORE:.*]] = arith.constant -2 : i32
// CHECK: %[[A:.*]] = tile.alloc_shared : !tile.buffer<3x128x64xbf16, 128>
// CHECK: %[[B:.*]] = tile.alloc_shared : !tile.buffer<3x64x256xbf16, 128>
// CHECK: %[[FULL:.*]] = tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<3>
// CHECK: %[[FREE:.*]] = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<3>
// CHECK: %[[C:.*]] = tile.alloc_shared : !tile.buffer<128x256xbf16, 128>
// CHECK: tile.role "producer" warps 4 registers 40
// CHECK-DAG: %[[M:.*]] = tile.program_id 1
// CHECK-DAG: %[[END:.*]] = tile.dim "K"
// CHECK: scf.for %[[K:[^ ]*]] = %[[C0]] to %[[END]] step %{{.*}} iter_args(%[[I:.*]] = %[[C0]])
// CHECK-NEXT: %[[USE:.*]] = arith.addi %[[I]], %[[BEFORE]] : i32
// CHECK-NEXT: tile.mbarrier_wait %[[FREE]][%[[USE]]]
// CHECK-NEXT: %[[DEPTH:.*]] = tile.range %[[K]]
// CHECK-NEXT: %[[AI:.*]] = tile.slot %[[A]][%[[I]]]
// CHECK-NEXT: tile.copy_bulk %arg0[%{{.*}}, %[[DEPTH]]], %[[AI]], %[[FULL]][%[[I]]]
// CHECK-NEXT: %[[BI:.*]] = tile.slot %[[B]][%[[I]]]
// CHECK-NEXT: tile.copy_bulk %arg1[%[[DEPTH]], %{{.*}}], %[[BI]], %[[FULL]][%[[I]]]
// CHECK: tile.role "consumer" warps 8 registers 232
// CHECK: %[[SUM:.*]]:2 = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[J:.*]] = %[[C0]])
// CHECK-NEXT: tile.mbarrier_wait %[[FULL]][%[[J]]]
// CHECK-NEXT: %[[X:.*]] = tile.slot %[[A]][%[[J]]]
// CHECK-NEXT: %[[Y:.*]] = tile.slot %[[B]][%[[J]]]
// CHECK-NEXT: %[[P:.*]] = tile.dot_async %[[X]], %[[Y]], %[[ACC]] :
// CHECK-NEXT: tile.dot_wait 1
// CHECK-NEXT: tile.mbarrier_arrive %[[FREE]][%[[J]]]
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[J]], %[[C1]]
// CHECK-NEXT: scf.yield %[[P]], %[[NEXT]]
// CHECK: %[[DONE:.*]] = tile.dot_wait 0, %[[SUM]]#0
// CHECK: %[[RESULT:.*]] = arith.truncf %[[DONE]]
// CHECK: tile.buffer_store %[[RESULT]], %[[C]]
// CHECK: tile.store_bulk %[[C]], %arg2
// LOWERED-LABEL: llvm.func ptx_kernelcc @product
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @product(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 256, m ceildiv 128, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %c256 = arith.constant 256 : i32
  %zero = arith.constant dense<0.0> : tensor<128x256xf32>
  %x = tile.program_id 0
  %y = tile.program_id 1
  %n = arith.muli %x, %c256 : i32
  %m = arith.muli %y, %c128 : i32
  %rows = tile.range %m : tensor<128xi32>
  %columns = tile.range %n : tensor<256xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x256xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<256xi32>) -> tensor<64x256xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
    scf.yield %product : tensor<128x256xf32>
  } {tile.pipelined = 3 : i64}
  %out = arith.truncf %sum : tensor<128x256xf32> to tensor<128x256xbf16>
  tile.store %out, %c[%rows, %columns] : tensor<128x256xbf16>, !tile.view<["M", "N"], bf16>, tensor<128xi32>, tensor<256xi32>
  tile.return
}
}

// -----

// Programs go through groups of tiles, of which the last has fewer rows: what they write begins inside of the
// tensor. What begins before it does not leave by the copy engine, which would fault.
// CHECK-LABEL: tile.kernel @begins(
// CHECK: tile.store_bulk %{{.*}}, %arg2
// CHECK-NOT: tile.store_bulk
// CHECK: tile.store %{{.*}}, %arg3
// CHECK-NOT: tile.store_bulk
// LOWERED-LABEL: llvm.func ptx_kernelcc @begins
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @begins(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}, %d: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> ((n ceildiv 64) * (m ceildiv 128), 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c8 = arith.constant 8 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %id = tile.program_id 0
  %height = tile.dim "M"
  %tiles = arith.ceildivsi %height, %c128 : i32
  %group = arith.divsi %id, %c64 : i32
  %first = arith.muli %group, %c8 : i32
  %rest = arith.subi %tiles, %first : i32
  %count = arith.minsi %rest, %c8 : i32
  %place = arith.remsi %id, %c64 : i32
  %row = arith.remsi %place, %count : i32
  %column = arith.divsi %place, %count : i32
  %line = arith.addi %first, %row : i32
  %m = arith.muli %line, %c128 : i32
  %n = arith.muli %column, %c64 : i32
  %rows = tile.range %m : tensor<128xi32>
  %columns = tile.range %n : tensor<64xi32>
  %before = arith.subi %m, %c8 : i32
  %shifted = tile.range %before : tensor<128xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x64xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    scf.yield %product : tensor<128x64xf32>
  } {tile.pipelined = 3 : i64}
  %out = arith.truncf %sum : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %c[%rows, %columns] : tensor<128x64xbf16>, !tile.view<["M", "N"], bf16>, tensor<128xi32>, tensor<64xi32>
  tile.store %out, %d[%shifted, %columns] : tensor<128x64xbf16>, !tile.view<["M", "N"], bf16>, tensor<128xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// One warpgroup multiplies, with transposed operands, two sums and two products on one of them: three products
// stay in flight. The rest of the kernel is the consumer's: a buffer and other memory accesses. What is
// written twice does not leave by the copy engine.
// CHECK-LABEL: tile.kernel @rest(
// CHECK: %[[OWN:.*]] = tile.alloc_shared : !tile.buffer<64xf32>
// CHECK: %[[A:.*]] = tile.alloc_shared : !tile.buffer<2x32x64xf16, 128>
// CHECK: %[[B:.*]] = tile.alloc_shared : !tile.buffer<2x64x32xf16, 128>
// CHECK: tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<2>
// CHECK: tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<2>
// CHECK: tile.role "producer" warps 4 {
// CHECK-NOT: tile.load
// CHECK: tile.role "consumer" warps 4 {
// CHECK: tile.load %arg3
// CHECK: tile.buffer_store %{{.*}}, %[[OWN]]
// CHECK: scf.for
// CHECK: tile.load %arg3
// CHECK: tile.mbarrier_wait
// CHECK: %[[P:.*]] = tile.dot_async %{{.*}}, %{{.*}}, %[[ACC:.*]] {transpose_a, transpose_b}
// CHECK: %[[Q:.*]] = tile.dot_async %{{.*}}, %{{.*}}, %[[P]] {transpose_a, transpose_b}
// CHECK: %[[R:.*]] = tile.dot_async %{{.*}}, %{{.*}}, %{{.*}} {transpose_b}
// CHECK-NEXT: tile.dot_wait 3
// CHECK: tile.atomic_rmw
// CHECK: scf.yield %[[Q]], %[[R]]
// CHECK: %[[DONE:.*]]:2 = tile.dot_wait 0, %{{.*}}#0, %{{.*}}#1
// CHECK: tile.store %[[DONE]]#0
// CHECK: tile.store %[[DONE]]#1
// LOWERED-LABEL: llvm.func ptx_kernelcc @rest
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @rest(%a: !tile.view<["K", "M"], f16> {tile.alignment = 16 : i64}, %b: !tile.view<["N", "K"], f16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}, %w: !tile.view<["N"], f32>, %s: !tile.view<["N"], f32>) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c32 = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %w0 = tile.load %w[%rows] : (!tile.view<["N"], f32>, tensor<64xi32>) -> tensor<64xf32>
  %own = tile.alloc_shared : !tile.buffer<64xf32>
  tile.buffer_store %w0, %own : tensor<64xf32>, !tile.buffer<64xf32>
  %sums:2 = scf.for %k = %c0 to %end step %c32 iter_args(%acc = %zero, %other = %zero) -> (tensor<64x64xf32>, tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %wide = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%depth, %rows] : (!tile.view<["K", "M"], f16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xf16>
    %r = tile.load %b[%rows, %depth] : (!tile.view<["N", "K"], f16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xf16>
    %v = tile.load %w[%wide] : (!tile.view<["N"], f32>, tensor<64xi32>) -> tensor<64xf32>
    %lt = tile.transpose %l : tensor<32x64xf16> -> tensor<64x32xf16>
    %rt = tile.transpose %r : tensor<64x32xf16> -> tensor<32x64xf16>
    %p = tile.dot %lt, %rt, %acc : tensor<64x32xf16>, tensor<32x64xf16>, tensor<64x64xf32>
    %q = tile.dot %lt, %rt, %p : tensor<64x32xf16>, tensor<32x64xf16>, tensor<64x64xf32>
    %rr = tile.dot %r, %rt, %other : tensor<64x32xf16>, tensor<32x64xf16>, tensor<64x64xf32>
    tile.atomic_rmw add %v, %s[%rows] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
    scf.yield %q, %rr : tensor<64x64xf32>, tensor<64x64xf32>
  } {tile.pipelined = 2 : i64}
  tile.store %sums#0, %c[%rows, %rows] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.barrier
  tile.store %sums#1, %c[%rows, %rows] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Many sums ask for the largest budget. For f32 results there is no room in a buffer, and none is needed.
// CHECK-LABEL: tile.kernel @many_sums(
// CHECK: tile.role "producer" warps 4 registers 24
// CHECK: tile.role "consumer" warps 8 registers 240
// CHECK: tile.store
// LOWERED-LABEL: llvm.func ptx_kernelcc @many_sums
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @many_sums(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c32 = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<256x192xf32>
  %rows = tile.range %c0 : tensor<256xi32>
  %columns = tile.range %c0 : tensor<192xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %c32 iter_args(%acc = %zero) -> (tensor<256x192xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<256xi32>, tensor<32xi32>) -> tensor<256x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<192xi32>) -> tensor<32x192xbf16>
    %product = tile.dot %l, %r, %acc : tensor<256x32xbf16>, tensor<32x192xbf16>, tensor<256x192xf32>
    scf.yield %product : tensor<256x192xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<256x192xf32>, !tile.view<["M", "N"], f32>, tensor<256xi32>, tensor<192xi32>
  tile.return
}
}

// -----

// Products whose results the loop needs are waited for where it needs them, and those that read registers before it
// ends; then the slots of the iteration itself are free. The second product on one sum needs no wait in between.
// CHECK-LABEL: tile.kernel @chained(
// CHECK-DAG: %[[FULL:.*]] = tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<2>
// CHECK-DAG: %[[FREE:.*]] = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
// CHECK: tile.role "producer" warps 4 registers 40
// CHECK: arith.addi %[[I:.*]], %c-2_i32 : i32
// CHECK-NEXT: tile.mbarrier_wait %[[FREE]]
// CHECK: tile.role "consumer" warps 8 registers 232
// CHECK: %[[Q:.*]] = tile.load %arg0
// CHECK: %[[SUMS:.*]]:2 = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[J:.*]] = %{{.*}})
// CHECK: tile.mbarrier_wait %[[FULL]][%[[J]]]
// CHECK: %[[S:.*]] = tile.dot_async %[[Q]], %{{.*}}, %{{.*}} {transpose_b} : tensor<128x64xbf16>, !tile.buffer<64x64xbf16, 128>
// CHECK-NEXT: %[[SCORES:.*]] = tile.dot_wait 0, %[[S]]
// CHECK-NEXT: %[[E:.*]] = math.exp2 %[[SCORES]]
// CHECK: %[[P:.*]] = arith.truncf %[[E]]
// CHECK: %[[HALF:.*]] = arith.mulf %[[ACC]]
// CHECK: %[[O:.*]] = tile.dot_async %[[P]], %{{.*}}, %[[HALF]] : tensor<128x64xbf16>, !tile.buffer<64x64xbf16, 128>
// CHECK: %[[O2:.*]] = tile.dot_async %[[P]], %{{.*}}, %[[O]] :
// CHECK: %[[NEXT:.*]] = tile.dot_wait 0, %[[O2]]
// CHECK-NEXT: tile.mbarrier_arrive %[[FREE]][%[[J]]]
// CHECK-NEXT: scf.yield %[[NEXT]],
// CHECK-NOT: tile.dot_wait
// CHECK: arith.truncf %[[SUMS]]#0
// LOWERED-LABEL: llvm.func ptx_kernelcc @chained
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @chained(%q: !tile.view<["M", 64], bf16> {tile.alignment = 16 : i64}, %k: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %v: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %o: !tile.view<["M", 64], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N"], grid = affine_map<()[m, n] -> (1, 1, 1)>, inputs = 3 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %half = arith.constant dense<0.5> : tensor<128x64xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "N"
  %x = tile.load %q[%rows, %columns] : (!tile.view<["M", 64], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
  %sum = scf.for %n = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x64xf32>) : i32 {
    %keys = tile.range %n : tensor<64xi32>
    %y = tile.load %k[%keys, %columns] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %z = tile.load %v[%keys, %columns] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %t = tile.transpose %y : tensor<64x64xbf16> -> tensor<64x64xbf16>
    %s = tile.dot %x, %t, %zero : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %e = math.exp2 %s : tensor<128x64xf32>
    %p = arith.truncf %e : tensor<128x64xf32> to tensor<128x64xbf16>
    %halved = arith.mulf %acc, %half : tensor<128x64xf32>
    %d = tile.dot %p, %z, %halved : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %next = tile.dot %p, %z, %d : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    scf.yield %next : tensor<128x64xf32>
  } {tile.pipelined = 2 : i64}
  %out = arith.truncf %sum : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[%rows, %columns] : tensor<128x64xbf16>, !tile.view<["M", 64], bf16>, tensor<128xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// A buffer that stays as it is while the loop runs is an operand as it lies, on either side, transposed or not; one that
// the loop stores to is loaded. Results that are read from a buffer need no scratch memory: two stages of 64 KB, 64 KB of
// queries and the results of 64 KB in the same place fit.
// CHECK-LABEL: tile.kernel @kept(
// CHECK: %[[OWN:.*]] = tile.alloc_shared : !tile.buffer<128x256xbf16, 128>
// CHECK: tile.role "consumer" warps 8
// CHECK: tile.buffer_store %{{.*}}, %[[OWN]]
// CHECK: scf.for
// CHECK-NOT: tile.buffer_load
// CHECK: %[[S:.*]] = tile.dot_async %[[OWN]], %{{.*}}, %{{.*}} {transpose_b} : !tile.buffer<128x256xbf16, 128>, !tile.buffer<64x256xbf16, 128>
// CHECK: %[[DONE:.*]] = tile.dot_wait 0, %[[S]]
// CHECK: arith.truncf %[[DONE]]
// CHECK: tile.dot_async %{{.*}}, %{{.*}}, %{{.*}} : tensor<128x64xbf16>, !tile.buffer<64x256xbf16, 128>
// CHECK: scf.yield
// CHECK: tile.buffer_store %{{.*}}, %[[OWN]]
// CHECK: %[[RESULT:.*]] = tile.buffer_load %[[OWN]]
// CHECK: tile.store %[[RESULT]], %arg3
// LOWERED-LABEL: llvm.func ptx_kernelcc @kept
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @kept(%q: !tile.view<["M", 256], bf16> {tile.alignment = 16 : i64}, %k: !tile.view<["N", 256], bf16> {tile.alignment = 16 : i64}, %v: !tile.view<["N", 256], bf16> {tile.alignment = 16 : i64}, %o: !tile.view<["M", 256], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N"], grid = affine_map<()[m, n] -> (1, 1, 1)>, inputs = 3 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %none = arith.constant dense<0.0> : tensor<128x64xf32>
  %zero = arith.constant dense<0.0> : tensor<128x256xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<256xi32>
  %end = tile.dim "N"
  %own = tile.alloc_shared : !tile.buffer<128x256xbf16, 128>
  %x = tile.load %q[%rows, %columns] : (!tile.view<["M", 256], bf16>, tensor<128xi32>, tensor<256xi32>) -> tensor<128x256xbf16>
  tile.buffer_store %x, %own : tensor<128x256xbf16>, !tile.buffer<128x256xbf16, 128>
  %sum = scf.for %n = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x256xf32>) : i32 {
    %keys = tile.range %n : tensor<64xi32>
    %a = tile.buffer_load %own : !tile.buffer<128x256xbf16, 128> -> tensor<128x256xbf16>
    %y = tile.load %k[%keys, %columns] : (!tile.view<["N", 256], bf16>, tensor<64xi32>, tensor<256xi32>) -> tensor<64x256xbf16>
    %z = tile.load %v[%keys, %columns] : (!tile.view<["N", 256], bf16>, tensor<64xi32>, tensor<256xi32>) -> tensor<64x256xbf16>
    %t = tile.transpose %y : tensor<64x256xbf16> -> tensor<256x64xbf16>
    %s = tile.dot %a, %t, %none : tensor<128x256xbf16>, tensor<256x64xbf16>, tensor<128x64xf32>
    %p = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %next = tile.dot %p, %z, %acc : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
    scf.yield %next : tensor<128x256xf32>
  } {tile.pipelined = 2 : i64}
  %out = arith.truncf %sum : tensor<128x256xf32> to tensor<128x256xbf16>
  tile.buffer_store %out, %own : tensor<128x256xbf16>, !tile.buffer<128x256xbf16, 128>
  %result = tile.buffer_load %own : !tile.buffer<128x256xbf16, 128> -> tensor<128x256xbf16>
  tile.store %result, %o[%rows, %columns] : tensor<128x256xbf16>, !tile.view<["M", 256], bf16>, tensor<128xi32>, tensor<256xi32>
  tile.return
}
}

// -----

// The right operand stays in a transposed buffer; the left one is a buffer that each iteration stores to.
// CHECK-LABEL: tile.kernel @stored(
// CHECK-DAG: %[[FIXED:.*]] = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
// CHECK-DAG: %[[STORED:.*]] = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
// CHECK: scf.for
// CHECK: tile.dot_async
// CHECK: tile.buffer_store %{{.*}}, %[[STORED]]
// CHECK: %[[A:.*]] = tile.buffer_load %[[STORED]]
// CHECK: tile.dot_async %[[A]], %[[FIXED]], %{{.*}} {transpose_b} : tensor<128x64xbf16>, !tile.buffer<64x64xbf16, 128>
// LOWERED-LABEL: llvm.func ptx_kernelcc @stored
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @stored(%q: !tile.view<["M", 64], bf16> {tile.alignment = 16 : i64}, %k: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %o: !tile.view<["M", 64], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N"], grid = affine_map<()[m, n] -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "N"
  %fixed = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %stored = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
  %w = tile.load %q[%columns, %columns] : (!tile.view<["M", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  tile.buffer_store %w, %fixed : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  %x = tile.load %q[%rows, %columns] : (!tile.view<["M", 64], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
  %sum = scf.for %n = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x64xf32>) : i32 {
    %keys = tile.range %n : tensor<64xi32>
    %y = tile.load %k[%keys, %columns] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %p = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    tile.buffer_store %p, %stored : tensor<128x64xbf16>, !tile.buffer<128x64xbf16, 128>
    %a = tile.buffer_load %stored : !tile.buffer<128x64xbf16, 128> -> tensor<128x64xbf16>
    %f = tile.buffer_load %fixed : !tile.buffer<64x64xbf16, 128> -> tensor<64x64xbf16>
    %t = tile.transpose %f : tensor<64x64xbf16> -> tensor<64x64xbf16>
    %next = tile.dot %a, %t, %acc : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    scf.yield %next : tensor<128x64xf32>
  } {tile.pipelined = 2 : i64}
  tile.store %sum, %o[%rows, %columns] : tensor<128x64xf32>, !tile.view<["M", 64], f32>, tensor<128xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Loops around the pipelined one are loops of both roles, and the count goes on through them, so the producer fills slots
// of the next tile while the consumer stores. What an iteration before has stored is in memory before its
// buffer is filled again.
// CHECK-LABEL: tile.kernel @tiles(
// CHECK-DAG: %[[FULL:.*]] = tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<2>
// CHECK-DAG: %[[FREE:.*]] = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<2>
// CHECK: tile.role "producer"
// CHECK: scf.for %[[T:[^ ]*]] = {{.*}} iter_args(%[[I:[^ ]*]] = %{{.*}}) -> (i32)
// CHECK: arith.muli %[[T]]
// CHECK: %[[AFTER:.*]] = scf.for %{{.*}} iter_args(%[[J:.*]] = %[[I]]) -> (i32)
// CHECK: tile.mbarrier_wait %[[FREE]]
// CHECK: tile.copy_bulk
// CHECK: scf.yield %[[AFTER]] : i32
// CHECK: tile.role "consumer"
// CHECK: scf.for {{.*}} iter_args(%[[N:[^ ]*]] = %{{.*}}) -> (i32)
// CHECK: %[[SUM:.*]]:2 = scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[N]])
// CHECK: tile.mbarrier_wait %[[FULL]]
// CHECK: %[[DONE:.*]] = tile.dot_wait 0, %[[SUM]]#0
// CHECK: tile.wait_bulk 0 written
// CHECK-NEXT: tile.buffer_store
// CHECK-NEXT: tile.store_bulk
// CHECK: scf.yield %[[SUM]]#1 : i32
// LOWERED-LABEL: llvm.func ptx_kernelcc @tiles
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @tiles(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", 64], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", 64], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "K"], grid = affine_map<()[m, k] -> (132, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %first = tile.program_id 0
  %programs = tile.num_programs 0
  %rows = tile.dim "M"
  %tiles = arith.ceildivsi %rows, %c64 : i32
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  scf.for %t = %first to %tiles step %programs : i32 {
    %m = arith.muli %t, %c64 : i32
    %at = tile.range %m : tensor<64xi32>
    %sum = scf.for %k = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
      %depth = tile.range %k : tensor<64xi32>
      %l = tile.load %a[%at, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
      %r = tile.load %b[%depth, %columns] : (!tile.view<["K", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
      %product = tile.dot %l, %r, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
      scf.yield %product : tensor<64x64xf32>
    } {tile.pipelined = 2 : i64}
    %out = arith.truncf %sum : tensor<64x64xf32> to tensor<64x64xbf16>
    tile.store %out, %c[%at, %columns] : tensor<64x64xbf16>, !tile.view<["M", 64], bf16>, tensor<64xi32>, tensor<64xi32>
  }
  tile.return
}
}

// -----

// A persistent kernel goes through instances in both roles, from that of the block on in steps of the number of
// blocks. Coordinates along axes follow from the number of the instance, but for those that are 0.
// CHECK-LABEL: tile.kernel @persistent(
// CHECK-SAME: tile.resident}
// CHECK: tile.role "producer"
// CHECK-DAG: %[[X:.*]] = tile.num_programs 0
// CHECK-DAG: %[[Y:.*]] = tile.num_programs 1
// CHECK-DAG: %[[ROW:.*]] = tile.program_id 1
// CHECK-DAG: %[[COLUMN:.*]] = tile.program_id 0
// CHECK-DAG: %[[BEFORE:.*]] = arith.muli %[[ROW]], %[[X]] : i32
// CHECK-DAG: %[[FIRST:.*]] = arith.addi %[[BEFORE]], %[[COLUMN]] : i32
// CHECK-DAG: %[[TOTAL:.*]] = arith.muli %[[Y]], %[[X]] : i32
// CHECK-DAG: %[[STEP:.*]] = tile.num_blocks
// CHECK: scf.for %[[I:[^ ]*]] = %[[FIRST]] to %[[TOTAL]] step %[[STEP]] iter_args
// CHECK-DAG: arith.remui %[[I]], %[[X]]
// CHECK-DAG: arith.divui %[[I]], %[[X]]
// CHECK: tile.copy_bulk
// CHECK: tile.role "consumer"
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tile.wait_bulk 0 written
// CHECK: tile.store_bulk
// CHECK: tile.barrier
// LOWERED-LABEL: llvm.func ptx_kernelcc @persistent
// LOWERED-SAME: ["lighthouse.resident", "1"]
// LOWERED: nvvm.read.ptx.sreg.nctaid.x
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @persistent(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 64, m ceildiv 64, 1)>, inputs = 2 : i64, warps = 4 : i64, tile.persistent} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %x = tile.program_id 0
  %y = tile.program_id 1
  %z = tile.program_id 2
  %n = arith.muli %x, %c64 : i32
  %m = arith.muli %y, %c64 : i32
  %rows = tile.range %m : tensor<64xi32>
  %columns = tile.range %n : tensor<64xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %z to %end step %c64 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 2 : i64}
  %out = arith.truncf %sum : tensor<64x64xf32> to tensor<64x64xbf16>
  tile.store %out, %c[%rows, %columns] : tensor<64x64xbf16>, !tile.view<["M", "N"], bf16>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// One program instance needs no loop over them. Its wait for the products is the first behind theirs, before the
// thread is identified anew, as ptxas would serialise the products otherwise.
// CHECK-LABEL: tile.kernel @one_instance(
// CHECK-NOT: tile.resident
// CHECK-NOT: tile.num_blocks
// LOWERED-LABEL: llvm.func ptx_kernelcc @one_instance
// LOWERED: wgmma.wait_group.sync.aligned 1;
// LOWERED: ^{{.*}}
// LOWERED-NOT: tid.x
// LOWERED: wgmma.wait_group.sync.aligned 0;
// LOWERED: tid.x
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @one_instance(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 4 : i64, tile.persistent} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %x = tile.program_id 0
  %y = tile.program_id 1
  %z = tile.program_id 2
  %n = arith.muli %x, %c64 : i32
  %m = arith.muli %y, %c64 : i32
  %rows = tile.range %m : tensor<64xi32>
  %columns = tile.range %n : tensor<64xi32>
  %end = tile.dim "K"
  %first = arith.muli %z, %c64 : i32
  %sum = scf.for %k = %first to %end step %c64 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 2 : i64}
  %out = arith.truncf %sum : tensor<64x64xf32> to tensor<64x64xbf16>
  tile.store %out, %c[%rows, %columns] : tensor<64x64xbf16>, !tile.view<["M", "N"], bf16>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}
