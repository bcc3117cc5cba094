// The stack limit is exact, and an option; so is the width of the vectors.
// RUN: lighthouse-opt %s --tile-to-host | FileCheck %s
// RUN: lighthouse-opt %s --tile-to-host=stack-limit=4128768 | FileCheck %s
// RUN: %exit 1 lighthouse-opt %s --tile-to-host=stack-limit=4128767 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: %exit 1 lighthouse-opt %s --tile-to-host=vector-bits=64 2>&1 | FileCheck %s --check-prefix=BITS

// CHECK: func.func @full
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<1032192xf32>
// LIMIT: tile-to-host-limits.mlir:[[@LINE+2]]:1: error: kernel 'full' needs 4128768 bytes of stack for its tiles, the limit is 4128767; use smaller tiles
// BITS: error: tile-to-host: vector-bits must be 128, 256 or 512, got 64
tile.kernel @full() attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<1032192xf32>
  tile.return
}
