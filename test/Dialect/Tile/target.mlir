// What a module is made for, as an attribute and by the pass that sets it.
// RUN: split-file %s %t
// RUN: lighthouse-opt %t/module.mlir | lighthouse-opt | FileCheck %s
// RUN: lighthouse-opt %t/module.mlir --mlir-print-op-generic | lighthouse-opt | FileCheck %s
// RUN: lighthouse-opt %t/module.mlir --tile-attach-target=target=x86-64-v4 | FileCheck %s --check-prefix=OTHER
// RUN: lighthouse-opt %t/none.mlir --tile-attach-target=target=sm_120 | FileCheck %s --check-prefix=NEW
// RUN: %exit 1 lighthouse-opt %t/none.mlir --tile-attach-target=target=sm_91 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: module attributes {tile.target = #tile.target<"sm_90a">} {
// CHECK: module @inner attributes {tile.target = #tile.target<"sm_80">} {
// OTHER: module attributes {tile.target = #tile.target<"x86-64-v4">} {
// OTHER: module @inner attributes {tile.target = #tile.target<"sm_80">} {
// NEW: module attributes {tile.target = #tile.target<"sm_120">} {
// UNKNOWN: error: tile-attach-target: unknown target 'sm_91'; the targets are x86-64-v2, {{.*}}, sm_120

//--- module.mlir
module attributes {tile.target = #tile.target<"sm_90a">} {
  module @inner attributes {tile.target = #tile.target<"sm_80">} {
  }
}

//--- none.mlir
module {
}
