// Stages that a specification declares: their adjoints are inlined, and names say what they get.
// RUN: lighthouse-opt %s --lighthouse-differentiate --split-input-file | FileCheck %s
// RUN: lighthouse-opt %s --lighthouse-differentiate=joint --cse --split-input-file | FileCheck %s --check-prefix=JOINT

// An adjoint that reads an argument, a result and two cotangents, one of them of nothing: what it reads is
// saved. Its f32 gradient of an f16 argument is summed as it is and rounded at the end.
func.func private @scaled_adjoint(
    %da: tensor<8xf16> {lighthouse.name = "da"}, %y: tensor<8xf16> {lighthouse.name = "y"},
    %x: tensor<8xf16> {lighthouse.name = "x"}, %dy: tensor<8xf16> {lighthouse.name = "dy"})
    -> (tensor<8xf32> {lighthouse.name = "dx"}) {
  %p = lighthouse.user_stage "product"(%x, %dy) ["a", "b"] -> ["c"] with {FACTOR = 3 : i64}
    : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf32>
  %q = lighthouse.user_stage "product"(%y, %da) ["a", "b"] -> ["c"] with {FACTOR = 1 : i64}
    : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf32>
  %dx = lighthouse.add %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %dx : tensor<8xf32>
}
// CHECK-LABEL: func.func @f_fwd(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8xf16> {lighthouse.name = "x"}
// CHECK-SAME: -> (tensor<8xf16> {lighthouse.name = "o"}, tensor<8xf16> {lighthouse.name = "saved.0"})
// CHECK-NEXT: %[[F:.*]]:3 = lighthouse.user_stage "scaled"(%[[X]], %{{.*}}) ["x", "n"] -> ["y", "a", "i"] with {FACTOR = 3 : i64} adjoint @scaled_adjoint
// CHECK-NEXT: %[[G:.*]]:3 = lighthouse.user_stage "scaled"(%[[F]]#0, %{{.*}})
// CHECK: return %[[G]]#0, %[[F]]#0
// CHECK-LABEL: func.func @f_bwd(
// CHECK-SAME: %[[DO:[a-z0-9]+]]: tensor<8xf16> {lighthouse.name = "do"}
// CHECK-SAME: %[[Y:[a-z0-9]+]]: tensor<8xf16> {lighthouse.name = "saved.0"}, %[[O:[a-z0-9]+]]: tensor<8xf16> {lighthouse.name = "o"}, %[[X:[a-z0-9]+]]: tensor<8xf16> {lighthouse.name = "x"})
// CHECK-NEXT: %[[ZERO:.*]] = lighthouse.zeros : () -> tensor<8xf16>
// CHECK-NEXT: %[[P:.*]] = lighthouse.user_stage "product"(%[[Y]], %[[DO]]) ["a", "b"] -> ["c"] with {FACTOR = 3 : i64}
// CHECK-NEXT: %[[Q:.*]] = lighthouse.user_stage "product"(%[[O]], %[[ZERO]])
// CHECK-NEXT: %[[DF:.*]] = lighthouse.add %[[P]], %[[Q]]
// CHECK-NEXT: %[[ZERO2:.*]] = lighthouse.zeros
// CHECK-NEXT: %[[ROUNDED:.*]] = lighthouse.convert %[[DF]] : (tensor<8xf32>) -> tensor<8xf16>
// CHECK-NEXT: %[[P2:.*]] = lighthouse.user_stage "product"(%[[X]], %[[ROUNDED]])
// CHECK-NEXT: %[[Q2:.*]] = lighthouse.user_stage "product"(%[[Y]], %[[ZERO2]])
// CHECK-NEXT: %[[SUM:.*]] = lighthouse.add %[[P2]], %[[Q2]]
// CHECK-NEXT: %[[DX:.*]] = lighthouse.convert %[[SUM]]
// CHECK-NEXT: return %[[DX]]

// Equal stages are one, stages that nobody uses none.
// JOINT-LABEL: func.func @f(
// JOINT-COUNT-2: lighthouse.user_stage "scaled"
// JOINT-NOT: lighthouse.user_stage "scaled"
// JOINT: lighthouse.user_stage "product"
// JOINT: return %{{.*}}, %{{.*}} : tensor<8xf16>, tensor<8xf16>
func.func @f(%x: tensor<8xf16> {lighthouse.name = "x"}, %n: tensor<8xi32> {lighthouse.name = "n"})
    -> (tensor<8xf16> {lighthouse.name = "o"}) {
  %y:3 = lighthouse.user_stage "scaled"(%x, %n) ["x", "n"] -> ["y", "a", "i"] with {FACTOR = 3 : i64}
    adjoint @scaled_adjoint : (tensor<8xf16>, tensor<8xi32>) -> (tensor<8xf16>, tensor<8xf16>, tensor<8xi32>)
  %z:3 = lighthouse.user_stage "scaled"(%y#0, %n) ["x", "n"] -> ["y", "a", "i"] with {FACTOR = 3 : i64}
    adjoint @scaled_adjoint : (tensor<8xf16>, tensor<8xi32>) -> (tensor<8xf16>, tensor<8xf16>, tensor<8xi32>)
  %unused = lighthouse.user_stage "product"(%y#0, %y#0) ["a", "b"] -> ["c"] with {FACTOR = 7 : i64}
    : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf32>
  return %z#0 : tensor<8xf16>
}

// -----

// An argument for which the adjoint gives nothing is a constant; one value for two arguments has a sum.
func.func private @mix_adjoint(%dy: tensor<4xf32> {lighthouse.name = "dy"})
    -> (tensor<4xf32> {lighthouse.name = "db"}, tensor<4xf32> {lighthouse.name = "da"}) {
  return %dy, %dy : tensor<4xf32>, tensor<4xf32>
}
// JOINT-LABEL: func.func @g(
// JOINT-SAME: %[[X:[a-z0-9]+]]: tensor<4xf32> {lighthouse.name = "x"}, %[[C:[a-z0-9]+]]: tensor<4xf32> {lighthouse.name = "c"}, %[[DY:[a-z0-9]+]]: tensor<4xf32> {lighthouse.name = "dy"}
// JOINT-NEXT: %[[Y:.*]] = lighthouse.user_stage "mix"
// JOINT-NEXT: %[[DX:.*]] = lighthouse.add %[[DY]], %[[DY]]
// JOINT-NEXT: %[[DC:.*]] = lighthouse.zeros
// JOINT-NEXT: return %[[Y]], %[[DX]], %[[DC]]
func.func @g(%x: tensor<4xf32> {lighthouse.name = "x"}, %c: tensor<4xf32> {lighthouse.name = "c"})
    -> (tensor<4xf32> {lighthouse.name = "y"}) {
  %y = lighthouse.user_stage "mix"(%x, %x, %c) ["a", "b", "c"] -> ["y"] adjoint @mix_adjoint
    : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// No gradient flows through scores, so a scorer needs no adjoint.
!q = tensor<1x64x4x16xf32>
!k = tensor<1x64x2x16xf32>
!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>
// JOINT-LABEL: func.func @scorer(
// JOINT: lighthouse.user_stage "score"
// JOINT: lighthouse.gather_backward
// JOINT-NOT: lighthouse.user_stage
func.func @scorer(%q: !q {lighthouse.name = "q"}, %k: !k {lighthouse.name = "k"}, %v: !k {lighthouse.name = "v"})
    -> (tensor<1x4x36x16xf32> {lighthouse.name = "o"}) {
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4> : (!q, !k, !k) -> !pyramid
  %sq, %sk = lighthouse.user_stage "score"(%q, %k) ["q", "k"] -> ["sq", "sk"] : (!q, !k) -> (tensor<1x2x20xf32>, tensor<1x2x20xf32>)
  %s = lighthouse.make_scores %sq, %sk : (tensor<1x2x20xf32>, tensor<1x2x20xf32>) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather %p, %e : (!pyramid, !selection) -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  return %qs : tensor<1x4x36x16xf32>
}
