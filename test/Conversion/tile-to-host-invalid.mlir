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
