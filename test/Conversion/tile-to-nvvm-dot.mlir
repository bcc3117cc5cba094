// Products: mma.sync for 16-bit floats and tf32, fused multiply-adds over shared memory for the rest.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#acc = #tile.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#acc2 = #tile.layout<register = [[0, 1], [8, 0], [0, 8]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>
#left = #tile.layout<register = [[0, 1], [8, 0], [0, 8]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#left2 = #tile.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>
#right = #tile.layout<register = [[1, 0], [8, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#right2 = #tile.layout<register = [[1, 0], [8, 0], [0, 8], [16, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 0]]>
#left32 = #tile.layout<register = [[8, 0], [0, 4]], lane = [[0, 1], [0, 2], [1, 0], [2, 0], [4, 0]], warp = []>
#right32 = #tile.layout<register = [[4, 0]], lane = [[1, 0], [2, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#plain = #tile.layout<register = [[0, 1], [0, 2], [1, 0], [2, 0]], lane = [[0, 4], [0, 8], [4, 0], [8, 0], [0, 0]], warp = []>
#any = #tile.layout<register = [[4, 0], [8, 0]], lane = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0]], warp = []>
#any2 = #tile.layout<register = [[2, 0], [4, 0]], lane = [[0, 1], [0, 2], [0, 4], [0, 8], [1, 0]], warp = []>
#c = #tile.layout<register = [[1]], lane = [[2], [4], [0], [0], [0]], warp = []>
#r = #tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = []>
#rows = #tile.layout<register = [[1], [2]], lane = [[0], [0], [4], [8], [0]], warp = []>
#columns = #tile.layout<register = [[1], [2]], lane = [[4], [8], [0], [0], [0]], warp = []>
#one = affine_map<() -> (1, 1, 1)>
// One instruction for 16 x 8 x 16: four words of the left, two of the right, four sums.
// CHECK-LABEL: llvm.func ptx_kernelcc @bf16(
// CHECK: %[[S:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK: %[[W:.*]] = llvm.bitcast %{{.*}} : vector<2xbf16> to i32
// CHECK: nvvm.mma.sync A[%[[W]], %[[W]], %[[W]], %[[W]]] B[%[[W]], %[[W]]] C[%[[S]], %[[S]], %[[S]], %[[S]]] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
// CHECK-NOT: mma.sync
// CHECK: llvm.return
tile.kernel @bf16(%f: bf16, %s: f32, %y: !tile.view<[16, 8], f32> {tile.alignment = 8 : i64, tile.strides = array<i64: 8, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x16xbf16, #left>
  %b = tensor.splat %f : tensor<16x8xbf16, #right>
  %c = tensor.splat %s : tensor<16x8xf32, #acc>
  %d = tile.dot %a, %b, %c : tensor<16x16xbf16, #left>, tensor<16x8xbf16, #right>, tensor<16x8xf32, #acc>
  %i = tile.range %c0 : tensor<16xi32, #r>
  %j = tile.range %c0 : tensor<8xi32, #c>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x8xf32, #acc>, !tile.view<[16, 8], f32>, tensor<16xi32, #r>, tensor<8xi32, #c>
  tile.return
}

// CHECK-LABEL: llvm.func ptx_kernelcc @f16(
// CHECK: nvvm.mma.sync {{.*}}k = 16{{.*}} : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
// CHECK-NOT: mma.sync
// CHECK: llvm.return
tile.kernel @f16(%f: f16, %s: f32, %y: !tile.view<[16, 8], f32> {tile.alignment = 8 : i64, tile.strides = array<i64: 8, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x16xf16, #left>
  %b = tensor.splat %f : tensor<16x8xf16, #right>
  %c = tensor.splat %s : tensor<16x8xf32, #acc>
  %d = tile.dot %a, %b, %c : tensor<16x16xf16, #left>, tensor<16x8xf16, #right>, tensor<16x8xf32, #acc>
  %i = tile.range %c0 : tensor<16xi32, #r>
  %j = tile.range %c0 : tensor<8xi32, #c>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x8xf32, #acc>, !tile.view<[16, 8], f32>, tensor<16xi32, #r>, tensor<8xi32, #c>
  tile.return
}

// Operands are rounded to nearest, not cut off.
// CHECK-LABEL: llvm.func ptx_kernelcc @tf32(
// CHECK-COUNT-6: nvvm.convert.float.to.tf32 %{{.*}} {rnd = #nvvm.fp_rnd_mode<rna>}
// CHECK: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<tf32>{{.*}}k = 8
// CHECK-NOT: to.tf32
// CHECK-NOT: mma.sync
// CHECK: llvm.return
tile.kernel @tf32(%f: f32, %s: f32, %y: !tile.view<[16, 8], f32> {tile.alignment = 8 : i64, tile.strides = array<i64: 8, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x8xf32, #left32>
  %b = tensor.splat %f : tensor<8x8xf32, #right32>
  %c = tensor.splat %s : tensor<16x8xf32, #acc>
  %d = tile.dot %a, %b, %c {tf32} : tensor<16x8xf32, #left32>, tensor<8x8xf32, #right32>, tensor<16x8xf32, #acc>
  %i = tile.range %c0 : tensor<16xi32, #r>
  %j = tile.range %c0 : tensor<8xi32, #c>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x8xf32, #acc>, !tile.view<[16, 8], f32>, tensor<16xi32, #r>, tensor<8xi32, #c>
  tile.return
}

// Two warps share the rows; each does two blocks of columns in two steps along K, the sums of the
// first step going into the second.
// CHECK-LABEL: llvm.func ptx_kernelcc @steps(
// CHECK: %[[D0:.*]] = nvvm.mma.sync
// CHECK: %[[E0:.*]] = llvm.extractvalue %[[D0]][0]
// CHECK: nvvm.mma.sync
// CHECK: nvvm.mma.sync {{.*}} C[%[[E0]], %{{.*}}, %{{.*}}, %{{.*}}]
// CHECK: nvvm.mma.sync
// CHECK-NOT: mma.sync
// CHECK: llvm.return
tile.kernel @steps(%f: bf16, %s: f32, %y: !tile.view<[32], f32>) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<32x32xbf16, #left2>
  %b = tensor.splat %f : tensor<32x16xbf16, #right2>
  %c = tensor.splat %s : tensor<32x16xf32, #acc2>
  %d = tile.dot %a, %b, %c : tensor<32x32xbf16, #left2>, tensor<32x16xbf16, #right2>, tensor<32x16xf32, #acc2>
  %e = tile.reduce add %d axis 1 : tensor<32x16xf32, #acc2> -> tensor<32xf32, #tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16]]>>
  %i = tile.range %c0 : tensor<32xi32, #tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16]]>>
  tile.store %e, %y[%i] {in_bounds = array<i1: true>} : tensor<32xf32, #tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16]]>>, !tile.view<[32], f32>, tensor<32xi32, #tile.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16]]>>
  tile.return
}

// Both operands in shared memory, 16 x 8 without and 8 x 16 with padding: rows of 32 and 64 bytes grow
// by 16. 16 * 48 + 8 * 80 = 1408. A thread has 4 x 4 sums and reads 4 + 4 elements a step.
// CHECK-LABEL: llvm.func ptx_kernelcc @single(
// CHECK-SAME: ["lighthouse.shared", "1408"]
// CHECK: nvvm.barrier
// CHECK-COUNT-8: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: scf.for %{{.*}} = %c0_i32 to %c8_i32 step %c1_i32
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// CHECK: math.fma %{{.*}} : f32
// CHECK-COUNT-15: math.fma
// CHECK-NOT: math.fma
// CHECK: scf.yield
// CHECK-NOT: barrier
// CHECK: llvm.return
tile.kernel @single(%f: f32, %s: f32, %y: !tile.view<[16, 16], f32> {tile.strides = array<i64: 16, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x8xf32, #any>
  %b = tensor.splat %f : tensor<8x16xf32, #any2>
  %c = tensor.splat %s : tensor<16x16xf32, #plain>
  %d = tile.dot %a, %b, %c : tensor<16x8xf32, #any>, tensor<8x16xf32, #any2>, tensor<16x16xf32, #plain>
  %i = tile.range %c0 : tensor<16xi32, #rows>
  %j = tile.range %c0 : tensor<16xi32, #columns>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x16xf32, #plain>, !tile.view<[16, 16], f32>, tensor<16xi32, #rows>, tensor<16xi32, #columns>
  tile.return
}

// CHECK-LABEL: llvm.func ptx_kernelcc @double(
// CHECK-SAME: ["lighthouse.shared", "2432"]
// CHECK: nvvm.barrier
// CHECK: llvm.store %{{.*}} : f64, !llvm.ptr<3>
// CHECK: math.fma %{{.*}} : f64
// CHECK: llvm.return
tile.kernel @double(%f: f64, %s: f64, %y: !tile.view<[16, 16], f64> {tile.strides = array<i64: 16, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x8xf64, #any>
  %b = tensor.splat %f : tensor<8x16xf64, #any2>
  %c = tensor.splat %s : tensor<16x16xf64, #plain>
  %d = tile.dot %a, %b, %c : tensor<16x8xf64, #any>, tensor<8x16xf64, #any2>, tensor<16x16xf64, #plain>
  %i = tile.range %c0 : tensor<16xi32, #rows>
  %j = tile.range %c0 : tensor<16xi32, #columns>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x16xf64, #plain>, !tile.view<[16, 16], f64>, tensor<16xi32, #rows>, tensor<16xi32, #columns>
  tile.return
}

// 16-bit floats whose extents do not fit the tensor cores are widened on their way.
// CHECK-LABEL: llvm.func ptx_kernelcc @half(
// CHECK-SAME: ["lighthouse.shared", "1408"]
// CHECK: %[[W:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK: llvm.store %[[W]], %{{.*}} : f32, !llvm.ptr<3>
// CHECK: math.fma %{{.*}} : f32
// CHECK-NOT: mma.sync
// CHECK: llvm.return
tile.kernel @half(%f: f16, %s: f32, %y: !tile.view<[16, 16], f32> {tile.strides = array<i64: 16, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %a = tensor.splat %f : tensor<16x8xf16, #any>
  %b = tensor.splat %f : tensor<8x16xf16, #any2>
  %c = tensor.splat %s : tensor<16x16xf32, #plain>
  %d = tile.dot %a, %b, %c : tensor<16x8xf16, #any>, tensor<8x16xf16, #any2>, tensor<16x16xf32, #plain>
  %i = tile.range %c0 : tensor<16xi32, #rows>
  %j = tile.range %c0 : tensor<16xi32, #columns>
  tile.store %d, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<16x16xf32, #plain>, !tile.view<[16, 16], f32>, tensor<16xi32, #rows>, tensor<16xi32, #columns>
  tile.return
}
