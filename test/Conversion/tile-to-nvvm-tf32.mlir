// Asynchronous products of f32 in tf32: 8 elements of K at a time, and no operand along M or N.
// RUN: lighthouse-opt %s --split-input-file --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s

// A step of K goes 32 bytes within a panel of 32 columns; the next panel of a is 64 rows further, that of b 32.
// CHECK-LABEL: llvm.func ptx_kernelcc @shared(
// CHECK: llvm.inline_asm has_side_effects "{ {{.*}}wgmma.mma_async.sync.aligned.m64n32k8.f32.tf32.tf32 {{{[^}]*}}}, a, b, first, 1, 1; add.s64 a, ${{[0-9]+}}, 2; add.s64 b, ${{[0-9]+}}, 2; {{.*}}add.s64 a, ${{[0-9]+}}, 512; add.s64 b, ${{[0-9]+}}, 256; wgmma.mma_async{{[^;]*}}, a, b, others, 1, 1; {{.*}}wgmma.commit_group.sync.aligned; }"
// CHECK-NOT: mma_async
tile.kernel @shared(%y: !tile.view<["N", 32], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xf32, 128>
  %b = tile.alloc_shared : !tile.buffer<32x64xf32, 128>
  %s = tile.dot_async %a, %b, %zero {transpose_b, tf32} : !tile.buffer<64x64xf32, 128>, !tile.buffer<32x64xf32, 128>, tensor<64x32xf32> -> tensor<64x32xf32>
  %r = tile.dot_wait 0, %s : tensor<64x32xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<32xi32>
  tile.store %r, %y[%i, %j] : tensor<64x32xf32>, !tile.view<["N", 32], f32>, tensor<64xi32>, tensor<32xi32>
  tile.return
}

// -----

// a from registers is rounded to nearest, and one register holds one element; the wait keeps what was rounded.
// CHECK-LABEL: llvm.func ptx_kernelcc @registers(
// CHECK: %[[WORD:.*]] = nvvm.convert.float.to.tf32 %{{.*}} {rnd = #nvvm.fp_rnd_mode<rna>}
// CHECK: llvm.inline_asm has_side_effects "{{.*}}m64n8k8.f32.tf32.tf32 {$0, $1, $2, $3}, {$9, $10, $11, $12}, b, first, 1, 1; {{.*}}m64n8k8.f32.tf32.tf32 {$0, $1, $2, $3}, {$13, $14, $15, $16}, b, others, 1, 1; {{.*}}", "=f,=f,=f,=f,0,1,2,3,l,r,r,r,r,r,r,r,r,~{memory}" %{{.*}}, %[[WORD]]
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,r,r,r,r,~{memory}" %{{.*}}, %[[WORD]]
tile.kernel @registers(%x: f32, %y: !tile.view<["N", 8], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x8xf32>
  %b = tile.alloc_shared : !tile.buffer<8x16xf32, 64>
  %a = tensor.splat %x : tensor<64x16xf32>
  %s = tile.dot_async %a, %b, %zero {transpose_b, tf32} : tensor<64x16xf32>, !tile.buffer<8x16xf32, 64>, tensor<64x8xf32> -> tensor<64x8xf32>
  %r = tile.dot_wait 0, %s : tensor<64x8xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %j = tile.range %c0 : tensor<8xi32>
  tile.store %r, %y[%i, %j] : tensor<64x8xf32>, !tile.view<["N", 8], f32>, tensor<64xi32>, tensor<8xi32>
  tile.return
}
