// A stage that no kernel serves becomes the stages that it consists of, as far as their results are used.
// RUN: lighthouse-opt %s --lighthouse-select-kernels | FileCheck %s

!q = !tile.view<["B", "H", "S", 16], bf16>
!k = !tile.view<["B", "G", "S", 16], bf16>
!row = !tile.view<["B", "H", "S"], f32>

tile.kernel @both(%q: !q, %k: !k, %v: !k, %do: !q, %lse: !row, %delta: !row, %scale: f32, %dq: !tile.view<["B", "H", "S", 16], f32>, %dk: !k, %dv: !k) attributes {
    stage = "attend_backward", stage_params = {causal = true, deterministic = false}, inputs = 7 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, g, b)>} {
  tile.return
}
tile.kernel @query(%q: !q, %k: !k, %v: !k, %do: !q, %lse: !row, %delta: !row, %scale: f32, %dq: !tile.view<["B", "H", "S", 16], f32>) attributes {
    stage = "attend_backward_q", stage_params = {causal = true}, inputs = 7 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, h, b)>} {
  tile.return
}
tile.kernel @key_value(%q: !q, %k: !k, %v: !k, %do: !q, %lse: !row, %delta: !row, %scale: f32, %dk: !k, %dv: !k) attributes {
    stage = "attend_backward_kv", stage_params = {causal = true}, inputs = 7 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, g, b)>} {
  tile.return
}

// CHECK-LABEL: func.func @any_order
// CHECK: %[[B:.*]]:3 = lighthouse.launch @both
// CHECK-NEXT: return %[[B]]#0, %[[B]]#1, %[[B]]#2
func.func @any_order(%q: tensor<1x4x36x16xbf16>, %k: tensor<1x2x36x16xbf16>, %r: tensor<1x4x36xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>) {
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r causal scale 0.25
    : (tensor<1x4x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x4x36x16xbf16>, tensor<1x4x36xf32>, tensor<1x4x36xf32>)
      -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>)
  return %dq, %dk, %dv : tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>
}

// CHECK-LABEL: func.func @fixed_order
// CHECK-NEXT: %[[Q:.*]] = lighthouse.launch @query
// CHECK-NEXT: %[[KV:.*]]:2 = lighthouse.launch @key_value
// CHECK-NEXT: return %[[Q]], %[[KV]]#0, %[[KV]]#1
func.func @fixed_order(%q: tensor<1x4x36x16xbf16>, %k: tensor<1x2x36x16xbf16>, %r: tensor<1x4x36xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>) {
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r causal scale 0.25 deterministic
    : (tensor<1x4x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x4x36x16xbf16>, tensor<1x4x36xf32>, tensor<1x4x36xf32>)
      -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>)
  return %dq, %dk, %dv : tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>
}

// CHECK-LABEL: func.func @query_alone
// CHECK-NEXT: %[[Q:.*]] = lighthouse.launch @query
// CHECK-NEXT: return %[[Q]]
func.func @query_alone(%q: tensor<1x4x36x16xbf16>, %k: tensor<1x2x36x16xbf16>, %r: tensor<1x4x36xf32>)
    -> tensor<1x4x36x16xf32> {
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r causal scale 0.25 deterministic
    : (tensor<1x4x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>, tensor<1x4x36x16xbf16>, tensor<1x4x36xf32>, tensor<1x4x36xf32>)
      -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>)
  return %dq : tensor<1x4x36x16xf32>
}
