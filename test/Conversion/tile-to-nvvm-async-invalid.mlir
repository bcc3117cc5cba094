// What the lowering of asynchronous ops refuses.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile-attach-target{target=sm_90a},tile.kernel(tile-assign-layouts),tile-to-nvvm)'

tile.kernel @tall() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %zero = arith.constant dense<0.0> : tensor<32x64xf32>
  %a = tile.alloc_shared : !tile.buffer<32x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  // expected-error@+1 {{expected 4 warps or a multiple, and a multiple of 64 rows, of 8 columns and of 16 elements to sum, found a product of 32 x 64 by 64 x 64 for 4 warps}}
  %s = tile.dot_async %a, %b, %zero : !tile.buffer<32x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<32x64xf32> -> tensor<32x64xf32>
  tile.return
}

// -----

tile.kernel @no_wait() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      // expected-error@+1 {{has no wait before its program ends}}
      %s = tile.dot_async %a, %a, %zero : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
    }
  }
  tile.return
}

// -----

tile.kernel @shared_by_instances() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    tile.role "a" warps 4 instances 2 {
    ^bb0(%i: i32):
      // expected-error@+1 {{instances of a role would share this buffer; expected it before the roles}}
      %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
    }
  }
  tile.return
}

// -----

// Warps that a vote sends different ways cannot meet.
tile.kernel @divergent(%x: !tile.view<[128], f32>, %y: !tile.view<[1], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<128xi32>
  %v = tile.load %x[%i] : (!tile.view<[128], f32>, tensor<128xi32>) -> tensor<128xf32>
  %one = arith.constant dense<1.0> : tensor<128xf32>
  %high = arith.cmpf ogt, %v, %one : tensor<128xf32>
  %any = tile.vote any %high : tensor<128xi1>
  scf.if %any {
    // expected-error@+1 {{all warps must meet here, and a vote may have sent them different ways}}
    %sum = tile.reduce add %v axis 0 : tensor<128xf32> -> f32
    tile.store %sum, %y[%c0] : f32, !tile.view<[1], f32>, i32
  }
  tile.return
}

// -----

tile.kernel @barriers() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %a = tile.alloc_named_barrier threads 64 : !tile.named_barrier<15>
  // expected-error@+1 {{needs more than the 16 barriers of a block}}
  %b = tile.alloc_named_barrier threads 64 : !tile.named_barrier<1>
  tile.return
}

// -----

tile.kernel @no_wait_in_kernel() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  // expected-error@+1 {{has no wait before its program ends}}
  %s = tile.dot_async %a, %a, %zero : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

// The registers of the first product hold something else in the iteration after the next.
tile.kernel @two_iterations(%x: bf16, %n: i32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %b = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %a = tensor.splat %x : tensor<64x64xbf16>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> tensor<64x64xf32> : i32 {
    // expected-error@+1 {{reads registers, and has no wait before the next iteration's begins}}
    %s = tile.dot_async %a, %b, %acc : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
    scf.yield %s : tensor<64x64xf32>
  }
  %w = tile.dot_wait 0, %r : tensor<64x64xf32>
  tile.return
}

// -----

// Behind the outer loop the registers that the product reads hold something else.
tile.kernel @registers_leave_a_loop(%x: bf16, %n: i32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %b = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %a = tensor.splat %x : tensor<64x64xbf16>
  %r = scf.for %j = %c0 to %n step %c1 iter_args(%outer = %zero) -> tensor<64x64xf32> : i32 {
    %t = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %outer) -> tensor<64x64xf32> : i32 {
      %w = tile.dot_wait 0, %acc : tensor<64x64xf32>
      // expected-error@+1 {{reads registers, and has no wait before the loop or branch around it ends}}
      %s = tile.dot_async %a, %b, %w : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
      scf.yield %s : tensor<64x64xf32>
    }
    scf.yield %t : tensor<64x64xf32>
  }
  %w = tile.dot_wait 0, %r : tensor<64x64xf32>
  tile.return
}

// -----

// Columns go to warpgroups by powers of two.
tile.kernel @columns(%x: bf16) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 8 : i64} {
  %zero = arith.constant dense<0.0> : tensor<64x96xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<96x64xbf16, 128>
  // expected-error@+1 {{does not fit 2 warpgroups: 64 x 96 elements have no part of 64 rows, or of a power of two columns in whole panels, for each}}
  %s = tile.dot_async %a, %b, %zero {transpose_b} : !tile.buffer<64x64xbf16, 128>, !tile.buffer<96x64xbf16, 128>, tensor<64x96xf32> -> tensor<64x96xf32>
  tile.return
}

// -----

// The second warpgroup would begin in the middle of the panel.
tile.kernel @half_a_panel(%x: bf16) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64, warps = 8 : i64} {
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  // expected-error@+1 {{does not fit 2 warpgroups: 64 x 64 elements have no part of 64 rows, or of a power of two columns in whole panels, for each}}
  %s = tile.dot_async %a, %a, %zero : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}
