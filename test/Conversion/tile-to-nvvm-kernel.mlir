// The kernel as a function: words of parameters, attributes, and the program's place in a linear grid.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s

#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>

// One array of words: the pointer and the strides of each view, the scalars, the dims, the grid and what
// divides by it. 1 + 2, 3 scalars, 1 + 3, 2 dims, 3 extents and 2 divisions make 17.
// CHECK: llvm.mlir.global external @lighthouse_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.func ptx_kernelcc @signature(%[[A:.*]]: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<17 x i64>})
// CHECK-SAME: passthrough = {{\[\[}}"nvvm.maxntid", "128"], ["nvvm.minctasm", "1"], ["lighthouse.shared", "0"]]
// Words that nobody needs are not read: strides that are known, the stride of a last dim.
// CHECK: %[[X:.*]] = llvm.load %[[A]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[GX:.*]] = llvm.addrspacecast %[[X]] : !llvm.ptr to !llvm.ptr<1>
// CHECK: %[[P1:.*]] = llvm.getelementptr %[[A]][1]
// CHECK: %[[STRIDE:.*]] = llvm.load %[[P1]] : !llvm.ptr -> i64
// CHECK: %[[P3:.*]] = llvm.getelementptr %[[A]][3]
// CHECK: %[[N:.*]] = llvm.load %[[P3]] : !llvm.ptr -> i32
// A bool is a byte; the bf16 in word 4 is not used.
// CHECK: %[[P5:.*]] = llvm.getelementptr %[[A]][5]
// CHECK: %[[B5:.*]] = llvm.load %[[P5]] : !llvm.ptr -> i8
// CHECK: %[[FLAG:.*]] = arith.trunci %[[B5]] : i8 to i1
// CHECK: llvm.getelementptr %[[A]][6]
// CHECK: llvm.getelementptr %[[A]][10]
// CHECK: %[[P11:.*]] = llvm.getelementptr %[[A]][11]
// CHECK: %[[DIM:.*]] = llvm.load %[[P11]] : !llvm.ptr -> i32
// CHECK: %[[P12:.*]] = llvm.getelementptr %[[A]][12]
// CHECK: %[[G0:.*]] = llvm.load %[[P12]] : !llvm.ptr -> i32
// CHECK: %[[P13:.*]] = llvm.getelementptr %[[A]][13]
// CHECK: %[[G1:.*]] = llvm.load %[[P13]] : !llvm.ptr -> i32
// CHECK: %[[P15:.*]] = llvm.getelementptr %[[A]][15]
// CHECK: %[[D0:.*]] = llvm.load %[[P15]] : !llvm.ptr -> i64
// CHECK: %[[P16:.*]] = llvm.getelementptr %[[A]][16]
// CHECK: %[[D1:.*]] = llvm.load %[[P16]] : !llvm.ptr -> i64
// The first axis is fastest in the line of blocks, which is divided by multiplication.
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK: %[[M0:.*]] = arith.andi %[[D0]], %c4294967295_i64
// CHECK: %[[S0:.*]] = arith.shrui %[[D0]], %c32_i64
// CHECK: %[[WIDE:.*]] = arith.extui %[[BLOCK]] : i32 to i64
// CHECK: %[[PRODUCT:.*]] = arith.muli %[[WIDE]], %[[M0]] : i64
// CHECK: %[[SHIFTED:.*]] = arith.shrui %[[PRODUCT]], %[[S0]] : i64
// CHECK: %[[REST:.*]] = arith.trunci %[[SHIFTED]] : i64 to i32
// CHECK: %[[BEFORE:.*]] = arith.muli %[[REST]], %[[G0]] : i32
// CHECK: %[[ID0:.*]] = arith.subi %[[BLOCK]], %[[BEFORE]] : i32
// CHECK: %[[S1:.*]] = arith.shrui %[[D1]], %c32_i64
// CHECK: %[[ID2:.*]] = arith.trunci %{{.*}} : i64 to i32
// CHECK: %[[INNER:.*]] = arith.muli %[[ID2]], %[[G1]] : i32
// CHECK: %[[ID1:.*]] = arith.subi %[[REST]], %[[INNER]] : i32
// CHECK: %[[T:.*]] = llvm.inline_asm has_side_effects "mov.u32 $0, %tid.x;", "=r"
// CHECK: %[[LANE:.*]] = arith.andi %[[T]], %c31_i32
// CHECK: %[[W:.*]] = arith.shrui %[[T]], %c5_i32
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync idx %{{.*}}, %[[W]],
// Lanes and warps add their bits to the coordinates; offsets are bytes in 64 bits.
// CHECK: %[[W3:.*]] = arith.andi %[[WARP]], %c3_i32
// CHECK: %[[W32:.*]] = arith.shli %[[W3]], %c5_i32
// CHECK: %[[ME:.*]] = arith.ori %[[LANE]], %[[W32]]
// CHECK: %[[I:.*]] = arith.addi %[[ID0]], %[[ME]] : i32
// CHECK: %[[ROW:.*]] = arith.extsi %[[ID1]] : i32 to i64
// CHECK: arith.muli %[[ROW]], %[[STRIDE]] : i64
// CHECK: arith.cmpi ult, %[[I]], %[[DIM]]
// CHECK: ld.global.b32
// Constant strides are constants.
// CHECK: arith.muli %{{.*}}, %c4096_i64
// CHECK: st.global.b32
// CHECK: arith.addi %[[DIM]], %c3_i32
// CHECK: llvm.return
tile.kernel @signature(%x: !tile.view<["B", "N"], f32> {tile.strides = array<i64: -9223372036854775808, 1>}, %n: i32, %f: bf16, %flag: i1, %y: !tile.view<[4, 8, 128], f32> {tile.strides = array<i64: 1024, 128, 1>}) attributes {
    dims = ["B", "N"], grid = affine_map<()[b, n] -> (n ceildiv 64, b, 3)>, inputs = 0 : i64} {
  %p0 = tile.program_id 0
  %p1 = tile.program_id 1
  %p2 = tile.program_id 2
  %c = tile.num_programs 0
  %c2 = tile.num_programs 2
  %dim = tile.dim "N"
  %i = tile.range %p0 : tensor<128xi32, #lanes>
  %v = tile.load %x[%p1, %i] : (!tile.view<["B", "N"], f32>, i32, tensor<128xi32, #lanes>) -> tensor<128xf32, #lanes>
  tile.store %v, %y[%p2, %c, %i] : tensor<128xf32, #lanes>, !tile.view<[4, 8, 128], f32>, i32, i32, tensor<128xi32, #lanes>
  %s = arith.addi %c2, %dim : i32
  %t = arith.addi %s, %n : i32
  %r = tile.load %x[%t, %c] mask %flag : (!tile.view<["B", "N"], f32>, i32, i32, i1) -> f32
  tile.store %r, %x[%t, %c] : f32, !tile.view<["B", "N"], f32>, i32, i32
  tile.return
}

// A line of programs is not divided; the other coordinates are zero. One warp.
// CHECK: llvm.func ptx_kernelcc @line(%{{.*}}: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<8 x i64>})
// CHECK-SAME: ["nvvm.maxntid", "32"]
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK-NOT: arith.remui
// CHECK-NOT: arith.divui
// CHECK: arith.extsi %[[BLOCK]] : i32 to i64
// CHECK: llvm.return
tile.kernel @line(%y: !tile.view<[4], f32>, %f: f32) attributes {
    dims = [], grid = affine_map<() -> (4, 1, 1)>, inputs = 0 : i64, warps = 1 : i64} {
  %p0 = tile.program_id 0
  %p1 = tile.program_id 1
  %s = arith.addi %p0, %p1 : i32
  tile.store %f, %y[%s] : f32, !tile.view<[4], f32>, i32
  tile.return
}

// A grid that is known divides by constants.
// CHECK: llvm.func ptx_kernelcc @plane
// CHECK-SAME: ["nvvm.maxntid", "1024"]
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK: %[[REST:.*]] = arith.divui %[[BLOCK]], %c4_i32
// CHECK: %[[BEFORE:.*]] = arith.muli %[[REST]], %c4_i32
// CHECK: arith.subi %[[BLOCK]], %[[BEFORE]]
// CHECK-NOT: arith.shrui %{{.*}} : i64
// CHECK: llvm.return
tile.kernel @plane(%y: !tile.view<[4, 5], f32>, %f: f32) attributes {
    dims = [], grid = affine_map<() -> (4, 5, 1)>, inputs = 0 : i64, warps = 32 : i64} {
  %p0 = tile.program_id 0
  %p1 = tile.program_id 1
  tile.store %f, %y[%p0, %p1] : f32, !tile.view<[4, 5], f32>, i32, i32
  tile.return
}
