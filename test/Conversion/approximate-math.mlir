// Functions of the C library become polynomials, for every width; nothing else changes.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(func.func(approximate-math))' | FileCheck %s

// CHECK-LABEL: func.func @functions
// CHECK-NOT: math.{{exp|log}}
// CHECK: math.fma {{.*}} : vector<8xf32>
// CHECK-NOT: math.{{exp|log}}
// CHECK: return
func.func @functions(%x: vector<8xf32>, %s: f32) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, f32) {
  %a = math.exp %x : vector<8xf32>
  %b = math.log %x : vector<8xf32>
  %c = math.log2 %x : vector<8xf32>
  %d = math.exp %s : f32
  return %a, %b, %c, %d : vector<8xf32>, vector<8xf32>, vector<8xf32>, f32
}

// CHECK-LABEL: func.func @others
// CHECK-NEXT: math.sqrt
// CHECK-NEXT: math.floor
// CHECK-NEXT: math.exp %{{.*}} : vector<8xf64>
// CHECK-NEXT: return
func.func @others(%x: vector<8xf32>, %d: vector<8xf64>) -> (vector<8xf32>, vector<8xf32>, vector<8xf64>) {
  %a = math.sqrt %x : vector<8xf32>
  %b = math.floor %x : vector<8xf32>
  %c = math.exp %d : vector<8xf64>
  return %a, %b, %c : vector<8xf32>, vector<8xf32>, vector<8xf64>
}
