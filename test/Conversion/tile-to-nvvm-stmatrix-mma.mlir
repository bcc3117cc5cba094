// Fragments of `mma.sync` go to a buffer by `stmatrix`, too, which came with compute capability 9.0.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_90},tile.kernel(tile-assign-layouts),tile-to-nvvm)' | FileCheck %s
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_89},tile.kernel(tile-assign-layouts),tile-to-nvvm)' | FileCheck %s --check-prefix=OLDER

// CHECK-LABEL: llvm.func ptx_kernelcc @fragments(
// CHECK-COUNT-4: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<row>{{.*}}i32, i32, i32, i32
// CHECK-NOT: nvvm.stmatrix
// OLDER-LABEL: llvm.func ptx_kernelcc @fragments(
// OLDER-NOT: nvvm.stmatrix
tile.kernel @fragments(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %acc = tensor.splat %x : tensor<64x64xf32>
  %one = arith.truncf %acc : tensor<64x64xf32> to tensor<64x64xbf16>
  %s = tile.dot %one, %one, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  %n = arith.truncf %s : tensor<64x64xf32> to tensor<64x64xbf16>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  tile.buffer_store %n, %a : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  tile.return
}
