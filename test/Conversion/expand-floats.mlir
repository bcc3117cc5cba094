// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(func.func(expand-floats))' | FileCheck %s

// A narrowing conversion from f64 is rounded to odd on its way, so that it is rounded once.
// CHECK-LABEL: func.func @narrow
// CHECK-SAME: (%[[X:.*]]: vector<8xf64>
// CHECK: %[[ONE:.*]] = arith.constant dense<1> : vector<8xi32>
// CHECK: %[[F:.*]] = arith.truncf %[[X]] : vector<8xf64> to vector<8xf32>
// CHECK: %[[BACK:.*]] = arith.extf %[[F]] : vector<8xf32> to vector<8xf64>
// CHECK: %[[INEXACT:.*]] = arith.cmpf une, %[[BACK]], %[[X]]
// CHECK-DAG: math.absf %[[BACK]]
// CHECK-DAG: math.absf %[[X]]
// CHECK: %[[LARGE:.*]] = arith.cmpf ogt
// CHECK: %[[BITS:.*]] = arith.bitcast %[[F]] : vector<8xf32> to vector<8xi32>
// CHECK: %[[LESS:.*]] = arith.subi %[[BITS]], %[[ONE]]
// CHECK: %[[DOWN:.*]] = arith.select %[[LARGE]], %[[LESS]], %[[BITS]]
// CHECK: %[[STICKY:.*]] = arith.ori %[[DOWN]], %[[ONE]]
// CHECK: %[[ODD:.*]] = arith.select %[[INEXACT]], %[[STICKY]], %[[BITS]]
// CHECK: %[[G:.*]] = arith.bitcast %[[ODD]] : vector<8xi32> to vector<8xf32>
// CHECK: arith.truncf %[[G]] : vector<8xf32> to vector<8xbf16>
func.func @narrow(%x: vector<8xf64>, %s: f64) -> (vector<8xbf16>, f16) {
  %y = arith.truncf %x : vector<8xf64> to vector<8xbf16>
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  %t = arith.truncf %s : f64 to f16
  return %y, %t : vector<8xbf16>, f16
}

// CHECK-LABEL: func.func @widen
// CHECK: %[[F:.*]] = arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK: arith.extf %[[F]] : vector<8xf32> to vector<8xf64>
func.func @widen(%x: vector<8xf16>) -> vector<8xf64> {
  %y = arith.extf %x : vector<8xf16> to vector<8xf64>
  return %y : vector<8xf64>
}

// CHECK-LABEL: func.func @fused
// CHECK-COUNT-3: arith.extf {{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK: %[[S:.*]] = math.fma {{.*}} : vector<8xf32>
// CHECK: arith.truncf %[[S]] : vector<8xf32> to vector<8xbf16>
func.func @fused(%x: vector<8xbf16>, %y: vector<8xbf16>, %z: vector<8xbf16>) -> vector<8xbf16> {
  %r = math.fma %x, %y, %z : vector<8xbf16>
  return %r : vector<8xbf16>
}

// CHECK-LABEL: func.func @others
// CHECK-NEXT: arith.truncf %{{.*}} : f64 to f32
// CHECK-NEXT: arith.truncf %{{.*}} : f32 to bf16
// CHECK-NEXT: arith.extf %{{.*}} : bf16 to f32
// CHECK-NEXT: arith.extf %{{.*}} : f32 to f64
// CHECK-NEXT: math.fma %{{.*}} : f64
// CHECK-NEXT: return
func.func @others(%d: f64) -> f64 {
  %f = arith.truncf %d : f64 to f32
  %h = arith.truncf %f : f32 to bf16
  %g = arith.extf %h : bf16 to f32
  %e = arith.extf %g : f32 to f64
  %r = math.fma %d, %e, %d : f64
  return %r : f64
}
