// What the pass refuses, with the place and what to do.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --tile-to-host
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --tile-attach-target=target=x86-64-v4 --tile-to-host

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f32>

// expected-error@below {{kernel 'large' needs 4128832 bytes of stack for its tiles, the limit is 4128768; use smaller tiles}}
tile.kernel @large(%f: f32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<1032193xf32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f32>

tile.kernel @table(%y: !x) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %i = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  // expected-error@above {{is a tile constant with different elements, which has no lowering to the host}}
  %v = tile.load %y[%i] : (!x, tensor<4xi32>) -> tensor<4xf32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f32>

tile.kernel @unknown(%f: f32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  // expected-error@below {{'tensor.empty' op has no lowering to the host}}
  %e = tensor.empty() : tensor<4xf32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f32>

tile.kernel @rank_zero(%f: f32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  // expected-error@below {{has no lowering to the host: 'tensor<f32>' is not a tile}}
  %e = arith.constant dense<0.0> : tensor<f32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f32>

tile.kernel @remainder(%f: f32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  // expected-error@below {{the remainder of floats is not supported on the host; for x and y >= 0 write x - floor(x / y) * y}}
  %e = arith.remf %f, %f : f32
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<["N"], f64>

tile.kernel @double(%f: f64, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4xf64>
  // expected-error@below {{exp of f64 is not supported on the host; convert to f32}}
  %e = math.exp %t : tensor<4xf64>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

// expected-error@below {{has control flow that is not structured}}
tile.kernel @blocks() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  cf.br ^next
^next:
  tile.return
}

// -----

tile.kernel @unsigned(%n: i32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'scf.for' op compares unsigned, which has no lowering}}
  scf.for unsigned %i = %n to %n step %n : i32 {
  }
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @rings() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  // expected-error@below {{the host has no 'mbarrier', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @turns() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  // expected-error@below {{the host has no 'named_barrier', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  %b = tile.alloc_named_barrier threads 64 : !tile.named_barrier<2>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @bulk() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  // expected-error@below {{the host has no 'wait_bulk', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  tile.wait_bulk 0
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @waits() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  // expected-error@below {{the host has no 'dot_wait', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  tile.dot_wait 0
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @roles() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  // expected-error@below {{the host has no 'roles', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  tile.roles {
    tile.role "one" warps 1 {
    ^bb0(%instance: i32):
    }
  }
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @product() attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64x64xf16, 128>
  %c = arith.constant dense<0.0> : tensor<64x64xf32>
  // expected-error@below {{the host has no 'dot_async', which needs a GPU; give the kernel 'target sm_90a', and the host a kernel of its own}}
  %s = tile.dot_async %a, %a, %c : !tile.buffer<64x64xf16, 128>, !tile.buffer<64x64xf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @stores(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64xi32>
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<64xi32>
  // expected-error@below {{the host has no 'store_bulk', which needs a GPU}}
  tile.store_bulk %a, %y[%r] : !tile.buffer<64xi32>, !tile.view<["N"], i32>, tensor<64xi32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @sums(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64xi32>
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<64xi32>
  // expected-error@below {{the host has no 'add_bulk', which needs a GPU}}
  tile.store_bulk combine add %a, %y[%r] : !tile.buffer<64xi32>, !tile.view<["N"], i32>, tensor<64xi32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @maxima(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64xi32>
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<64xi32>
  // expected-error@below {{the host has no 'max_bulk', which needs a GPU}}
  tile.store_bulk combine max %a, %y[%r] : !tile.buffer<64xi32>, !tile.view<["N"], i32>, tensor<64xi32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @minima(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64xi32>
  %zero = arith.constant 0 : i32
  %r = tile.range %zero : tensor<64xi32>
  // expected-error@below {{the host has no 'min_bulk', which needs a GPU}}
  tile.store_bulk combine min %a, %y[%r] : !tile.buffer<64xi32>, !tile.view<["N"], i32>, tensor<64xi32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @turns(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %zero = arith.constant 0 : i32
  // expected-error@below {{the host has no 'wait_until', which needs a GPU}}
  tile.wait_until %y[%zero], %zero : !tile.view<["N"], i32>
  tile.return
}

// -----

#grid = affine_map<()[n] -> (n, 1, 1)>

tile.kernel @next_turn(%y: !tile.view<["N"], i32>) attributes {dims = ["N"], grid = #grid, inputs = 0 : i64} {
  %zero = arith.constant 0 : i32
  // expected-error@below {{the host has no 'store_release', which needs a GPU}}
  tile.store_release %zero, %y[%zero] : !tile.view<["N"], i32>
  tile.return
}
