// RUN: lighthouse-opt %s --lighthouse-select-kernels --split-input-file --verify-diagnostics

// Every candidate says why it does not apply.
// expected-note@below {{kernel 'dense' does not apply: causal is false, wanted true}}
tile.kernel @dense(%q: !tile.view<["B", "H", "S", 16], f32>, %k: !tile.view<["B", "G", "S", 16], f32>, %v: !tile.view<["B", "G", "S", 16], f32>, %scale: f32, %o: !tile.view<["B", "H", "S", 16], f32>, %lse: !tile.view<["B", "H", "S"], f32>) attributes {
    stage = "attend", stage_params = {causal = false}, inputs = 4 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, h, b)>} {
  tile.return
}
// expected-note@below {{kernel 'wide' does not apply: dim 3 of argument 'arg0' of kernel 'wide' must be 64, got 16}}
tile.kernel @wide(%q: !tile.view<["B", "H", "S", 64], f32>, %k: !tile.view<["B", "G", "S", 64], f32>, %v: !tile.view<["B", "G", "S", 64], f32>, %scale: f32, %o: !tile.view<["B", "H", "S", 64], f32>, %lse: !tile.view<["B", "H", "S"], f32>) attributes {
    stage = "attend", inputs = 4 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, h, b)>} {
  tile.return
}
func.func @attend(%q: tensor<1x4x36x16xf32>, %k: tensor<1x2x36x16xf32>) -> tensor<1x4x36x16xf32> {
  // expected-error@below {{no kernel implements stage 'attend' for these parameters and types}}
  %o, %lse = lighthouse.attend %q, %k, %k causal
    : (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>) -> (tensor<1x4x36x16xf32>, tensor<1x4x36xf32>)
  return %o : tensor<1x4x36x16xf32>
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>
func.func @argument(%e: !selection) -> tensor<1x2x36xi32> {
  // expected-error@below {{that no stage of this function makes}}
  %i = lighthouse.indices %e : (!selection) -> tensor<1x2x36xi32>
  return %i : tensor<1x2x36xi32>
}

// -----

!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
func.func @returned(%sq: tensor<1x2x20xf32>) -> !scores {
  // expected-error@below {{has a result that something other than a stage uses}}
  %s = lighthouse.make_scores %sq, %sq : (tensor<1x2x20xf32>, tensor<1x2x20xf32>) -> !scores
  return %s : !scores
}

// -----

!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
func.func @nested(%sq: tensor<1x2x20xf32>, %c: i1) {
  scf.if %c {
    // expected-error@below {{must be at the top level of a function of one block}}
    %s = lighthouse.make_scores %sq, %sq : (tensor<1x2x20xf32>, tensor<1x2x20xf32>) -> !scores
  }
  return
}
