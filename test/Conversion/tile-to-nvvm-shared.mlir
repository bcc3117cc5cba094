// Buffers: slots, asynchronous copies of every width, swizzled addresses, ldmatrix.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#v8 = #tile.layout<register = [[0, 1], [0, 2], [0, 4], [4, 0], [8, 0], [16, 0]], lane = [[0, 8], [0, 16], [0, 32], [1, 0], [2, 0]], warp = []>
#v8r = #tile.layout<register = [[4], [8], [16]], lane = [[0], [0], [0], [1], [2]], warp = []>
#v8c = #tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [0], [0]], warp = []>
#left = #tile.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16], [0, 32], [16, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#right = #tile.layout<register = [[1, 0], [8, 0], [0, 8], [0, 16], [0, 32], [16, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#sums = #tile.layout<register = [[8], [16]], lane = [[0], [0], [1], [2], [4]], warp = []>
#columns = #tile.layout<register = [[8], [16], [32]], lane = [[0], [0], [1], [2], [4]], warp = []>
#few = #tile.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#one = affine_map<() -> (1, 1, 1)>
!b = !tile.buffer<32x64xbf16, 128>
!x = !tile.view<[32, 64], bf16>

// A slot of two is a mask, a slot of three a remainder. 16 bytes go around the first cache.
// CHECK-LABEL: llvm.func ptx_kernelcc @ring(
// CHECK-SAME: ["lighthouse.shared", "20480"]
// CHECK: %[[K:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[BIT:.*]] = arith.andi %[[K]], %c1_i32
// CHECK: %[[S:.*]] = arith.muli %[[BIT]], %c4096_i32
// CHECK: %[[REST:.*]] = arith.remui %[[K]], %c3_i32
// CHECK: arith.muli %[[REST]], %c4096_i32
// The swizzle: a thread combines its chunk with its row, a register its own constant. Row 4 of the
// second register flips chunk bit 2, 64 bytes; rows 8 and 16 flip nothing in eight chunks.
// CHECK: arith.xori
// CHECK: "cp.async.cg.shared.global [$0], [$1], 16;", "r,l,~{memory}"
// CHECK: arith.xori %{{.*}}, %c64_i32
// CHECK: "cp.async.cg.shared.global [$0+512], [$1+512], 16;", "r,l,~{memory}"
// CHECK-COUNT-6: "cp.async.cg.shared.global [$0+{{[0-9]+}}], [$1+{{[0-9]+}}], 16;", "r,l,~{memory}"
// Without a swizzle there is nothing to combine.
// CHECK-NOT: arith.xori
// CHECK: "cp.async.cg.shared.global [$0], [$1], 16;", "r,l,~{memory}" %[[TO:[0-9]+]], %[[FROM:[0-9]+]] :
// CHECK-COUNT-7: "cp.async.cg.shared.global [$0+{{[0-9]+}}], [$1+{{[0-9]+}}], 16;", "r,l,~{memory}" %[[TO]], %[[FROM]] :
// CHECK-NOT: cp.async.cg
// CHECK: nvvm.cp.async.commit.group
// A wait makes what has arrived visible to all threads.
// CHECK: nvvm.cp.async.wait.group 1
// CHECK-NEXT: nvvm.barrier
// CHECK: llvm.return
tile.kernel @ring(%x: !x {tile.alignment = 16 : i64, tile.strides = array<i64: 64, 1>}, %k: i32, %y: !tile.view<[32], bf16>) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<32xi32, #v8r>
  %j = tile.range %c0 : tensor<64xi32, #v8c>
  %two = tile.alloc_shared : !tile.buffer<2x32x64xbf16, 128>
  %three = tile.alloc_shared : !tile.buffer<3x32x64xbf16>
  %s = tile.slot %two[%k] : !tile.buffer<2x32x64xbf16, 128> -> !b
  %t = tile.slot %three[%k] : !tile.buffer<3x32x64xbf16> -> !tile.buffer<32x64xbf16>
  tile.copy_async %x[%i, %j], %s {in_bounds = array<i1: true, true>} : !x, !b, tensor<32xi32, #v8r>, tensor<64xi32, #v8c>
  tile.copy_async %x[%i, %j], %t {in_bounds = array<i1: true, true>} : !x, !tile.buffer<32x64xbf16>, tensor<32xi32, #v8r>, tensor<64xi32, #v8c>
  tile.commit
  tile.wait 1
  tile.return
}

// 4 and 8 bytes go through the first cache; outside of the tensor no byte is read and zeros are written.
// CHECK-LABEL: llvm.func ptx_kernelcc @widths(
// CHECK: %[[IN:.*]] = arith.cmpi ult
// CHECK: %[[BYTES:.*]] = arith.select %[[IN]], %c4_i32, %c0_i32
// CHECK: "cp.async.ca.shared.global [$0], [$1], 4, $2;", "r,l,r,~{memory}" %{{.*}}, %{{.*}}, %[[BYTES]] :
// CHECK: "cp.async.ca.shared.global [$0], [$1], 8;", "r,l,~{memory}"
// Two bytes are too few: a load and a store, by one of the threads that hold the element.
// CHECK: %[[H:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> f16
// CHECK: scf.if %[[OWNER:.*]] {
// CHECK: llvm.store %[[H]], %{{.*}} : f16, !llvm.ptr<3>
// CHECK: }
// Nor does a copy run twice.
// CHECK: "@$2 cp.async.ca.shared.global [$0], [$1], 4, $3;", "r,l,b,r,~{memory}" %{{.*}}, %{{.*}}, %[[OWNER]], %{{.*}} :
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: llvm.return
tile.kernel @widths(%x: !tile.view<["N"], f32> {tile.alignment = 16 : i64}, %d: !tile.view<[32], f64>, %h: !tile.view<[16], f16>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 3 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<32xi32, #lanes>
  %j = tile.range %c0 : tensor<16xi32, #few>
  %f = tile.alloc_shared : !tile.buffer<32xf32>
  %g = tile.alloc_shared : !tile.buffer<32xf64>
  %e = tile.alloc_shared : !tile.buffer<16xf16>
  %q = tile.alloc_shared : !tile.buffer<16xf32>
  tile.copy_async %x[%i], %f : !tile.view<["N"], f32>, !tile.buffer<32xf32>, tensor<32xi32, #lanes>
  tile.copy_async %d[%i], %g {in_bounds = array<i1: true>} : !tile.view<[32], f64>, !tile.buffer<32xf64>, tensor<32xi32, #lanes>
  tile.copy_async %h[%j], %e {in_bounds = array<i1: true>} : !tile.view<[16], f16>, !tile.buffer<16xf16>, tensor<16xi32, #few>
  tile.copy_async %x[%j], %q : !tile.view<["N"], f32>, !tile.buffer<16xf32>, tensor<16xi32, #few>
  tile.commit
  tile.wait 0
  tile.return
}

// Stores of 16 bytes between two barriers. Operands of products come by ldmatrix, four matrices at a
// time: 32 x 64 elements are eight loads. Where the pairs lie along the columns they are transposed.
// CHECK-LABEL: llvm.func ptx_kernelcc @matrices(
// CHECK: nvvm.barrier
// CHECK-COUNT-8: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK-COUNT-8: nvvm.ldmatrix %{{.*}} {{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK-NOT: x4.b16
// CHECK-COUNT-8: nvvm.ldmatrix %{{.*}} {{.*}}layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
tile.kernel @matrices(%f: bf16, %y: !tile.view<[32], bf16>, %z: !tile.view<[64], bf16>) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %buf = tile.alloc_shared : !b
  %v = tensor.splat %f : tensor<32x64xbf16, #v8>
  tile.buffer_store %v, %buf : tensor<32x64xbf16, #v8>, !b
  %a = tile.buffer_load %buf : !b -> tensor<32x64xbf16, #left>
  %b = tile.buffer_load %buf : !b -> tensor<32x64xbf16, #right>
  %s = tile.reduce add %a axis 1 : tensor<32x64xbf16, #left> -> tensor<32xbf16, #sums>
  %t = tile.reduce add %b axis 0 : tensor<32x64xbf16, #right> -> tensor<64xbf16, #columns>
  %i = tile.range %c0 : tensor<32xi32, #sums>
  %j = tile.range %c0 : tensor<64xi32, #columns>
  tile.store %s, %y[%i] {in_bounds = array<i1: true>} : tensor<32xbf16, #sums>, !tile.view<[32], bf16>, tensor<32xi32, #sums>
  tile.store %t, %z[%j] {in_bounds = array<i1: true>} : tensor<64xbf16, #columns>, !tile.view<[64], bf16>, tensor<64xi32, #columns>
  tile.return
}

// Only what is ordered has barriers.
// CHECK-LABEL: llvm.func ptx_kernelcc @unordered(
// CHECK-NOT: barrier
// CHECK-COUNT-8: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @unordered(%f: bf16) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %buf = tile.alloc_shared : !b
  %v = tensor.splat %f : tensor<32x64xbf16, #v8>
  tile.buffer_store %v, %buf {unordered} : tensor<32x64xbf16, #v8>, !b
  tile.return
}
