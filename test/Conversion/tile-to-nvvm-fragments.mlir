// Operands of products that are loaded into registers reach their fragments through shared memory: threads
// store what they have side by side, and `ldmatrix` reads it, transposing where that is not the fragments' way.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_80},tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s --check-prefixes=CHECK,SM90

!k = !tile.view<[32, 64], bf16>
!n = !tile.view<[64, 32], bf16>
!m = !tile.view<[16, 32], bf16>
!t = !tile.view<[32, 16], bf16>
!y = !tile.view<[16, 64], f32>
#one = affine_map<() -> (1, 1, 1)>

// Rows of `a` are rows of fragments; `b` holds rows where fragments have columns. 512 and 2048 elements are 4 and
// 16 for each thread, and every warp reads all of `a`, 16 of the 64 columns of `b`.
// CHECK-LABEL: llvm.func ptx_kernelcc @straight(
// CHECK: nvvm.barrier
// CHECK: llvm.store %{{.*}} : vector<4xbf16>, !llvm.ptr<3>
// CHECK-NOT: llvm.store
// CHECK: nvvm.barrier
// CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4
// CHECK: nvvm.barrier
// CHECK-COUNT-2: llvm.store %{{.*}} : vector<8xbf16>, !llvm.ptr<3>
// CHECK-NOT: llvm.store
// CHECK: nvvm.barrier
// CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<col>, num = 4
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @straight(%a: !m {tile.alignment = 16 : i64}, %b: !k {tile.alignment = 16 : i64}, %y: !y {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %i = tile.range %c0 : tensor<16xi32>
  %k = tile.range %c0 : tensor<32xi32>
  %j = tile.range %c0 : tensor<64xi32>
  %l = tile.load %a[%i, %k] : (!m, tensor<16xi32>, tensor<32xi32>) -> tensor<16x32xbf16>
  %r = tile.load %b[%k, %j] : (!k, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
  %d = tile.dot %l, %r, %zero : tensor<16x32xbf16>, tensor<32x64xbf16>, tensor<16x64xf32>
  tile.store %d, %y[%i, %j] : tensor<16x64xf32>, !y, tensor<16xi32>, tensor<64xi32>
  tile.return
}

// The reverse.
// CHECK-LABEL: llvm.func ptx_kernelcc @transposed(
// CHECK: nvvm.barrier
// CHECK: llvm.store %{{.*}} : vector<4xbf16>, !llvm.ptr<3>
// CHECK-NOT: llvm.store
// CHECK: nvvm.barrier
// CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<col>, num = 4
// CHECK: nvvm.barrier
// CHECK-COUNT-2: llvm.store %{{.*}} : vector<8xbf16>, !llvm.ptr<3>
// CHECK-NOT: llvm.store
// CHECK: nvvm.barrier
// CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @transposed(%a: !t {tile.alignment = 16 : i64}, %b: !n {tile.alignment = 16 : i64}, %y: !y {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %i = tile.range %c0 : tensor<16xi32>
  %k = tile.range %c0 : tensor<32xi32>
  %j = tile.range %c0 : tensor<64xi32>
  %l = tile.load %a[%k, %i] : (!t, tensor<32xi32>, tensor<16xi32>) -> tensor<32x16xbf16>
  %r = tile.load %b[%j, %k] : (!n, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
  %lt = tile.transpose %l : tensor<32x16xbf16> -> tensor<16x32xbf16>
  %rt = tile.transpose %r : tensor<64x32xbf16> -> tensor<32x64xbf16>
  %d = tile.dot %lt, %rt, %zero : tensor<16x32xbf16>, tensor<32x64xbf16>, tensor<16x64xf32>
  tile.store %d, %y[%i, %j] : tensor<16x64xf32>, !y, tensor<16xi32>, tensor<64xi32>
  tile.return
}

// Of rows that are not aligned each thread has single elements. Rows go along those of a warp all the same.
// CHECK-LABEL: llvm.func ptx_kernelcc @unaligned(
// CHECK: nvvm.barrier
// CHECK-COUNT-16: llvm.store %{{.*}} : bf16, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<col>, num = 4
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @unaligned(%f: bf16, %b: !k, %y: !y {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %i = tile.range %c0 : tensor<16xi32>
  %k = tile.range %c0 : tensor<32xi32>
  %j = tile.range %c0 : tensor<64xi32>
  %l = tensor.splat %f : tensor<16x32xbf16>
  %r = tile.load %b[%k, %j] : (!k, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
  %d = tile.dot %l, %r, %zero : tensor<16x32xbf16>, tensor<32x64xbf16>, tensor<16x64xf32>
  tile.store %d, %y[%i, %j] : tensor<16x64xf32>, !y, tensor<16xi32>, tensor<64xi32>
  tile.return
}

// A result that is an operand of the next product goes there as a fragment, by words or by `stmatrix`.
// CHECK-LABEL: llvm.func ptx_kernelcc @again(
// CHECK: nvvm.mma.sync
// CHECK: nvvm.barrier
// SM80-COUNT-4: llvm.store %{{.*}} : vector<2xbf16>, !llvm.ptr<3>
// SM90: nvvm.stmatrix
// CHECK-NOT: llvm.store
// CHECK: nvvm.barrier
// CHECK-COUNT-4: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @again(%f: bf16, %y: !y {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %i = tile.range %c0 : tensor<16xi32>
  %j = tile.range %c0 : tensor<64xi32>
  %l = tensor.splat %f : tensor<16x32xbf16>
  %r = tensor.splat %f : tensor<32x64xbf16>
  %s = tensor.splat %f : tensor<64x64xbf16>
  %d = tile.dot %l, %r, %zero : tensor<16x32xbf16>, tensor<32x64xbf16>, tensor<16x64xf32>
  %n = arith.truncf %d : tensor<16x64xf32> to tensor<16x64xbf16>
  %e = tile.dot %n, %s, %zero : tensor<16x64xbf16>, tensor<64x64xbf16>, tensor<16x64xf32>
  tile.store %e, %y[%i, %j] : tensor<16x64xf32>, !y, tensor<16xi32>, tensor<64xi32>
  tile.return
}

// Roles keep the code that their loops were tuned with.
// CHECK-LABEL: llvm.func ptx_kernelcc @role(
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @role(%b: !k {tile.alignment = 16 : i64}, %f: bf16, %y: !y {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64} {
  tile.roles {
    tile.role "consumer" warps 4 {
    ^bb0(%instance: i32):
      %c0 = arith.constant 0 : i32
      %zero = arith.constant dense<0.0> : tensor<16x64xf32>
      %i = tile.range %c0 : tensor<16xi32>
      %k = tile.range %c0 : tensor<32xi32>
      %j = tile.range %c0 : tensor<64xi32>
      %l = tensor.splat %f : tensor<16x32xbf16>
      %r = tile.load %b[%k, %j] : (!k, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
      %d = tile.dot %l, %r, %zero : tensor<16x32xbf16>, tensor<32x64xbf16>, tensor<16x64xf32>
      tile.store %d, %y[%i, %j] : tensor<16x64xf32>, !y, tensor<16xi32>, tensor<64xi32>
    }
  }
  tile.return
}
