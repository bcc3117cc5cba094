// Functions for which a GPU has units: approximate where the op may be (`afn`), else as accurate as may be.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#one = affine_map<() -> (1, 1, 1)>

// CHECK-LABEL: llvm.func ptx_kernelcc @approximate(
// CHECK-DAG: %[[LOG2E:.*]] = arith.constant 1.44269502 : f32
// CHECK-DAG: %[[LN2:.*]] = arith.constant 0.693147182 : f32
// CHECK: %[[X:.*]] = llvm.load {{.*}} -> f32
// CHECK: %[[SCALED:.*]] = arith.mulf %[[X]], %[[LOG2E]]
// CHECK: %[[EXP:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[SCALED]])
// CHECK: %[[EXP2:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[EXP]])
// CHECK: %[[POWER:.*]] = llvm.call_intrinsic "llvm.nvvm.lg2.approx.f"(%[[EXP2]])
// CHECK: %[[LOG:.*]] = arith.mulf %[[POWER]], %[[LN2]]
// CHECK: %[[LOG2:.*]] = llvm.call_intrinsic "llvm.nvvm.lg2.approx.f"(%[[LOG]])
// CHECK: llvm.call_intrinsic "llvm.nvvm.rsqrt.approx.f"(%[[LOG2]])
// CHECK: llvm.return
tile.kernel @approximate(%x: f32, %y: !tile.view<[1], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = math.exp %x fastmath<afn> : f32
  %b = math.exp2 %a fastmath<afn> : f32
  %c = math.log %b fastmath<afn> : f32
  %d = math.log2 %c fastmath<afn> : f32
  %e = math.rsqrt %d fastmath<afn> : f32
  tile.store %e, %y[%c0] {in_bounds = array<i1: true>} : f32, !tile.view<[1], f32>, i32
  tile.return
}

// The polynomials come later, from `expand-for-nvvm`. Powers of two keep denormals, a root is divided by.
// CHECK-LABEL: llvm.func ptx_kernelcc @accurate(
// CHECK: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[EXP:.*]] = math.exp
// CHECK: %[[EXP2:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"(%[[EXP]])
// CHECK: %[[LOG:.*]] = math.log %[[EXP2]]
// CHECK: %[[LOG2:.*]] = math.log2 %[[LOG]]
// CHECK: %[[ROOT:.*]] = math.sqrt %[[LOG2]]
// CHECK: arith.divf %[[ONE]], %[[ROOT]]
// CHECK: llvm.return
tile.kernel @accurate(%x: f32, %y: !tile.view<[1], f32>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = math.exp %x : f32
  %b = math.exp2 %a : f32
  %c = math.log %b : f32
  %d = math.log2 %c : f32
  %e = math.rsqrt %d : f32
  tile.store %e, %y[%c0] {in_bounds = array<i1: true>} : f32, !tile.view<[1], f32>, i32
  tile.return
}

// Of 16-bit floats by way of f32.
// CHECK-LABEL: llvm.func ptx_kernelcc @narrow(
// CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK: %[[LOG2:.*]] = llvm.call_intrinsic "llvm.nvvm.lg2.approx.f"(%[[WIDE]])
// CHECK: arith.truncf %[[LOG2]] : f32 to f16
// CHECK: llvm.return
tile.kernel @narrow(%x: f16, %y: !tile.view<[1], f16>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = math.log2 %x fastmath<afn> : f16
  tile.store %a, %y[%c0] {in_bounds = array<i1: true>} : f16, !tile.view<[1], f16>, i32
  tile.return
}
