// The stack limit of the target is exact, and the target is the host.
// RUN: lighthouse-opt %s --tile-to-host | FileCheck %s
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v4 --tile-to-host | FileCheck %s
// RUN: sed s/1032192/1032193/ %s > %t.mlir
// RUN: %exit 1 lighthouse-opt %t.mlir --tile-to-host 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: %exit 1 lighthouse-opt %s --tile-attach-target=target=sm_90a --tile-to-host 2>&1 | FileCheck %s --check-prefix=KIND

// CHECK: func.func @full
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<1032192xf32>
// LIMIT: :[[@LINE+2]]:1: error: kernel 'full' needs 4128832 bytes of stack for its tiles, the limit is 4128768; use smaller tiles
// KIND: error: a module for sm_90a has no code for the host
tile.kernel @full() attributes {dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<1032192xf32>
  tile.return
}
