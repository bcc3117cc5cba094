// Accesses that cannot leave the tensor: ranges of scalars, and what is known of divisors.
// RUN: lighthouse-opt %s --pass-pipeline='builtin.module(tile.kernel(tile-prove-in-bounds))' | FileCheck %s

!x1024 = !tile.view<[1024], f32>
!x1000 = !tile.view<[1000], f32>
!xy = !tile.view<[64, 1000], f32>

// The grid has exactly the blocks that the tensor has; one more block, one element less, or a shift
// by one, and nothing is proven.
// CHECK-LABEL: tile.kernel @divisible
tile.kernel @divisible(%x: !x1024, %w: !tile.view<[1023], f32>, %y: !x1024) attributes {
    dims = [], grid = affine_map<() -> (16, 1, 1)>, inputs = 2 : i64} {
  %c64 = arith.constant 64 : i32
  %c1 = arith.constant 1 : i32
  %p = tile.program_id 0
  %start = arith.muli %p, %c64 : i32
  %i = tile.range %start : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  %v = tile.load %x[%i] : (!x1024, tensor<64xi32>) -> tensor<64xf32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  %u = tile.load %w[%i] : (!tile.view<[1023], f32>, tensor<64xi32>) -> tensor<64xf32>
  %s = arith.addf %v, %u : tensor<64xf32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  tile.store %s, %y[%i] : tensor<64xf32>, !x1024, tensor<64xi32>
  // CHECK: tile.atomic_rmw add %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  tile.atomic_rmw add %s, %y[%i] : tensor<64xf32>, !x1024, tensor<64xi32>
  %late = arith.addi %start, %c1 : i32
  %j = tile.range %late : tensor<64xi32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  tile.store %s, %y[%j] : tensor<64xf32>, !x1024, tensor<64xi32>
  tile.return
}

// The last block is ragged, and a grid that is not known proves nothing.
// CHECK-LABEL: tile.kernel @ragged
tile.kernel @ragged(%x: !x1000) attributes {
    dims = [], grid = affine_map<() -> (16, 1, 1)>, inputs = 0 : i64} {
  %c64 = arith.constant 64 : i32
  %p = tile.program_id 0
  %start = arith.muli %p, %c64 : i32
  %i = tile.range %start : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  %v = tile.load %x[%i] : (!x1000, tensor<64xi32>) -> tensor<64xf32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  tile.store %v, %x[%i] : tensor<64xf32>, !x1000, tensor<64xi32>
  tile.return
}
// CHECK-LABEL: tile.kernel @named
tile.kernel @named(%x: !x1024, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64} {
  %c64 = arith.constant 64 : i32
  %c0 = arith.constant 0 : i32
  %p = tile.program_id 0
  %start = arith.muli %p, %c64 : i32
  %i = tile.range %start : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  %v = tile.load %x[%i] : (!x1024, tensor<64xi32>) -> tensor<64xf32>
  %z = tile.range %c0 : tensor<64xi32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  tile.store %v, %y[%z] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
  tile.return
}

// A loop's counter below 1000 in steps of 8 is at most 992, and one below 1001 at most 1000. A loop
// that begins at 4 is at most at 996 and reads up to 1004.
// CHECK-LABEL: tile.kernel @loops
tile.kernel @loops(%x: !x1000) attributes {
    dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c4 = arith.constant 4 : i32
  %c8 = arith.constant 8 : i32
  %c1000 = arith.constant 1000 : i32
  %c1001 = arith.constant 1001 : i32
  // CHECK: scf.for
  // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  // CHECK: tile.store %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  scf.for %i = %c0 to %c1000 step %c8 : i32 {
    %r = tile.range %i : tensor<8xi32>
    %v = tile.load %x[%r] : (!x1000, tensor<8xi32>) -> tensor<8xf32>
    tile.store %v, %x[%r] : tensor<8xf32>, !x1000, tensor<8xi32>
  }
  // CHECK: scf.for
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  scf.for %i = %c0 to %c1001 step %c8 : i32 {
    %r = tile.range %i : tensor<8xi32>
    %v = tile.load %x[%r] : (!x1000, tensor<8xi32>) -> tensor<8xf32>
    tile.store %v, %x[%r] : tensor<8xf32>, !x1000, tensor<8xi32>
  }
  // CHECK: scf.for
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  scf.for %i = %c4 to %c1000 step %c8 : i32 {
    %r = tile.range %i : tensor<8xi32>
    %v = tile.load %x[%r] : (!x1000, tensor<8xi32>) -> tensor<8xf32>
    tile.store %v, %x[%r] : tensor<8xf32>, !x1000, tensor<8xi32>
  }
  tile.return
}

// A loop that starts at the program's block ends with the tensor; one dim is proven without the other,
// and what is there already stays.
// CHECK-LABEL: tile.kernel @dims
tile.kernel @dims(%x: !xy, %row: i32) attributes {
    dims = [], grid = affine_map<() -> (4, 1, 1)>, inputs = 0 : i64} {
  %c8 = arith.constant 8 : i32
  %c16 = arith.constant 16 : i32
  %c1000 = arith.constant 1000 : i32
  %p = tile.program_id 0
  %first = arith.muli %p, %c16 : i32
  %rows = tile.range %first : tensor<16xi32>
  // CHECK: scf.for
  scf.for %i = %first to %c1000 step %c8 : i32 {
    %r = tile.range %i : tensor<8xi32>
    // CHECK: tile.load %{{.*}} {in_bounds = array<i1: true, true>}
    %v = tile.load %x[%rows, %r] : (!xy, tensor<16xi32>, tensor<8xi32>) -> tensor<16x8xf32>
    // CHECK: tile.store %{{.*}} {in_bounds = array<i1: true, true>}
    tile.store %v, %x[%rows, %r] {in_bounds = array<i1: true, false>} : tensor<16x8xf32>, !xy, tensor<16xi32>, tensor<8xi32>
    // CHECK: tile.load %{{.*}} {in_bounds = array<i1: false, true>}
    %w = tile.load %x[%row, %r] : (!xy, i32, tensor<8xi32>) -> tensor<8xf32>
    // CHECK: tile.store %{{.*}} {in_bounds = array<i1: true, true>}
    tile.store %w, %x[%row, %r] {in_bounds = array<i1: true, false>} : tensor<8xf32>, !xy, i32, tensor<8xi32>
  }
  tile.return
}

// A start below zero is outside, whatever its end; coordinates that are a list are not looked into.
// CHECK-LABEL: tile.kernel @outside
tile.kernel @outside(%x: !x1024, %list: !tile.view<[64], i32>) attributes {
    dims = [], grid = affine_map<() -> (8, 1, 1)>, inputs = 0 : i64} {
  %c64 = arith.constant 64 : i32
  %c0 = arith.constant 0 : i32
  %p = tile.program_id 0
  %start = arith.muli %p, %c64 : i32
  %before = arith.subi %start, %c64 : i32
  %i = tile.range %before : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  %v = tile.load %x[%i] : (!x1024, tensor<64xi32>) -> tensor<64xf32>
  %clamped = arith.maxsi %before, %c0 : i32
  %j = tile.range %clamped : tensor<64xi32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  tile.store %v, %x[%j] : tensor<64xf32>, !x1024, tensor<64xi32>
  %all = tile.range %c0 : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>} : (!tile.view<[64], i32>
  %rows = tile.load %list[%all] : (!tile.view<[64], i32>, tensor<64xi32>) -> tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] :
  %w = tile.load %x[%rows] : (!x1024, tensor<64xi32>) -> tensor<64xf32>
  // CHECK: tile.store %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>} : f32
  // CHECK: tile.store %{{.*}}[%{{.*}}] :
  %f = tile.reduce add %w axis 0 : tensor<64xf32> -> f32
  tile.store %f, %x[%start] : f32, !x1024, i32
  tile.store %f, %x[%before] : f32, !x1024, i32
  tile.return
}

// Asynchronous copies, too.
// CHECK-LABEL: tile.kernel @copies
tile.kernel @copies(%x: !x1024, %y: !x1000) attributes {
    dims = [], grid = affine_map<() -> (16, 1, 1)>, inputs = 2 : i64} {
  %c64 = arith.constant 64 : i32
  %p = tile.program_id 0
  %start = arith.muli %p, %c64 : i32
  %i = tile.range %start : tensor<64xi32>
  %buf = tile.alloc_shared : !tile.buffer<64xf32>
  // CHECK: tile.copy_async %{{.*}} {in_bounds = array<i1: true>} :
  tile.copy_async %x[%i], %buf : !x1024, !tile.buffer<64xf32>, tensor<64xi32>
  // CHECK: tile.copy_async %{{.*}}[%{{.*}}], %{{[a-z0-9_]+}} :
  tile.copy_async %y[%i], %buf : !x1000, !tile.buffer<64xf32>, tensor<64xi32>
  tile.return
}

!n = !tile.view<["N"], f32>
!bn = !tile.view<["B", "N"], f32>

// Whole tiles of a run-time dim: those that the grid numbers, from the first or the last, and those of a
// loop up to its end; and the number of a program along a dim.
// CHECK-LABEL: tile.kernel @whole_tiles
tile.kernel @whole_tiles(%x: !n, %y: !bn) attributes {
    dims = ["N", "B"], grid = affine_map<()[n, b] -> (n ceildiv 64, b, 1)>, inputs = 2 : i64, tile.divisors = {N = 64 : i64}} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %p = tile.program_id 0
  %b = tile.program_id 1
  %start = arith.muli %p, %c64 : i32
  %i = tile.range %start : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  %0 = tile.load %x[%i] : (!n, tensor<64xi32>) -> tensor<64xf32>
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = array<i1: true, true>}
  %1 = tile.load %y[%b, %i] : (!bn, i32, tensor<64xi32>) -> tensor<64xf32>
  %count = tile.num_programs 0
  %last = arith.subi %count, %c1 : i32
  %mirrored = arith.subi %last, %p : i32
  %from_end = arith.muli %mirrored, %c64 : i32
  %j = tile.range %from_end : tensor<64xi32>
  // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
  %2 = tile.load %x[%j] : (!n, tensor<64xi32>) -> tensor<64xf32>
  %n = tile.dim "N"
  %end = arith.minsi %n, %start : i32
  scf.for %k = %c0 to %end step %c64 : i32 {
    %r = tile.range %k : tensor<64xi32>
    // CHECK: tile.load %{{.*}}[%{{.*}}] {in_bounds = array<i1: true>}
    %3 = tile.load %x[%r] : (!n, tensor<64xi32>) -> tensor<64xf32>
  }
  tile.return
}

// Nothing is proven where a tile may be cut, where the grid is another dim's, where a loop goes further,
// or where what is computed may overflow: here the start is 2^31 - 64 for the first program.
// CHECK-LABEL: tile.kernel @not_whole
// CHECK-NOT: in_bounds
// CHECK: tile.return
tile.kernel @not_whole(%x: !n, %y: !bn) attributes {
    dims = ["N", "B"], grid = affine_map<()[n, b] -> (n ceildiv 64, n, 1)>, inputs = 2 : i64, tile.divisors = {N = 64 : i64}} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c32 = arith.constant 32 : i32
  %c64 = arith.constant 64 : i32
  %far = arith.constant 33554433 : i32
  %p = tile.program_id 0
  %other = tile.program_id 1
  %n = tile.dim "N"
  %start = arith.muli %p, %c64 : i32
  %long = tile.range %start : tensor<128xi32>
  %0 = tile.load %x[%long] : (!n, tensor<128xi32>) -> tensor<128xf32>
  %half = arith.muli %p, %c32 : i32
  %i = tile.range %half : tensor<64xi32>
  %1 = tile.load %y[%other, %i] : (!bn, i32, tensor<64xi32>) -> tensor<64xf32>
  %further = arith.addi %n, %c1 : i32
  scf.for %k = %c0 to %further step %c64 : i32 {
    %r = tile.range %k : tensor<64xi32>
    %2 = tile.load %x[%r] : (!n, tensor<64xi32>) -> tensor<64xf32>
  }
  %before = arith.subi %p, %far : i32
  %wrapped = arith.muli %before, %c64 : i32
  %clamped = arith.maxsi %wrapped, %c0 : i32
  %j = tile.range %clamped : tensor<64xi32>
  %3 = tile.load %x[%j] : (!n, tensor<64xi32>) -> tensor<64xf32>
  tile.return
}
