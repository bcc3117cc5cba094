// RUN: lighthouse-opt %s --lighthouse-lower-to-plan --split-input-file --verify-diagnostics

func.func @returns_argument(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@below {{result 0 is argument 0 unchanged; every result of a pipeline must be computed by a stage or kernel}}
  return %x : tensor<8xf32>
}

// -----

func.func @stage(%q: tensor<1x4x36x16xf32>) -> tensor<1x4x36x16xf32> {
  // expected-error@below {{cannot be part of a plan; stages become launches by lighthouse-select-kernels}}
  %o, %lse = lighthouse.attend %q, %q, %q
    : (tensor<1x4x36x16xf32>, tensor<1x4x36x16xf32>, tensor<1x4x36x16xf32>) -> (tensor<1x4x36x16xf32>, tensor<1x4x36xf32>)
  return %o : tensor<1x4x36x16xf32>
}

// -----

// expected-error@below {{arguments of a pipeline must be ranked tensors of static shape, got 'tensor<?xf32>'}}
func.func @dynamic(%x: tensor<?xf32>) {
  return
}

// -----

tile.kernel @outer(%x: !tile.view<["N"], f32>, %y: !tile.view<["N", "N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
tile.kernel @diagonal(%x: !tile.view<["N", "N"], f32>, %y: !tile.view<["N"], f32>) attributes {
    dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 1 : i64} {
  tile.return
}
func.func @too_large(%x: tensor<2147483647xf32>) -> tensor<2147483647xf32> {
  // expected-error@below {{makes 'tensor<2147483647x2147483647xf32>', which no workspace can hold}}
  %0 = lighthouse.launch @outer(%x) : (tensor<2147483647xf32>) -> tensor<2147483647x2147483647xf32>
  %1 = lighthouse.launch @diagonal(%0) : (tensor<2147483647x2147483647xf32>) -> tensor<2147483647xf32>
  return %1 : tensor<2147483647xf32>
}

// -----

func.func @branches(%x: tensor<8xf32>) {
  // expected-error@-1 {{must have one block to become a plan}}
  cf.br ^next
^next:
  return
}
