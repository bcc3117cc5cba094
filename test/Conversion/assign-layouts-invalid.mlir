// RUN: lighthouse-opt %s --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-assign-layouts))'

// A constant is the same in every layout only if its elements are all the same.
tile.kernel @table(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  %splat = arith.constant dense<3> : tensor<4xi32>
  // expected-error@below {{is a tile constant with different elements, which has no layout}}
  %i = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %s = arith.addi %i, %splat : tensor<4xi32>
  tile.store %s, %y[%i] : tensor<4xi32>, !tile.view<["N"], i32>, tensor<4xi32>
  tile.return
}
