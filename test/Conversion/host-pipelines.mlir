// The two pipelines one after the other leave the llvm dialect alone, without a function of a library.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host-pipeline | FileCheck %s --check-prefix=HOST
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host-pipeline --host-to-llvm-pipeline | FileCheck %s

// Canonicalisation proves the last dim in bounds before the checks are built.
// HOST: func.func @softmax
// HOST: llvm.load {{.*}} -> vector<8xbf16>
// HOST-NOT: llvm.intr.masked.store
// HOST: return

// CHECK-NOT: {{(func|scf|cf|arith|math|memref|vector|affine|index|builtin)\.[a-z]}}
// CHECK: llvm.func @softmax(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: i64, %arg3: i64)
// CHECK-NOT: {{ (func|scf|cf|arith|math|memref|vector|affine|index)\.[a-z]}}
// CHECK-NOT: bf16
// CHECK: llvm.intr.fma
// CHECK-NOT: {{ (func|scf|cf|arith|math|memref|vector|affine|index)\.[a-z]}}
// CHECK-NOT: bf16
// CHECK-NOT: llvm.intr.{{exp|log|pow}}
// CHECK: llvm.return
// CHECK-NOT: llvm.func
tile.kernel @softmax(%x: !tile.view<["N", 64], bf16>, %k: i32, %y: !tile.view<["N", 64], bf16>, %z: !tile.view<["N", 64], f64>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
  %p = tile.program_id 0
  %c0 = arith.constant 0 : i32
  %c = tile.range %c0 : tensor<64xi32>
  %ring = tile.alloc_shared : !tile.buffer<2x64xbf16>
  %slot = tile.slot %ring[%k] : !tile.buffer<2x64xbf16> -> !tile.buffer<64xbf16>
  tile.copy_async %x[%p, %c], %slot : !tile.view<["N", 64], bf16>, !tile.buffer<64xbf16>, i32, tensor<64xi32>
  %t = tile.buffer_load %slot : !tile.buffer<64xbf16> -> tensor<64xbf16>
  %w = tile.load %x[%p, %c] : (!tile.view<["N", 64], bf16>, i32, tensor<64xi32>) -> tensor<64xbf16>
  %s = arith.addf %t, %w : tensor<64xbf16>
  %f = arith.extf %s : tensor<64xbf16> to tensor<64xf32>
  %top = tile.reduce max %f axis 0 : tensor<64xf32> -> f32
  %tops = tensor.splat %top : tensor<64xf32>
  %d = arith.subf %f, %tops : tensor<64xf32>
  %e = math.exp %d : tensor<64xf32>
  %b = arith.truncf %e : tensor<64xf32> to tensor<64xbf16>
  %g = arith.extf %b : tensor<64xbf16> to tensor<64xf64>
  tile.store %b, %y[%p, %c] : tensor<64xbf16>, !tile.view<["N", 64], bf16>, i32, tensor<64xi32>
  tile.store %g, %z[%p, %c] : tensor<64xf64>, !tile.view<["N", 64], f64>, i32, tensor<64xi32>
  tile.return
}
