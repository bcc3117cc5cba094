// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --lighthouse-differentiate

tile.kernel @twice(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@below {{kernel 'twice' has no adjoint, but a gradient flows into its results; declare a stage that it implements and give that one with 'adjoint NAME'}}
  %y = lighthouse.launch @twice(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

func.func @name(%q: tensor<1x2x32x16xf16> {lighthouse.name = "q"}, %do: tensor<1x2x32x16xf16> {lighthouse.name = "do"})
    -> (tensor<1x2x32x16xf16> {lighthouse.name = "o"}) {
  // expected-error@below {{the gradient needs the name 'do', which an argument or result has already}}
  %o, %lse = lighthouse.attend %q, %q, %do
    : (tensor<1x2x32x16xf16>, tensor<1x2x32x16xf16>, tensor<1x2x32x16xf16>) -> (tensor<1x2x32x16xf16>, tensor<1x2x32xf32>)
  return %o : tensor<1x2x32x16xf16>
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>
// expected-error@below {{'indices' has no float result to differentiate}}
func.func @indices(%i: tensor<1x2x36xi32>) -> tensor<1x2x36xi32> {
  %e = lighthouse.make_selection %i : (tensor<1x2x36xi32>) -> !selection
  %j = lighthouse.indices %e : (!selection) -> tensor<1x2x36xi32>
  return %j : tensor<1x2x36xi32>
}

// -----

func.func @user_stage(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@below {{stage 'soften' has no adjoint, but a gradient flows into its results; give it one with 'adjoint NAME'}}
  %y = lighthouse.user_stage "soften"(%x) ["x"] -> ["y"] : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
