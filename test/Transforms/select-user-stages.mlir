// Declared stages get their kernels by name and parameters, like others; their adjoints go.
// RUN: lighthouse-opt %s --lighthouse-select-kernels | FileCheck %s
// CHECK-NOT: func.func private

!view = !tile.view<["N"], f32>
// Of another factor, or of too many arguments: not chosen.
tile.kernel @soften_8(%x: !view, %y: !view) attributes {
    stage = "soften", stage_params = {FACTOR = 8 : i64}, inputs = 1 : i64,
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>} {
  tile.return
}
tile.kernel @soften_two(%x: !view, %z: !view, %y: !view) attributes {
    stage = "soften", inputs = 2 : i64, dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>} {
  tile.return
}
// With scratch behind the result.
tile.kernel @soften_4(%x: !view, %y: !view, %scratch: !tile.view<[7], f32>) attributes {
    stage = "soften", stage_params = {FACTOR = 4 : i64}, inputs = 1 : i64,
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>} {
  tile.return
}
func.func private @soften_adjoint(%dy: tensor<8xf32> {lighthouse.name = "dy"}) -> (tensor<8xf32> {lighthouse.name = "dx"}) {
  %dx = lighthouse.user_stage "no kernel serves this"(%dy) ["a"] -> ["b"] : (tensor<8xf32>) -> tensor<8xf32>
  return %dx : tensor<8xf32>
}
// CHECK-LABEL: func.func @f(
// CHECK-NEXT: %[[Y:.*]]:2 = lighthouse.launch @soften_4(%{{.*}}) stage "soften" cost <read = 32, written = 32, flops = 0> : (tensor<8xf32>) -> (tensor<8xf32>, tensor<7xf32>)
// CHECK-NEXT: return %[[Y]]#0
func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = lighthouse.user_stage "soften"(%x) ["x"] -> ["y"] with {FACTOR = 4 : i64} adjoint @soften_adjoint
    : (tensor<8xf32>) -> tensor<8xf32>
  %unused = lighthouse.user_stage "no kernel serves this"(%x) ["a"] -> ["b"] : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
