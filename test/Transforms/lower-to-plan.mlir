// RUN: lighthouse-opt %s --lighthouse-lower-to-plan | FileCheck %s
// RUN: lighthouse-opt %s --lighthouse-lower-to-plan=reuse-workspace=false | FileCheck %s --check-prefix=APART

tile.kernel @add(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>, %z: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 2 : i64} {
  tile.return
}
tile.kernel @scale(%x: !tile.view<["M", "N"], f32>, %a: f32, %y: !tile.view<["M", "N"], f32>) attributes {
    dims = ["M", "N"], grid = affine_map<()[m, n] -> (n ceildiv 64, m, 1)>, inputs = 2 : i64} {
  tile.return
}
tile.kernel @split(%x: !tile.view<["N"], f32>, %low: !tile.view<["M"], f32>, %high: !tile.view<["M"], f16>) attributes {
    dims = ["N", "M"], grid = affine_map<()[n, m] -> (m, 1, 1)>, inputs = 1 : i64,
    dim_exprs = {M = affine_map<()[n, m] -> (n ceildiv 2)>}} {
  tile.return
}

// A chain needs two places in turn; the last result is written to the output itself.
// CHECK-LABEL: lighthouse.plan @chain
// CHECK-SAME: inputs(%x "x" : memref<1000xf32, strided<[?]>>)
// CHECK-SAME: outputs(%r "r" : memref<1000xf32, strided<[?]>>) workspace 8064 {
// CHECK-NEXT: %[[A:.*]] = lighthouse.buffer 0 : memref<1000xf32>
// CHECK-NEXT: %[[B:.*]] = lighthouse.buffer 4032 : memref<1000xf32>
// CHECK-NEXT: %[[C:.*]] = lighthouse.buffer 0 : memref<1000xf32>
// CHECK-NEXT: lighthouse.dispatch @add grid [16, 1, 1] dims [1000](%x, %x, %[[A]]) stage "double" cost <read = 4000, written = 4000, flops = 0> :
// CHECK-NEXT: lighthouse.dispatch @add grid [16, 1, 1] dims [1000](%[[A]], %x, %[[B]]) stage "add" cost {{.*}} :
// CHECK-NEXT: lighthouse.dispatch @add grid [16, 1, 1] dims [1000](%[[B]], %x, %[[C]]) stage "add" cost {{.*}} :
// CHECK-NEXT: lighthouse.dispatch @add grid [16, 1, 1] dims [1000](%[[C]], %x, %r) stage "add" cost {{.*}} :
// CHECK-NEXT: }
// CHECK-NOT: func.func

// APART-LABEL: lighthouse.plan @chain
// APART-SAME: workspace 12096
// APART: buffer 0 :
// APART: buffer 4032 :
// APART: buffer 8064 :
func.func @chain(%x: tensor<1000xf32> {lighthouse.name = "x"}) -> (tensor<1000xf32> {lighthouse.name = "r"}) {
  %0 = lighthouse.launch @add(%x, %x) stage "double" : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  %1 = lighthouse.launch @add(%0, %x) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  %unused = lighthouse.launch @add(%0, %0) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  %2 = lighthouse.launch @add(%1, %x) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  %3 = lighthouse.launch @add(%2, %x) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  return %3 : tensor<1000xf32>
}

// Several results; one is read again by a later launch; scratch has a place while its launch runs.
// CHECK-LABEL: lighthouse.plan @results
// CHECK-SAME: inputs(%arg0 "arg0" : memref<9xf32, strided<[?]>>)
// CHECK-SAME: outputs(%result0 "result0" : memref<5xf32, strided<[?]>>, %result1 "result1" : memref<5xf32, strided<[?]>>) workspace 64
// CHECK-NEXT: %[[H:.*]] = lighthouse.buffer 0 : memref<5xf16>
// CHECK-NEXT: lighthouse.dispatch @split grid [5, 1, 1] dims [9, 5](%arg0, %result1, %[[H]]) stage "split"
// CHECK-NEXT: lighthouse.dispatch @add grid [1, 1, 1] dims [5](%result1, %result1, %result0) stage "add"
func.func @results(%x: tensor<9xf32>) -> (tensor<5xf32>, tensor<5xf32>) {
  %low, %high = lighthouse.launch @split(%x) : (tensor<9xf32>) -> (tensor<5xf32>, tensor<5xf16>)
  %s = lighthouse.launch @add(%low, %low) : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
  return %s, %low : tensor<5xf32>, tensor<5xf32>
}

// What is returned twice is computed twice: outputs are different memory.
// CHECK-LABEL: lighthouse.plan @twice
// CHECK-SAME: workspace 64
// CHECK-NEXT: %[[H:.*]] = lighthouse.buffer 0 : memref<5xf16>
// CHECK-NEXT: %[[G:.*]] = lighthouse.buffer 0 : memref<5xf16>
// CHECK-NEXT: lighthouse.dispatch @split grid [5, 1, 1] dims [9, 5](%arg0, %result0, %[[H]])
// CHECK-NEXT: lighthouse.dispatch @split grid [5, 1, 1] dims [9, 5](%arg0, %result1, %[[G]])
// CHECK-NEXT: }
func.func @twice(%x: tensor<9xf32>) -> (tensor<5xf32>, tensor<5xf32>) {
  %low, %high = lighthouse.launch @split(%x) : (tensor<9xf32>) -> (tensor<5xf32>, tensor<5xf16>)
  return %low, %low : tensor<5xf32>, tensor<5xf32>
}

// The place of a large buffer that is done serves two small ones; scalars are kept.
// CHECK-LABEL: lighthouse.plan @gaps
// CHECK-SAME: workspace 16384
// CHECK-NEXT: lighthouse.buffer 0 : memref<32x64xf32>
// CHECK-NEXT: lighthouse.buffer 8192 : memref<32x64xf32>
// CHECK-NEXT: lighthouse.buffer 0 : memref<16x64xf32>
// CHECK-NEXT: lighthouse.buffer 4096 : memref<16x64xf32>
// CHECK-NEXT: lighthouse.dispatch @scale grid [1, 32, 1] dims [32, 64](%arg0, %{{.*}}) scalars [2.000000e+00 : f32] stage "scale"
func.func @gaps(%x: tensor<32x64xf32>, %y: tensor<16x64xf32>) -> (tensor<32x64xf32>, tensor<16x64xf32>) {
  %0 = lighthouse.launch @scale(%x) scalars [2.0 : f32] : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %1 = lighthouse.launch @scale(%0) scalars [3.0 : f32] : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %2 = lighthouse.launch @scale(%y) scalars [4.0 : f32] : (tensor<16x64xf32>) -> tensor<16x64xf32>
  %3 = lighthouse.launch @scale(%2) scalars [5.0 : f32] : (tensor<16x64xf32>) -> tensor<16x64xf32>
  %4 = lighthouse.launch @scale(%3) scalars [6.0 : f32] : (tensor<16x64xf32>) -> tensor<16x64xf32>
  %5 = lighthouse.launch @scale(%1) scalars [7.0 : f32] : (tensor<32x64xf32>) -> tensor<32x64xf32>
  return %5, %4 : tensor<32x64xf32>, tensor<16x64xf32>
}

// What the kernel finds in results with an initial value is filled just before, outputs and buffers alike.
// CHECK-LABEL: lighthouse.plan @initial
// CHECK-NEXT: %[[H:.*]] = lighthouse.buffer 0 : memref<8xi32>
// CHECK-NEXT: lighthouse.buffer 64 : memref<8xi1>
// CHECK-NEXT: lighthouse.fill %[[H]] with 0 : i32 : memref<8xi32>
// CHECK-NEXT: lighthouse.dispatch @count grid [2, 1, 1] dims [100](%arg0, %[[H]], %{{.*}}) stage "count"
// CHECK-NEXT: lighthouse.fill %result0 with 0 : i32 : memref<8xi32, strided<[?]>>
// CHECK-NEXT: lighthouse.dispatch @count grid [1, 1, 1] dims [8](%[[H]], %result0, %{{.*}}) stage "again"
// CHECK-NEXT: }
tile.kernel @count(%x: !tile.view<["N"], i32>, %hits: !tile.view<[8], i32> {tile.init = 0 : i32}, %seen: !tile.view<[8], i1>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @initial(%x: tensor<100xi32>) -> (tensor<8xi32>, tensor<8xi1>) {
  %0, %seen = lighthouse.launch @count(%x) : (tensor<100xi32>) -> (tensor<8xi32>, tensor<8xi1>)
  %1, %unused = lighthouse.launch @count(%0) stage "again" : (tensor<8xi32>) -> (tensor<8xi32>, tensor<8xi1>)
  return %1, %seen : tensor<8xi32>, tensor<8xi1>
}

// But not what a kernel does not use and nobody reads; a result that is read, or that the kernel uses, is filled.
// CHECK-LABEL: lighthouse.plan @unused
// CHECK-NEXT: lighthouse.buffer
// CHECK-NEXT: %[[READ:.*]] = lighthouse.buffer {{.*}} memref<4xi32>
// CHECK-NEXT: %[[USED:.*]] = lighthouse.buffer {{.*}} memref<2xi32>
// CHECK-NEXT: %[[UNUSED:.*]] = lighthouse.buffer {{.*}} memref<1xi32>
// CHECK: lighthouse.fill %[[READ]]
// CHECK-NEXT: lighthouse.fill %[[USED]]
// CHECK-NEXT: lighthouse.dispatch @turns {{.*}}(%arg0, %{{.*}}, %[[READ]], %[[USED]], %[[UNUSED]])
tile.kernel @turns(%x: !tile.view<["N"], i32>, %y: !tile.view<[8], i32>, %read: !tile.view<[4], i32> {tile.init = 0 : i32},
                   %used: !tile.view<[2], i32> {tile.init = 0 : i32}, %unused: !tile.view<[1], i32> {tile.init = 0 : i32})
    attributes {dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  tile.store %c0, %used[%c0] : i32, !tile.view<[2], i32>, i32
  tile.return
}
func.func @unused(%x: tensor<100xi32>) -> tensor<8xi1> {
  %y, %read, %used, %unused = lighthouse.launch @turns(%x) : (tensor<100xi32>) -> (tensor<8xi32>, tensor<4xi32>, tensor<2xi32>, tensor<1xi32>)
  %again, %more = lighthouse.launch @count(%read) : (tensor<4xi32>) -> (tensor<8xi32>, tensor<8xi1>)
  return %more : tensor<8xi1>
}
