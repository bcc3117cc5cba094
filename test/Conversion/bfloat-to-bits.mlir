// Values of bf16 that are only moved become integers of 16 bits: types, constants, element types.
// RUN: lighthouse-opt %s --bfloat-to-bits --canonicalize | FileCheck %s

// CHECK-LABEL: llvm.func @move
// CHECK-NOT: bf16
// CHECK-DAG: %[[ONE:.*]] = llvm.mlir.constant(16256 : i16) : i16
// CHECK-DAG: %[[TWO:.*]] = llvm.mlir.constant(dense<[16384, 16448]> : vector<2xi16>) : vector<2xi16>
// CHECK-DAG: %[[SPLAT:.*]] = llvm.mlir.constant(dense<16384> : vector<4xi16>) : vector<4xi16>
// CHECK: %[[V:.*]] = llvm.load %arg0 : !llvm.ptr -> vector<4xi16>
// CHECK: %[[E:.*]] = llvm.getelementptr %arg0[%arg1] : (!llvm.ptr, i64) -> !llvm.ptr, i16
// CHECK-NOT: llvm.bitcast
// CHECK: llvm.store %[[V]], %[[E]] : vector<4xi16>
// CHECK: llvm.store %[[ONE]], %[[E]] : i16
// CHECK: llvm.store %[[TWO]], %[[E]] : vector<2xi16>
// CHECK: llvm.store %[[SPLAT]], %[[E]] : vector<4xi16>
llvm.func @move(%p: !llvm.ptr, %i: i64) {
  %one = llvm.mlir.constant(1.0 : bf16) : bf16
  %two = llvm.mlir.constant(dense<[2.0, 3.0]> : vector<2xbf16>) : vector<2xbf16>
  %splat = llvm.mlir.constant(dense<2.0> : vector<4xbf16>) : vector<4xbf16>
  %v = llvm.load %p : !llvm.ptr -> vector<4xbf16>
  %e = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, bf16
  %b = llvm.bitcast %v : vector<4xbf16> to vector<4xi16>
  llvm.store %b, %e : vector<4xi16>, !llvm.ptr
  llvm.store %one, %e : bf16, !llvm.ptr
  llvm.store %two, %e : vector<2xbf16>, !llvm.ptr
  llvm.store %splat, %e : vector<4xbf16>, !llvm.ptr
  llvm.return
}

// Other types keep theirs.
// CHECK-LABEL: llvm.func @others
// CHECK: llvm.mlir.constant(1.000000e+00 : f16) : f16
// CHECK: llvm.load %{{.*}} -> f32
llvm.func @others(%p: !llvm.ptr) -> f32 {
  %one = llvm.mlir.constant(1.0 : f16) : f16
  llvm.store %one, %p : f16, !llvm.ptr
  %v = llvm.load %p : !llvm.ptr -> f32
  llvm.return %v : f32
}
