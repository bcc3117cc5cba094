// RUN: lighthouse-opt %s --lighthouse-fuse-stages | FileCheck %s

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>

// The pyramid has other users, which take it from the fused op.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[Q:.*]]: tensor<1x64x4x16xf32>, %[[K:.*]]: tensor<1x64x2x16xf32>
// CHECK-NEXT: %[[P:.*]], %[[S:.*]] = lighthouse.pool_score %[[Q]], %[[K]], %[[K]] into <levels = 3, factor = 4>
// CHECK-NEXT: %[[E:.*]] = lighthouse.select %[[S]] budget 4 chunk 2
// CHECK-NEXT: lighthouse.gather %[[P]], %[[E]]
// CHECK-NOT: lighthouse.pool
func.func @forward(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>) -> tensor<1x4x36x16xf32> {
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>) -> !pyramid
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather %p, %e : (!pyramid, !selection)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  return %qs : tensor<1x4x36x16xf32>
}

// A second score of the same pyramid is the same value.
// CHECK-LABEL: func.func @scored_twice
// CHECK: %[[P:.*]], %[[S:.*]] = lighthouse.pool_score
// CHECK-NEXT: call @use(%[[S]], %[[S]])
// CHECK-NOT: lighthouse.norm_score
func.func @scored_twice(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>) {
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>) -> !pyramid
  %s0 = lighthouse.norm_score %p : (!pyramid) -> !scores
  %s1 = lighthouse.norm_score %p : (!pyramid) -> !scores
  call @use(%s0, %s1) : (!scores, !scores) -> ()
  return
}
func.func private @use(!scores, !scores)

// The user's own scores leave the pool alone.
// CHECK-LABEL: func.func @own_scores
// CHECK: lighthouse.pool %
// CHECK: lighthouse.make_scores
func.func @own_scores(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %sq: tensor<1x2x20xf32>)
    -> tensor<1x4x36x16xf32> {
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>) -> !pyramid
  %s = lighthouse.make_scores %sq, %sq : (tensor<1x2x20xf32>, tensor<1x2x20xf32>) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather %p, %e : (!pyramid, !selection)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  return %qs : tensor<1x4x36x16xf32>
}

// A pyramid from elsewhere cannot be fused.
// CHECK-LABEL: func.func @from_argument
// CHECK: lighthouse.norm_score
func.func @from_argument(%p: !pyramid) -> !scores {
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  return %s : !scores
}
