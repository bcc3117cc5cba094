// What the examples in TileOps.td refer to; each of them is put before the return.
tile.kernel @example(%x: !tile.view<["B", "N"], f32>, %y: !tile.view<["N"], f32>, %b: i32,
                     %start: i32, %zero: f32) attributes {
    dims = ["B", "N"], grid = affine_map<()[b, n] -> (b, n, 1)>, inputs = 1 : i64} {
  %rows = tile.range %start : tensor<64xi32>
  %t = tensor.splat %zero : tensor<64xf32>
  %m = arith.cmpf ogt, %t, %t : tensor<64xf32>
  %column = tile.reshape %t : tensor<64xf32> -> tensor<64x1xf32>
  %s = tensor.splat %zero : tensor<64x32xf32>
  %p = tensor.splat %zero : tensor<32x64xf32>
  %held = tensor.splat %zero
      : tensor<64xf32, #tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>>
  %acc = tensor.splat %zero : tensor<64x64xf32>
  %counts = arith.constant dense<1> : tensor<128xi32>
  %ring = tile.alloc_shared : !tile.buffer<2x64xf32>
  %slot = tile.slot %ring[%start] : !tile.buffer<2x64xf32> -> !tile.buffer<64xf32>
  EXAMPLE
  tile.return
}
