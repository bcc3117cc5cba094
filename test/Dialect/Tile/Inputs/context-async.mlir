// What the examples in AsyncOps.td refer to; each of them is put before the return.
tile.kernel @example(%x: !tile.view<["B", "N", 64], bf16>, %f: f32, %b: i32, %i: i32, %instance: i32,
                     %other: i32, %y: !tile.view<["B", "N", 64], bf16>, %counts: !tile.view<["B"], i32>) attributes {
    dims = ["B", "N"], grid = affine_map<()[b, n] -> (b, n, 1)>, inputs = 6 : i64} {
  %rows = tile.range %i : tensor<128xi32>
  %columns = tile.range %i : tensor<64xi32>
  %tile = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
  %q = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  %free = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
  %turn = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>
  %zero = tensor.splat %f : tensor<64x128xf32>
  %p = tensor.splat %f : tensor<64x128xf32>
  %four = tensor.splat %f : tensor<64x4xf32>
  %m = arith.cmpf ogt, %four, %four : tensor<64x4xf32>
  %running = tile.dot_async %q, %tile, %zero {transpose_b} : !tile.buffer<64x64xbf16, 128>, !tile.buffer<128x64xbf16, 128>, tensor<64x128xf32> -> tensor<64x128xf32>
  EXAMPLE
  tile.return
}
