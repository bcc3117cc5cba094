// What neither PTX nor LLVM has an instruction for.
// RUN: lighthouse-opt %s --expand-for-nvvm | FileCheck %s

// CHECK-LABEL: func.func @divisions
// CHECK-NOT: arith.{{ceil|floor}}divsi
// CHECK: arith.divsi
// CHECK-NOT: arith.{{ceil|floor}}divsi
// CHECK: return
func.func @divisions(%a: i32, %b: i32) -> (i32, i32) {
  %c = arith.ceildivsi %a, %b : i32
  %f = arith.floordivsi %a, %b : i32
  return %c, %f : i32, i32
}

// Polynomials: a GPU program cannot call a library.
// CHECK-LABEL: func.func @functions
// CHECK-NOT: math.{{exp|log|log2}} %
// CHECK: math.fma
// CHECK-NOT: math.{{exp|log|log2}} %
// CHECK: return
func.func @functions(%x: f32) -> (f32, f32, f32) {
  %e = math.exp %x : f32
  %l = math.log %x : f32
  %m = math.log2 %x : f32
  return %e, %l, %m : f32, f32, f32
}

// The rest stays for LLVM.
// CHECK-LABEL: func.func @kept
// CHECK: math.sqrt
// CHECK: math.fma
// CHECK: arith.divsi
// CHECK: return
func.func @kept(%x: f32, %a: i32) -> (f32, f32, i32) {
  %s = math.sqrt %x : f32
  %f = math.fma %x, %x, %x : f32
  %d = arith.divsi %a, %a : i32
  return %s, %f, %d : f32, f32, i32
}
