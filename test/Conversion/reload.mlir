// RUN: lighthouse-opt --tile-attach-target=target=x86-64-v4 --tile-to-host --split-input-file %s | FileCheck %s

// A small load with two uses is read twice, not copied: the only buffers are the results.
// CHECK-LABEL: func.func @twice
// CHECK-COUNT-2: memref.alloca() {alignment = 64 : i64} : memref<16xf32>
// CHECK-NOT: memref.alloca
// CHECK-COUNT-2: llvm.load %{{.*}} : !llvm.ptr -> vector<16xf32>
tile.kernel @twice(%x: !tile.view<[16, 64], f32>, %y: !tile.view<[16], f32>, %z: !tile.view<[16], f32>)
    attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %i = tile.range %c0 : tensor<16xi32>
  %j = tile.range %c0 : tensor<64xi32>
  %t = tile.load %x[%i, %j] {in_bounds = array<i1: true, true>}
      : (!tile.view<[16, 64], f32>, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
  %sum = tile.reduce add %t axis 1 : tensor<16x64xf32> -> tensor<16xf32>
  %max = tile.reduce max %t axis 1 : tensor<16x64xf32> -> tensor<16xf32>
  tile.store %sum, %y[%i] : tensor<16xf32>, !tile.view<[16], f32>, tensor<16xi32>
  tile.store %max, %z[%i] : tensor<16xf32>, !tile.view<[16], f32>, tensor<16xi32>
  tile.return
}

// -----

// So is what one or two operations make of it.
// CHECK-LABEL: func.func @little
// CHECK-NOT: memref.alloca
// CHECK-COUNT-2: arith.bitcast
// CHECK-NOT: arith.bitcast
tile.kernel @little(%x: !tile.view<[64], f32>, %y: !tile.view<[64], i32>)
    attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %j = tile.range %c0 : tensor<64xi32>
  %t = tile.load %x[%j] {in_bounds = array<i1: true>}
      : (!tile.view<[64], f32>, tensor<64xi32>) -> tensor<64xf32>
  %bits = arith.bitcast %t : tensor<64xf32> to tensor<64xi32>
  %fill = arith.constant dense<31> : tensor<64xi32>
  %sign = arith.shrsi %bits, %fill : tensor<64xi32>
  %key = arith.xori %bits, %sign : tensor<64xi32>
  tile.store %key, %y[%j] : tensor<64xi32>, !tile.view<[64], i32>, tensor<64xi32>
  tile.return
}

// -----

// A store to the same tensor between the uses: the second one must see the old contents.
// CHECK-LABEL: func.func @between
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<64xf32>
// CHECK: llvm.load %{{.*}} -> vector<16xf32>
// CHECK: vector.store %{{.*}}, %[[COPY:.*]][%{{.*}}] : memref<64xf32>
// CHECK: llvm.intr.masked.store
// CHECK: vector.load %[[COPY]]
tile.kernel @between(%x: !tile.view<[64], f32>, %y: !tile.view<[64], f32>)
    attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %j = tile.range %c0 : tensor<64xi32>
  %t = tile.load %x[%j] {in_bounds = array<i1: true>}
      : (!tile.view<[64], f32>, tensor<64xi32>) -> tensor<64xf32>
  %sum = tile.reduce add %t axis 0 : tensor<64xf32> -> f32
  %all = tensor.splat %sum : tensor<64xf32>
  tile.store %all, %x[%j] : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.store %t, %y[%j] : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// -----

// A store to the same tensor between the uses of what is made of a load.
// CHECK-LABEL: func.func @little_between
// CHECK: arith.bitcast
// CHECK: vector.store %{{.*}}, %[[COPY:.*]][%{{.*}}] : memref<64xi32>
// CHECK: llvm.intr.masked.store
// CHECK-NOT: arith.bitcast
// CHECK: vector.load %[[COPY]]
tile.kernel @little_between(%x: !tile.view<[64], f32>, %y: !tile.view<[64], i32>)
    attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %j = tile.range %c0 : tensor<64xi32>
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %t = tile.load %x[%j] {in_bounds = array<i1: true>}
      : (!tile.view<[64], f32>, tensor<64xi32>) -> tensor<64xf32>
  %bits = arith.bitcast %t : tensor<64xf32> to tensor<64xi32>
  %sum = tile.reduce add %bits axis 0 : tensor<64xi32> -> i32
  %all = tensor.splat %sum : tensor<64xi32>
  tile.store %zero, %x[%j] : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  %both = arith.addi %bits, %all : tensor<64xi32>
  tile.store %both, %y[%j] : tensor<64xi32>, !tile.view<[64], i32>, tensor<64xi32>
  tile.return
}

// -----

// A use after a loop: the value is kept, since the loop might change what was read.
// CHECK-LABEL: func.func @after_loop
// CHECK: vector.store %{{.*}}, %[[COPY:.*]][%{{.*}}] : memref<64xf32>
// CHECK: scf.for
// CHECK: vector.load %[[COPY]]
tile.kernel @after_loop(%x: !tile.view<[64], f32>, %y: !tile.view<[64], f32>, %n: i32)
    attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %j = tile.range %c0 : tensor<64xi32>
  %t = tile.load %x[%j] {in_bounds = array<i1: true>}
      : (!tile.view<[64], f32>, tensor<64xi32>) -> tensor<64xf32>
  %sum = tile.reduce add %t axis 0 : tensor<64xf32> -> f32
  scf.for %i = %c0 to %n step %c1 : i32 {
    tile.store %sum, %x[%i] : f32, !tile.view<[64], f32>, i32
  }
  tile.store %t, %y[%j] : tensor<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}
