// Program instances that wait for each other.
// RUN: lighthouse-opt %s --split-input-file --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s

// Every thread waits, one stores when all have come. What is outside of the tensor is left alone.
// CHECK-LABEL: llvm.func ptx_kernelcc @in_turn(
// CHECK: %[[INSIDE:.*]] = arith.cmpi ugt
// CHECK-NEXT: scf.if %[[INSIDE]] {
// CHECK-NEXT: llvm.inline_asm {{.*}}"{ .reg .pred done; .reg .b32 found; again: ld.acquire.gpu.global.b32 found, [$0]; setp.eq.b32 done, found, $1; @!done bra again; }", "l,r,~{memory}"
// CHECK: nvvm.barrier
// CHECK: %[[ONE:.*]] = arith.cmpi eq, %{{.*}}, %c0_i32
// CHECK: %[[STORES:.*]] = arith.andi %[[ONE]], %[[INSIDE]]
// CHECK-NEXT: scf.if %[[STORES]] {
// CHECK-NEXT: llvm.inline_asm {{.*}}"st.release.gpu.global.b32 [$0], $1;", "l,r,~{memory}"
tile.kernel @in_turn(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %id = tile.program_id 0
  tile.wait_until %y[%c0], %id : !tile.view<["N"], i32>
  %next = arith.addi %id, %c1 : i32
  tile.store_release %next, %y[%c0] : !tile.view<["N"], i32>
  tile.return
}

// -----

// The copy engine waits, too, where there is one.
// CHECK-LABEL: llvm.func ptx_kernelcc @before_bulk_stores(
// CHECK: @!done bra again; fence.proxy.async.global; }"
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @before_bulk_stores(%y: !tile.view<[1], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  tile.wait_until %y[%c0], %c0 : !tile.view<[1], i32>
  tile.return
}
}
