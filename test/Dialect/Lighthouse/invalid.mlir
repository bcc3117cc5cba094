// One negative test for each labelled constraint of the dialect, in the order of the documentation.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// expected-error@below {{a pyramid needs at least 2 levels, got 1 [pyramid_c1]}}
"test.attr"() {a = #lighthouse.pyramid<levels = 1, factor = 4>} : () -> ()

// -----

// expected-error@below {{the pooling factor must be a power of two, at least 2, got 6 [pyramid_c2]}}
"test.attr"() {a = #lighthouse.pyramid<levels = 3, factor = 6>} : () -> ()

// -----

// expected-error@below {{would cover 2^31 positions or more [pyramid_c3]}}
"test.attr"() {a = #lighthouse.pyramid<levels = 17, factor = 4>} : () -> ()

// -----

// expected-error@below {{would cover 2^31 positions or more [pyramid_c3]}}
"test.attr"() {a = #lighthouse.pyramid<levels = 4611686018427387905, factor = 4>} : () -> ()

// -----

// expected-error@below {{groups must be positive, got 0 [pyramid_type_c1]}}
func.func private @f(!lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 0, dim = 16, element = f32, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{a pyramid over 2000000000 positions has 2^31 entries or more [pyramid_type_c1]}}
func.func private @f(!lighthouse.pyramid<batch = 1, length = 2000000000, heads = 4, groups = 4, dim = 16, element = f32, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{3 key/value heads do not divide 4 query heads [pyramid_type_c2]}}
func.func private @f(!lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 3, dim = 16, element = f32, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{element type must be f32, f16 or bf16, got 'f64' [pyramid_type_c3]}}
func.func private @f(!lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 4, dim = 16, element = f64, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{length must be positive, got 0 [scores_type_c1]}}
func.func private @f(!lighthouse.scores<batch = 1, length = 0, groups = 2, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{batch must be positive, got -1 [selection_type_c1]}}
func.func private @f(!lighthouse.selection<batch = -1, length = 64, groups = 2, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>)

// -----

// expected-error@below {{chunk must be even, positive and below 2^31, as half of it is chosen by query score and half by key score; got 127 [selection_type_c2]}}
func.func private @f(!lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 127, chunk = 127, cover_prefix = false, shape = <levels = 3, factor = 4>>)

// -----

// The nearest valid budget is below ...
!scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>
func.func @select(%sq: tensor<1x2x2560xf32>, %sk: tensor<1x2x2560xf32>) {
  %s = lighthouse.make_scores %sq, %sk : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>) -> !scores
  // expected-error@+2 {{budget must be a positive multiple of the chunk size 128 below 2^31, got 300; the nearest valid budget is 256 [selection_type_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %e = lighthouse.select %s budget 300 : (!scores) -> !selection
  return
}

// -----

// ... or above ...
// expected-error@below {{got 330; the nearest valid budget is 384 [selection_type_c3]}}
func.func private @f(!lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 330, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>)

// -----

// ... and always at least one chunk ...
// expected-error@below {{got -5; the nearest valid budget is 128 [selection_type_c3]}}
func.func private @f(!lighthouse.selection<batch = 1, length = 64, groups = 2, budget = -5, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>)

// -----

// ... and never too large.
// expected-error@below {{got 4611686018427387904; the nearest valid budget is 2147483520 [selection_type_c3]}}
func.func private @f(!lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4611686018427387904, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>)

// -----

func.func @pool(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x4x16xf32>) {
  // expected-error@+2 {{k and v must have the same type, got 'tensor<1x64x2x16xf32>' and 'tensor<1x64x4x16xf32>' [pool_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x4x16xf32>)
      -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

func.func @pool(%q: tensor<1x64x4x32xf32>, %k: tensor<1x64x2x16xf32>) {
  // expected-error@+2 {{q must agree with k in everything but the number of heads (dim 2), got 'tensor<1x64x4x32xf32>' and 'tensor<1x64x2x16xf32>' [pool_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x32xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
      -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

// The shape rules of the result type hold for the operands.
func.func @pool(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x3x16xf32>) {
  // expected-error@+2 {{3 key/value heads do not divide 4 query heads [pyramid_type_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x3x16xf32>, tensor<1x64x3x16xf32>)
      -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

// Result types are those that operands and attributes imply.
func.func @pool(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>) {
  // expected-error@+2 {{are incompatible with return type(s) of operation}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.pool %q, %k, %k into <levels = 3, factor = 4>
    : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
      -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 2, factor = 4>>
  return
}

// -----

func.func @pool_score(%q: tensor<1x64x2x16xf16>, %k: tensor<1x64x2x16xf16>, %v: tensor<1x64x2x16xf32>) {
  // expected-error@+2 {{k and v must have the same type, got 'tensor<1x64x2x16xf16>' and 'tensor<1x64x2x16xf32>' [pool_score_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %p, %s = lighthouse.pool_score %q, %k, %v into <levels = 2, factor = 2>
    : (tensor<1x64x2x16xf16>, tensor<1x64x2x16xf16>, tensor<1x64x2x16xf32>)
      -> (!lighthouse.pyramid<batch = 1, length = 64, heads = 2, groups = 2, dim = 16, element = f16, shape = <levels = 2, factor = 2>>,
          !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 2, factor = 2>>)
  return
}

// -----

func.func @pool_score(%q: tensor<1x32x2x16xf16>, %k: tensor<1x64x2x16xf16>) {
  // expected-error@+2 {{q must agree with k in everything but the number of heads (dim 2), got 'tensor<1x32x2x16xf16>' and 'tensor<1x64x2x16xf16>' [pool_score_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %p, %s = lighthouse.pool_score %q, %k, %k into <levels = 2, factor = 2>
    : (tensor<1x32x2x16xf16>, tensor<1x64x2x16xf16>, tensor<1x64x2x16xf16>)
      -> (!lighthouse.pyramid<batch = 1, length = 64, heads = 2, groups = 2, dim = 16, element = f16, shape = <levels = 2, factor = 2>>,
          !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 2, factor = 2>>)
  return
}

// -----

func.func @make_pyramid(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x32xf32>, %qc: tensor<1x4x4x16xf32>, %kc: tensor<1x2x4x16xf32>) {
  // expected-error@+2 {{k and v must have the same type, got 'tensor<1x64x2x16xf32>' and 'tensor<1x64x2x32xf32>' [make_pyramid_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.make_pyramid %q, %k, %v, %qc, %kc, %kc into <levels = 3, factor = 4> : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x32xf32>, tensor<1x4x4x16xf32>, tensor<1x2x4x16xf32>, tensor<1x2x4x16xf32>) -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

func.func @make_pyramid(%q: tensor<1x32x4x16xf32>, %k: tensor<1x64x2x16xf32>, %qc: tensor<1x4x4x16xf32>, %kc: tensor<1x2x4x16xf32>) {
  // expected-error@+2 {{q must agree with k in everything but the number of heads (dim 2), got 'tensor<1x32x4x16xf32>' and 'tensor<1x64x2x16xf32>' [make_pyramid_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.make_pyramid %q, %k, %k, %qc, %kc, %kc into <levels = 3, factor = 4> : (tensor<1x32x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x4x4x16xf32>, tensor<1x2x4x16xf32>, tensor<1x2x4x16xf32>) -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

func.func @make_pyramid(%q: tensor<1x64x4x16xf32>, %k: tensor<1x64x2x16xf32>, %qc: tensor<1x4x4x16xf32>, %kc: tensor<1x2x5x16xf32>) {
  // expected-error@+2 {{kc must be 'tensor<1x2x4x16xf32>', got 'tensor<1x2x5x16xf32>' [make_pyramid_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %p = lighthouse.make_pyramid %q, %k, %k, %qc, %kc, %kc into <levels = 3, factor = 4> : (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x4x4x16xf32>, tensor<1x2x5x16xf32>, tensor<1x2x5x16xf32>) -> !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
  return
}

// -----

func.func @make_scores(%sq: tensor<1x2x20xf32>, %sk: tensor<1x2x84xf32>) {
  // expected-error@below {{score tensors must be 'tensor<1x2x20xf32>', got 'tensor<1x2x84xf32>' [make_scores_c1]}}
  %s = lighthouse.make_scores %sq, %sk : (tensor<1x2x20xf32>, tensor<1x2x84xf32>)
    -> !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
  return
}

// -----

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 2>>
func.func @gather(%p: !pyramid, %e: !selection) {
  // expected-error-re@+2 {{pyramid and selection must agree in batch, length, groups and shape, got {{.*}} [gather_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %q, %k, %v = lighthouse.gather %p, %e : (!pyramid, !selection)
    -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 2>>
func.func @gather_rope(%p: !pyramid, %e: !selection, %cos: tensor<64x8xf32>, %sin: tensor<64x8xf32>) {
  // expected-error-re@+2 {{pyramid and selection must agree in batch, length, groups and shape, got {{.*}} [gather_rope_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %q, %k, %v = lighthouse.gather_rope %p, %e, %cos, %sin : (!pyramid, !selection, tensor<64x8xf32>, tensor<64x8xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  return
}

// -----

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 16, element = f32, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>
func.func @gather_rope(%p: !pyramid, %e: !selection, %cos: tensor<64x8xf32>, %sin: tensor<60x8xf32>) {
  // expected-error@+2 {{sin must be 'tensor<64x8xf32>', a row for each position and a column for each pair, got 'tensor<60x8xf32>' [gather_rope_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %q, %k, %v = lighthouse.gather_rope %p, %e, %cos, %sin : (!pyramid, !selection, tensor<64x8xf32>, tensor<60x8xf32>)
    -> (tensor<1x4x36x16xf32>, tensor<1x2x36x16xf32>, tensor<1x2x36x16xf32>)
  return
}

// -----

!pyramid = !lighthouse.pyramid<batch = 1, length = 64, heads = 4, groups = 2, dim = 15, element = f32, shape = <levels = 3, factor = 4>>
!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 3, factor = 4>>
func.func @gather_rope(%p: !pyramid, %e: !selection, %cos: tensor<64x8xf32>, %sin: tensor<64x8xf32>) {
  // expected-error@+2 {{rotation turns pairs of columns, but the head dim is 15 [gather_rope_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %q, %k, %v = lighthouse.gather_rope %p, %e, %cos, %sin : (!pyramid, !selection, tensor<64x8xf32>, tensor<64x8xf32>)
    -> (tensor<1x4x36x15xf32>, tensor<1x2x36x15xf32>, tensor<1x2x36x15xf32>)
  return
}

// -----

func.func @attend(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %v: tensor<1x2x64x16xf32>) {
  // expected-error@+2 {{k and v must have the same type, got 'tensor<1x2x32x16xf32>' and 'tensor<1x2x64x16xf32>' [attend_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %o, %lse = lighthouse.attend %q, %k, %v causal
    : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x64x16xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x4x32xf32>)
  return
}

// -----

func.func @attend(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x64x16xf32>) {
  // expected-error@+2 {{q must agree with k in everything but the number of heads (dim 1), got 'tensor<1x4x32x16xf32>' and 'tensor<1x2x64x16xf32>' [attend_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %o, %lse = lighthouse.attend %q, %k, %k
    : (tensor<1x4x32x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x4x32xf32>)
  return
}

// -----

func.func @attend(%q: tensor<1x4x32x16xf32>) {
  // expected-error@+2 {{the scale must be positive and finite, got -5.000000e-01 [attend_c4]}}
  // expected-error@below {{failed to infer returned types}}
  %o, %lse = lighthouse.attend %q, %q, %q scale -0.5
    : (tensor<1x4x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32x16xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x4x32xf32>)
  return
}

// -----

func.func @attend(%q: tensor<1x4x32x16xf32>, %k: tensor<1x3x32x16xf32>) {
  // expected-error@+2 {{3 key/value heads do not divide 4 query heads [attend_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %o, %lse = lighthouse.attend %q, %k, %k
    : (tensor<1x4x32x16xf32>, tensor<1x3x32x16xf32>, tensor<1x3x32x16xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x4x32xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter(%o: tensor<1x4x39x16xf32>, %e: !selection) {
  // expected-error@+2 {{the source must have batch 1 and 40 rows a head, as the selection, got 'tensor<1x4x39x16xf32>' [scatter_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %r = lighthouse.scatter %o, %e : (tensor<1x4x39x16xf32>, !selection) -> tensor<1x64x4x16xf32>
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter(%o: tensor<1x3x40x16xf32>, %e: !selection) {
  // expected-error@+2 {{2 groups of the selection do not divide 3 heads [scatter_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %r = lighthouse.scatter %o, %e : (tensor<1x3x40x16xf32>, !selection) -> tensor<1x64x3x16xf32>
  return
}

// -----

func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has 1 inputs and 1 outputs, but 2 and 1 names [user_stage_c1]}}
  %y = lighthouse.user_stage "s"(%x) ["x", "z"] -> ["y"] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has the name "x" twice [user_stage_c1]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["x"] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has the scalar "a", which is no number [user_stage_c5]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] scalars [1 : i32, "a"] -> ["y"] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has -1 flops [user_stage_c5]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] flops -1 : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func private @adjoint(tensor<8xf32> {lighthouse.name = "dy"}) -> (tensor<8xf32> {lighthouse.name = "dx"})
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has the adjoint @adjoint, which is not a function of the module with one block [user_stage_c2]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func private @adjoint(%z: tensor<8xf32> {lighthouse.name = "z"}) {
  return
}
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has an adjoint with the argument 'z', which names nothing [user_stage_c3]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// The cotangent of y, or the input?
func.func private @adjoint(%dy: tensor<8xf32> {lighthouse.name = "dy"}) {
  return
}
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has an adjoint with the argument 'dy', which names more than one thing [user_stage_c3]}}
  %y = lighthouse.user_stage "s"(%x) ["dy"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// Integers have no cotangent.
func.func private @adjoint(%dy: tensor<8xi32> {lighthouse.name = "dy"}) {
  return
}
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has an adjoint with the argument 'dy', which names nothing [user_stage_c3]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xi32>
  return
}

// -----

func.func private @adjoint(%dy: tensor<8xf32> {lighthouse.name = "dy"}) {
  return
}
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has an adjoint with the argument 'dy' of type 'tensor<8xf32>'; expected 'tensor<8xf16>' [user_stage_c3]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xf16>
  return
}

// -----

func.func private @adjoint(%dy: tensor<8xf32> {lighthouse.name = "dy"}) -> (tensor<8xf32> {lighthouse.name = "dz"}) {
  return %dy : tensor<8xf32>
}
func.func @user_stage(%x: tensor<8xf32>) {
  // expected-error@below {{has an adjoint with the result 'dz', which is the gradient of no input [user_stage_c4]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func private @adjoint(%y: tensor<9xf32> {lighthouse.name = "y"}) -> (tensor<9xf32> {lighthouse.name = "dx"}) {
  return %y : tensor<9xf32>
}
func.func @user_stage(%x: tensor<8xf16>) {
  // expected-error@below {{has an adjoint with the result 'dx' of type 'tensor<9xf32>'; expected 'tensor<8xf16>' or the same of f32 [user_stage_c4]}}
  %y = lighthouse.user_stage "s"(%x) ["x"] -> ["y"] adjoint @adjoint : (tensor<8xf16>) -> tensor<9xf32>
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @make_selection(%i: tensor<1x2x39xi32>) {
  // expected-error@below {{the entries must be 'tensor<1x2x40xi32>', got 'tensor<1x2x39xi32>' [make_selection_c1]}}
  %e = lighthouse.make_selection %i : (tensor<1x2x39xi32>) -> !selection
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter_backward(%do: tensor<1x63x4x16xf32>, %e: !selection) {
  // expected-error@+2 {{the cotangent must have batch 1 and 64 positions, as the selection, got 'tensor<1x63x4x16xf32>' [scatter_backward_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %r = lighthouse.scatter_backward %do, %e : (tensor<1x63x4x16xf32>, !selection) -> tensor<1x4x40x16xf32>
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter_backward(%do: tensor<1x64x3x16xf32>, %e: !selection) {
  // expected-error@+2 {{2 groups of the selection do not divide 3 heads [scatter_backward_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %r = lighthouse.scatter_backward %do, %e : (tensor<1x64x3x16xf32>, !selection) -> tensor<1x4x40x16xf32>
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter_backward_delta(%do: tensor<1x63x4x16xf32>, %o: tensor<1x4x40x16xf32>, %e: !selection) {
  // expected-error@+2 {{the cotangent must have batch 1 and 64 positions, as the selection, got 'tensor<1x63x4x16xf32>' [scatter_backward_delta_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %r, %d = lighthouse.scatter_backward_delta %do, %o, %e : (tensor<1x63x4x16xf32>, tensor<1x4x40x16xf32>, !selection) -> (tensor<1x4x40x16xf32>, tensor<1x4x40xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter_backward_delta(%do: tensor<1x64x3x16xf32>, %o: tensor<1x4x40x16xf32>, %e: !selection) {
  // expected-error@+2 {{2 groups of the selection do not divide 3 heads [scatter_backward_delta_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %r, %d = lighthouse.scatter_backward_delta %do, %o, %e : (tensor<1x64x3x16xf32>, tensor<1x4x40x16xf32>, !selection) -> (tensor<1x4x40x16xf32>, tensor<1x4x40xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @scatter_backward_delta(%do: tensor<1x64x4x16xf16>, %o: tensor<1x4x40x16xf32>, %e: !selection) {
  // expected-error@+2 {{the source must be 'tensor<1x4x40x16xf16>', got 'tensor<1x4x40x16xf32>' [scatter_backward_delta_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %r, %d = lighthouse.scatter_backward_delta %do, %o, %e : (tensor<1x64x4x16xf16>, tensor<1x4x40x16xf32>, !selection) -> (tensor<1x4x40x16xf16>, tensor<1x4x40xf32>)
  return
}

// -----

func.func @attend_delta(%o: tensor<1x4x32x16xf32>, %do: tensor<1x4x32x16xf16>) {
  // expected-error@+2 {{o and d_o must have the same type, got 'tensor<1x4x32x16xf32>' and 'tensor<1x4x32x16xf16>' [attend_delta_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %d = lighthouse.attend_delta %o, %do : (tensor<1x4x32x16xf32>, tensor<1x4x32x16xf16>) -> tensor<1x4x32xf32>
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{the scale must be positive and finite, got 0.000000e+00 [attend_backward_c4]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r scale 0.0 : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %v: tensor<1x2x64x16xf32>, %do: tensor<1x4x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{k and v must have the same type, got 'tensor<1x2x32x16xf32>' and 'tensor<1x2x64x16xf32>' [attend_backward_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %v, %do, %r, %r scale 0.25 : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x64x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x64x16xf32>, %v: tensor<1x2x64x16xf32>, %do: tensor<1x4x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{q must agree with k in everything but the number of heads (dim 1), got 'tensor<1x4x32x16xf32>' and 'tensor<1x2x64x16xf32>' [attend_backward_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %v, %do, %r, %r scale 0.25 : (tensor<1x4x32x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %v: tensor<1x2x32x16xf32>, %do: tensor<1x4x32x16xf32>, %r: tensor<1x4x16xf32>) {
  // expected-error@+2 {{lse must be 'tensor<1x4x32xf32>', got 'tensor<1x4x16xf32>' [attend_backward_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %v, %do, %r, %r scale 0.25 : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x3x32x16xf32>, %v: tensor<1x3x32x16xf32>, %do: tensor<1x4x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{3 key/value heads do not divide 4 query heads [attend_backward_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %v, %do, %r, %r scale 0.25 : (tensor<1x4x32x16xf32>, tensor<1x3x32x16xf32>, tensor<1x3x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x3x32x16xf32>, tensor<1x3x32x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{reversed_heads must be from 0 to the 4 query heads, or -1 for the kernel's own choice, got 5 [attend_backward_c5]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r scale 0.25 deterministic reversed_heads 5 : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

func.func @attend_backward(%q: tensor<1x4x32x16xf32>, %k: tensor<1x2x32x16xf32>, %r: tensor<1x4x32xf32>) {
  // expected-error@+2 {{reversed_heads must be from 0 to the 4 query heads, or -1 for the kernel's own choice, got -2 [attend_backward_c5]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %k, %q, %r, %r scale 0.25 deterministic reversed_heads -2 : (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x4x32x16xf32>, tensor<1x4x32xf32>, tensor<1x4x32xf32>) -> (tensor<1x4x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @gather_backward(%q: tensor<1x4x40x16xf16>, %k: tensor<1x2x40x16xf32>, %e: !selection) {
  // expected-error@+2 {{do not agree: 'tensor<1x4x40x16xf16>', 'tensor<1x2x40x16xf32>' and 'tensor<1x2x40x16xf32>' [gather_backward_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.gather_backward %q, %k, %k, %e : (tensor<1x4x40x16xf16>, tensor<1x2x40x16xf32>, tensor<1x2x40x16xf32>, !selection) -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @gather_backward(%q: tensor<1x4x39x16xf32>, %k: tensor<1x2x39x16xf32>, %e: !selection) {
  // expected-error@+2 {{[gather_backward_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.gather_backward %q, %k, %k, %e : (tensor<1x4x39x16xf32>, tensor<1x2x39x16xf32>, tensor<1x2x39x16xf32>, !selection) -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @gather_rope_backward(%q: tensor<1x4x40x16xf16>, %k: tensor<1x2x40x16xf32>, %e: !selection, %cos: tensor<64x8xf32>, %sin: tensor<64x8xf32>) {
  // expected-error@+2 {{do not agree: 'tensor<1x4x40x16xf16>', 'tensor<1x2x40x16xf32>' and 'tensor<1x2x40x16xf32>' [gather_rope_backward_c1]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.gather_rope_backward %q, %k, %k, %e, %cos, %sin : (tensor<1x4x40x16xf16>, tensor<1x2x40x16xf32>, tensor<1x2x40x16xf32>, !selection, tensor<64x8xf32>, tensor<64x8xf32>) -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @gather_rope_backward(%q: tensor<1x4x39x16xf32>, %k: tensor<1x2x39x16xf32>, %e: !selection, %cos: tensor<64x8xf32>, %sin: tensor<64x8xf32>) {
  // expected-error@+2 {{[gather_rope_backward_c2]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.gather_rope_backward %q, %k, %k, %e, %cos, %sin : (tensor<1x4x39x16xf32>, tensor<1x2x39x16xf32>, tensor<1x2x39x16xf32>, !selection, tensor<64x8xf32>, tensor<64x8xf32>) -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return
}

// -----

!selection = !lighthouse.selection<batch = 1, length = 64, groups = 2, budget = 4, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 2>>
func.func @gather_rope_backward(%q: tensor<1x4x40x16xf32>, %k: tensor<1x2x40x16xf32>, %e: !selection, %cos: tensor<64x16xf32>, %sin: tensor<64x8xf32>) {
  // expected-error@+2 {{cos must be 'tensor<64x8xf32>', a row for each position and a column for each pair, got 'tensor<64x16xf32>' [gather_rope_backward_c3]}}
  // expected-error@below {{failed to infer returned types}}
  %dq, %dk, %dv = lighthouse.gather_rope_backward %q, %k, %k, %e, %cos, %sin : (tensor<1x4x40x16xf32>, tensor<1x2x40x16xf32>, tensor<1x2x40x16xf32>, !selection, tensor<64x16xf32>, tensor<64x8xf32>) -> (tensor<1x64x4x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>)
  return
}

// -----

func.func @add(%a: tensor<8xf32>, %b: tensor<9xf32>) {
  // expected-error@below {{operands and result must have one shape, got 'tensor<9xf32>' and 'tensor<8xf32>' [add_c1]}}
  %c = lighthouse.add %a, %b : (tensor<8xf32>, tensor<9xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @convert(%a: tensor<8xf32>, %b: tensor<9xf32>) {
  // expected-error@below {{operands and result must have one shape, got 'tensor<9xf32>' and 'tensor<8xf32>' [convert_c1]}}
  %c = lighthouse.convert %b : (tensor<9xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{refers to @launch, which is not a kernel of the module [launch_c1]}}
  %y = lighthouse.launch @launch(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'scale' is declared here}}
tile.kernel @scale(%x: !tile.view<["N"], f32>, %a: f32, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{kernel 'scale' takes 1 tensors and 1 scalars and has 1 results, got 1, 0 and 1 [launch_c2]}}
  %y = lighthouse.launch @scale(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

tile.kernel @two(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>, %z: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{has 1 results, but @two has 2 [launch_c2]}}
  %y = lighthouse.launch @two(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

tile.kernel @add(%x: !tile.view<["N"], f32>,
                 // expected-note@below {{kernel 'add' is declared here}}
                 %y: !tile.view<["N"], f32>,
                 %z: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>, %y: tensor<9xf32>) {
  // expected-error@below {{('N') must be 8, got 9 [launch_c3]}}
  %z = lighthouse.launch @add(%x, %y) : (tensor<8xf32>, tensor<9xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'id' is declared here}}
tile.kernel @id(%x: !tile.view<["N", 16], f32>, %y: !tile.view<["N", 16], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8x16xf16>) {
  // expected-error@below {{takes a tensor of rank 2 and element type 'f32', got 'tensor<8x16xf16>' [launch_c3]}}
  %y = lighthouse.launch @id(%x) : (tensor<8x16xf16>) -> tensor<8x16xf32>
  return
}

// -----

// expected-note@below {{kernel 'id' is declared here}}
tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<2147483648xf32>) {
  // expected-error@below {{dim 0 of 'tensor<2147483648xf32>' is 2^31 or more [launch_c3]}}
  %y = lighthouse.launch @id(%x) : (tensor<2147483648xf32>) -> tensor<2147483648xf32>
  return
}

// -----

// expected-note@below {{kernel 'scale' is declared here}}
tile.kernel @scale(%x: !tile.view<["N"], f32>, %a: f32, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{of kernel 'scale' must be 'f32', got 2 : i32 [launch_c4]}}
  %y = lighthouse.launch @scale(%x) scalars [2 : i32] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'count' is declared here}}
tile.kernel @count(%x: !tile.view<["N"], f32>, %n: i32) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{kernel 'count' has a result of type 'i32', which is no view [launch_c2]}}
  %y = lighthouse.launch @count(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'power' is declared here}}
tile.kernel @power(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n * n * n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<2147483647xf32>) {
  // expected-error@below {{the grid of kernel 'power' cannot be computed for these dims [launch_c3]}}
  %y = lighthouse.launch @power(%x) : (tensor<2147483647xf32>) -> tensor<2147483647xf32>
  return
}

// -----

// expected-note@below {{kernel 'less' is declared here}}
tile.kernel @less(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n - 100, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{the grid of kernel 'less' has an extent outside 0 .. 2^31 - 1 [launch_c3]}}
  %y = lighthouse.launch @less(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'less' is declared here}}
tile.kernel @less(%x: !tile.view<["N"], f32>, %y: !tile.view<["M"], f32>) attributes {
    dims = ["N", "M"], grid = affine_map<()[n, m] -> (1, 1, 1)>, inputs = 1 : i64,
    dim_exprs = {M = affine_map<()[n, m] -> (n - 100)>}} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{dim 'M' of kernel 'less' would be -92 [launch_c5]}}
  %y = lighthouse.launch @less(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'cycle' is declared here}}
tile.kernel @cycle(%x: !tile.view<["N"], f32>, %y: !tile.view<["M"], f32>, %z: !tile.view<["K"], f32>) attributes {
    dims = ["N", "M", "K"], grid = affine_map<()[n, m, k] -> (1, 1, 1)>, inputs = 1 : i64,
    dim_exprs = {M = affine_map<()[n, m, k] -> (k)>}} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{dim 'M' of kernel 'cycle' cannot be computed from the dims of its inputs [launch_c5]}}
  %y = lighthouse.launch @cycle(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'open' is declared here}}
tile.kernel @open(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>, %z: !tile.view<["K"], f32>) attributes {
    dims = ["N", "K"], grid = affine_map<()[n, k] -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @launch(%x: tensor<8xf32>) {
  // expected-error@below {{dim 'K' of kernel 'open' is given by no input and no dim expression [launch_c5]}}
  %y = lighthouse.launch @open(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// expected-note@below {{kernel 'half' is declared here}}
tile.kernel @half(%x: !tile.view<["N"], f32>, %y: !tile.view<["M"], f32>) attributes {
    dims = ["N", "M"], grid = affine_map<()[n, m] -> (m, 1, 1)>, inputs = 1 : i64,
    dim_exprs = {M = affine_map<()[n, m] -> (n ceildiv 2)>}} {
  tile.return
}
func.func @launch(%x: tensor<9xf32>) {
  // expected-error@below {{dim 'M' of kernel 'half' must be 5, got 4 [launch_c5]}}
  %y = lighthouse.launch @half(%x) : (tensor<9xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error@below {{names of inputs and outputs must differ and not be empty, got 'x' [plan_c1]}}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "x" : memref<8xf32>) workspace 0 {
}

// -----

// expected-error@below {{arguments of a plan must be memrefs of static shape, got 'tensor<8xf32>' [plan_c1]}}
lighthouse.plan @p inputs(%x "x" : tensor<8xf32>) outputs() workspace 0 {
}

// -----

lighthouse.plan @p inputs() outputs() workspace 0 {
  // expected-error@below {{cannot be part of a plan, only buffers, fills and dispatches can [plan_c2]}}
  %c = arith.constant 0 : i32
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<32xf32>) outputs(%y "y" : memref<32xf32>) workspace 192 {
  // expected-note@below {{the other buffer}}
  %a = lighthouse.buffer 0 : memref<32xf32>
  // expected-error@below {{shares memory with a buffer that is in use at the same time [plan_c3]}}
  %b = lighthouse.buffer 64 : memref<32xf32>
  lighthouse.dispatch @id grid [32, 1, 1] dims [32] (%x, %a) stage "id" : memref<32xf32>, memref<32xf32>
  lighthouse.dispatch @id grid [32, 1, 1] dims [32] (%x, %b) stage "id" : memref<32xf32>, memref<32xf32>
  lighthouse.dispatch @id grid [32, 1, 1] dims [32] (%a, %y) stage "id" : memref<32xf32>, memref<32xf32>
}

// -----

lighthouse.plan @p inputs() outputs() workspace 4096 {
  // expected-error@below {{offset must be a multiple of 64 that is not negative, got 32 [buffer_c1]}}
  %a = lighthouse.buffer 32 : memref<8xf32>
}

// -----

lighthouse.plan @p inputs() outputs() workspace 128 {
  // expected-error@below {{of 68 bytes at offset 64 does not fit into the workspace of 128 bytes [buffer_c2]}}
  %a = lighthouse.buffer 64 : memref<17xf32>
}

// -----

lighthouse.plan @p inputs() outputs() workspace 4096 {
  // expected-error@below {{must have the identity layout, an int or float element type and at most 2^46 bytes, got 'memref<8xf32, strided<[2]>>' [buffer_c3]}}
  %a = lighthouse.buffer 0 : memref<8xf32, strided<[2]>>
}

// -----

lighthouse.plan @p inputs() outputs() workspace 4096 {
  // expected-error@below {{and at most 2^46 bytes, got 'memref<2147483647x2147483647x2147483647xf32>' [buffer_c3]}}
  %a = lighthouse.buffer 0 : memref<2147483647x2147483647x2147483647xf32>
}

// -----

lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 0 {
  // expected-error@below {{refers to @id, which is not a kernel of the module [dispatch_c1]}}
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

// expected-note@below {{kernel 'id' is declared here}}
tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<9xf32>) workspace 0 {
  // expected-error@+2 {{('N') must be 8, got 9 [launch_c3]}}
  // expected-error@below {{does not match the signature of @id [dispatch_c2]}}
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<9xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 4, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 0 {
  // expected-error@below {{dims must be [8] and the grid [2, 1, 1] for these memrefs [dispatch_c3]}}
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs() outputs(%y "y" : memref<8xf32>) workspace 0 {
  // expected-error@below {{passes a memref that the kernel writes more than once [dispatch_c4]}}
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%y, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 64 {
  // expected-error@below {{of 'memref<8xf32>' needs an element of it, got 0 : i32 [fill_c1]}}
  lighthouse.fill %y with 0 : i32 : memref<8xf32>
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 64 {
  // expected-error@below {{writes to an input of the plan [fill_c2]}}
  lighthouse.fill %x with 0.0 : f32 : memref<8xf32>
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 64 {
  %b = lighthouse.buffer 0 : memref<8xf32>
  // expected-error@below {{must be followed by a dispatch that takes its destination [fill_c3]}}
  lighthouse.fill %b with 0.0 : f32 : memref<8xf32>
  lighthouse.fill %y with 0.0 : f32 : memref<8xf32>
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
}

// -----

tile.kernel @id(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
lighthouse.plan @p inputs(%x "x" : memref<8xf32>) outputs(%y "y" : memref<8xf32>) workspace 64 {
  lighthouse.dispatch @id grid [8, 1, 1] dims [8] (%x, %y) stage "id" : memref<8xf32>, memref<8xf32>
  // expected-error@below {{must be followed by a dispatch that takes its destination [fill_c3]}}
  lighthouse.fill %y with 0.0 : f32 : memref<8xf32>
}
