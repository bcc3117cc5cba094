// What does not fit a target is said with the kernel, what it needs, and the limit, which is exact.
// RUN: split-file %s %t
// RUN: lighthouse-opt %t/shared.mlir --tile-to-nvvm=shared-limit=32768 | FileCheck %s --check-prefix=FITS
// RUN: %exit 1 lighthouse-opt %t/shared.mlir --tile-to-nvvm=shared-limit=32767 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: lighthouse-opt %t/large.mlir --tile-to-nvvm | FileCheck %s --check-prefix=DEFAULT
// RUN: lighthouse-opt %t/invalid.mlir --split-input-file --verify-diagnostics --tile-to-nvvm
// RUN: %python %S/Inputs/many_parameters.py 505 > %t/many.mlir
// RUN: lighthouse-opt %t/many.mlir --tile-to-nvvm | FileCheck %s --check-prefix=MOST
// RUN: %python %S/Inputs/many_parameters.py 506 > %t/more.mlir
// RUN: %exit 1 lighthouse-opt %t/more.mlir --tile-to-nvvm 2>&1 | FileCheck %s --check-prefix=MORE

// FITS: "lighthouse.shared", "32768"
// SHARED: shared.mlir:2:1: error: kernel 'large' needs 32768 bytes of shared memory, the limit of the target is 32767; use smaller tiles or fewer stages
// DEFAULT: "lighthouse.shared", "232448"
// MOST: llvm.byval = !llvm.array<512 x i64>
// MORE: more.mlir:1:1: error: kernel 'many' takes 4104 bytes of parameters, the limit is 4096

//--- shared.mlir

tile.kernel @large() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<2x64x64xf32>
  tile.return
}

//--- large.mlir
tile.kernel @largest() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<58112xf32>
  tile.return
}

//--- invalid.mlir
#lanes = #tile.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
tile.kernel @double(%f: f64) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %f : tensor<32xf64, #lanes>
  // expected-error@below {{exp of f64 is not supported on a GPU; convert to f32}}
  %e = math.exp %t : tensor<32xf64, #lanes>
  tile.return
}

// -----

tile.kernel @scalar(%f: f64) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{rsqrt of f64 is not supported on a GPU; convert to f32}}
  %e = math.rsqrt %f : f64
  tile.return
}

// -----

tile.kernel @unknown() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@below {{'tensor.empty' op has no lowering to a GPU}}
  %e = tensor.empty() : tensor<4xf32>
  tile.return
}

// -----

// expected-error@below {{has control flow that is not structured}}
tile.kernel @blocks() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  cf.br ^next
^next:
  tile.return
}

// -----

// expected-error@below {{kernel 'large' needs 232512 bytes of shared memory, the limit of the target is 232448; use smaller tiles or fewer stages}}
tile.kernel @large() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<58113xf32>
  tile.return
}

// -----

tile.kernel @unsigned(%n: i32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  // expected-error@below {{'scf.for' op compares unsigned, which has no lowering}}
  scf.for unsigned %i = %n to %n step %n : i32 {
  }
  tile.return
}
