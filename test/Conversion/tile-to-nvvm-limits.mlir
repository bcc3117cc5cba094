// What does not fit a target is said with the kernel, what it needs, and the limit, which is exact.
// RUN: split-file %s %t
// RUN: lighthouse-opt %t/large.mlir --tile-attach-target=target=sm_90 --tile-to-nvvm | FileCheck %s --check-prefix=FITS
// RUN: %exit 1 lighthouse-opt %t/large.mlir --tile-attach-target=target=sm_86 --tile-to-nvvm 2>&1 | FileCheck %s --check-prefix=SHARED -DLIMIT=101376
// RUN: %exit 1 lighthouse-opt %t/large.mlir --tile-to-nvvm 2>&1 | FileCheck %s --check-prefix=SHARED -DLIMIT=166912
// RUN: %exit 1 lighthouse-opt %t/large.mlir --tile-attach-target=target=x86-64-v3 --tile-to-nvvm 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: lighthouse-opt %t/invalid.mlir --split-input-file --verify-diagnostics --tile-attach-target=target=sm_90 --tile-to-nvvm
// RUN: %python %S/Inputs/many_parameters.py 505 > %t/many.mlir
// RUN: lighthouse-opt %t/many.mlir --tile-to-nvvm | FileCheck %s --check-prefix=MOST
// RUN: %python %S/Inputs/many_parameters.py 506 > %t/more.mlir
// RUN: %exit 1 lighthouse-opt %t/more.mlir --tile-to-nvvm 2>&1 | FileCheck %s --check-prefix=MORE

// FITS: "lighthouse.shared", "232448"
// SHARED: large.mlir:2:1: error: kernel 'largest' needs 232448 bytes of shared memory, the limit of the target is [[LIMIT]]; use smaller tiles or fewer stages
// KIND: error: a module for x86-64-v3 has no code for a GPU
// MOST: llvm.byval = !llvm.array<512 x i64>
// MORE: more.mlir:1:1: error: kernel 'many' takes 4104 bytes of parameters, the limit is 4096

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
