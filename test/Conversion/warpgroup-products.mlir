// Products of tiles as asynchronous ones of four warps, on a target that has them.
// RUN: lighthouse-opt %s --split-input-file --pass-pipeline='builtin.module(tile.kernel(tile-warpgroup-products))' | FileCheck %s
// RUN: lighthouse-opt %s --split-input-file --tile-layout-pipeline --tile-to-nvvm-pipeline | FileCheck %s --check-prefix=LOWERED

// Both operands go through buffers. The loop does nothing with the product but sum it up, so the wait is behind the
// next loads; then nobody reads the buffers any more once all have met. Stores are of 16 bytes.
// CHECK-LABEL: tile.kernel @product(
// CHECK: %[[A:.*]] = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
// CHECK: %[[B:.*]] = tile.alloc_shared : !tile.buffer<64x128xbf16, 128>
// CHECK: %[[SUMS:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] =
// CHECK: %[[X:.*]] = tile.load %arg0
// CHECK: %[[Y:.*]] = tile.load %arg1
// CHECK-NEXT: tile.dot_wait 0{{$}}
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: tile.buffer_store %[[X]], %[[A]] {unordered}
// CHECK-NEXT: tile.buffer_store %[[Y]], %[[B]] {unordered}
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: %[[P:.*]] = tile.dot_async %[[A]], %[[B]], %[[ACC]] :
// CHECK-NEXT: scf.yield %[[P]]
// CHECK: %[[SUM:.*]] = tile.dot_wait 0, %[[SUMS]]
// CHECK: tile.store %[[SUM]]
// LOWERED-LABEL: llvm.func ptx_kernelcc @product(
// LOWERED: wgmma.wait_group.sync.aligned 0;
// LOWERED: nvvm.barrier
// LOWERED: llvm.store {{.*}} vector<8xbf16>, !llvm.ptr<3>
// LOWERED: fence.proxy
// LOWERED: nvvm.barrier
// LOWERED: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @product(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (n ceildiv 128, m ceildiv 128, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %x = tile.program_id 0
  %y = tile.program_id 1
  %n = arith.muli %x, %c128 : i32
  %m = arith.muli %y, %c128 : i32
  %rows = tile.range %m : tensor<128xi32>
  %columns = tile.range %n : tensor<128xi32>
  %end = tile.dim "K"
  %sum = scf.for %k = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<128x128xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %product : tensor<128x128xf32>
  }
  tile.store %sum, %c[%rows, %columns] : tensor<128x128xf32>, !tile.view<["M", "N"], f32>, tensor<128xi32>, tensor<128xi32>
  tile.return
}
}

// -----

// Attention: what the loop does not change is stored before it, what follows from a product stays in registers, and
// a transpose is a way to read a buffer. Each product's stores are behind a barrier that follows the other's wait,
// and need none before them.
// CHECK-LABEL: tile.kernel @attention(
// CHECK: %[[QB:.*]] = tile.alloc_shared : !tile.buffer<64x64xf16, 128>
// CHECK: %[[KB:.*]] = tile.alloc_shared : !tile.buffer<128x64xf16, 128>
// CHECK: %[[VB:.*]] = tile.alloc_shared : !tile.buffer<128x64xf16, 128>
// CHECK: %[[Q:.*]] = tile.load %arg0
// CHECK: tile.buffer_store %[[Q]], %[[QB]] :
// CHECK-NEXT: scf.for
// CHECK: %[[K:.*]] = tile.load %arg1
// CHECK-NOT: tile.barrier
// CHECK: tile.buffer_store %[[K]], %[[KB]] {unordered}
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: %[[RUNS:.*]] = tile.dot_async %[[QB]], %[[KB]], %{{.*}} {transpose_b}
// CHECK-NEXT: %[[S:.*]] = tile.dot_wait 0, %[[RUNS]]
// CHECK-NEXT: %[[P:.*]] = arith.truncf %[[S]]
// CHECK: %[[V:.*]] = tile.load %arg1
// CHECK-NEXT: tile.buffer_store %[[V]], %[[VB]] {unordered}
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: %[[SUM:.*]] = tile.dot_async %[[P]], %[[VB]],
// CHECK-NEXT: %[[O:.*]] = tile.dot_wait 0, %[[SUM]]
// CHECK-NEXT: scf.yield %[[O]]
// LOWERED-LABEL: llvm.func ptx_kernelcc @attention(
// LOWERED: wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16
// LOWERED: wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @attention(%q: !tile.view<["M", 64], f16> {tile.alignment = 16 : i64}, %k: !tile.view<["N", 64], f16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", 64], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N"], grid = affine_map<()[m, n] -> (m ceildiv 64, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %none = arith.constant dense<0.0> : tensor<64x128xf32>
  %x = tile.program_id 0
  %m = arith.muli %x, %c64 : i32
  %rows = tile.range %m : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %qt = tile.load %q[%rows, %columns] : (!tile.view<["M", 64], f16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf16>
  %end = tile.dim "N"
  %sum = scf.for %n = %c0 to %end step %c128 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %keys = tile.range %n : tensor<128xi32>
    %kt = tile.load %k[%keys, %columns] : (!tile.view<["N", 64], f16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xf16>
    %turned = tile.transpose %kt : tensor<128x64xf16> -> tensor<64x128xf16>
    %s = tile.dot %qt, %turned, %none : tensor<64x64xf16>, tensor<64x128xf16>, tensor<64x128xf32>
    %p = arith.truncf %s : tensor<64x128xf32> to tensor<64x128xf16>
    %vt = tile.load %k[%keys, %columns] : (!tile.view<["N", 64], f16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xf16>
    %product = tile.dot %p, %vt, %acc : tensor<64x128xf16>, tensor<128x64xf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  }
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", 64], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Swizzled buffers are read where they are. A tile that two products take is stored once; as the last of them reads
// it, too, all threads meet before it is stored again.
// CHECK-LABEL: tile.kernel @buffers(
// CHECK-DAG: %[[RING:.*]] = tile.alloc_shared : !tile.buffer<2x64x64xbf16, 128>
// CHECK-DAG: %[[B:.*]] = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
// CHECK: scf.for
// CHECK: %[[SLOT:.*]] = tile.slot %[[RING]]
// CHECK: %[[X:.*]] = tile.load
// CHECK: tile.barrier
// CHECK-NEXT: tile.buffer_store %[[X]], %[[B]] {unordered}
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: tile.dot_async %[[SLOT]], %[[B]], %{{.*}} {transpose_a, transpose_b}
// CHECK-NEXT: tile.dot_wait 0,
// CHECK: tile.dot_async %{{.*}}, %[[B]], %{{.*}} :
// CHECK-NEXT: tile.dot_wait 0,
// LOWERED-LABEL: llvm.func ptx_kernelcc @buffers(
// LOWERED: cp.async.wait
// LOWERED: fence.proxy
// LOWERED: nvvm.barrier
// LOWERED-COUNT-2: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @buffers(%b: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<[64, 64], f32> {tile.alignment = 16 : i64}) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %columns = tile.range %c0 : tensor<64xi32>
  %ring = tile.alloc_shared : !tile.buffer<2x64x64xbf16, 128>
  %end = tile.dim "N"
  %sum = scf.for %n = %c0 to %end step %c64 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %rows = tile.range %n : tensor<64xi32>
    tile.wait 1
    %slot = tile.slot %ring[%n] : !tile.buffer<2x64x64xbf16, 128> -> !tile.buffer<64x64xbf16, 128>
    %next = tile.slot %ring[%n] : !tile.buffer<2x64x64xbf16, 128> -> !tile.buffer<64x64xbf16, 128>
    tile.copy_async %b[%rows, %columns], %next : !tile.view<["N", 64], bf16>, !tile.buffer<64x64xbf16, 128>, tensor<64xi32>, tensor<64xi32>
    tile.commit
    %l = tile.buffer_load %slot : !tile.buffer<64x64xbf16, 128> -> tensor<64x64xbf16>
    %left = tile.transpose %l : tensor<64x64xbf16> -> tensor<64x64xbf16>
    %r = tile.load %b[%rows, %columns] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
    %right = tile.transpose %r : tensor<64x64xbf16> -> tensor<64x64xbf16>
    %s = tile.dot %left, %right, %zero : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %p = arith.truncf %s : tensor<64x64xf32> to tensor<64x64xbf16>
    %product = tile.dot %p, %r, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  }
  tile.store %sum, %c[%columns, %columns] : tensor<64x64xf32>, !tile.view<[64, 64], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// What stays: products of 16 rows, in a branch, of f32, of elements that threads would store two bytes at a time,
// of what may have changed in its buffer since it was read, with more sums than a thread should hold, and too
// small.
// CHECK-LABEL: tile.kernel @others(
// CHECK-NOT: tile.dot_async
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @others(%b: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %odd: !tile.view<["N", 64], bf16> {tile.alignment = 2 : i64}, %f: !tile.view<["N", 64], f32> {tile.alignment = 16 : i64}, %n: i32, %c: !tile.view<[256, 256], f32> {tile.alignment = 16 : i64}) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %few = arith.constant dense<0.0> : tensor<16x64xf32>
  %many = arith.constant dense<0.0> : tensor<256x256xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %i16 = tile.range %c0 : tensor<16xi32>
  %i256 = tile.range %c0 : tensor<256xi32>
  %x = tile.load %b[%i, %i] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %x16 = tile.load %b[%i16, %i] : (!tile.view<["N", 64], bf16>, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xbf16>
  %x256 = tile.load %b[%i256, %i] : (!tile.view<["N", 64], bf16>, tensor<256xi32>, tensor<64xi32>) -> tensor<256x64xbf16>
  %turned = tile.transpose %x256 : tensor<256x64xbf16> -> tensor<64x256xbf16>
  %unaligned = tile.load %odd[%i, %i] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %wide = tile.load %f[%i, %i] : (!tile.view<["N", 64], f32>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xf32>
  %buffer = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  tile.buffer_store %x, %buffer : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  %read = tile.buffer_load %buffer : !tile.buffer<64x64xbf16, 128> -> tensor<64x64xbf16>
  tile.buffer_store %x, %buffer : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>
  %0 = tile.dot %x16, %x, %few : tensor<16x64xbf16>, tensor<64x64xbf16>, tensor<16x64xf32>
  %1 = tile.dot %wide, %wide, %zero : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
  %2 = tile.dot %x, %unaligned, %1 : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  %3 = tile.dot %x, %read, %2 : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  %4 = tile.dot %x256, %turned, %many : tensor<256x64xbf16>, tensor<64x256xbf16>, tensor<256x256xf32>
  %i32 = tile.range %c0 : tensor<32xi32>
  %x32 = tile.load %b[%i, %i32] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
  %y16 = tile.load %b[%i32, %i16] : (!tile.view<["N", 64], bf16>, tensor<32xi32>, tensor<16xi32>) -> tensor<32x16xbf16>
  %narrow = arith.constant dense<0.0> : tensor<64x16xf32>
  %7 = tile.dot %x32, %y16, %narrow : tensor<64x32xbf16>, tensor<32x16xbf16>, tensor<64x16xf32>
  tile.store %7, %c[%i, %i16] : tensor<64x16xf32>, !tile.view<[256, 256], f32>, tensor<64xi32>, tensor<16xi32>
  %condition = arith.cmpi eq, %n, %c0 : i32
  %5 = scf.if %condition -> (tensor<64x64xf32>) {
    %6 = tile.dot %x, %x, %3 : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %6 : tensor<64x64xf32>
  } else {
    scf.yield %3 : tensor<64x64xf32>
  }
  tile.store %0, %c[%i16, %i] : tensor<16x64xf32>, !tile.view<[256, 256], f32>, tensor<16xi32>, tensor<64xi32>
  tile.store %5, %c[%i, %i] : tensor<64x64xf32>, !tile.view<[256, 256], f32>, tensor<64xi32>, tensor<64xi32>
  tile.store %4, %c[%i256, %i256] : tensor<256x256xf32>, !tile.view<[256, 256], f32>, tensor<256xi32>, tensor<256xi32>
  tile.return
}
}

// -----

// Where a vote may send warps different ways four of them need not come together.
// CHECK-LABEL: tile.kernel @voting(
// CHECK-NOT: tile.dot_async
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @voting(%b: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<[64, 64], f32> {tile.alignment = 16 : i64}) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %x = tile.load %b[%i, %i] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %w = arith.extf %x : tensor<64x64xbf16> to tensor<64x64xf32>
  %flags = arith.cmpf ogt, %w, %zero : tensor<64x64xf32>
  %any = tile.vote any %flags : tensor<64x64xi1>
  %rounds = arith.select %any, %c1, %c0 : i32
  %sum = scf.for %n = %c0 to %rounds step %c1 iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %s = tile.dot %x, %x, %acc : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %s : tensor<64x64xf32>
  }
  tile.store %sum, %c[%i, %i] : tensor<64x64xf32>, !tile.view<[64, 64], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Other targets have no such products.
// CHECK-LABEL: tile.kernel @before(
// CHECK-NOT: tile.dot_async
// LOWERED-LABEL: llvm.func ptx_kernelcc @before(
// LOWERED: nvvm.mma.sync
module attributes {tile.target = #tile.target<"sm_90">} {
tile.kernel @before(%b: !tile.view<["N", 64], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<[64, 64], f32> {tile.alignment = 16 : i64}) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %i = tile.range %c0 : tensor<64xi32>
  %x = tile.load %b[%i, %i] : (!tile.view<["N", 64], bf16>, tensor<64xi32>, tensor<64xi32>) -> tensor<64x64xbf16>
  %s = tile.dot %x, %x, %zero : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tile.store %s, %c[%i, %i] : tensor<64x64xf32>, !tile.view<[64, 64], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}
