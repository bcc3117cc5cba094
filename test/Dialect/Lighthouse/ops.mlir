// Shape rules: the verifier compares the type written here with the one that it derives.
// RUN: lighthouse-opt %s | lighthouse-opt | FileCheck %s

// Everything divides.
// CHECK-LABEL: func.func @golden_tiny_all
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x1152xi32>
func.func @golden_tiny_all(%e: !lighthouse.selection<batch = 1, length = 2048, groups = 1, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 2048, groups = 1, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) -> tensor<1x1x1152xi32>
  return
}

// CHECK-LABEL: func.func @golden_l3p8
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x2304xi32>
func.func @golden_l3p8(%e: !lighthouse.selection<batch = 1, length = 16384, groups = 1, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 8>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 16384, groups = 1, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 8>>) -> tensor<1x1x2304xi32>
  return
}

// CHECK-LABEL: func.func @golden_l5p2
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x3072xi32>
func.func @golden_l5p2(%e: !lighthouse.selection<batch = 1, length = 16384, groups = 1, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 5, factor = 2>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 16384, groups = 1, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 5, factor = 2>>) -> tensor<1x1x3072xi32>
  return
}

// CHECK-LABEL: func.func @golden_l2p2
// CHECK: lighthouse.indices {{.*}} -> tensor<2x2x768xi32>
func.func @golden_l2p2(%e: !lighthouse.selection<batch = 2, length = 1024, groups = 2, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 2, factor = 2>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 2, length = 1024, groups = 2, budget = 128, chunk = 128, cover_prefix = false, shape = <levels = 2, factor = 2>>) -> tensor<2x2x768xi32>
  return
}

// CHECK-LABEL: func.func @golden_l4p2
// CHECK: lighthouse.indices {{.*}} -> tensor<1x2x2560xi32>
func.func @golden_l4p2(%e: !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 4, factor = 2>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 4, factor = 2>>) -> tensor<1x2x2560xi32>
  return
}

// 4096 coarsest entries in 12 chunks: chunks of 341 and of 342 entries.
// CHECK-LABEL: func.func @unequal_chunks
// CHECK: lighthouse.indices {{.*}} -> tensor<1x8x16384xi32>
func.func @unequal_chunks(%e: !lighthouse.selection<batch = 1, length = 65536, groups = 8, budget = 1536, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 65536, groups = 8, budget = 1536, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) -> tensor<1x8x16384xi32>
  return
}

// The sub-sequence may be longer than a grid axis of 16 bits.
// CHECK-LABEL: func.func @more_than_65535
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x65536xi32>
func.func @more_than_65535(%e: !lighthouse.selection<batch = 1, length = 524288, groups = 1, budget = 4096, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 524288, groups = 1, budget = 4096, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) -> tensor<1x1x65536xi32>
  return
}

// Chunks with fewer candidates than are expanded: all are, at every level.
// CHECK-LABEL: func.func @few_candidates
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x132xi32>
func.func @few_candidates(%e: !lighthouse.selection<batch = 1, length = 100, groups = 1, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 100, groups = 1, budget = 256, chunk = 128, cover_prefix = false, shape = <levels = 3, factor = 4>>) -> tensor<1x1x132xi32>
  return
}

// The last windows are cut: 313 = ceil(5000 / 16) coarsest entries, 8 positions in the last.
// CHECK-LABEL: func.func @ragged
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x1337xi32>
func.func @ragged(%e: !lighthouse.selection<batch = 1, length = 5000, groups = 1, budget = 128, chunk = 64, cover_prefix = false, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 5000, groups = 1, budget = 128, chunk = 64, cover_prefix = false, shape = <levels = 3, factor = 4>>) -> tensor<1x1x1337xi32>
  return
}

// All candidates of the last chunk are expanded, so the cut is in S.
// CHECK-LABEL: func.func @ragged_last_chunk_expanded
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x1252xi32>
func.func @ragged_last_chunk_expanded(%e: !lighthouse.selection<batch = 1, length = 1001, groups = 1, budget = 1004, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 1001, groups = 1, budget = 1004, chunk = 2, cover_prefix = false, shape = <levels = 2, factor = 4>>) -> tensor<1x1x1252xi32>
  return
}

// More chunks than coarsest entries.
// CHECK-LABEL: func.func @empty_chunks
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x246xi32>
func.func @empty_chunks(%e: !lighthouse.selection<batch = 1, length = 300, groups = 1, budget = 640, chunk = 2, cover_prefix = true, shape = <levels = 3, factor = 4>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 300, groups = 1, budget = 640, chunk = 2, cover_prefix = true, shape = <levels = 3, factor = 4>>) -> tensor<1x1x246xi32>
  return
}

// CHECK-LABEL: func.func @one_position
// CHECK: lighthouse.indices {{.*}} -> tensor<1x1x2xi32>
func.func @one_position(%e: !lighthouse.selection<batch = 1, length = 1, groups = 1, budget = 128, chunk = 128, cover_prefix = true, shape = <levels = 2, factor = 2>>) {
  %i = lighthouse.indices %e : (!lighthouse.selection<batch = 1, length = 1, groups = 1, budget = 128, chunk = 128, cover_prefix = true, shape = <levels = 2, factor = 2>>) -> tensor<1x1x2xi32>
  return
}

// Scores exist for the levels above 0: ceil(1001 / 4) + ceil(1001 / 16) = 314 entries.
// CHECK-LABEL: func.func @ragged_scores
// CHECK: lighthouse.make_scores {{.*}} : (tensor<2x3x314xf32>, tensor<2x3x314xf32>)
func.func @ragged_scores(%q: tensor<2x3x314xf32>, %k: tensor<2x3x314xf32>) {
  %s = lighthouse.make_scores %q, %k : (tensor<2x3x314xf32>, tensor<2x3x314xf32>)
    -> !lighthouse.scores<batch = 2, length = 1001, groups = 3, shape = <levels = 3, factor = 4>>
  return
}

// Fields of a type may be written in any order.
// CHECK-LABEL: func.func private @order
// CHECK-SAME: !lighthouse.scores<batch = 1, length = 64, groups = 2, shape = <levels = 3, factor = 4>>
func.func private @order(!lighthouse.scores<shape = <factor = 4, levels = 3>, groups = 2, length = 64, batch = 1>)

// A plan without inputs; defaults are not printed.
// CHECK-LABEL: lighthouse.plan @fill inputs() outputs(%y "y" : memref<8xf32, strided<[?]>>) workspace 0
// CHECK: lighthouse.fill %y with -1.000000e+00 : f32 : memref<8xf32, strided<[?]>>
// CHECK: lighthouse.dispatch @fill_kernel grid [8, 1, 1] dims [8](%y) stage "fill" : memref<8xf32, strided<[?]>>
tile.kernel @fill_kernel(%y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  tile.return
}
lighthouse.plan @fill inputs() outputs(%y "y" : memref<8xf32, strided<[?]>>) workspace 0 {
  lighthouse.fill %y with -1.0 : f32 : memref<8xf32, strided<[?]>>
  lighthouse.dispatch @fill_kernel grid [8, 1, 1] dims [8](%y) stage "fill" : memref<8xf32, strided<[?]>>
}
