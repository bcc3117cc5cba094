// Roles, their barriers and scratch memory, bulk copies.
// RUN: lighthouse-opt %s --split-input-file --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm,cse,canonicalize)' | FileCheck %s

// A producer and two consumers: the parameters begin with the tensor maps, 128 bytes each; the block has
// the warps of all instances.
// CHECK-LABEL: llvm.func ptx_kernelcc @pipeline(
// CHECK-SAME: {llvm.align = 64 : i64, llvm.byval = !llvm.array<47 x i64>}
// CHECK-SAME: ["nvvm.maxntid", "384"]
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx
// One thread makes the barriers, behind the buffer of 16 KiB; then all may use them.
// CHECK: scf.if
// CHECK: nvvm.mbarrier.init %{{.*}}, %c1_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c1_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c8_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c8_i32
// CHECK: nvvm.fence.mbarrier.init
// CHECK-NEXT: nvvm.barrier
// The producer's warps give registers away, and one thread of them issues the copies.
// CHECK: %[[MINE:.*]] = arith.cmpi ult, %[[WARP]], %c4_i32
// CHECK: scf.if %[[MINE]] {
// CHECK: nvvm.setmaxregister decrease 24
// CHECK: scf.if
// CHECK: scf.for %[[I:.*]] =
// Slot and parity of the phase follow from the number of the use: i - 2 is one round before.
// CHECK: %[[USE:.*]] = arith.subi %[[I]], %c2_i32
// CHECK: %[[SLOT:.*]] = arith.andi %[[USE]], %c1_i32
// CHECK: %[[PHASE:.*]] = arith.shrui %[[USE]], %c1_i32
// CHECK: %[[PARITY:.*]] = arith.andi %[[PHASE]], %c1_i32
// CHECK: llvm.inline_asm {{.*}}mbarrier.try_wait.parity{{.*}} %{{.*}}, %[[PARITY]] :
// CHECK: llvm.inline_asm {{.*}}mbarrier.arrive.expect_tx{{.*}} %{{.*}}, %c8192_i32 :
// CHECK: llvm.inline_asm {{.*}}"cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5}], [$2];", {{.*}}, %arg0,
// CHECK: } else {
// CHECK: nvvm.setmaxregister increase 240
// The number of the instance, and threads counted in it.
// CHECK: %[[ALL:.*]] = nvvm.shfl.sync idx
// CHECK: %[[REST:.*]] = arith.subi %[[ALL]], %c4_i32
// CHECK: %[[INSTANCE:.*]] = arith.shrui %[[REST]], %c2_i32
// CHECK: llvm.inline_asm {{.*}}mbarrier.try_wait.parity
// A sum over the warps of an instance: at a barrier of its own, 128 threads of it, in its own scratch memory.
// CHECK: %[[OFFSET:.*]] = arith.muli %[[INSTANCE]], %c64_i32
// CHECK: %[[BARRIER:.*]] = arith.addi %[[INSTANCE]], %c3_i32
// CHECK: nvvm.barrier id = %[[BARRIER]] number_of_threads = %c128_i32
// CHECK: nvvm.barrier id = %[[BARRIER]] number_of_threads = %c128_i32
// One arrival of each warp, and the named barriers.
// CHECK: nvvm.bar.warp.sync
// CHECK: llvm.inline_asm {{.*}}"@$1 mbarrier.arrive
// CHECK: %[[TURN:.*]] = arith.addi %[[INSTANCE]], %c1_i32
// CHECK: nvvm.barrier id = %[[TURN]] number_of_threads = %c256_i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.arrive.aligned.count"(%[[TURN]], %c256_i32)
// A store to what the copy engine reads: a fence before the barrier behind it.
// CHECK: nvvm.barrier id = %[[BARRIER]]
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: nvvm.barrier id = %[[BARRIER]]
// CHECK: llvm.inline_asm {{.*}}cp.reduce.async.bulk.tensor.3d.global.shared::cta.add.tile.bulk_group
// CHECK: nvvm.cp.async.bulk.commit.group
// CHECK: nvvm.cp.async.bulk.wait_group 0 {read}
// CHECK: llvm.return
tile.kernel @pipeline(%x: !tile.view<["B", "N", 64], bf16>, %y: !tile.view<["B", "N", 64], bf16>) attributes {dims = ["B","N"], grid = affine_map<()[b,n] -> (n ceildiv 64, b, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c64 = arith.constant 64 : i32
  %n = tile.dim "N"
  %b = tile.program_id 1
  %ring = tile.alloc_shared : !tile.buffer<2x64x64xbf16, 128>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  %free = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
  %turn = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>
  tile.roles {
    tile.role "producer" warps 4 registers 24 {
    ^bb0(%i: i32):
      scf.for %s = %c0 to %n step %c1 : i32 {
        %before = arith.subi %s, %c2 : i32
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
        %start = arith.muli %s, %c64 : i32
        %rows = tile.range %start : tensor<64xi32>
        %columns = tile.range %c0 : tensor<64xi32>
        %slot = tile.slot %ring[%s] : !tile.buffer<2x64x64xbf16, 128> -> !tile.buffer<64x64xbf16, 128>
        tile.copy_bulk %x[%b, %rows, %columns], %slot, %full[%s] : !tile.view<["B", "N", 64], bf16>, !tile.buffer<64x64xbf16, 128>, !tile.mbarrier<2>, i32, tensor<64xi32>, tensor<64xi32>
      }
    }
    tile.role "consumer" warps 4 instances 2 registers 240 {
    ^bb0(%c: i32):
      tile.mbarrier_wait %full[%c0] : !tile.mbarrier<2>
      %slot = tile.slot %ring[%c] : !tile.buffer<2x64x64xbf16, 128> -> !tile.buffer<64x64xbf16, 128>
      %t = tile.buffer_load %slot : !tile.buffer<64x64xbf16, 128> -> tensor<64x64xbf16>
      %f = arith.extf %t : tensor<64x64xbf16> to tensor<64x64xf32>
      %lines = tile.reduce add %f axis 1 : tensor<64x64xf32> -> tensor<64xf32>
      %sum = tile.reduce add %lines axis 0 : tensor<64xf32> -> f32
      tile.mbarrier_arrive %free[%c0] : !tile.mbarrier<2>
      tile.named_sync %turn[%c] : !tile.named_barrier<2>
      tile.named_arrive %turn[%c] : !tile.named_barrier<2>
      %h = arith.truncf %sum : f32 to bf16
      %all = tensor.splat %h : tensor<64x64xbf16>
      tile.buffer_store %all, %slot : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
      %rows = tile.range %c0 : tensor<64xi32>
      tile.store_bulk combine add %slot, %y[%b, %rows, %rows] : !tile.buffer<64x64xbf16, 128>, !tile.view<["B", "N", 64], bf16>, i32, tensor<64xi32>, tensor<64xi32>
    }
  }
  tile.return
}

// -----

// A ring whose extent is no power of two: two rounds are added, so that a number that is negative by one
// round has the right phase. Rows of 256 bytes are two copies, of the two panels.
// CHECK-LABEL: llvm.func ptx_kernelcc @ring_of_three(
// CHECK: %[[USE:.*]] = arith.addi %{{.*}}, %c6_i32
// CHECK: %[[PHASE:.*]] = arith.divui %[[USE]], %c3_i32
// CHECK: %[[ROUND:.*]] = arith.muli %[[PHASE]], %c3_i32
// CHECK: arith.subi %[[USE]], %[[ROUND]]
// CHECK: "cp.async.bulk.tensor.2d.shared::cluster{{.*}}, %c0_i32, %{{.*}} :
// CHECK: "cp.async.bulk.tensor.2d.shared::cluster{{.*}}, %c64_i32, %{{.*}} :
// CHECK: arith.andi %[[PHASE]], %c1_i32
tile.kernel @ring_of_three(%x: !tile.view<["N", 128], bf16>, %s: i32) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<8x128xbf16, 128>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<3>
  %rows = tile.range %s : tensor<8xi32>
  %columns = tile.range %c0 : tensor<128xi32>
  tile.copy_bulk %x[%rows, %columns], %buf, %full[%s] : !tile.view<["N", 128], bf16>, !tile.buffer<8x128xbf16, 128>, !tile.mbarrier<3>, tensor<8xi32>, tensor<128xi32>
  tile.mbarrier_wait %full[%s] : !tile.mbarrier<3>
  tile.return
}

// -----

// Two roles that share a warpgroup: one instruction gives its registers away. What a role stores beside its
// barriers for the copy engine is behind a fence at once.
// CHECK-LABEL: llvm.func ptx_kernelcc @shared_warpgroup(
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx
// CHECK: %[[GROUP:.*]] = arith.cmpi ult, %[[WARP]], %c4_i32
// CHECK: scf.if %[[GROUP]] {
// CHECK-NEXT: nvvm.setmaxregister decrease 24
// CHECK: %[[FIRST:.*]] = arith.cmpi ult, %[[WARP]], %c2_i32
// CHECK-NEXT: scf.if %[[FIRST]] {
// CHECK-NOT: setmaxregister
// CHECK: llvm.store
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: mbarrier.arrive
// CHECK: } else {
// CHECK-NOT: setmaxregister
// CHECK: cp.async.bulk.tensor
// CHECK: } else {
// CHECK: nvvm.setmaxregister increase 240
// CHECK-NOT: setmaxregister
// CHECK: llvm.return
tile.kernel @shared_warpgroup(%x: f32, %y: !tile.view<["N"], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xf32>
  %full = tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<1>
  tile.roles {
    tile.role "filler" warps 2 registers 24 {
    ^bb0(%i: i32):
      %v = tensor.splat %x : tensor<64xf32>
      tile.buffer_store %v, %buf {unordered} : tensor<64xf32>, !tile.buffer<64xf32>
      tile.mbarrier_arrive %full[%c0] : !tile.mbarrier<1>
    }
    tile.role "writer" warps 2 registers 24 {
    ^bb0(%i: i32):
      tile.mbarrier_wait %full[%c0] : !tile.mbarrier<1>
      %range = tile.range %c0 : tensor<64xi32>
      tile.store_bulk %buf, %y[%range] : !tile.buffer<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
    }
    tile.role "rest" warps 8 registers 240 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}
