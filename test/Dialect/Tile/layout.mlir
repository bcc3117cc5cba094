// Layouts are printed as they were read, and are part of a tile's type; the kernel's warps and the
// precision of a product, which decide on layouts, are kept as well.
// RUN: lighthouse-opt %s | lighthouse-opt | FileCheck %s
// RUN: lighthouse-opt %s --mlir-print-op-generic | lighthouse-opt | FileCheck %s

#one = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#wide = #tile.layout<register = [[1], [2], [128]], lane = [[4], [8], [16], [32], [64]], warp = []>
#copies = #tile.layout<register = [[2, 0]], lane = [[0, 1], [0, 2], [0, 0], [1, 0], [0, 0]], warp = [[4, 0], [0, 0]]>
#odd = #tile.layout<register = [], lane = [[0], [0], [0], [0], [0]], warp = []>

// CHECK-LABEL: func.func private @one
// CHECK-SAME: tensor<32xf32, #tile.layout<register = [], lane = {{\[\[}}1], [2], [4], [8], [16]], warp = []>>
func.func private @one(tensor<32xf32, #one>)
// CHECK-LABEL: func.func private @wide
// CHECK-SAME: register = {{\[\[}}1], [2], [128]], lane = {{\[\[}}4], [8], [16], [32], [64]], warp = []
func.func private @wide(tensor<256xbf16, #wide>)
// A zero basis: both halves of the lanes or warps hold the same elements.
// CHECK-LABEL: func.func private @copies
// CHECK-SAME: register = {{\[\[}}2, 0]], lane = {{\[\[}}0, 1], [0, 2], [0, 0], [1, 0], [0, 0]], warp = {{\[\[}}4, 0], [0, 0]]
func.func private @copies(tensor<8x4xi32, #copies>)
// The odd part of an extent needs no basis.
// CHECK-LABEL: func.func private @odd
// CHECK-SAME: tensor<7xi1, #tile.layout<register = [], lane = {{\[\[}}0], [0], [0], [0], [0]], warp = []>>
func.func private @odd(tensor<7xi1, #odd>)
// CHECK-LABEL: func.func private @odd_part
// CHECK-SAME: tensor<96xi1, #tile.layout
func.func private @odd_part(tensor<96xi1, #one>)

// CHECK-LABEL: tile.kernel @kernel
// CHECK-SAME: %[[X:.*]]: !tile.view<[32], f32> {tile.alignment = 4 : i64}
// CHECK-SAME: warps = 8 : i64
tile.kernel @kernel(%x: !tile.view<[32], f32> {tile.alignment = 4 : i64}, %f: f32) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} {tf32} : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  %t = tensor.splat %f : tensor<16x16xf32>
  %d = tile.dot %t, %t, %t {tf32} : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  tile.return
}
