// Fragments of 16 bits go to a buffer by `stmatrix`.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm)' | FileCheck %s

// 64 x 64 elements over 128 threads are 16 words in each, four instructions of four matrices. The rows of a
// matrix are 8 x 128 bytes apart from the next.
// CHECK-LABEL: llvm.func ptx_kernelcc @fragments(
// CHECK-COUNT-4: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<row>{{.*}}i32, i32, i32, i32
// CHECK-NOT: nvvm.stmatrix
// CHECK-NOT: llvm.store
// The tile transposed: a word has two elements of a column.
// CHECK-LABEL: llvm.func ptx_kernelcc @transposed(
// CHECK-COUNT-4: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<col>{{.*}}i32, i32, i32, i32
// CHECK-NOT: nvvm.stmatrix
// CHECK-NOT: llvm.store
// Words of 32 bits are stored one by one.
// CHECK-LABEL: llvm.func ptx_kernelcc @wide(
// CHECK-NOT: nvvm.stmatrix
// CHECK: llvm.store
tile.kernel @fragments(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %acc = tensor.splat %x : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %s = tile.dot_async %a, %a, %acc : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  %r = tile.dot_wait 0, %s : tensor<64x64xf32>
  %n = arith.truncf %r : tensor<64x64xf32> to tensor<64x64xbf16>
  tile.buffer_store %n, %a : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  tile.return
}
tile.kernel @transposed(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %acc = tensor.splat %x : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %s = tile.dot_async %a, %a, %acc : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  %r = tile.dot_wait 0, %s : tensor<64x64xf32>
  %n = arith.truncf %r : tensor<64x64xf32> to tensor<64x64xbf16>
  %t = tile.transpose %n : tensor<64x64xbf16> -> tensor<64x64xbf16>
  tile.buffer_store %t, %a : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  tile.return
}
tile.kernel @wide(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %acc = tensor.splat %x : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %y = tile.alloc_shared : !tile.buffer<64x64xf32, 128>
  %s = tile.dot_async %a, %a, %acc : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  %r = tile.dot_wait 0, %s : tensor<64x64xf32>
  tile.buffer_store %r, %y : tensor<64x64xf32>, !tile.buffer<64x64xf32, 128>
  tile.return
}
