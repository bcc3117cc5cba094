// Asynchronous products: wgmma, one assembly text for each 64 rows and 256 columns.
// RUN: lighthouse-opt %s --split-input-file --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s

// Both operands from shared memory. a is K-major: 8 rows of 128 bytes are 1024, steps of K go 32 bytes within
// a panel. b is read along its rows (MN-major): its panels are 8192 bytes apart, a step of K is 16 rows. The
// sum begins at zero, which needs no registers.
// CHECK-LABEL: llvm.func ptx_kernelcc @shared(
// CHECK-DAG: %[[A:.*]] = arith.constant 4611686293305360384 : i64
// CHECK-DAG: %[[B:.*]] = arith.constant 4611686293338849280 : i64
// CHECK: arith.ori %{{.*}}, %[[B]]
// CHECK: arith.ori %{{.*}}, %[[A]]
// CHECK: llvm.inline_asm has_side_effects "{ {{.*}}setp.ne.b32 first, 0, 0; setp.ne.b32 others, 1, 0; wgmma.fence.sync.aligned; add.s64 a, ${{[0-9]+}}, 0; add.s64 b, ${{[0-9]+}}, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{{.*}}}, a, b, first, 1, 1, 0, 1; add.s64 a, ${{[0-9]+}}, 2; add.s64 b, ${{[0-9]+}}, 128; wgmma.mma_async{{.*}}, others, 1, 1, 0, 1; {{.*}}wgmma.commit_group.sync.aligned; }"
// CHECK-NOT: mma_async
// The wait passes on what it waits for.
// CHECK: %[[WAITED:.*]] = llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,
// CHECK: %[[FIRST:.*]] = llvm.extractvalue %[[WAITED]][0]
// CHECK: llvm.return
tile.kernel @shared(%y: !tile.view<["N", 128], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x128xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<64x128xbf16, 128>
  %s = tile.dot_async %a, %b, %zero : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x128xbf16, 128>, tensor<64x128xf32> -> tensor<64x128xf32>
  %r = tile.dot_wait 0, %s : tensor<64x128xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  tile.store %r, %y[%i, %j] : tensor<64x128xf32>, !tile.view<["N", 128], f32>, tensor<64xi32>, tensor<128xi32>
  tile.return
}

// -----

// a from registers, and a second product behind it. The wait for the first leaves the second running, and
// keeps the registers of the first alive; those of the second are kept by the last wait.
// CHECK-LABEL: llvm.func ptx_kernelcc @registers(
// CHECK: llvm.inline_asm has_side_effects "{{.*}}m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, {$9, $10, $11, $12}, b, first, 1, 1, 0; {{.*}}", "=f,=f,=f,=f,0,1,2,3,l,r,r,r,r,~{memory}" %{{.*}}, %[[WORD:.*]], %[[WORD]], %[[WORD]], %[[WORD]] :
// CHECK: llvm.inline_asm has_side_effects "{{.*}}m64n8k16{{.*}}
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 1;", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,~{memory}" %{{.*}}, %[[WORD]], %[[WORD]], %[[WORD]], %[[WORD]] :
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,~{memory}"
// CHECK: llvm.return
tile.kernel @registers(%x: f16, %f: f32, %y: !tile.view<["N", 8], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %b = tile.alloc_shared : !tile.buffer<8x16xf16, 32>
  %a = tensor.splat %x : tensor<64x16xf16>
  %acc = tensor.splat %f : tensor<64x8xf32>
  %s = tile.dot_async %a, %b, %acc {transpose_b} : tensor<64x16xf16>, !tile.buffer<8x16xf16, 32>, tensor<64x8xf32> -> tensor<64x8xf32>
  %t = tile.dot_async %a, %b, %acc {transpose_b} : tensor<64x16xf16>, !tile.buffer<8x16xf16, 32>, tensor<64x8xf32> -> tensor<64x8xf32>
  %s1 = tile.dot_wait 1, %s : tensor<64x8xf32>
  %t1 = tile.dot_wait 0, %t : tensor<64x8xf32>
  %sum = arith.addf %s1, %t1 : tensor<64x8xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<8xi32>
  tile.store %sum, %y[%i, %j] : tensor<64x8xf32>, !tile.view<["N", 8], f32>, tensor<64xi32>, tensor<8xi32>
  tile.return
}

// -----

// Two warpgroups: each begins at its own 64 rows, 8192 bytes further. 320 columns are two instructions.
// CHECK-LABEL: llvm.func ptx_kernelcc @two_groups(
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx
// CHECK: %[[GROUP:.*]] = arith.shrui %[[WARP]], %c2_i32
// CHECK: %[[BIT:.*]] = arith.andi %[[GROUP]], %c1_i32
// CHECK: arith.muli %[[BIT]], %c8192_i32
// CHECK: llvm.inline_asm {{.*}}m64n256k16{{.*}}, 0, 0; }"
// CHECK: llvm.inline_asm {{.*}}add.s64 b, ${{[0-9]+}}, 2048;{{.*}}m64n64k16{{.*}}wgmma.commit_group.sync.aligned; }"
tile.kernel @two_groups(%y: !tile.view<["N", 320], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<128x320xf32>
  %a = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<320x64xbf16, 128>
  %s = tile.dot_async %a, %b, %zero {transpose_b} : !tile.buffer<128x64xbf16, 128>, !tile.buffer<320x64xbf16, 128>, tensor<128x320xf32> -> tensor<128x320xf32>
  %r = tile.dot_wait 0, %s : tensor<128x320xf32>
  %i = tile.range %c0 : tensor<128xi32>
  %j = tile.range %c0 : tensor<320xi32>
  tile.store %r, %y[%i, %j] : tensor<128x320xf32>, !tile.view<["N", 320], f32>, tensor<128xi32>, tensor<320xi32>
  tile.return
}

// -----

// 64 rows are one warpgroup's, so two share out the columns: the second begins at the second panel of b.
// CHECK-LABEL: llvm.func ptx_kernelcc @columns(
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx
// CHECK: %[[GROUP:.*]] = arith.shrui %[[WARP]], %c2_i32
// CHECK: %[[BIT:.*]] = arith.andi %[[GROUP]], %c1_i32
// CHECK: arith.muli %[[BIT]], %c16384_i32
// CHECK: llvm.inline_asm {{.*}}m64n64k16{{.*}}, 1, 1, 1, 1; wgmma.commit_group.sync.aligned; }"
tile.kernel @columns(%y: !tile.view<["N", 128], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x128xf32>
  %a = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<128x128xbf16, 128>
  %s = tile.dot_async %a, %b, %zero {transpose_a} : !tile.buffer<128x64xbf16, 128>, !tile.buffer<128x128xbf16, 128>, tensor<64x128xf32> -> tensor<64x128xf32>
  %r = tile.dot_wait 0, %s : tensor<64x128xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<128xi32>
  tile.store %r, %y[%i, %j] : tensor<64x128xf32>, !tile.view<["N", 128], f32>, tensor<64xi32>, tensor<128xi32>
  tile.return
}

// -----

// A product that is under way when the next iteration begins: the loop carries the registers of a, so that
// the wait there can keep them (all four are one value here). Before the first iteration they are anything.
// CHECK-LABEL: llvm.func ptx_kernelcc @carried(
// CHECK: %[[LOOP:.*]]:5 = scf.for {{.*}}, %[[WORD:[a-z0-9]+]] = %c0_i32) ->
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,~{memory}" {{.*}}, %[[WORD]], %[[WORD]], %[[WORD]], %[[WORD]] :
// CHECK: llvm.inline_asm has_side_effects "{{.*}}m64n8k16{{.*}}, %[[NEXT:[0-9]+]] :
// CHECK: scf.yield {{.*}}, %[[NEXT]] :
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,~{memory}" %[[LOOP]]#0, %[[LOOP]]#1, %[[LOOP]]#2, %[[LOOP]]#3, %[[LOOP]]#4, %[[LOOP]]#4, %[[LOOP]]#4, %[[LOOP]]#4 :
tile.kernel @carried(%x: f16, %n: i32, %y: !tile.view<["N", 8], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<64x8xf32>
  %b = tile.alloc_shared : !tile.buffer<8x16xf16, 32>
  %a = tensor.splat %x : tensor<64x16xf16>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> tensor<64x8xf32> : i32 {
    %w = tile.dot_wait 0, %acc : tensor<64x8xf32>
    %s = tile.dot_async %a, %b, %w {transpose_b} : tensor<64x16xf16>, !tile.buffer<8x16xf16, 32>, tensor<64x8xf32> -> tensor<64x8xf32>
    scf.yield %s : tensor<64x8xf32>
  }
  %t = tile.dot_wait 0, %r : tensor<64x8xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<8xi32>
  tile.store %t, %y[%i, %j] : tensor<64x8xf32>, !tile.view<["N", 8], f32>, tensor<64xi32>, tensor<8xi32>
  tile.return
}

// -----

// Parts: four lanes share a row and keep one part each, so that no thread needs another. A vote is the same
// in a warp.
// CHECK-LABEL: llvm.func ptx_kernelcc @parts(
// CHECK-NOT: bfly
// CHECK: nvvm.vote.sync any
// CHECK-NOT: bfly
// CHECK: scf.if
tile.kernel @parts(%y: !tile.view<["N"], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %one = arith.constant dense<1.0> : tensor<64x4xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %s = tile.dot_async %a, %a, %zero : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  %r = tile.dot_wait 0, %s : tensor<64x64xf32>
  %p = tile.reduce_partial add %r axis 1 : tensor<64x64xf32> -> tensor<64x4xf32>
  %high = arith.cmpf ogt, %p, %one : tensor<64x4xf32>
  %any = tile.vote any %high : tensor<64x4xi1>
  %t = scf.if %any -> tensor<64x4xf32> {
    %twice = arith.addf %p, %p : tensor<64x4xf32>
    scf.yield %twice : tensor<64x4xf32>
  } else {
    scf.yield %p : tensor<64x4xf32>
  }
  %sum = tile.reduce add %t axis 1 : tensor<64x4xf32> -> tensor<64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  tile.store %sum, %y[%i] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
  tile.return
}
