// Stages become launches of kernels that the module holds.
// RUN: lighthouse-opt %s --lighthouse-select-kernels | FileCheck %s
// RUN: lighthouse-opt %s --lighthouse-fuse-stages --lighthouse-select-kernels | FileCheck %s --check-prefix=FUSED


!q = !tile.view<["B", "N", "H", 16], f32>
!k = !tile.view<["B", "N", "G", 16], f32>
!qc = !tile.view<["B", "H", "NC", 16], f32>
!kc = !tile.view<["B", "G", "NC", 16], f32>
!qs = !tile.view<["B", "H", "S", 16], f32>
!ks = !tile.view<["B", "G", "S", 16], f32>
!score = !tile.view<["B", "G", "NS"], f32>
!indices = !tile.view<["B", "G", "S"], i32>
!rank = !tile.view<["B", "G", "NT"], i32>
!table = !tile.view<["N", 8], f32>

tile.kernel @pool(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc) attributes {
    stage = "pool", stage_params = {levels = 3 : i64, factor = 4 : i64}, params = {BLOCK = 64 : i64}, inputs = 3 : i64,
    dims = ["B", "N", "H", "G", "NC"], grid = affine_map<()[b, n, h, g, nc] -> (nc, h, b)>} {
  tile.return
}
tile.kernel @norm_score(%q: !q, %k: !k, %sq: !score, %sk: !score) attributes {
    stage = "norm_score", stage_params = {levels = 3 : i64, factor = 4 : i64}, inputs = 2 : i64,
    dims = ["B", "N", "H", "G", "NS"], grid = affine_map<()[b, n, h, g, ns] -> (n, g, b)>} {
  tile.return
}
// Of the wrong factor: not chosen.
tile.kernel @pool_score_8(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc, %sq: !score, %sk: !score) attributes {
    stage = "pool_score", stage_params = {levels = 3 : i64, factor = 8 : i64}, inputs = 3 : i64,
    dims = ["B", "N", "H", "G", "NC", "NS"], grid = affine_map<()[b, n, h, g, nc, ns] -> (nc, g, b)>} {
  tile.return
}
tile.kernel @pool_score(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc, %sq: !score, %sk: !score) attributes {
    stage = "pool_score", stage_params = {levels = 3 : i64, factor = 4 : i64}, inputs = 3 : i64,
    dims = ["B", "N", "H", "G", "NC", "NS"], grid = affine_map<()[b, n, h, g, nc, ns] -> (nc, g, b)>} {
  tile.return
}
tile.kernel @select_cover(%sq: !score, %sk: !score, %n: i32, %indices: !indices, %rank: !rank) attributes {
    stage = "select", stage_params = {cover_prefix = true}, inputs = 3 : i64,
    dims = ["B", "G", "NS", "S", "NT"], grid = affine_map<()[b, g, ns, s, nt] -> (1, g, b)>} {
  tile.return
}
// With scratch that is sized by the kernel: 2 chunks of 7 words each.
tile.kernel @select(%sq: !score, %sk: !score, %n: i32, %indices: !indices, %rank: !rank, %scratch: !tile.view<["B", "G", 2, "W"], i32>) attributes {
    stage = "select", stage_params = {levels = 3 : i64, factor = 4 : i64, budget = 4 : i64, chunk = 2 : i64, cover_prefix = false}, inputs = 3 : i64,
    dims = ["B", "G", "NS", "S", "NT", "W"], grid = affine_map<()[b, g, ns, s, nt, w] -> (2, g, b)>,
    dim_exprs = {W = affine_map<()[b, g, ns, s, nt, w] -> (ns ceildiv 3)>}} {
  tile.return
}
tile.kernel @gather(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc, %indices: !indices, %qs: !qs, %ks: !ks, %vs: !ks) attributes {
    stage = "gather", inputs = 7 : i64,
    dims = ["B", "N", "H", "G", "NC", "S"], grid = affine_map<()[b, n, h, g, nc, s] -> (s, g, b)>} {
  tile.return
}
// One for each way to pair columns.
tile.kernel @gather_rope_interleaved(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc, %indices: !indices, %cos: !table, %sin: !table, %qs: !qs, %ks: !ks, %vs: !ks) attributes {
    stage = "gather_rope", stage_params = {interleaved = true}, inputs = 9 : i64,
    dims = ["B", "N", "H", "G", "NC", "S"], grid = affine_map<()[b, n, h, g, nc, s] -> (s, g, b)>} {
  tile.return
}
tile.kernel @gather_rope_half(%q: !q, %k: !k, %v: !k, %qc: !qc, %kc: !kc, %vc: !kc, %indices: !indices, %cos: !table, %sin: !table, %qs: !qs, %ks: !ks, %vs: !ks) attributes {
    stage = "gather_rope", stage_params = {interleaved = false}, inputs = 9 : i64,
    dims = ["B", "N", "H", "G", "NC", "S"], grid = affine_map<()[b, n, h, g, nc, s] -> (s, g, b)>} {
  tile.return
}
tile.kernel @gather_rope_backward(%dq: !qs, %dk: !ks, %dv: !ks, %rank: !rank, %cos: !table, %sin: !table, %q: !q, %k: !k, %v: !k) attributes {
    stage = "gather_rope_backward", stage_params = {levels = 3 : i64, factor = 4 : i64, interleaved = false}, inputs = 6 : i64,
    dims = ["B", "H", "S", "G", "NT", "N"], grid = affine_map<()[b, h, s, g, nt, n] -> (n, g, b)>} {
  tile.return
}
// Of another element type: not chosen.
tile.kernel @attend_f16(%q: !tile.view<["B", "H", "S", 16], f16>, %k: !tile.view<["B", "G", "S", 16], f16>, %v: !tile.view<["B", "G", "S", 16], f16>, %scale: f32, %o: !tile.view<["B", "H", "S", 16], f16>, %lse: !tile.view<["B", "H", "S"], f32>) attributes {
    stage = "attend", stage_params = {causal = true}, inputs = 4 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, h, b)>} {
  tile.return
}
tile.kernel @attend(%q: !qs, %k: !ks, %v: !ks, %scale: f32, %o: !qs, %lse: !tile.view<["B", "H", "S"], f32>) attributes {
    stage = "attend", stage_params = {causal = true}, inputs = 4 : i64,
    dims = ["B", "H", "S", "G"], grid = affine_map<()[b, h, s, g] -> (s, h, b)>} {
  tile.return
}
tile.kernel @scatter(%o: !qs, %rank: !rank, %out: !q) attributes {
    stage = "scatter", inputs = 2 : i64,
    dims = ["B", "H", "S", "G", "NT", "N"], grid = affine_map<()[b, h, s, g, nt, n] -> (n, h, b)>} {
  tile.return
}

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>

// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[Q:.*]]: tensor<1x64x4x16xf32>, %[[K:.*]]: tensor<1x64x2x16xf32>, %[[V:.*]]: tensor<1x64x2x16xf32>)
// CHECK-NEXT: %[[C:.*]]:3 = lighthouse.launch @pool(%[[Q]], %[[K]], %[[V]]) stage "pool"
// CHECK-SAME: -> (tensor<1x4x4x16xf32>, tensor<1x2x4x16xf32>, tensor<1x2x4x16xf32>)
// CHECK-NEXT: %[[S:.*]]:2 = lighthouse.launch @norm_score(%[[Q]], %[[K]]) stage "norm_score"
// CHECK-SAME: -> (tensor<1x2x20xf32>, tensor<1x2x20xf32>)
// CHECK-NEXT: %[[E:.*]]:3 = lighthouse.launch @select(%[[S]]#0, %[[S]]#1) scalars [64 : i32] stage "select"
// CHECK-SAME: -> (tensor<1x2x36xi32>, tensor<1x2x84xi32>, tensor<1x2x2x7xi32>)
// CHECK-NEXT: %[[X:.*]]:3 = lighthouse.launch @gather(%[[Q]], %[[K]], %[[V]], %[[C]]#0, %[[C]]#1, %[[C]]#2, %[[E]]#0) stage "gather"
// CHECK-NEXT: %[[O:.*]]:2 = lighthouse.launch @attend(%[[X]]#0, %[[X]]#1, %[[X]]#2) scalars [2.500000e-01 : f32] stage "attend"
// CHECK-NEXT: %[[R:.*]] = lighthouse.launch @scatter(%[[O]]#0, %[[E]]#1) stage "scatter"
// CHECK-NEXT: return %[[R]], %[[E]]#0

// FUSED-LABEL: func.func @forward(
// FUSED-NEXT: %[[C:.*]]:5 = lighthouse.launch @pool_score(
// FUSED-NEXT: lighthouse.launch @select(%[[C]]#3, %[[C]]#4)
// FUSED-NEXT: lighthouse.launch @gather({{.*}}, %[[C]]#0, %[[C]]#1, %[[C]]#2, %
func.func @forward(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>)
    -> (tensor<1x64x4x16xf32>, tensor<1x2x36xi32>) {
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>) -> !pyramid
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather %p, %e : (!pyramid, !selection)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  %os, %lse = lighthouse.attend %qs, %ks, %vs causal
    : (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>) -> (tensor<1x4x36x16xf32>, tensor<1x4x36xf32>)
  %o = lighthouse.scatter %os, %e : (tensor<1x4x36x16xf32>, !selection) -> tensor<1x64x4x16xf32>
  %i = lighthouse.indices %e : (!selection) -> tensor<1x2x36xi32>
  return %o, %i : tensor<1x64x4x16xf32>, tensor<1x2x36xi32>
}

// The user's scores go to the selection as they are; no kernel is asked for unused stages.
// CHECK-LABEL: func.func @own_scores(
// CHECK-SAME: %[[SQ:.*]]: tensor<1x2x20xf32>, %[[SK:.*]]: tensor<1x2x20xf32>,
// CHECK-NEXT: %[[E:.*]]:3 = lighthouse.launch @select(%[[SQ]], %[[SK]])
// CHECK-NEXT: return %[[E]]#0
func.func @own_scores(%sq: tensor<1x2x20xf32>, %sk: tensor<1x2x20xf32>, %x: tensor<1x64x2x48xbf16>)
    -> tensor<1x2x36xi32> {
  %p = lighthouse.pool %x, %x, %x into <levels = 2, factor = 4>
    : (tensor<1x64x2x48xbf16>, tensor<1x64x2x48xbf16>, tensor<1x64x2x48xbf16>)
      -> !lighthouse.pyramid<batch = 1, length = 64, heads = 2, groups = 2, dim = 48, element = bf16, shape = <levels = 2, factor = 4>>
  %s = lighthouse.make_scores %sq, %sk : (tensor<1x2x20xf32>, tensor<1x2x20xf32>) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %i = lighthouse.indices %e : (!selection) -> tensor<1x2x36xi32>
  return %i : tensor<1x2x36xi32>
}

// The tables come last; the flag chooses the kernel.
// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[COS:[a-z0-9]+]]: tensor<64x8xf32>, %[[SIN:[a-z0-9]+]]: tensor<64x8xf32>)
// CHECK: %[[E:.*]]:3 = lighthouse.launch @select(
// CHECK: %[[X:.*]]:3 = lighthouse.launch @gather_rope_interleaved({{.*}}, %[[E]]#0, %[[COS]], %[[SIN]]) stage "gather_rope"
// CHECK: lighthouse.launch @gather_rope_half({{.*}}, %[[E]]#0, %[[SIN]], %[[COS]]) stage "gather_rope"
// CHECK: lighthouse.launch @gather_rope_backward(%[[X]]#0, %[[X]]#1, %[[X]]#2, %[[E]]#1, %[[COS]], %[[SIN]]) stage "gather_rope_backward"
func.func @rope(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>, %cos: tensor<64x8xf32>, %sin: tensor<64x8xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x64x4x16xf32>) {
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>) -> !pyramid
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather_rope %p, %e, %cos, %sin interleaved : (!pyramid, !selection, tensor<64x8xf32>, tensor<64x8xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  %qt, %kt, %vt = lighthouse.gather_rope %p, %e, %sin, %cos : (!pyramid, !selection, tensor<64x8xf32>, tensor<64x8xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  %dq, %dk, %dv = lighthouse.gather_rope_backward %qs, %ks, %vs, %e, %cos, %sin
    : (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>, !selection, tensor<64x8xf32>, tensor<64x8xf32>)
      -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return %qt, %dq : tensor<1x4x36x16xf32>, tensor<1x64x4x16xf32>
}
