// Tiles that loops and branches carry: one buffer each, updated in place where the old value is
// needed no more.
// RUN: lighthouse-opt %s --tile-attach-target=target=x86-64-v3 --tile-to-host --canonicalize --cse | FileCheck %s

#grid = affine_map<()[n] -> (n, 1, 1)>
!x = !tile.view<[8], f32>
!m = !tile.view<[8, 8], f32>

// An elementwise update overwrites its own elements: one buffer, no copy.
// CHECK-LABEL: func.func @accumulate
// CHECK: %[[ACC:.*]] = memref.alloca() {{.*}} : memref<8xf32>
// CHECK-NOT: memref.alloca
// CHECK: vector.store %{{.*}}, %[[ACC]]
// CHECK: scf.for %{{.*}} : i32 {
// CHECK-NEXT: %[[OLD:.*]] = vector.load %[[ACC]]
// CHECK: %[[NEW:.*]] = arith.addf %[[OLD]]
// CHECK-NEXT: vector.store %[[NEW]], %[[ACC]]
// CHECK-NEXT: }
tile.kernel @accumulate(%f: f32, %n: i32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %step = tensor.splat %f : tensor<8xf32>
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> tensor<8xf32> : i32 {
    %next = arith.addf %acc, %step : tensor<8xf32>
    scf.yield %next : tensor<8xf32>
  }
  tile.store %sum, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}

// A loop with another step than one counts in 64 bits: its counter may pass the largest i32.
// CHECK-LABEL: func.func @wide_step
// CHECK: %[[N:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK: scf.for %[[I:.*]] = %c0_i64 to %[[N]] step %c4_i64 : i64 {
// CHECK-NEXT: arith.trunci %[[I]] : i64 to i32
tile.kernel @wide_step(%f: f32, %n: i32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c4 = arith.constant 4 : i32
  scf.for %i = %c0 to %n step %c4 : i32 {
    tile.store %f, %y[%i] : f32, !x, i32
  }
  tile.return
}

// An exchange is a parallel assignment: both values are copied before one is overwritten.
// CHECK-LABEL: func.func @exchange
// CHECK: scf.for %{{.*}} : i32 {
// CHECK-NEXT: %[[X:.*]] = vector.load %[[A:[a-z0-9_]+]][
// CHECK-NEXT: vector.store %[[X]], %[[TA:[a-z0-9_]+]][
// CHECK-NEXT: %[[Y:.*]] = vector.load %[[B:[a-z0-9_]+]][
// CHECK-NEXT: vector.store %[[Y]], %[[TB:[a-z0-9_]+]][
// CHECK-NEXT: %[[XA:.*]] = vector.load %[[TA]]
// CHECK-NEXT: vector.store %[[XA]], %[[B]]
// CHECK-NEXT: %[[XB:.*]] = vector.load %[[TB]]
// CHECK-NEXT: vector.store %[[XB]], %[[A]]
// CHECK-NEXT: }
tile.kernel @exchange(%f: f32, %n: i32, %y: !x, %z: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %one = tensor.splat %f : tensor<8xf32>
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %p, %q = scf.for %i = %c0 to %n step %c1 iter_args(%b = %one, %a = %zero) -> (tensor<8xf32>, tensor<8xf32>) : i32 {
    scf.yield %a, %b : tensor<8xf32>, tensor<8xf32>
  }
  tile.store %p, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.store %q, %z[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}

// A value that reads other elements of what it replaces is computed aside first.
// CHECK-LABEL: func.func @turned
// CHECK: scf.for %{{.*}} : i32 {
// CHECK:   scf.for
// CHECK:     memref.load %[[A:[a-z0-9_]+]][
// CHECK:     vector.from_elements
// CHECK:     vector.store %{{.*}}, %[[T:[a-z0-9_]+]][
// CHECK:   scf.for
// CHECK:     vector.load %[[T]]
// CHECK:     vector.store %{{.*}}, %[[A]][
tile.kernel @turned(%n: i32, %y: !m) attributes {dims = ["N"], grid = #grid, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %y[%r, %r] {in_bounds = array<i1: true, true>} : (!m, tensor<8xi32>, tensor<8xi32>) -> tensor<8x8xf32>
  %p = scf.for %i = %c0 to %n step %c1 iter_args(%a = %t) -> tensor<8x8xf32> : i32 {
    %next = tile.transpose %a : tensor<8x8xf32> -> tensor<8x8xf32>
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %p, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
  tile.return
}

// A product is added to its accumulator in place ...
// CHECK-LABEL: func.func @dot_in_place
// CHECK: scf.for %{{.*}} : i32 {
// CHECK:   %[[OLD:.*]] = vector.load %[[ACC:[a-z0-9_]+]][
// CHECK:   %[[SUM:.*]]:8 = scf.for {{.*}} iter_args(%{{.*}} = %[[OLD]]
// CHECK:   vector.store %[[SUM]]#0, %[[ACC]][
// CHECK:   vector.store %[[SUM]]#7, %[[ACC]][
// CHECK-NEXT: }
tile.kernel @dot_in_place(%n: i32, %x: !m, %y: !m) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!m, tensor<8xi32>, tensor<8xi32>) -> tensor<8x8xf32>
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %p = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> tensor<8x8xf32> : i32 {
    %next = tile.dot %t, %t, %a : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %p, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
  tile.return
}

// ... but not if the old accumulator is an operand, or is used after it.
// CHECK-LABEL: func.func @dot_aside
// CHECK: scf.for %{{.*}} : i32 {
// CHECK:   memref.load %[[ACC:[a-z0-9_]+]][
// CHECK:   vector.store %{{.*}}, %[[NEW:[a-z0-9_]+]][
// CHECK:   vector.load %[[NEW]]
// CHECK:   vector.store %{{.*}}, %[[ACC]][
tile.kernel @dot_aside(%n: i32, %x: !m, %y: !m) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!m, tensor<8xi32>, tensor<8xi32>) -> tensor<8x8xf32>
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %p = scf.for %i = %c0 to %n step %c1 iter_args(%a = %t) -> tensor<8x8xf32> : i32 {
    %next = tile.dot %a, %t, %zero : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %p, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
  tile.return
}

// What was read of the accumulator before it is overwritten, and is used after, is kept.
// CHECK-LABEL: func.func @dot_with_old_value
// CHECK: scf.for %{{.*}} : i32 {
// CHECK:   %[[O:.*]] = memref.load %[[ACC:[a-z0-9_]+]][
// CHECK:   vector.from_elements
// CHECK:   vector.store %{{.*}}, %[[OLD:[a-z0-9_]+]][
// CHECK:   vector.store %{{.*}}#0, %[[ACC]][
// CHECK:   vector.load %[[OLD]]
// CHECK:   llvm.store
// CHECK:   vector.load %[[OLD]]
// CHECK:   arith.negf
// CHECK:   llvm.store
tile.kernel @dot_with_old_value(%n: i32, %x: !m, %y: !m) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %t = tile.load %x[%r, %r] {in_bounds = array<i1: true, true>} : (!m, tensor<8xi32>, tensor<8xi32>) -> tensor<8x8xf32>
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %p = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> tensor<8x8xf32> : i32 {
    %old = tile.transpose %a : tensor<8x8xf32> -> tensor<8x8xf32>
    %next = tile.dot %t, %t, %zero : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
    tile.store %old, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
    %neg = arith.negf %old : tensor<8x8xf32>
    tile.store %neg, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %p, %y[%r, %r] {in_bounds = array<i1: true, true>} : tensor<8x8xf32>, !m, tensor<8xi32>, tensor<8xi32>
  tile.return
}

// Both branches write the buffer of the result; scalars are results of the branch.
// CHECK-LABEL: func.func @branch
// CHECK: %[[R:.*]] = memref.alloca() {{.*}} : memref<8xf32>
// CHECK-NOT: memref.alloca
// CHECK: %[[I:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK:   math.exp
// CHECK:   vector.store %{{.*}}, %[[R]]
// CHECK:   scf.yield %{{.*}} : i32
// CHECK: } else {
// CHECK:   vector.store %{{.*}}, %[[R]]
// CHECK:   scf.yield %c0_i32 : i32
// CHECK: vector.load %[[R]]
tile.kernel @branch(%on: i1, %f: f32, %x: !x, %y: !x, %z: !tile.view<[1], i32>) attributes {dims = ["N"], grid = #grid, inputs = 3 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %s = tensor.splat %f : tensor<8xf32>
  %v, %k = scf.if %on -> (tensor<8xf32>, i32) {
    %t = tile.load %x[%r] {in_bounds = array<i1: true>} : (!x, tensor<8xi32>) -> tensor<8xf32>
    %e = math.exp %t : tensor<8xf32>
    %loaded = tile.load %z[%c0] {in_bounds = array<i1: true>} : (!tile.view<[1], i32>, i32) -> i32
    scf.yield %e, %loaded : tensor<8xf32>, i32
  } else {
    scf.yield %s, %c0 : tensor<8xf32>, i32
  }
  tile.store %v, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.store %k, %z[%c0] {in_bounds = array<i1: true>} : i32, !tile.view<[1], i32>, i32
  tile.return
}

// A while loop has a buffer for each side of its condition.
// CHECK-LABEL: func.func @while
// CHECK: vector.store %{{.*}}, %[[BEFORE:[a-z0-9_]+]][
// CHECK: scf.while (%[[K:.*]] = %{{.*}}) : (i32) -> i32 {
// CHECK:   %[[GO:.*]] = arith.cmpi sgt, %[[K]], %c0_i32
// CHECK:   vector.load %[[BEFORE]]
// CHECK:   vector.store %{{.*}}, %[[AFTER:[a-z0-9_]+]][
// CHECK:   scf.condition(%[[GO]]) %[[K]] : i32
// CHECK: } do {
// CHECK:   vector.load %[[AFTER]]
// CHECK:   arith.addf
// CHECK:   vector.store %{{.*}}, %[[BEFORE]][
// CHECK:   scf.yield
// CHECK: vector.load %[[AFTER]]
// CHECK: llvm.store
tile.kernel @while(%n: i32, %f: f32, %y: !x) attributes {dims = ["N"], grid = #grid, inputs = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = tile.range %c0 : tensor<8xi32>
  %s = tensor.splat %f : tensor<8xf32>
  %v, %k = scf.while (%a = %s, %i = %n) : (tensor<8xf32>, i32) -> (tensor<8xf32>, i32) {
    %go = arith.cmpi sgt, %i, %c0 : i32
    scf.condition(%go) %a, %i : tensor<8xf32>, i32
  } do {
  ^bb0(%a: tensor<8xf32>, %i: i32):
    %b = arith.addf %a, %a : tensor<8xf32>
    %j = arith.subi %i, %c1 : i32
    scf.yield %b, %j : tensor<8xf32>, i32
  }
  tile.store %v, %y[%r] {in_bounds = array<i1: true>} : tensor<8xf32>, !x, tensor<8xi32>
  tile.return
}
