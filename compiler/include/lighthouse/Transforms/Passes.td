//===- Passes.td - passes on the lighthouse dialect -------------------------------------------===//
#ifndef LIGHTHOUSE_TRANSFORMS_PASSES
#define LIGHTHOUSE_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"lighthouse-differentiate", "::mlir::ModuleOp"> {
  let summary = "derive the backward pass of functions of stages";
  let description = [{
    The adjoints of the stages (`StageOpInterface::buildAdjoint`) of every function `@f`, last first,
    give `@f_bwd`, which computes from the cotangents of the float results of `@f` those of its float
    arguments, and `@f_fwd`, which computes what `@f` does and returns the values that `@f_bwd` needs
    as well. A cotangent is named after its value: `do` for `o`. Values that are saved keep the
    names of the arguments and results that they are, else they are `saved.0`, `saved.1`, ...; a
    selection is saved as its list of entries. No gradient flows through scores and selections.
    Cotangents are tensors of the type of their value; sums of several, and attention's cotangent of
    q, stay f32 in between.

    With `joint` nothing is saved: `@f` itself gets the cotangents as further arguments and returns
    the gradients after its results.

    The adjoint of a `user_stage` is the private function that it refers to, and is inlined.
    Private functions themselves are not differentiated.

    It is an error, at the stage or launch, if a gradient flows into something without an adjoint.

    Before:

    ```mlir
    func.func @f(%q: tensor<1x4x512x64xf32> {lighthouse.name = "q"}, ...)
        -> (tensor<1x4x512x64xf32> {lighthouse.name = "o"}) {
      %o, %lse = lighthouse.attend %q, %k, %v causal : (...) -> (...)
      return %o : tensor<1x4x512x64xf32>
    }
    ```

    After:

    ```mlir
    func.func @f_fwd(...) -> (tensor<1x4x512x64xf32> {lighthouse.name = "o"},
                              tensor<1x4x512xf32> {lighthouse.name = "saved.0"}) {...}
    func.func @f_bwd(%do: tensor<1x4x512x64xf32> {lighthouse.name = "do"}, %o: ... {lighthouse.name = "o"},
                     %q: ..., %k: ..., %v: ..., %lse: tensor<1x4x512xf32> {lighthouse.name = "saved.0"})
        -> (tensor<1x4x512x64xf32> {lighthouse.name = "dq"}, ...) {
      %delta = lighthouse.attend_delta %o, %do : (...) -> tensor<1x4x512xf32>
      %dq = lighthouse.attend_backward_q %q, %k, %v, %do, %lse, %delta causal scale 0.125 : (...) -> (...)
      ...
    }
    ```
  }];
  let dependentDialects = ["::lighthouse::lh::LighthouseDialect"];
  let options = [
    Option<"joint", "joint", "bool", /*default=*/"false",
           "Append the backward pass to each function instead of making two of it">,
    Option<"deterministic", "deterministic", "bool", /*default=*/"true",
           "Sums in a fixed order, so that results are equal from run to run">,
  ];
  let statistics = [Statistic<"numAdjoints", "num-adjoints", "Stages with an adjoint that was used">];
}

def FuseStagesPass : Pass<"lighthouse-fuse-stages", "::mlir::func::FuncOp"> {
  let summary = "fuse stages that read the same tensors";
  let description = [{
    `pool` and the `norm_score` of its pyramid each read q and k once. Together they become a
    `pool_score`, which reads q, k and v once for both.

    Before:

    ```mlir
    %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4> : (...) -> !pyramid
    %s = lighthouse.norm_score %p : (!pyramid) -> !scores
    ```

    After:

    ```mlir
    %p, %s = lighthouse.pool_score %q, %k, %v into <levels = 3, factor = 4>
      : (...) -> (!pyramid, !scores)
    ```

    Any further `norm_score` of the same pyramid folds to the same scores. In the same way a
    `scatter_backward` and the `attend_delta` of its result become a `scatter_backward_delta`.
  }];
  let dependentDialects = ["::lighthouse::lh::LighthouseDialect"];
  let statistics = [Statistic<"numFused", "num-fused", "Pairs of stages fused">];
}

def SelectKernelsPass : Pass<"lighthouse-select-kernels", "::mlir::ModuleOp"> {
  let summary = "choose a kernel for each stage";
  let description = [{
    Every stage op becomes a `launch` of a kernel that implements it. The kernels come from a
    `KernelProvider`: the front end's, which instantiates specifications for the types and
    parameters at hand, or, as in `lighthouse-opt`, the kernels that the module holds already.

    The abstract values become tensors: a pyramid q, k, v and their coarsest pooled rows; scores the
    query and key scores; a selection the list of entries and its inverse, the ranks. Results that
    only the kernel declares are scratch: the launch has them, and nobody uses them. Stages whose
    results are unused are dropped, and so are private functions, which are adjoints of stages.

    What a kernel gets and which parameters it may ask for stands in the description of each stage op
    of the dialect; the ops themselves say it to this pass (`StageOpInterface`).

    Before:

    ```mlir
    tile.kernel @attend_f32_64(...) attributes {stage = "attend", stage_params = {causal = true}, ...} {...}
    func.func @f(%q: tensor<1x4x512x64xf32>, ...) -> tensor<1x4x512x64xf32> {
      %o, %lse = lighthouse.attend %q, %k, %v causal : (...) -> (...)
      return %o : tensor<1x4x512x64xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%q: tensor<1x4x512x64xf32>, ...) -> tensor<1x4x512x64xf32> {
      %0:2 = lighthouse.launch @attend_f32_64(%q, %k, %v) scalars [1.250000e-01 : f32] stage "attend"
        cost <read = ..., written = ..., flops = ...> : (...) -> (...)
      return %0#0 : tensor<1x4x512x64xf32>
    }
    ```
  }];
  let dependentDialects = ["::lighthouse::lh::LighthouseDialect",
                           "::lighthouse::tile::TileDialect"];
  let statistics = [Statistic<"numLaunches", "num-launches", "Stages that became launches">];
}

def LowerToPlanPass : Pass<"lighthouse-lower-to-plan", "::mlir::ModuleOp"> {
  let summary = "lower functions of launches to launch plans";
  let description = [{
    Every function becomes a `plan`. Arguments and results of the function are the plan's inputs and
    outputs, named by the attribute `lighthouse.name` (`argI` and `resultI` without it); a launch
    writes what the function returns into the output itself. All other results get buffers in
    the workspace. Buffers that are never in use at the same time may share memory: each is given,
    largest first, the smallest gap that fits among those that it meets. A result for which the
    kernel declares an initial value (`tile.init`) is filled before the dispatch, unless the kernel
    does not use it and nobody reads it. Launches whose results are unused are dropped.

    It is an error to return an argument, or one value twice, as nothing would write that output.

    Before:

    ```mlir
    func.func @add3(%x: tensor<1000xf32> {lighthouse.name = "x"},
                    %y: tensor<1000xf32> {lighthouse.name = "y"})
        -> (tensor<1000xf32> {lighthouse.name = "r"}) {
      %0 = lighthouse.launch @add(%x, %y) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
      %1 = lighthouse.launch @add(%0, %y) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
      return %1 : tensor<1000xf32>
    }
    ```

    After:

    ```mlir
    lighthouse.plan @add3
        inputs(%x "x" : memref<1000xf32, strided<[?]>>, %y "y" : memref<1000xf32, strided<[?]>>)
        outputs(%r "r" : memref<1000xf32, strided<[?]>>) workspace 4032 {
      %0 = lighthouse.buffer 0 : memref<1000xf32>
      lighthouse.dispatch @add grid [16, 1, 1] dims [1000] (%x, %y, %0) stage "add" : ...
      lighthouse.dispatch @add grid [16, 1, 1] dims [1000] (%0, %y, %r) stage "add" : ...
    }
    ```
  }];
  let dependentDialects = ["::lighthouse::lh::LighthouseDialect"];
  let options = [
    Option<"reuseWorkspace", "reuse-workspace", "bool", /*default=*/"true",
           "Let buffers whose lifetimes do not meet share memory">,
  ];
  let statistics = [
    Statistic<"numDispatches", "num-dispatches", "Launches in plans">,
    Statistic<"workspaceBytes", "workspace-bytes", "Workspace of all plans, in bytes">,
    Statistic<"bufferBytes", "buffer-bytes", "Buffers of all plans added up, in bytes">,
  ];
}

def SpecializeKernelsPass : Pass<"lighthouse-specialize-kernels", "::mlir::ModuleOp"> {
  let summary = "tell kernels what their dispatches have in common";
  let description = [{
    For targets whose code gains from it. Extents and grids stay values of the run, so that the same
    code serves every length and batch; a kernel learns only

    - the extents, up to 256, that it divides by, such as numbers of heads: they become constants;
    - `tile.divisors`: which of its dims are multiples of the longest tile (up to 1024) in which it
      goes along them, so that no tile is cut by the end of a tensor; of dims along rows that are not, or
      whose tiles are longer, which are multiples of 8, so that no access of 16 bytes is cut;
    - `tile.alignment` of each view: the bytes that divide the distances of its rows, at most
      `alignment`. A row whose length is no constant of the kernel has `alignment` or the size of an
      element. The runtime refuses tensors that keep less;
    - `tile.strides` of each view: those of contiguous memory that are constants of the kernel.

    Dispatches that differ in this get kernels of their own, copies of the first.

    Before:

    ```mlir
    tile.kernel @add(%x: !tile.view<["N", 64], f32>, ...) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 32, 1, 1)>, inputs = 2 : i64} {
      %i = tile.range %start : tensor<32xi32>
      %v = tile.load %x[%i, %j] ...
    }
    lighthouse.plan @p ... { lighthouse.dispatch @add grid [30, 1, 1] dims [960] (%buffer ...) ... }
    ```

    After:

    ```mlir
    tile.kernel @add(%x: !tile.view<["N", 64], f32> {tile.alignment = 16 : i64, tile.strides = array<i64: 64, 1>}, ...)
        attributes {dims = ["N"], ..., tile.divisors = {N = 32 : i64}} {
      ...
    }
    ```
  }];
  let dependentDialects = ["::lighthouse::lh::LighthouseDialect",
                           "::lighthouse::tile::TileDialect"];
  let options = [Option<"alignment", "alignment", "int64_t", /*default=*/"16",
                        "Bytes to which the caller's tensors are aligned: 1, 2, 4, 8 or 16">];
  let statistics = [Statistic<"numSpecialized", "num-specialized", "Kernels specialised">];
}

#endif
