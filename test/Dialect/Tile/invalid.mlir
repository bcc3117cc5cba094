// One negative test for each labelled constraint of the dialect, in the order of the documentation.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// expected-error@below {{a constant dim must be between 1 and 2^31 - 1, got 0 [view_c1]}}
"test.type"() {t = !tile.view<[0], f32>} : () -> ()

// -----

// expected-error@below {{a constant dim must be between 1 and 2^31 - 1, got 2147483648 [view_c1]}}
"test.type"() {t = !tile.view<["N", 2147483648], f32>} : () -> ()

// -----

// expected-error@below {{a named dim must have a name [view_c2]}}
"test.type"() {t = !tile.view<[""], f32>} : () -> ()

// -----

// expected-error@below {{a dim must be an integer or a name, got f32 [view_c3]}}
"test.type"() {t = !tile.view<["N", f32], f32>} : () -> ()

// -----

// expected-error@below {{the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got 'index' [view_c4]}}
"test.type"() {t = !tile.view<["N"], index>} : () -> ()

// -----

// expected-error@below {{every extent must be a positive constant [buffer_c1]}}
"test.type"() {t = !tile.buffer<f32>} : () -> ()

// -----

// expected-error@below {{every extent must be a positive constant [buffer_c1]}}
"test.type"() {t = !tile.buffer<0x4xf32>} : () -> ()

// -----

// expected-error@below {{the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got 'index' [buffer_c2]}}
"test.type"() {t = !tile.buffer<4xindex>} : () -> ()

// -----

// expected-error@below {{the swizzle must be 0, 32, 64 or 128 bytes, got 16 [buffer_c3]}}
"test.type"() {t = !tile.buffer<4xf32, 16>} : () -> ()

// -----

// expected-error@below {{unknown target 'sm_91'; the targets are x86-64-v2, x86-64-v3, x86-64-v4, sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_120 [target_c1]}}
module attributes {tile.target = #tile.target<"sm_91">} {}

// -----

// expected-error@below {{'func.func' op 'tile.target' belongs to a module [target_c2]}}
func.func private @f() attributes {tile.target = #tile.target<"sm_90">}

// -----

// expected-error@below {{'builtin.module' op 'tile.target' must be a #tile.target, got "sm_90" [target_c3]}}
module attributes {tile.target = "sm_90"} {}

// -----

// expected-error@below {{'tile.kernel' op argument 1 is neither a view nor a scalar: 'tensor<4xf32>' [kernel_c1]}}
tile.kernel @k(%x: !tile.view<["N"], f32>, %t: tensor<4xf32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op a kernel writes its results to views and returns nothing [kernel_c1]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) -> f32 attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op dim "M" of argument 0 is not listed in dims [kernel_c2]}}
tile.kernel @k(%x: !tile.view<["N", "M"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op dim "N" is listed twice [kernel_c2]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N", "N"], grid = affine_map<()[n, m] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected a grid map with 1 symbols and 3 results, found affine_map<()[s0] -> (s0, 1)> [kernel_c3]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected a grid map with 1 symbols and 3 results, found affine_map<()[s0, s1] -> (s0, 1, 1)> [kernel_c3]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n, m] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected a grid map with 1 symbols and 3 results, found affine_map<(d0)[s0] -> (s0, 1, 1)> [kernel_c3]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<(d)[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op inputs is 2, but there are 1 arguments [kernel_c4]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op inputs is -1, but there are 1 arguments [kernel_c4]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = -1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op dim_exprs entry "M" must map a listed dim to an affine map with one result [kernel_c5]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64, dim_exprs = {M = affine_map<()[n] -> (n)>}} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op dim_exprs entry "N" must map a listed dim to an affine map with one result [kernel_c5]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64, dim_exprs = {N = affine_map<()[n] -> (n, n)>}} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op dim_exprs entry "N" must map a listed dim to an affine map with one result [kernel_c5]}}
tile.kernel @k(%x: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64, dim_exprs = {N = 3 : i64}} {
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.program_id' op expected an axis of 0, 1 or 2, found 3 [program_id_c1]}}
  %p = tile.program_id 3
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.program_id' op expected an axis of 0, 1 or 2, found -1 [program_id_c1]}}
  %p = tile.program_id -1
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.num_programs' op expected an axis of 0, 1 or 2, found 3 [num_programs_c1]}}
  %p = tile.num_programs 3
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.dim' op no dim "N" in the enclosing kernel [dim_c1]}}
  %n = tile.dim "N"
  tile.return
}

// -----

// expected-error@below {{'tile.dim' op no dim "N" in the enclosing kernel [dim_c1]}}
%n = tile.dim "N"

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.load' op expected 2 subscripts for '!tile.view<["M", 8], f32>', found 1 [load_c1]}}
  %v = tile.load %x[%i] : (!tile.view<["M", 8], f32>, i32) -> f32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.load' op expected elements of type 'f32', found 'f16' [load_c2]}}
  %v = tile.load %x[%i, %i] : (!tile.view<["M", 8], f32>, i32, i32) -> f16
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  // expected-error@below {{'tile.load' op the subscripts select [4, 16], the tile is [16, 4] [load_c2]}}
  %v = tile.load %x[%r, %s] : (!tile.view<["M", 8], f32>, tensor<4xi32>, tensor<16xi32>) -> tensor<16x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  // expected-error@below {{'tile.load' op the subscripts select [4], the tile is [] [load_c2]}}
  %v = tile.load %x[%r, %i] : (!tile.view<["M", 8], f32>, tensor<4xi32>, i32) -> f32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %m = arith.constant dense<true> : tensor<16xi1>
  // expected-error@below {{'tile.load' op expected a mask of shape [4], found [16] [load_c3]}}
  %v = tile.load %x[%r, %i] mask %m : (!tile.view<["M", 8], f32>, tensor<4xi32>, i32, tensor<16xi1>) -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.load' op expected 'other' of type 'f32', found 'f16' [load_c4]}}
  %v = tile.load %x[%i, %i] other %h : (!tile.view<["M", 8], f32>, i32, i32, f16) -> f32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.load' op expected 2 entries in in_bounds, found 1 [load_c5]}}
  %v = tile.load %x[%i, %i] {in_bounds = array<i1: true>} : (!tile.view<["M", 8], f32>, i32, i32) -> f32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.store' op expected 2 subscripts for '!tile.view<["M", 8], f32>', found 3 [store_c1]}}
  tile.store %f, %x[%i, %i, %i] : f32, !tile.view<["M", 8], f32>, i32, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.store' op expected elements of type 'f32', found 'f16' [store_c2]}}
  tile.store %h, %x[%i, %i] : f16, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %v = tensor.splat %f : tensor<16xf32>
  // expected-error@below {{'tile.store' op the subscripts select [4], the tile is [16] [store_c2]}}
  tile.store %v, %x[%i, %r] : tensor<16xf32>, !tile.view<["M", 8], f32>, i32, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %m = arith.constant dense<true> : tensor<16xi1>
  // expected-error@below {{'tile.store' op expected a mask of shape [], found [16] [store_c3]}}
  tile.store %f, %x[%i, %i] mask %m : f32, !tile.view<["M", 8], f32>, i32, i32 mask tensor<16xi1>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.store' op expected 2 entries in in_bounds, found 3 [store_c4]}}
  tile.store %f, %x[%i, %i] {in_bounds = array<i1: true, true, true>} : f32, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.atomic_rmw' op expected 2 subscripts for '!tile.view<["M", 8], f32>', found 3 [atomic_rmw_c1]}}
  tile.atomic_rmw add %f, %x[%i, %i, %i] : f32, !tile.view<["M", 8], f32>, i32, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.atomic_rmw' op expected elements of type 'f32', found 'f16' [atomic_rmw_c2]}}
  tile.atomic_rmw add %h, %x[%i, %i] : f16, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %v = tensor.splat %f : tensor<16xf32>
  // expected-error@below {{'tile.atomic_rmw' op the subscripts select [4], the tile is [16] [atomic_rmw_c2]}}
  tile.atomic_rmw add %v, %x[%i, %r] : tensor<16xf32>, !tile.view<["M", 8], f32>, i32, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %m = arith.constant dense<true> : tensor<16xi1>
  // expected-error@below {{'tile.atomic_rmw' op expected a mask of shape [], found [16] [atomic_rmw_c3]}}
  tile.atomic_rmw add %f, %x[%i, %i] mask %m : f32, !tile.view<["M", 8], f32>, i32, i32 mask tensor<16xi1>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.atomic_rmw' op 'mul' is not an atomic combination [atomic_rmw_c4]}}
  tile.atomic_rmw mul %f, %x[%i, %i] : f32, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.atomic_rmw' op 'or' takes integers, found 'f32' [atomic_rmw_c4]}}
  tile.atomic_rmw or %f, %x[%i, %i] : f32, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.atomic_rmw' op expected 2 entries in in_bounds, found 1 [atomic_rmw_c5]}}
  tile.atomic_rmw add %f, %x[%i, %i] {in_bounds = array<i1: true>} : f32, !tile.view<["M", 8], f32>, i32, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.broadcast' op expected rank and element type of 'tensor<4x16xf32>', found 'tensor<2x4x16xf32>' [broadcast_c1]}}
  %b = tile.broadcast %t : tensor<4x16xf32> -> tensor<2x4x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.broadcast' op expected rank and element type of 'tensor<4x16xf32>', found 'tensor<4x16xf64>' [broadcast_c1]}}
  %b = tile.broadcast %t : tensor<4x16xf32> -> tensor<4x16xf64>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.broadcast' op cannot repeat extent 4 of dim 0 to 8 [broadcast_c2]}}
  %b = tile.broadcast %t : tensor<4x16xf32> -> tensor<8x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reshape' op cannot view 'tensor<4x16xf32>' as 'tensor<65xf32>' [reshape_c1]}}
  %b = tile.reshape %t : tensor<4x16xf32> -> tensor<65xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reshape' op cannot view 'tensor<4x16xf32>' as 'tensor<64xi32>' [reshape_c1]}}
  %b = tile.reshape %t : tensor<4x16xf32> -> tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.transpose' op cannot transpose 'tensor<4x16xf32>' to 'tensor<4x16xf32>' [transpose_c1]}}
  %b = tile.transpose %t : tensor<4x16xf32> -> tensor<4x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.transpose' op cannot transpose 'tensor<4x16xf32>' to 'tensor<16x4xf64>' [transpose_c1]}}
  %b = tile.transpose %t : tensor<4x16xf32> -> tensor<16x4xf64>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %u = tensor.splat %f : tensor<2x2x2xf32>
  // expected-error@below {{'tile.transpose' op cannot transpose 'tensor<2x2x2xf32>' to 'tensor<2x2x2xf32>' [transpose_c1]}}
  %b = tile.transpose %u : tensor<2x2x2xf32> -> tensor<2x2x2xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reduce' op axis 2 is not a dim of 'tensor<4x16xf32>' [reduce_c1]}}
  %b = tile.reduce add %t axis 2 : tensor<4x16xf32> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reduce' op axis -1 is not a dim of 'tensor<4x16xf32>' [reduce_c1]}}
  %b = tile.reduce add %t axis -1 : tensor<4x16xf32> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reduce' op expected result 'tensor<4xf32>', found 'tensor<16xf32>' [reduce_c2]}}
  %b = tile.reduce add %t axis 1 : tensor<4x16xf32> -> tensor<16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %v = tensor.splat %f : tensor<4xf32>
  // expected-error@below {{'tile.reduce' op expected result 'f32', found 'tensor<1xf32>' [reduce_c2]}}
  %b = tile.reduce add %v axis 0 : tensor<4xf32> -> tensor<1xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.reduce' op 'and' takes integers, found 'f32' [reduce_c3]}}
  %b = tile.reduce and %t axis 1 : tensor<4x16xf32> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.scan' op axis 2 is not a dim of 'tensor<4x16xf32>' [scan_c1]}}
  %b = tile.scan add %t axis 2 : tensor<4x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  // expected-error@below {{'tile.scan' op 'or' takes integers, found 'f32' [scan_c2]}}
  %b = tile.scan or %t axis 0 : tensor<4x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  %c = tensor.splat %f : tensor<4x4xf32>
  %b = tensor.splat %f : tensor<16x4xf32>
  // expected-error@below {{'tile.dot' op cannot multiply 'tensor<4x16xf32>' and 'tensor<4x4xf32>' into 'tensor<4x4xf32>' [dot_c1]}}
  %d = tile.dot %t, %c, %c : tensor<4x16xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  %c = tensor.splat %f : tensor<4x4xf32>
  %b = tensor.splat %f : tensor<16x4xf32>
  // expected-error@below {{'tile.dot' op cannot multiply 'tensor<4x16xf32>' and 'tensor<16x4xf32>' into 'tensor<16x4xf32>' [dot_c1]}}
  %d = tile.dot %t, %b, %b : tensor<4x16xf32>, tensor<16x4xf32>, tensor<16x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<4x16xf32>
  %c = tensor.splat %f : tensor<4x4xf32>
  %b = tensor.splat %f : tensor<16x4xf32>
  %g = tensor.splat %h : tensor<16x4xf16>
  // expected-error@below {{'tile.dot' op expected operands of one float type, found 'f32' and 'f16' [dot_c2]}}
  %d = tile.dot %t, %g, %c : tensor<4x16xf32>, tensor<16x4xf16>, tensor<4x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %g = tensor.splat %i : tensor<4x4xi32>
  // expected-error@below {{'tile.dot' op expected operands of one float type, found 'i32' and 'i32' [dot_c2]}}
  %d = tile.dot %g, %g, %g : tensor<4x4xi32>, tensor<4x4xi32>, tensor<4x4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %g = tensor.splat %h : tensor<4x4xf16>
  // expected-error@below {{'tile.dot' op expected an accumulator of 'f32', found 'f16' [dot_c3]}}
  %d = tile.dot %g, %g, %g : tensor<4x4xf16>, tensor<4x4xf16>, tensor<4x4xf16>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %w = arith.extf %f : f32 to f64
  %g = tensor.splat %w : tensor<4x4xf64>
  %c = tensor.splat %f : tensor<4x4xf32>
  %b = tensor.splat %f : tensor<16x4xf32>
  // expected-error@below {{'tile.dot' op expected an accumulator of 'f64', found 'f32' [dot_c3]}}
  %d = tile.dot %g, %g, %c : tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<2x4xf32, 32>
  // expected-error@below {{'tile.slot' op '!tile.buffer<2xf32, 32>' is not a slot of '!tile.buffer<2x4xf32, 32>' [slot_c1]}}
  %s = tile.slot %buf[%i] : !tile.buffer<2x4xf32, 32> -> !tile.buffer<2xf32, 32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<2x4xf32, 32>
  // expected-error@below {{'tile.slot' op '!tile.buffer<4xf32>' is not a slot of '!tile.buffer<2x4xf32, 32>' [slot_c1]}}
  %s = tile.slot %buf[%i] : !tile.buffer<2x4xf32, 32> -> !tile.buffer<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %b = tile.alloc_shared : !tile.buffer<4xf32>
  // expected-error@below {{'tile.slot' op '!tile.buffer<4xf32>' is not a slot of '!tile.buffer<4xf32>' [slot_c1]}}
  %s = tile.slot %b[%i] : !tile.buffer<4xf32> -> !tile.buffer<4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<2x4xf32, 32>
  // expected-error@below {{'tile.buffer_load' op expected a tile like '!tile.buffer<2x4xf32, 32>', found 'tensor<2x4xf16>' [buffer_load_c1]}}
  %v = tile.buffer_load %buf : !tile.buffer<2x4xf32, 32> -> tensor<2x4xf16>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<2x4xf32, 32>
  %v = tensor.splat %f : tensor<4x2xf32>
  // expected-error@below {{'tile.buffer_store' op expected a tile like '!tile.buffer<2x4xf32, 32>', found 'tensor<4x2xf32>' [buffer_store_c1]}}
  tile.buffer_store %v, %buf : tensor<4x2xf32>, !tile.buffer<2x4xf32, 32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %b = tile.alloc_shared : !tile.buffer<4xf32>
  // expected-error@below {{'tile.copy_async' op expected 2 subscripts for '!tile.view<["M", 8], f32>', found 1 [copy_async_c1]}}
  tile.copy_async %x[%r], %b : !tile.view<["M", 8], f32>, !tile.buffer<4xf32>, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %b = tile.alloc_shared : !tile.buffer<4xf16>
  // expected-error@below {{'tile.copy_async' op expected elements of type 'f32', found 'f16' [copy_async_c2]}}
  tile.copy_async %x[%i, %r], %b : !tile.view<["M", 8], f32>, !tile.buffer<4xf16>, i32, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %s = tile.range %i : tensor<16xi32>
  %b = tile.alloc_shared : !tile.buffer<16xf32>
  // expected-error@below {{'tile.copy_async' op the subscripts select [4], the tile is [16] [copy_async_c2]}}
  tile.copy_async %x[%i, %r], %b : !tile.view<["M", 8], f32>, !tile.buffer<16xf32>, i32, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.wait' op expected a number of groups, found -1 [wait_c1]}}
  tile.wait -1
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected 1, 2, 4, 8, 16 or 32 warps, found 3 [kernel_c6]}}
tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 3 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected 1, 2, 4, 8, 16 or 32 warps, found 64 [kernel_c6]}}
tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 64 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op expected 1, 2, 4, 8, 16 or 32 warps, found 0 [kernel_c6]}}
tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 0 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op the alignment of argument 0 must be 1, 2, 4, 8 or 16 bytes of a view, found 12 : i64 [kernel_c7]}}
tile.kernel @k(%x: !tile.view<[8], f32> {tile.alignment = 12 : i64}) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op the alignment of argument 1 must be 1, 2, 4, 8 or 16 bytes of a view, found 4 : i64 [kernel_c7]}}
tile.kernel @k(%x: !tile.view<[8], f32>, %n: i32 {tile.alignment = 4 : i64}) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64} {
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op the alignment of argument 0 must be 1, 2, 4, 8 or 16 bytes of a view, found 32 : i64 [kernel_c7]}}
tile.kernel @k(%x: !tile.view<[8], f32> {tile.alignment = 32 : i64}) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{all bases must have as many coordinates [layout_c1]}}
func.func private @f(tensor<8x8xf32, #tile.layout<register = [[1, 0], [2]], lane = [], warp = []>>)

// -----

// expected-error@below {{a layout has at least one dim [layout_c1]}}
func.func private @f(tensor<8xf32, #tile.layout<register = [], lane = [], warp = []>>)

// -----

// expected-error@below {{a layout of 1 dims on a tile of 2 [layout_c1]}}
func.func private @f(tensor<1x32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>)

// -----

// expected-error@below {{a basis must be a power of two along one dim, or zero for a lane or warp [layout_c2]}}
func.func private @f(tensor<64xf32, #tile.layout<register = [[3]], lane = [[1], [2], [4], [8], [16]], warp = []>>)

// -----

// expected-error@below {{a basis must be a power of two along one dim, or zero for a lane or warp [layout_c2]}}
func.func private @f(tensor<2x32xf32, #tile.layout<register = [], lane = [[0, 1], [0, 2], [0, 4], [0, 8], [1, 16]], warp = []>>)

// -----

// expected-error@below {{a basis must be a power of two along one dim, or zero for a lane or warp [layout_c2]}}
func.func private @f(tensor<32xf32, #tile.layout<register = [[0]], lane = [[1], [2], [4], [8], [16]], warp = []>>)

// -----

// expected-error@below {{a basis must be a power of two along one dim, or zero for a lane or warp [layout_c2]}}
func.func private @f(tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[-1]]>>)

// -----

// expected-error@below {{the bases along dim 0 must be the powers of two below 64, for an extent of 64 [layout_c3]}}
func.func private @f(tensor<64xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>)

// -----

// The odd part of an extent has no bases.
// expected-error@below {{the bases along dim 0 must be the powers of two below 32, for an extent of 96 [layout_c3]}}
func.func private @f(tensor<96xf32, #tile.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>>)

// -----

// expected-error@below {{two bases of 16 along dim 0 [layout_c3]}}
func.func private @f(tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[16]]>>)

// -----

// expected-error@below {{a warp has five lane bits, found 4 [layout_c4]}}
func.func private @f(tensor<16xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8]], warp = []>>)

// -----

#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

tile.kernel @k(%t: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %v = tensor.splat %t : tensor<32xf32, #lanes>
  // expected-error@below {{'tile.convert_layout' op expected one tile in two layouts, found 'tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>' and 'tensor<32xf32>' [convert_layout_c1]}}
  %w = tile.convert_layout %v : tensor<32xf32, #lanes> -> tensor<32xf32>
  tile.return
}

// -----

#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

tile.kernel @k(%t: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %v = tensor.splat %t : tensor<32xf32, #lanes>
  // expected-error@below {{'tile.convert_layout' op expected one tile in two layouts, found 'tensor<32xf32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>' and 'tensor<32xi32, #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>>' [convert_layout_c1]}}
  %w = tile.convert_layout %v : tensor<32xf32, #lanes> -> tensor<32xi32, #lanes>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: bf16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %g = tensor.splat %h : tensor<16x16xbf16>
  %c = tensor.splat %f : tensor<16x16xf32>
  // expected-error@below {{'tile.dot' op tf32 is for operands of f32, found 'bf16' [dot_c4]}}
  %d = tile.dot %g, %g, %c {tf32} : tensor<16x16xbf16>, tensor<16x16xbf16>, tensor<16x16xf32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  %r = tile.range %i : tensor<4xi32>
  %b = tile.alloc_shared : !tile.buffer<4xf32>
  // expected-error@below {{'tile.copy_async' op expected 2 entries in in_bounds, found 1 [copy_async_c3]}}
  tile.copy_async %x[%i, %r], %b {in_bounds = array<i1: true>} : !tile.view<["M", 8], f32>, !tile.buffer<4xf32>, i32, tensor<4xi32>
  tile.return
}

// -----

// What ODS checks has no label.
tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'tile.range' op result #0 must be rank-1 tile of i32, but got 'tensor<?xi32>'}}
  %r = tile.range %i : tensor<?xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<["M", 8], f32>, %i: i32, %f: f32, %h: f16) attributes {
    dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{expected add, mul, max, min, and or or, found 'sum'}}
  %b = tile.reduce sum %f axis 0 : tensor<4xf32> -> f32
  tile.return
}

// -----

// expected-error@below {{the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got 'i4' [view_c4]}}
"test.type"() {t = !tile.view<["N"], i4>} : () -> ()

// -----

// expected-error@below {{the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got 'si32' [buffer_c2]}}
"test.type"() {t = !tile.buffer<4xsi32>} : () -> ()

// -----

tile.kernel @k(%x: !tile.view<[8], i1>, %i: i32, %b: i1) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{there is no atomic combination of i1 [atomic_rmw_c4]}}
  tile.atomic_rmw or %b, %x[%i] : i1, !tile.view<[8], i1>, i32
  tile.return
}

// -----

// expected-error@below {{'tile.kernel' op has no body [kernel_c8]}}
tile.kernel @k(!tile.view<["N"], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64}

// -----

tile.kernel @k(%x: !tile.view<[8], f32>, %y: !tile.view<[8], f32>, %c: i1) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64} {
  // expected-error@below {{'arith.select' op makes a '!tile.view<[8], f32>' in a kernel [kernel_c9]}}
  %v = arith.select %c, %x, %y : !tile.view<[8], f32>
  tile.return
}

// -----

tile.kernel @k(%n: i32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %a = tile.alloc_shared : !tile.buffer<16xf32>
  %one = arith.constant 1 : i32
  // expected-error@below {{'scf.for' op makes a '!tile.buffer<16xf32>' in a kernel [kernel_c9]}}
  %b = scf.for %i = %one to %n step %one iter_args(%c = %a) -> (!tile.buffer<16xf32>) : i32 {
    scf.yield %c : !tile.buffer<16xf32>
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %i = arith.constant 1 : index
  // expected-error@below {{'tensor.splat' op makes a 'tensor<16xindex>' in a kernel [kernel_c9]}}
  %t = tensor.splat %i : tensor<16xindex>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[8], f32>, %y: !tile.view<[8], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %i = arith.constant 1 : i32
  %v = tile.load %x[%i] : (!tile.view<[8], f32>, i32) -> f32
  tile.store %v, %y[%i] : f32, !tile.view<[8], f32>, i32
  // expected-error@below {{'tile.store' op writes to an input of the kernel [kernel_c10]}}
  tile.store %v, %x[%i] : f32, !tile.view<[8], f32>, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[8], f32>, %c: i1) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64} {
  %i = arith.constant 1 : i32
  %v = tile.load %x[%i] : (!tile.view<[8], f32>, i32) -> f32
  scf.if %c {
    // expected-error@below {{'tile.atomic_rmw' op writes to an input of the kernel [kernel_c10]}}
    tile.atomic_rmw add %v, %x[%i] : f32, !tile.view<[8], f32>, i32
  }
  tile.return
}

// -----

// expected-error@below {{the initial value of argument 0 must be an element of a result, found 0.000000e+00 : f32 [kernel_c11]}}
tile.kernel @k(%x: !tile.view<[8], f32> {tile.init = 0.0 : f32}, %y: !tile.view<[8], f32>) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{the initial value of argument 1 must be an element of a result, found 0 : i32 [kernel_c11]}}
tile.kernel @k(%x: !tile.view<[8], f32>, %y: !tile.view<[8], f32> {tile.init = 0 : i32}) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}

// -----

// expected-error@below {{the initial value of argument 1 must be an element of a result, found "zero" [kernel_c11]}}
tile.kernel @k(%x: !tile.view<[8], f32>, %y: !tile.view<[8], f32> {tile.init = "zero"}) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
