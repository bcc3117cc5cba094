// Loads and stores of tensor arguments: widths, predicates, ragged rows, masks, lists, copies, atomics.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-to-nvvm,cse,canonicalize)' | FileCheck %s --check-prefixes=CHECK,SCALAR
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile-attach-target{target=sm_90},tile-to-nvvm,cse,canonicalize)' | FileCheck %s --check-prefixes=CHECK,VECTOR

#quad = #tile.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
#octet = #tile.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [128]], warp = []>
#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#few = #tile.layout<register = [], lane = [[1], [2], [4], [0], [0]], warp = [[0]]>
#one = affine_map<() -> (1, 1, 1)>
!x = !tile.view<[128], f32>
!h = !tile.view<[1000], bf16>
!n = !tile.view<["N"], f32>

// A layout with four neighbours and 16 bytes of alignment load at once; 8 bytes store in halves.
// CHECK-LABEL: llvm.func ptx_kernelcc @vectors(
// CHECK: %[[V:.*]] = llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-2: llvm.store %{{.*}} {alignment = 8 : i64} : vector<2xf32>, !llvm.ptr<1>
// CHECK-NOT: llvm.store
// CHECK-NOT: inline_asm
// CHECK: llvm.return
tile.kernel @vectors(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 8 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32, #quad>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!x, tensor<128xi32, #quad>) -> tensor<128xf32, #quad>
  tile.store %v, %y[%i] {in_bounds = array<i1: true>} : tensor<128xf32, #quad>, !x, tensor<128xi32, #quad>
  tile.return
}

// A bound is a predicate, unsigned so that negative coordinates fail as well; registers hold `other`
// before. The extent is a multiple of the vector, so that a vector is inside or outside as a whole.
// CHECK-LABEL: llvm.func ptx_kernelcc @predicated(
// CHECK: %[[F:.*]] = llvm.load %{{.*}} : !llvm.ptr -> bf16
// CHECK: %[[IN:.*]] = arith.cmpi ult, %{{.*}}, %c1000_i32
// CHECK: llvm.insertelement %[[F]],
// CHECK: llvm.inline_asm has_side_effects "@$5 ld.global.v4.b32 {$0, $1, $2, $3}, [$4];", "=r,=r,=r,=r,l,b,0,1,2,3" %{{.*}}, %[[IN]],
// CHECK: llvm.inline_asm has_side_effects "@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", "l,r,r,r,r,b,~{memory}" {{.*}}, %[[IN]] :
// CHECK: llvm.return
tile.kernel @predicated(%x: !h {tile.alignment = 16 : i64}, %s: i32, %f: bf16, %y: !h {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c8 = arith.constant 8 : i32
  %t = arith.muli %s, %c8 : i32
  %i = tile.range %t : tensor<256xi32, #octet>
  %v = tile.load %x[%i] other %f : (!h, tensor<256xi32, #octet>, bf16) -> tensor<256xbf16, #octet>
  tile.store %v, %y[%i] : tensor<256xbf16, #octet>, !h, tensor<256xi32, #octet>
  tile.return
}

// CHECK-LABEL: llvm.func ptx_kernelcc @streaming(
// CHECK: llvm.inline_asm has_side_effects "st.global.cs.v4.b32 [$0], {$1, $2, $3, $4};", "l,r,r,r,r,~{memory}"
// CHECK: llvm.return
tile.kernel @streaming(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 1 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32, #quad>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!x, tensor<128xi32, #quad>) -> tensor<128xf32, #quad>
  tile.store %v, %y[%i] {in_bounds = array<i1: true>, streaming} : tensor<128xf32, #quad>, !x, tensor<128xi32, #quad>
  tile.return
}

// The extent is known at run time: whole vectors if the program's row fits, compared in 64 bits, else
// one element at a time with a predicate each.
// CHECK-LABEL: llvm.func ptx_kernelcc @ragged(
// CHECK: %[[N:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[START:.*]] = arith.muli %{{.*}}, %c128_i32 : i32
// CHECK: %[[WIDE:.*]] = arith.extsi %[[START]] : i32 to i64
// CHECK: %[[END:.*]] = arith.addi %[[WIDE]], %c128_i64
// CHECK: %[[POSITIVE:.*]] = arith.cmpi sge, %[[START]], %c0_i32
// CHECK: %[[BELOW:.*]] = arith.cmpi sle, %[[END]], %{{.*}} : i64
// CHECK: %[[FITS:.*]] = arith.andi %[[BELOW]], %[[POSITIVE]]
// CHECK: scf.if %[[FITS]]
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK: } else {
// CHECK: %[[I:.*]] = arith.cmpi ult, %{{.*}}, %[[N]]
// CHECK: "@$2 ld.global.b32 $0, [$1];", "=r,l,b,0" %[[FROM:[0-9]+]],
// CHECK: "@$2 ld.global.b32 $0, [$1+4];", "=r,l,b,0" %[[FROM]],
// CHECK: "@$2 ld.global.b32 $0, [$1+8];", "=r,l,b,0" %[[FROM]],
// CHECK: "@$2 ld.global.b32 $0, [$1+12];", "=r,l,b,0" %[[FROM]],
// CHECK: "@$2 st.global.b32 [$0], $1;"
// CHECK-COUNT-3: "@$2 st.global.b32 [$0+{{[48]|12}}], $1;"
// CHECK: }
// CHECK: llvm.return
tile.kernel @ragged(%x: !n {tile.alignment = 16 : i64}, %y: !n {tile.alignment = 16 : i64}) attributes {dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 128, 1, 1)>, inputs = 1 : i64, warps = 1 : i64} {
  %c128 = arith.constant 128 : i32
  %p = tile.program_id 0
  %s = arith.muli %p, %c128 : i32
  %i = tile.range %s : tensor<128xi32, #quad>
  %v = tile.load %x[%i] : (!n, tensor<128xi32, #quad>) -> tensor<128xf32, #quad>
  tile.store %v, %y[%i] : tensor<128xf32, #quad>, !n, tensor<128xi32, #quad>
  tile.return
}

// One bool masks a vector as a whole; a mask that differs within it cuts it in pieces.
// CHECK-LABEL: llvm.func ptx_kernelcc @masked(
// CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: %[[C:.*]] = arith.trunci %[[BYTE]] : i8 to i1
// CHECK: %[[M0:.*]] = arith.cmpi slt
// CHECK: %[[M1:.*]] = arith.cmpi slt
// CHECK: "@$5 ld.global.v4.b32 {{.*}} %{{.*}}, %[[C]],
// CHECK: "@$2 st.global.b32 [$0], $1;", "l,r,b,~{memory}" %{{.*}}, %{{.*}}, %[[M0]] :
// CHECK: "@$2 st.global.b32 [$0+4], $1;", "l,r,b,~{memory}" %{{.*}}, %{{.*}}, %[[M1]] :
// CHECK-COUNT-2: "@$2 st.global.b32
// CHECK-NOT: st.global
// CHECK: llvm.return
tile.kernel @masked(%x: !x {tile.alignment = 16 : i64}, %n: i32, %c: i1, %y: !x {tile.alignment = 16 : i64}) attributes {dims = [], grid = #one, inputs = 3 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32, #quad>
  %e = tensor.splat %n : tensor<128xi32, #quad>
  %m = arith.cmpi slt, %i, %e : tensor<128xi32, #quad>
  %v = tile.load %x[%i] mask %c {in_bounds = array<i1: true>} : (!x, tensor<128xi32, #quad>, i1) -> tensor<128xf32, #quad>
  tile.store %v, %y[%i] mask %m {in_bounds = array<i1: true>} : tensor<128xf32, #quad>, !x, tensor<128xi32, #quad> mask tensor<128xi1, #quad>
  tile.return
}

// Of the threads that hold the same element one stores it: lane bits 3 and 4 and the warp bit are
// clear, 56 in all. A scalar is stored by thread 0. A bool is a byte in memory.
// CHECK-LABEL: llvm.func ptx_kernelcc @copies(
// CHECK: %[[T:.*]] = llvm.inline_asm has_side_effects "mov.u32 $0, %tid.x;", "=r"
// CHECK: %[[BITS:.*]] = arith.andi %[[T]], %c56_i32
// CHECK: %[[OWNER:.*]] = arith.cmpi eq, %[[BITS]], %c0_i32
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK: "@$2 st.global.b32 [$0], $1;", "l,r,b,~{memory}" %{{.*}}, %{{.*}}, %[[OWNER]] :
// CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr<1> -> i8
// CHECK: arith.trunci %[[BYTE]] : i8 to i1
// CHECK: "@$2 st.global.b8 [$0], $1;", "l,h,b,~{memory}" %{{.*}}, %{{.*}}, %[[OWNER]] :
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[T]], %c0_i32
// CHECK: "@$2 st.global.b32 [$0], $1;", "l,r,b,~{memory}" %{{.*}}, %{{.*}}, %[[FIRST]] :
// CHECK: llvm.return
tile.kernel @copies(%x: !tile.view<[8], f32>, %b: !tile.view<[8], i1>, %y: !tile.view<[8], f32>, %z: !tile.view<[8], i1>) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<8xi32, #few>
  %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!tile.view<[8], f32>, tensor<8xi32, #few>) -> tensor<8xf32, #few>
  tile.store %v, %y[%i] {in_bounds = array<i1: true>} : tensor<8xf32, #few>, !tile.view<[8], f32>, tensor<8xi32, #few>
  %w = tile.load %b[%i] {in_bounds = array<i1: true>} : (!tile.view<[8], i1>, tensor<8xi32, #few>) -> tensor<8xi1, #few>
  tile.store %w, %z[%i] {in_bounds = array<i1: true>} : tensor<8xi1, #few>, !tile.view<[8], i1>, tensor<8xi32, #few>
  %s = tile.load %x[%c0] {in_bounds = array<i1: true>} : (!tile.view<[8], f32>, i32) -> f32
  tile.store %s, %y[%c0] {in_bounds = array<i1: true>} : f32, !tile.view<[8], f32>, i32
  tile.return
}

// A list of rows: each of its registers has an offset of its own, in 64 bits, and a check. A
// coordinate below 0 has no element, whatever its address.
// CHECK-LABEL: llvm.func ptx_kernelcc @gather(
// CHECK: %[[R0:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> i32
// CHECK: %[[R1:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> i32
// CHECK: %[[W0:.*]] = arith.extui %[[R0]] : i32 to i64
// CHECK: arith.muli %[[W0]], %c512_i64
// CHECK: %[[IN0:.*]] = arith.cmpi ult, %[[R0]], %c64_i32
// CHECK: ld.global.v4.b32 {{.*}}, %[[IN0]],
// CHECK: %[[IN1:.*]] = arith.cmpi ult, %[[R1]], %c64_i32
// CHECK: ld.global.v4.b32 {{.*}}, %[[IN1]],
// CHECK-COUNT-2: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK: llvm.return
tile.kernel @gather(%x: !tile.view<[64, 128], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: 128, 1>}, %r: !tile.view<[2], i32>, %y: !tile.view<[2, 128], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: 128, 1>}) attributes {dims = [], grid = #one, inputs = 2 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %j = tile.range %c0 : tensor<128xi32, #quad>
  %i = tile.range %c0 : tensor<2xi32, #tile.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>>
  %rows = tile.load %r[%i] {in_bounds = array<i1: true>} : (!tile.view<[2], i32>, tensor<2xi32, #tile.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>>) -> tensor<2xi32, #tile.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>>
  %v = tile.load %x[%rows, %j] {in_bounds = array<i1: false, true>} : (!tile.view<[64, 128], f32>, tensor<2xi32, #tile.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>>, tensor<128xi32, #quad>) -> tensor<2x128xf32, #tile.layout<register = [[0, 1], [0, 2], [1, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [0, 64]], warp = []>>
  tile.store %v, %y[%i, %j] {in_bounds = array<i1: true, true>} : tensor<2x128xf32, #tile.layout<register = [[0, 1], [0, 2], [1, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [0, 64]], warp = []>>, !tile.view<[2, 128], f32>, tensor<2xi32, #tile.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>>, tensor<128xi32, #quad>
  tile.return
}

// Relaxed. Inside of the tensor nothing is predicated, but for one branch where that is not proven. What PTX has
// no `red` for is left to LLVM, each behind its bound; of a scalar only one is done.
// CHECK-LABEL: llvm.func ptx_kernelcc @atomics(
// CHECK: %[[T:.*]] = llvm.inline_asm has_side_effects "mov.u32 $0, %tid.x;", "=r"
// CHECK: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.f32 [$0], $1;", "l,f,~{memory}" %{{.*}} : (!llvm.ptr<1>, f32) -> ()
// CHECK: scf.if
// CHECK-NEXT: llvm.atomicrmw fmax %{{.*}} monotonic : !llvm.ptr<1>, f32
// CHECK: %[[END:.*]] = arith.addi %{{.*}}, %c32_i64
// CHECK: %[[FITS:.*]] = arith.cmpi sle, %[[END]], %c128_i64
// CHECK: scf.if
// CHECK: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.min.s32 [$0], $1;", "l,r,~{memory}"
// CHECK: } else {
// CHECK: llvm.inline_asm has_side_effects "@$2 red.relaxed.gpu.global.min.s32 [$0], $1;", "l,r,b,~{memory}"
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[T]], %c0_i32
// CHECK: llvm.inline_asm has_side_effects "@$2 red.relaxed.gpu.global.or.b32 [$0], $1;", "l,r,b,~{memory}" %{{.*}}, %{{.*}}, %[[FIRST]]
// CHECK: llvm.return
tile.kernel @atomics(%x: !x {tile.alignment = 16 : i64}, %n: !tile.view<[128], i32>, %f: f32, %s: i32) attributes {dims = [], grid = #one, inputs = 0 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<32xi32, #lanes>
  %j = tile.range %s : tensor<32xi32, #lanes>
  %v = tensor.splat %f : tensor<32xf32, #lanes>
  tile.atomic_rmw add %v, %x[%i] {in_bounds = array<i1: true>} : tensor<32xf32, #lanes>, !x, tensor<32xi32, #lanes>
  tile.atomic_rmw max %v, %x[%j] : tensor<32xf32, #lanes>, !x, tensor<32xi32, #lanes>
  tile.atomic_rmw min %i, %n[%j] : tensor<32xi32, #lanes>, !tile.view<[128], i32>, tensor<32xi32, #lanes>
  tile.atomic_rmw or %c0, %n[%c0] {in_bounds = array<i1: true>} : i32, !tile.view<[128], i32>, i32
  tile.return
}

// Vectors where the target has them: as many as layout and alignment allow. Where the row may end inside of a
// vector, only behind the branch. Other types and kinds go one by one.
// CHECK-LABEL: llvm.func ptx_kernelcc @vectors_of_atomics(
// VECTOR: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.v4.f32 [$0], {$1, $2, $3, $4};", "l,f,f,f,f,~{memory}"
// VECTOR-COUNT-2: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.v2.f32 [$0{{.*}}], {$1, $2};", "l,f,f,~{memory}"
// SCALAR-COUNT-8: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.f32 [$0{{.*}}], $1;"
// CHECK-NOT: red
// CHECK: scf.if
// VECTOR: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.v4.f32 [$0], {$1, $2, $3, $4};", "l,f,f,f,f,~{memory}"
// SCALAR-COUNT-4: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.f32 [$0{{.*}}], $1;"
// CHECK: } else {
// CHECK-COUNT-4: llvm.inline_asm has_side_effects "@$2 red.relaxed.gpu.global.add.f32 [$0{{.*}}], $1;", "l,f,b,~{memory}"
// CHECK-COUNT-4: llvm.inline_asm has_side_effects "red.relaxed.gpu.global.add.u32 [$0{{.*}}], $1;", "l,r,~{memory}"
// CHECK-NOT: red
// CHECK: llvm.return
tile.kernel @vectors_of_atomics(%x: !x {tile.alignment = 16 : i64}, %y: !x {tile.alignment = 8 : i64}, %n: !n {tile.alignment = 16 : i64}, %k: !tile.view<[128], i32> {tile.alignment = 16 : i64}, %f: f32) attributes {dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 128, 1, 1)>, inputs = 0 : i64, warps = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32, #quad>
  %v = tensor.splat %f : tensor<128xf32, #quad>
  tile.atomic_rmw add %v, %x[%i] {in_bounds = array<i1: true>} : tensor<128xf32, #quad>, !x, tensor<128xi32, #quad>
  tile.atomic_rmw add %v, %y[%i] {in_bounds = array<i1: true>} : tensor<128xf32, #quad>, !x, tensor<128xi32, #quad>
  tile.atomic_rmw add %v, %n[%i] : tensor<128xf32, #quad>, !n, tensor<128xi32, #quad>
  tile.atomic_rmw add %i, %k[%i] {in_bounds = array<i1: true>} : tensor<128xi32, #quad>, !tile.view<[128], i32>, tensor<128xi32, #quad>
  tile.return
}
