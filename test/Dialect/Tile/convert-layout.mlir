// Changes of layout that come to nothing, and chains of them.
// RUN: lighthouse-opt %s --canonicalize | FileCheck %s

#low = #tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#high = #tile.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
#other = #tile.layout<register = [[16]], lane = [[1], [2], [4], [8], [32]], warp = []>

// To the layout that it has: nothing.
// CHECK-LABEL: func.func @same(
// CHECK-SAME: %[[T:.*]]: tensor
// CHECK-NEXT: return %[[T]]
func.func @same(%t: tensor<64xf32, #low>) -> tensor<64xf32, #low> {
  %v = tile.convert_layout %t : tensor<64xf32, #low> -> tensor<64xf32, #low>
  return %v : tensor<64xf32, #low>
}

// There and back: nothing.
// CHECK-LABEL: func.func @back(
// CHECK-SAME: %[[T:.*]]: tensor
// CHECK-NEXT: return %[[T]]
func.func @back(%t: tensor<64xf32, #low>) -> tensor<64xf32, #low> {
  %v = tile.convert_layout %t : tensor<64xf32, #low> -> tensor<64xf32, #high>
  %w = tile.convert_layout %v : tensor<64xf32, #high> -> tensor<64xf32, #low>
  return %w : tensor<64xf32, #low>
}

// By way of another: at once.
// CHECK-LABEL: func.func @detour(
// CHECK-SAME: %[[T:.*]]: tensor
// CHECK-NEXT: %[[V:.*]] = tile.convert_layout %[[T]] : {{.*}}register = {{\[\[}}1]]{{.*}} -> {{.*}}register = {{\[\[}}16]]
// CHECK-NEXT: return %[[V]]
func.func @detour(%t: tensor<64xf32, #low>) -> tensor<64xf32, #other> {
  %v = tile.convert_layout %t : tensor<64xf32, #low> -> tensor<64xf32, #high>
  %w = tile.convert_layout %v : tensor<64xf32, #high> -> tensor<64xf32, #other>
  return %w : tensor<64xf32, #other>
}

// A detour that is used on its own stays.
// CHECK-LABEL: func.func @both(
// CHECK-SAME: %[[T:.*]]: tensor
// CHECK: %[[V:.*]] = tile.convert_layout %[[T]] : {{.*}} -> {{.*}}register = {{\[\[}}32]]
// CHECK: %[[W:.*]] = tile.convert_layout %{{.*}} : {{.*}} -> {{.*}}register = {{\[\[}}16]]
// CHECK: return %[[V]], %[[W]]
func.func @both(%t: tensor<64xf32, #low>) -> (tensor<64xf32, #high>, tensor<64xf32, #other>) {
  %v = tile.convert_layout %t : tensor<64xf32, #low> -> tensor<64xf32, #high>
  %w = tile.convert_layout %v : tensor<64xf32, #high> -> tensor<64xf32, #other>
  return %v, %w : tensor<64xf32, #high>, tensor<64xf32, #other>
}
