// The backward pass of functions of stages: two functions of their own, or behind the forward pass.
// RUN: lighthouse-opt %s --split-input-file --lighthouse-differentiate | FileCheck %s
// RUN: lighthouse-opt %s --split-input-file --lighthouse-differentiate="joint=1" | FileCheck %s --check-prefix=JOINT
// RUN: lighthouse-opt %s --split-input-file --lighthouse-differentiate="deterministic=0" | FileCheck %s --check-prefix=ATOMIC
// RUN: lighthouse-opt %s --split-input-file --lighthouse-differentiate="joint=1" --lighthouse-fuse-stages | FileCheck %s --check-prefix=FUSED

!q = tensor<1x64x4x16xbf16>
!k = tensor<1x64x2x16xbf16>
!qs = tensor<1x4x36x16xbf16>
!ks = tensor<1x2x36x16xbf16>
!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = bf16, shape = <levels = 3, factor = 4>>
!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>

// Nothing of q, k and v is saved, and a selection as its entries.
// CHECK-LABEL: func.func @lighthouse_fwd(
// CHECK-SAME: {lighthouse.name = "q"}
// CHECK-SAME: -> (tensor<1x64x4x16xbf16> {lighthouse.name = "o"}, tensor<1x2x36xi32> {lighthouse.name = "saved.0"},
// CHECK-SAME: tensor<1x4x36x16xbf16> {lighthouse.name = "saved.1"}, tensor<1x4x36x16xbf16> {lighthouse.name = "saved.2"},
// CHECK-SAME: tensor<1x2x36x16xbf16> {lighthouse.name = "saved.3"}, tensor<1x2x36x16xbf16> {lighthouse.name = "saved.4"},
// CHECK-SAME: tensor<1x4x36xf32> {lighthouse.name = "saved.5"})
// CHECK: %[[E:.*]] = lighthouse.select
// CHECK: lighthouse.gather
// CHECK-NEXT: %[[O:.*]], %[[LSE:.*]] = lighthouse.attend
// CHECK-NEXT: %[[R:.*]] = lighthouse.scatter
// CHECK-NEXT: %[[I:.*]] = lighthouse.indices %[[E]]
// CHECK-NEXT: return %[[R]], %[[I]], %[[O]],
// CHECK-LABEL: func.func @lighthouse_bwd(
// CHECK-SAME: %[[DO:[a-z0-9]+]]: tensor<1x64x4x16xbf16> {lighthouse.name = "do"}, %[[I:[a-z0-9]+]]: tensor<1x2x36xi32> {lighthouse.name = "saved.0"}, %[[O:[a-z0-9]+]]: tensor<1x4x36x16xbf16>
// CHECK-SAME: -> (tensor<1x64x4x16xbf16> {lighthouse.name = "dq"}, tensor<1x64x2x16xbf16> {lighthouse.name = "dk"}, tensor<1x64x2x16xbf16> {lighthouse.name = "dv"})
// CHECK-NEXT: %[[E:.*]] = lighthouse.make_selection %[[I]]
// CHECK-NEXT: %[[DOS:.*]] = lighthouse.scatter_backward %[[DO]], %[[E]]
// CHECK-NEXT: %[[DELTA:.*]] = lighthouse.attend_delta %[[O]], %[[DOS]]
// CHECK-NEXT: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = lighthouse.attend_backward {{.*}}, %[[DOS]], %{{.*}}, %[[DELTA]] causal scale 2.500000e-01 deterministic :
// CHECK-NEXT: %[[GQ:.*]], %[[GK:.*]], %[[GV:.*]] = lighthouse.gather_backward %[[DQ]], %[[DK]], %[[DV]], %[[E]]
// CHECK-SAME: (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>
// CHECK-NEXT: return %[[GQ]], %[[GK]], %[[GV]]
// The function itself is still there.
// CHECK-LABEL: func.func @lighthouse(
// CHECK: return %{{[^,]*}} : tensor<1x64x4x16xbf16>

// JOINT-LABEL: func.func @lighthouse(
// JOINT-SAME: {lighthouse.name = "do"})
// JOINT-SAME: -> (tensor<1x64x4x16xbf16> {lighthouse.name = "o"}, tensor<1x64x4x16xbf16> {lighthouse.name = "dq"},
// JOINT: %[[E:.*]] = lighthouse.select
// JOINT-NOT: lighthouse.make_selection
// JOINT: lighthouse.scatter_backward %{{.*}}, %[[E]]

// ATOMIC-LABEL: func.func @lighthouse_bwd(
// ATOMIC: lighthouse.attend_backward %
// ATOMIC-NOT: deterministic
// ATOMIC-SAME: -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>)
// ATOMIC-NEXT: lighthouse.gather_backward

// FUSED-LABEL: func.func @lighthouse(
// FUSED: lighthouse.pool_score
// FUSED: %[[O:.*]], %{{.*}} = lighthouse.attend
// FUSED: %[[DOS:.*]], %[[DELTA:.*]] = lighthouse.scatter_backward_delta %{{.*}}, %[[O]],
// FUSED-NOT: lighthouse.attend_delta
// FUSED: lighthouse.attend_backward %{{.*}}, %[[DOS]], %{{.*}}, %[[DELTA]]
func.func @lighthouse(%q: !q {lighthouse.name = "q"}, %k: !k {lighthouse.name = "k"}, %v: !k {lighthouse.name = "v"})
    -> (!q {lighthouse.name = "o"}) {
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4> : (!q, !k, !k) -> !pyramid
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather %p, %e : (!pyramid, !selection) -> (!qs, !ks, !ks)
  %os, %lse = lighthouse.attend %qs, %ks, %vs causal : (!qs, !ks, !ks) -> (!qs, tensor<1x4x36xf32>)
  %o = lighthouse.scatter %os, %e : (!qs, !selection) -> !q
  return %o : !q
}

// -----

// Arguments and results that are needed keep their names; the cotangent of lse goes into delta; what
// is used twice has a sum, and what is not used zeros.
// CHECK-LABEL: func.func @dense_fwd(
// CHECK-SAME: -> (tensor<1x2x32x16xf16> {lighthouse.name = "o"}, tensor<1x2x32xf32> {lighthouse.name = "lse"})
// CHECK-LABEL: func.func @dense_bwd(
// CHECK-SAME: %[[DO:[a-z0-9]+]]: tensor<1x2x32x16xf16> {lighthouse.name = "do"}, %[[DLSE:[a-z0-9]+]]: tensor<1x2x32xf32> {lighthouse.name = "dlse"}, %[[O:[a-z0-9]+]]: tensor<1x2x32x16xf16> {lighthouse.name = "o"}, %[[X:[a-z0-9]+]]: tensor<1x2x32x16xf16> {lighthouse.name = "x"}, %[[LSE:[a-z0-9]+]]: tensor<1x2x32xf32> {lighthouse.name = "lse"})
// CHECK-SAME: -> (tensor<1x2x32x16xf16> {lighthouse.name = "dx"}, tensor<5xf32> {lighthouse.name = "dy"})
// CHECK-NEXT: %[[DELTA:.*]] = lighthouse.attend_delta %[[O]], %[[DO]]
// CHECK-NEXT: %[[D:.*]] = lighthouse.add %[[DELTA]], %[[DLSE]] alpha -1.000000e+00
// CHECK-NEXT: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = lighthouse.attend_backward %[[X]], %[[X]], %[[X]], %[[DO]], %[[LSE]], %[[D]] scale 5.000000e-01 deterministic :
// CHECK-NEXT: %[[QK:.*]] = lighthouse.add %[[DQ]], %[[DK]] : (tensor<1x2x32x16xf32>, tensor<1x2x32x16xf16>) -> tensor<1x2x32x16xf32>
// CHECK-NEXT: %[[ALL:.*]] = lighthouse.add %[[QK]], %[[DV]]
// CHECK-NEXT: %[[DX:.*]] = lighthouse.convert %[[ALL]] : (tensor<1x2x32x16xf32>) -> tensor<1x2x32x16xf16>
// CHECK-NEXT: %[[DY:.*]] = lighthouse.zeros
// CHECK-NEXT: return %[[DX]], %[[DY]]
func.func @dense(%x: tensor<1x2x32x16xf16> {lighthouse.name = "x"}, %y: tensor<5xf32> {lighthouse.name = "y"}, %i: tensor<5xi32>)
    -> (tensor<1x2x32x16xf16> {lighthouse.name = "o"}, tensor<1x2x32xf32> {lighthouse.name = "lse"}) {
  %o, %lse = lighthouse.attend %x, %x, %x scale 0.5
    : (tensor<1x2x32x16xf16>, tensor<1x2x32x16xf16>, tensor<1x2x32x16xf16>) -> (tensor<1x2x32x16xf16>, tensor<1x2x32xf32>)
  return %o, %lse : tensor<1x2x32x16xf16>, tensor<1x2x32xf32>
}

// -----

!q = tensor<1x64x4x16xbf16>
!k = tensor<1x64x2x16xbf16>
!qs = tensor<1x4x36x16xbf16>
!ks = tensor<1x2x36x16xbf16>
!table = tensor<64x8xf32>
!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = bf16, shape = <levels = 3, factor = 4>>
!scores = !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>

// The tables and the pairs are those of the forward pass; the tables are constants, whose gradient is zero.
// CHECK-LABEL: func.func @rope_bwd(
// CHECK-SAME: %[[COS:[a-z0-9]+]]: tensor<64x8xf32> {lighthouse.name = "cos"}, %[[SIN:[a-z0-9]+]]: tensor<64x8xf32> {lighthouse.name = "sin"}
// CHECK: %[[E:.*]] = lighthouse.make_selection
// CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = lighthouse.attend_backward
// CHECK: %[[GQ:.*]], %[[GK:.*]], %[[GV:.*]] = lighthouse.gather_rope_backward %[[DQ]], %[[DK]], %[[DV]], %[[E]], %[[COS]], %[[SIN]] interleaved
// CHECK-SAME: (tensor<1x4x36x16xf32>, tensor<1x2x36x16xbf16>, tensor<1x2x36x16xbf16>
// CHECK: %[[ZERO:.*]] = lighthouse.zeros : () -> tensor<64x8xf32>
// CHECK: return %[[GQ]], %[[GK]], %[[GV]], %[[ZERO]], %{{.*}}
func.func @rope(%q: !q {lighthouse.name = "q"}, %k: !k {lighthouse.name = "k"}, %v: !k {lighthouse.name = "v"},
                %cos: !table {lighthouse.name = "cos"}, %sin: !table {lighthouse.name = "sin"})
    -> (!q {lighthouse.name = "o"}) {
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4> : (!q, !k, !k) -> !pyramid
  %s = lighthouse.norm_score %p : (!pyramid) -> !scores
  %e = lighthouse.select %s budget 4 chunk 2 : (!scores) -> !selection
  %qs, %ks, %vs = lighthouse.gather_rope %p, %e, %cos, %sin interleaved
    : (!pyramid, !selection, !table, !table) -> (!qs, !ks, !ks)
  %os, %lse = lighthouse.attend %qs, %ks, %vs causal : (!qs, !ks, !ks) -> (!qs, tensor<1x4x36xf32>)
  %o = lighthouse.scatter %os, %e : (!qs, !selection) -> !q
  return %o : !q
}
