// Pipelined loops that stay as they are, or are not as overlapped as the target allows, and why.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-pipeline-loops))' | FileCheck %s

// CHECK-LABEL: tile.kernel @no_product(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @no_product(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as no load in it is an operand of a product}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = arith.constant dense<0.0> : tensor<64x32xbf16>
    %r = arith.constant dense<1.0> : tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @other_use(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @other_use(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': a load stays where it is, as what it loads of 'arg0' is used by other than products, too}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %other = arith.addf %l, %l : tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @written(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @written(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as the kernel writes 'arg0'}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = arith.constant dense<1.0> : tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @masked(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @masked(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %mask = arith.constant true
  // expected-warning@below {{'pipelined': a load stays where it is, as its load of 'arg0' has a mask or a value for what is outside}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] mask %mask : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>, i1) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @indirect(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @indirect(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}, %where: !tile.view<["K"], i32>) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': a load stays where it is, as the place of 'arg0' follows from what the loop carries or loads, or from a division by a value of the run}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %at = tile.load %where[%k] : (!tile.view<["K"], i32>, i32) -> i32
    %there = tile.range %at : tensor<32xi32>
    %l = tile.load %a[%rows, %there] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @divided(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @divided(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': a load stays where it is, as the place of 'arg0' follows from what the loop carries or loads, or from a division by a value of the run}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %at = arith.divsi %end, %k : i32
    %there = tile.range %at : tensor<32xi32>
    %l = tile.load %a[%rows, %there] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @narrow(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @narrow(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 2 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 2 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 2 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as the rows of 'arg0' are not known to be aligned to 4 bytes}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @large(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @large(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<128xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as its 6 stages take 196608 bytes of shared memory, the limit of the target is 166912}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<128x128xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<128xi32>) -> tensor<64x128xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %product : tensor<128x128xf32>
  } {tile.pipelined = 6 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<128x128xf32>, !tile.view<["M", "N"], f32>, tensor<128xi32>, tensor<128xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @own_copies(
// CHECK-NOT: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @own_copies(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as it makes asynchronous copies itself}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    tile.wait 0
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @warps(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @warps(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the kernel has 2 warps, not 4 or 8}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @rows(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @rows(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as a product of 64 x 32 by 32 x 64 is not made of parts of 128 rows, 8 columns and 16 elements to sum}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @floats(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @floats(%a: !tile.view<["M", "K"], f32> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], f32> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as its products are neither of 16-bit floats nor in tf32}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], f32>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xf32>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], f32>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xf32>
    %product = tile.dot %l, %r, %acc : tensor<64x32xf32>, tensor<32x64xf32>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @unaligned(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @unaligned(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 8 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 8 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 8 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the rows of 'arg0' are not known to be aligned to 16 bytes}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// The copy engine takes rows from multiples of 16 bytes on.
// CHECK-LABEL: tile.kernel @between(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @between(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c4 = arith.constant 4 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the last subscript of 'arg0' is not known to start at a multiple of 16 bytes}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<128x64xf32>) : i32 {
    %next = arith.addi %k, %c4 : i32
    %depth = tile.range %k : tensor<32xi32>
    %later = tile.range %next : tensor<32xi32>
    %l = tile.load %a[%rows, %later] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<32xi32>) -> tensor<128x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x32xbf16>, tensor<32x64xbf16>, tensor<128x64xf32>
    scf.yield %product : tensor<128x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<128x64xf32>, !tile.view<["M", "N"], f32>, tensor<128xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Roles would leave open which of them waits.
// CHECK-LABEL: tile.kernel @in_turn(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @in_turn(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}, %turn: !tile.view<[1], i32>) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  tile.wait_until %turn[%c0], %c1 : !tile.view<[1], i32>
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the kernel has a schedule for the units of the target already}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @computed(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @computed(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the right operand of a product is no load}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = arith.constant dense<0.0> : tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @branch(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @branch(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as a product is in a loop or branch inside of it}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %positive = arith.cmpi sgt, %k, %c0 : i32
    %product = scf.if %positive -> tensor<64x64xf32> {
      %p = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
      scf.yield %p : tensor<64x64xf32>
    } else {
      scf.yield %acc : tensor<64x64xf32>
    }
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @gathered(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @gathered(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %twice = arith.addi %rows, %rows : tensor<64xi32>
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the subscripts of 'arg0' are not two ranges and scalars}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%twice, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @many_rows(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @many_rows(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<512x16xf32>
  %rows = tile.range %c0 : tensor<512xi32>
  %columns = tile.range %c0 : tensor<16xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the copy engine takes at most 5 dims and 256 rows, of a multiple of 32 bytes, of 'arg0'}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<512x16xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<512xi32>, tensor<32xi32>) -> tensor<512x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<16xi32>) -> tensor<32x16xbf16>
    %product = tile.dot %l, %r, %acc : tensor<512x32xbf16>, tensor<32x16xbf16>, tensor<512x16xf32>
    scf.yield %product : tensor<512x16xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<512x16xf32>, !tile.view<["M", "N"], f32>, tensor<512xi32>, tensor<16xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @sums(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @sums(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<128x256xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<256xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as its products take 256 registers of each thread, more than 200}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<128x256xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<32xi32>) -> tensor<128x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<256xi32>) -> tensor<32x256xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x32xbf16>, tensor<32x256xbf16>, tensor<128x256xf32>
    scf.yield %product : tensor<128x256xf32>
  } {tile.pipelined = 2 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<128x256xf32>, !tile.view<["M", "N"], f32>, tensor<128xi32>, tensor<256xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @results(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @results(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], bf16> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64, warps = 8 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<128x256xf32>
  %rows = tile.range %c0 : tensor<128xi32>
  %columns = tile.range %c0 : tensor<256xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as its 4 stages and the results take 266304 bytes of shared memory, the limit of the target is 232448}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<128x256xf32>) : i32 {
    %depth = tile.range %k : tensor<64xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<128xi32>, tensor<64xi32>) -> tensor<128x64xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<64xi32>, tensor<256xi32>) -> tensor<64x256xbf16>
    %product = tile.dot %l, %r, %acc : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
    scf.yield %product : tensor<128x256xf32>
  } {tile.pipelined = 4 : i64}
  %out = arith.truncf %sum : tensor<128x256xf32> to tensor<128x256xbf16>
  tile.store %out, %c[%rows, %columns] : tensor<128x256xbf16>, !tile.view<["M", "N"], bf16>, tensor<128xi32>, tensor<256xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @bounds(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @bounds(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}, %where: !tile.view<["K"], i32>) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %at = tile.load %where[%c0] : (!tile.view<["K"], i32>, i32) -> i32
  %there = tile.range %at : tensor<64xi32>
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as its bounds or the places of its loads follow from memory or from a branch}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%there, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @carried(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @carried(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %sum, %steps = scf.for %j = %c0 to %end step %step iter_args(%outer = %zero, %count = %c0) -> (tensor<64x64xf32>, i32) : i32 {
  %there = tile.range %count : tensor<64xi32>
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as its bounds or the places of its loads follow from memory or from a branch}}
  %inner = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%there, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  %more = arith.addi %count, %step : i32
  scf.yield %inner, %more : tensor<64x64xf32>, i32
  }
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @in_branch(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @in_branch(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  %some = arith.cmpi sgt, %end, %c0 : i32
  %sum = scf.if %some -> tensor<64x64xf32> {
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as it is part of a branch, a 'while' or a role}}
  %inner = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  scf.yield %inner : tensor<64x64xf32>
  } else {
    scf.yield %zero : tensor<64x64xf32>
  }
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// CHECK-LABEL: tile.kernel @second(
// CHECK: tile.copy_async
// CHECK-NOT: tile.pipelined
module attributes {tile.target = #tile.target<"sm_90a">} {
tile.kernel @second(%a: !tile.view<["M", "K"], bf16> {tile.alignment = 16 : i64}, %b: !tile.view<["K", "N"], bf16> {tile.alignment = 16 : i64}, %c: !tile.view<["M", "N"], f32> {tile.alignment = 16 : i64}) attributes {dims = ["M", "N", "K"], grid = affine_map<()[m, n, k] -> (1, 1, 1)>, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant 32 : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %rows = tile.range %c0 : tensor<64xi32>
  %columns = tile.range %c0 : tensor<64xi32>
  %end = tile.dim "K"
  // expected-warning@below {{'pipelined': the loop runs as it stands, as no load in it is an operand of a product}}
  scf.for %j = %c0 to %end step %step : i32 {
    tile.barrier
  } {tile.pipelined = 2 : i64}
  // expected-warning@below {{'pipelined': the loop has no warps of its own for copies, as the kernel has another pipelined loop}}
  %sum = scf.for %k = %c0 to %end step %step iter_args(%acc = %zero) -> (tensor<64x64xf32>) : i32 {
    %depth = tile.range %k : tensor<32xi32>
    %l = tile.load %a[%rows, %depth] : (!tile.view<["M", "K"], bf16>, tensor<64xi32>, tensor<32xi32>) -> tensor<64x32xbf16>
    %r = tile.load %b[%depth, %columns] : (!tile.view<["K", "N"], bf16>, tensor<32xi32>, tensor<64xi32>) -> tensor<32x64xbf16>
    %product = tile.dot %l, %r, %acc : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    scf.yield %product : tensor<64x64xf32>
  } {tile.pipelined = 3 : i64}
  tile.store %sum, %c[%rows, %columns] : tensor<64x64xf32>, !tile.view<["M", "N"], f32>, tensor<64xi32>, tensor<64xi32>
  tile.return
}
}

// -----

// Without roles a persistent kernel has a block for each instance.
// CHECK-LABEL: tile.kernel @without_roles(
// CHECK-NOT: tile.persistent
// CHECK-NOT: tile.resident
// CHECK-NOT: scf.for
// CHECK: tile.return
module attributes {tile.target = #tile.target<"sm_90a">} {
// expected-warning@below {{'persistent': every program instance has a block of its own, as it has not one loop that is pipelined in two stages or more}}
tile.kernel @without_roles(%a: !tile.view<["M"], f32>, %c: !tile.view<["M"], f32>) attributes {dims = ["M"], grid = affine_map<()[m] -> (m, 1, 1)>, inputs = 1 : i64, tile.persistent} {
  %i = tile.program_id 0
  %x = tile.load %a[%i] : (!tile.view<["M"], f32>, i32) -> f32
  tile.store %x, %c[%i] : f32, !tile.view<["M"], f32>, i32
  tile.return
}
}

// -----

// Targets without roles ignore it.
// CHECK-LABEL: tile.kernel @ignored(
// CHECK-NOT: tile.persistent
// CHECK: tile.return
module attributes {tile.target = #tile.target<"sm_80">} {
tile.kernel @ignored() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, tile.persistent} {
  tile.return
}
}
