// Loads and stores: which checks are made, and how.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v4 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[m, n] -> (m, 1, 1)>
!x = !tile.view<["M", "N"], f32>
!w = !tile.view<["M", 64], f32>

// The words are pointer and strides of each view, then the dims. The lanes of a row are checked by a mask,
// which is empty in a row outside; what is outside becomes zero. The comparisons are unsigned: one for
// both ends.
// CHECK-LABEL: func.func @checked(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr, %[[GRID:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK: %[[X:.*]] = llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[A1:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[XSTRIDE:.*]] = llvm.load %[[A1]] : !llvm.ptr -> i64
// CHECK: %[[A3:.*]] = llvm.getelementptr %[[ARGS]][3]
// CHECK: %[[Y:.*]] = llvm.load %[[A3]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[A6:.*]] = llvm.getelementptr %[[ARGS]][6]
// CHECK: %[[M:.*]] = llvm.load %[[A6]] : !llvm.ptr -> i32
// CHECK: %[[A7:.*]] = llvm.getelementptr %[[ARGS]][7]
// CHECK: %[[N:.*]] = llvm.load %[[A7]] : !llvm.ptr -> i32
// CHECK: scf.for %[[ID:.*]] = %[[BEGIN]] to %[[END]]
// CHECK: %[[P64:.*]] = arith.remui %[[ID]]
// CHECK: %[[P:.*]] = arith.trunci %[[P64]] : i64 to i32
// CHECK: %[[ROW:.*]] = arith.cmpi ult, %[[P]], %[[M]] : i32
// CHECK: %[[LIMIT:.*]] = arith.select %[[ROW]], %[[N]], %c0_i32 : i32
// CHECK: %[[LIMITS:.*]] = vector.broadcast %[[LIMIT]]
// CHECK: %[[LANES:.*]] = arith.cmpi ult, %{{.*}}, %[[LIMITS]] : vector<16xi32>
// CHECK: %[[TO:.*]] = llvm.getelementptr %[[Y]]
// CHECK-NOT: scf.if
// CHECK: arith.muli %{{.*}}, %[[XSTRIDE]] : i64
// CHECK: %[[FROM:.*]] = llvm.getelementptr %[[X]]
// CHECK: %[[V:.*]] = llvm.intr.masked.load %[[FROM]], %[[LANES]], %[[ZERO]]
// CHECK: llvm.intr.masked.store %[[V]], %[[TO]], %[[LANES]]
// CHECK: return
tile.kernel @checked(%x: !x, %y: !x) attributes {dims = ["M", "N"], grid = #grid, inputs = 1 : i64} {
  %p = tile.program_id 0
  %c = tile.range %p : tensor<16xi32>
  %v = tile.load %x[%p, %c] : (!x, i32, tensor<16xi32>) -> tensor<16xf32>
  tile.store %v, %y[%p, %c] : tensor<16xf32>, !x, i32, tensor<16xi32>
  tile.return
}

// What is outside becomes `other`, a scalar argument here.
// CHECK-LABEL: func.func @other
// CHECK: %[[O:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK: %[[OS:.*]] = vector.broadcast %[[O]] : f32 to vector<16xf32>
// CHECK: llvm.intr.masked.load %{{.*}}, %{{.*}}, %[[OS]]
tile.kernel @other(%x: !x, %o: f32, %y: !x) attributes {dims = ["M", "N"], grid = #grid, inputs = 2 : i64} {
  %p = tile.program_id 0
  %c = tile.range %p : tensor<16xi32>
  %v = tile.load %x[%p, %c] other %o : (!x, i32, tensor<16xi32>, f32) -> tensor<16xf32>
  tile.store %v, %y[%p, %c] : tensor<16xf32>, !x, i32, tensor<16xi32>
  tile.return
}

// No check for a dim that is in bounds, one dim at a time: a vector is loaded whole.
// CHECK-LABEL: func.func @in_bounds
// CHECK: scf.for
// CHECK:   scf.for %{{.*}} = %c0 to %c64 step %c16
// CHECK:     %[[ROW:.*]] = arith.cmpi ult
// CHECK-NOT: cmpi
// CHECK:     scf.if %[[ROW]]
// CHECK:       llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
// CHECK:     llvm.store %{{.*}} {alignment = 4 : i64} : vector<16xf32>
// CHECK-NOT: masked
// CHECK: return
tile.kernel @in_bounds(%x: !w, %y: !w) attributes {dims = ["M", "N"], grid = #grid, inputs = 1 : i64} {
  %p = tile.program_id 0
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<64xi32>
  %v = tile.load %x[%p, %c] {in_bounds = array<i1: false, true>} : (!w, i32, tensor<64xi32>) -> tensor<64xf32>
  tile.store %v, %y[%p, %c] {in_bounds = array<i1: true, true>} : tensor<64xf32>, !w, i32, tensor<64xi32>
  tile.return
}

// A subscript that is no range of the last dim: one address for each lane.
// CHECK-LABEL: func.func @gather
// CHECK-DAG: %[[ALL:.*]] = arith.constant dense<true> : vector<16xi1>
// CHECK: scf.for
// CHECK: %[[TO:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, vector<16xi64>) -> vector<16x!llvm.ptr>, f32
// CHECK: %[[ROW:.*]] = arith.cmpi ult, %{{.*}} : i32
// CHECK: arith.select %[[ROW]], %{{.*}}, %c0_i32 : i32
// CHECK: %[[LANES:.*]] = arith.cmpi ugt, %{{.*}} : vector<16xi32>
// CHECK: %[[FROM:.*]] = llvm.getelementptr %{{.*}} -> vector<16x!llvm.ptr>, f32
// CHECK: llvm.intr.masked.gather %[[FROM]], %[[LANES]]
// CHECK: llvm.intr.masked.scatter %{{.*}}, %[[TO]], %[[ALL]]
tile.kernel @gather(%x: !x, %y: !w) attributes {dims = ["M", "N"], grid = #grid, inputs = 1 : i64} {
  %p = tile.program_id 0
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<16xi32>
  %twice = arith.muli %c, %c : tensor<16xi32>
  %v = tile.load %x[%p, %twice] : (!x, i32, tensor<16xi32>) -> tensor<16xf32>
  tile.store %v, %y[%twice, %p] {in_bounds = array<i1: true, true>} : tensor<16xf32>, !w, tensor<16xi32>, i32
  tile.return
}

// A mask that is the same for a whole row is a branch, not a mask of lanes.
// CHECK-LABEL: func.func @row_mask
// CHECK: %[[ROWS:.*]] = memref.alloca() {{.*}} : memref<4xi8>
// CHECK-NOT: memref.alloca
// CHECK: scf.for %[[R:.*]] = %c0 to %c4
// CHECK:   scf.for %{{.*}} = %c0 to %c64 step %c16
// CHECK:     %[[BYTE:.*]] = memref.load %[[ROWS]][%[[R]]] : memref<4xi8>
// CHECK:     %[[ON:.*]] = arith.trunci %[[BYTE]] : i8 to i1
// CHECK:     scf.if %[[ON]] -> (vector<16xf32>)
// CHECK:       llvm.load %{{.*}} -> vector<16xf32>
// CHECK-NOT: masked
// CHECK: return
tile.kernel @row_mask(%x: !w, %m: !tile.view<["M"], i1>, %y: !w) attributes {dims = ["M", "N"], grid = #grid, inputs = 2 : i64} {
  %p = tile.program_id 0
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<4xi32>
  %c = tile.range %zero : tensor<64xi32>
  %rows = tile.load %m[%r] {in_bounds = array<i1: true>} : (!tile.view<["M"], i1>, tensor<4xi32>) -> tensor<4xi1>
  %column = tile.reshape %rows : tensor<4xi1> -> tensor<4x1xi1>
  %mask = tile.broadcast %column : tensor<4x1xi1> -> tensor<4x64xi1>
  %v = tile.load %x[%r, %c] mask %mask {in_bounds = array<i1: true, true>} : (!w, tensor<4xi32>, tensor<64xi32>, tensor<4x64xi1>) -> tensor<4x64xf32>
  tile.store %v, %y[%r, %c] {in_bounds = array<i1: true, true>} : tensor<4x64xf32>, !w, tensor<4xi32>, tensor<64xi32>
  tile.return
}

// Any other mask is one of lanes. In memory a bool is a byte.
// CHECK-LABEL: func.func @lane_mask
// CHECK: %[[BYTES:.*]] = llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<16xi8>
// CHECK: %[[ON:.*]] = arith.trunci %[[BYTES]] : vector<16xi8> to vector<16xi1>
// CHECK: llvm.intr.masked.store %{{.*}}, %{{.*}}, %[[ON]]
tile.kernel @lane_mask(%x: !w, %m: !tile.view<["M", 64], i1>, %y: !w) attributes {dims = ["M", "N"], grid = #grid, inputs = 2 : i64} {
  %p = tile.program_id 0
  %zero = arith.constant 0 : i32
  %c = tile.range %zero : tensor<64xi32>
  %mask = tile.load %m[%p, %c] {in_bounds = array<i1: true, true>} : (!tile.view<["M", 64], i1>, i32, tensor<64xi32>) -> tensor<64xi1>
  %v = tile.load %x[%p, %c] {in_bounds = array<i1: true, true>} : (!w, i32, tensor<64xi32>) -> tensor<64xf32>
  tile.store %v, %y[%p, %c] mask %mask {in_bounds = array<i1: true, true>} : tensor<64xf32>, !w, i32, tensor<64xi32> mask tensor<64xi1>
  tile.return
}

// Scalars fill the low bytes of their words. The load at the dim's end is never done.
// CHECK-LABEL: func.func @scalars
// CHECK: %[[W:.*]] = llvm.getelementptr %{{.*}}[4]
// CHECK: llvm.load %[[W]] : !llvm.ptr -> f16
// CHECK: scf.for
// CHECK-NOT: llvm.load
// CHECK: %[[INSIDE:.*]] = arith.andi
// CHECK: scf.if %[[INSIDE]]
// CHECK:   llvm.store %{{.*}} : f32
tile.kernel @scalars(%x: !x, %a: i1, %b: f16, %y: !x) attributes {dims = ["M", "N"], grid = #grid, inputs = 3 : i64} {
  %p = tile.program_id 0
  %n = tile.dim "N"
  %v = tile.load %x[%p, %n] mask %a : (!x, i32, i32, i1) -> f32
  %w = arith.extf %b : f16 to f32
  %s = arith.addf %v, %w : f32
  tile.store %s, %y[%p, %p] : f32, !x, i32, i32
  tile.return
}

// One element at a time. 16-bit floats take a loop, as LLVM has a library call for them.
// CHECK-LABEL: func.func @atomics
// CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1
// CHECK:   scf.if
// CHECK:     llvm.atomicrmw fadd %{{.*}} monotonic : !llvm.ptr, f32
// CHECK: scf.if
// CHECK:   %[[FIRST:.*]] = llvm.load %{{.*}} atomic monotonic {alignment = 2 : i64} : !llvm.ptr -> i16
// CHECK:   scf.while (%[[OLD:.*]] = %[[FIRST]])
// CHECK:     arith.bitcast %[[OLD]] : i16 to bf16
// CHECK:     %[[NEW:.*]] = arith.bitcast %{{.*}} : bf16 to i16
// CHECK:     %[[X:.*]] = llvm.cmpxchg %{{.*}}, %[[OLD]], %[[NEW]] monotonic monotonic
// CHECK:     %[[DONE:.*]] = llvm.extractvalue %[[X]][1]
// CHECK:     %[[AGAIN:.*]] = arith.xori %[[DONE]], %true
// CHECK:     %[[SEEN:.*]] = llvm.extractvalue %[[X]][0]
// CHECK:     scf.condition(%[[AGAIN]]) %[[SEEN]]
tile.kernel @atomics(%x: !x, %h: !tile.view<["M"], bf16>, %b: bf16) attributes {dims = ["M", "N"], grid = #grid, inputs = 0 : i64} {
  %p = tile.program_id 0
  %c = tile.range %p : tensor<16xi32>
  %one = arith.constant dense<1.0> : tensor<16xf32>
  tile.atomic_rmw add %one, %x[%p, %c] : tensor<16xf32>, !x, i32, tensor<16xi32>
  tile.atomic_rmw max %b, %h[%p] : bf16, !tile.view<["M"], bf16>, i32
  tile.return
}
