//===- LighthouseOps.td - the stages of Lighthouse Attention ----------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSEOPS
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSEOPS

include "lighthouse/Dialect/Lighthouse/IR/LighthouseDialect.td"
include "lighthouse/Dialect/Lighthouse/IR/StageInterface.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Lighthouse_Op<string opMnemonic, list<Trait> traits = []>
    : Op<Lighthouse_Dialect, opMnemonic, traits>;

/// A stage: free of side effects. `overrides` are the methods of the interface that do not have the
/// default.
class Lighthouse_AnyStageOp<string opMnemonic, list<string> overrides = [], list<Trait> traits = []>
    : Lighthouse_Op<opMnemonic, !listconcat([
        Pure, DeclareOpInterfaceMethods<Lighthouse_StageOpInterface, overrides>], traits)>;

/// A stage whose result types follow from operands and attributes.
class Lighthouse_StageOp<string opMnemonic, list<string> overrides = []>
    : Lighthouse_AnyStageOp<opMnemonic, overrides, [InferTypeOpAdaptor]>;

/// A whole tensor of rank 4 and static shape: q, k, v, o and their sub-sequences.
def Lighthouse_Heads : ConfinedType<
    4DTensorOf<[F32, F16, BF16]>,
    [CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">],
    "tensor of rank 4, static shape and element type f32, f16 or bf16", "::mlir::RankedTensorType">;
def Lighthouse_AnyTensor : ConfinedType<
    AnyRankedTensor, [CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">],
    "ranked tensor of static shape", "::mlir::RankedTensorType">;

//===------------------------------------------------------------------------------------------===//
// Pre-selection: pool, score, select
//===------------------------------------------------------------------------------------------===//

def Lighthouse_PoolOp : Lighthouse_StageOp<"pool", [
    "getStageParameters", "getKernelCall", "expandResults", "buildAdjoint"]> {
  let summary = "pools q, k and v into pyramids";
  let description = [{
    The row of an entry is the mean, accumulated in fp32, of the base rows that it covers; the last
    entry of a level averages the rows that exist.

    `q` is [B, N, H, D], `k` and `v` are [B, N, G, D].

    Kernels: `pool(levels, factor)`: (q, k, v) -> (qc [B,H,NC,D], kc, vc [B,G,NC,D]), the coarsest rows.

    Constraints:
    - (pool_c1) k and v have the same type;
    - (pool_c2) q agrees with k in B, N, D and element type.

    Example:

    ```mlir
    func.func @pool(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                    %v: tensor<1x8192x2x64xf32>) {
      %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>)
          -> !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                 element = f32, shape = <levels = 3, factor = 4>>
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v,
                       I64Attr:$levels, I64Attr:$factor);
  let results = (outs Lighthouse_PyramidType:$pyramid);
  let extraClassDeclaration = [{
    PyramidAttr getShape() { return getPyramid().getType().getShape(); }
  }];
  let assemblyFormat = [{
    $q `,` $k `,` $v `into` ` ` `<` `levels` `=` $levels `,` `factor` `=` $factor `>` attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_MakePyramidOp : Lighthouse_StageOp<"make_pyramid", [
    "expandResults", "buildAdjoint"]> {
  let summary = "a pyramid from its base and its coarsest rows";
  let description = [{
    The inverse of `coarsest`: `q` is [B, N, H, D], `k` and `v` are [B, N, G, D], `qc` is
    [B, H, NC, D], `kc` and `vc` are [B, G, NC, D] as pooling makes them. A pyramid crosses from one
    pipeline to another in this form. All of its gradient flows to q, k and v.

    Constraints:
    - (make_pyramid_c1) k and v have the same type;
    - (make_pyramid_c2) q agrees with k in B, N, D and element type;
    - (make_pyramid_c3) the coarsest rows have the types that the pyramid gives them.

    Example:

    ```mlir
    func.func @make_pyramid(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                            %v: tensor<1x8192x2x64xf32>, %qc: tensor<1x4x512x64xf32>,
                            %kc: tensor<1x2x512x64xf32>, %vc: tensor<1x2x512x64xf32>) {
      %p = lighthouse.make_pyramid %q, %k, %v, %qc, %kc, %vc into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>,
           tensor<1x4x512x64xf32>, tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>)
          -> !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                 element = f32, shape = <levels = 3, factor = 4>>
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v,
                       Lighthouse_Heads:$qc, Lighthouse_Heads:$kc, Lighthouse_Heads:$vc,
                       I64Attr:$levels, I64Attr:$factor);
  let results = (outs Lighthouse_PyramidType:$pyramid);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $qc `,` $kc `,` $vc `into` ` ` `<` `levels` `=` $levels `,` `factor` `=`
    $factor `>` attr-dict `:` functional-type(operands, results)
  }];
}

def Lighthouse_CoarsestOp : Lighthouse_StageOp<"coarsest", ["expandResults"]> {
  let summary = "the coarsest rows of a pyramid";
  let description = [{
    The pooled rows of q [B, H, NC, D], k and v [B, G, NC, D] at the last level.

    Example:

    ```mlir
    !pyramid = !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                   element = f32, shape = <levels = 3, factor = 4>>
    func.func @coarsest(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                        %v: tensor<1x8192x2x64xf32>) -> tensor<1x4x512x64xf32> {
      %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>) -> !pyramid
      %qc, %kc, %vc = lighthouse.coarsest %p
        : (!pyramid) -> (tensor<1x4x512x64xf32>, tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>)
      return %qc : tensor<1x4x512x64xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_PyramidType:$pyramid);
  let results = (outs Lighthouse_Heads:$qc, Lighthouse_Heads:$kc, Lighthouse_Heads:$vc);
  let assemblyFormat = "$pyramid attr-dict `:` functional-type(operands, results)";
}

def Lighthouse_NormScoreOp : Lighthouse_StageOp<"norm_score", [
    "getStageParameters", "getKernelCall"]> {
  let summary = "scores the entries of a pyramid by the largest norm below them";
  let description = [{
    The score of an entry is the largest fp32 2-norm of the base rows that it covers: of k for the
    key score; of q, over all query heads of the group, for the query score. Of the same pyramid as
    a `pool_score`, the scores are that op's.

    Kernels: `norm_score(levels, factor)`: (q, k) -> (sq, sk f32[B,G,NS]).

    Example:

    ```mlir
    !pyramid = !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                   element = f32, shape = <levels = 3, factor = 4>>
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    func.func @norm_score(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                          %v: tensor<1x8192x2x64xf32>) {
      %p = lighthouse.pool %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>) -> !pyramid
      %s = lighthouse.norm_score %p : (!pyramid) -> !scores
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_PyramidType:$pyramid);
  let results = (outs Lighthouse_ScoresType:$scores);
  let assemblyFormat = "$pyramid attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Lighthouse_PoolScoreOp : Lighthouse_StageOp<"pool_score", [
    "getStageParameters", "getKernelCall", "expandResults", "buildAdjoint"]> {
  let summary = "pools and scores in one pass over q, k and v";
  let description = [{
    The results are those of `pool` and of `norm_score` on its result. Each of q, k and v is read
    once; what is stored are the coarsest rows and the scores.

    `q` is [B, N, H, D], `k` and `v` are [B, N, G, D].

    Kernels: `pool_score(levels, factor)`: (q, k, v) -> (qc [B,H,NC,D], kc, vc [B,G,NC,D], sq, sk
    f32[B,G,NS]).

    Constraints:
    - (pool_score_c1) k and v have the same type;
    - (pool_score_c2) q agrees with k in B, N, D and element type.

    Example:

    ```mlir
    func.func @pool_score(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                          %v: tensor<1x8192x2x64xf32>) {
      %p, %s = lighthouse.pool_score %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>)
          -> (!lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                  element = f32, shape = <levels = 3, factor = 4>>,
              !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>)
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v,
                       I64Attr:$levels, I64Attr:$factor);
  let results = (outs Lighthouse_PyramidType:$pyramid, Lighthouse_ScoresType:$scores);
  let extraClassDeclaration = [{
    PyramidAttr getShape() { return getPyramid().getType().getShape(); }
  }];
  let assemblyFormat = [{
    $q `,` $k `,` $v `into` ` ` `<` `levels` `=` $levels `,` `factor` `=` $factor `>` attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_MakeScoresOp : Lighthouse_AnyStageOp<"make_scores", [
    "buildStage", "expandResults"]> {
  let summary = "scores from tensors that the user computed";
  let description = [{
    `query` and `key` hold the scores of the entries from level 1 on, level by level: f32[B, G, NS].
    Scores must not be NaN.

    Constraints:
    - (make_scores_c1) both tensors are f32[B, G, NS] as the result type says.

    Example:

    ```mlir
    func.func @make_scores(%sq: tensor<1x2x2560xf32>, %sk: tensor<1x2x2560xf32>) {
      %s = lighthouse.make_scores %sq, %sk
        : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>)
          -> !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                shape = <levels = 3, factor = 4>>
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_AnyTensor:$query, Lighthouse_AnyTensor:$key);
  let results = (outs Lighthouse_ScoresType:$scores);
  let assemblyFormat = "$query `,` $key attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lighthouse_ScoreTensorsOp : Lighthouse_StageOp<"score_tensors", ["expandResults"]> {
  let summary = "the query and key scores as tensors";
  let description = [{
    The inverse of `make_scores`: two tensors f32[B, G, NS].

    Example:

    ```mlir
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    func.func @score_tensors(%sq: tensor<1x2x2560xf32>) -> tensor<1x2x2560xf32> {
      %s = lighthouse.make_scores %sq, %sq
        : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>) -> !scores
      %query, %key = lighthouse.score_tensors %s
        : (!scores) -> (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>)
      return %key : tensor<1x2x2560xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_ScoresType:$scores);
  let results = (outs Lighthouse_AnyTensor:$query, Lighthouse_AnyTensor:$key);
  let assemblyFormat = "$scores attr-dict `:` functional-type(operands, results)";
}

def Lighthouse_SelectOp : Lighthouse_StageOp<"select", [
    "getStageParameters", "getKernelCall"]> {
  let summary = "chooses the sub-sequence by a cascade from coarse to fine";
  let description = [{
    The coarsest level is cut into T = `budget` / `chunk` contiguous chunks; chunk t of T starts at
    entry floor(t n / T) of the n. In each, starting with all its coarsest entries as candidates,
    level by level down to 1: the `chunk` / 2 candidates of largest query score are expanded, then
    the `chunk` / 2 of largest key score among the rest (all of them, where there are fewer than
    `chunk`); of equal scores the lower entry goes first. The children of expanded entries are the
    candidates of the next level. With `cover_prefix` the leftmost entry of every level is always
    expanded and takes one place of the query half.

    Every candidate is in the sub-sequence. Its order is the post-order walk of the resulting
    forest: coarsest entries left to right, an expanded entry after its descendants.

    Kernels: `select(levels, factor, budget, chunk, cover_prefix)`: (sq, sk f32[B,G,NS], N: i32) ->
    (indices i32[B,G,S], rank i32[B,G,NT]).

    Constraints: those of the result type, `selection_type_c1` to `selection_type_c3`.

    Example:

    ```mlir
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    func.func @select(%sq: tensor<1x2x2560xf32>, %sk: tensor<1x2x2560xf32>) {
      %s = lighthouse.make_scores %sq, %sk
        : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>) -> !scores
      %e = lighthouse.select %s budget 256 chunk 64 cover_prefix
        : (!scores) -> !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                             chunk = 64, cover_prefix = true,
                                             shape = <levels = 3, factor = 4>>
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_ScoresType:$scores, I64Attr:$budget,
                       DefaultValuedAttr<I64Attr, "::lighthouse::lh::defaultChunk">:$chunk,
                       UnitAttr:$cover_prefix);
  let results = (outs Lighthouse_SelectionType:$selection);
  let assemblyFormat = [{
    $scores `budget` $budget (`chunk` $chunk^)? (`cover_prefix` $cover_prefix^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_IndicesOp : Lighthouse_StageOp<"indices", [
    "expandResults"]> {
  let summary = "the entries of a selection in sub-sequence order";
  let description = [{
    An i32 tensor [B, G, S] of entry numbers, level 0 first; -1 in the places at the end that are
    empty.

    Example:

    ```mlir
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @indices(%sq: tensor<1x2x2560xf32>, %sk: tensor<1x2x2560xf32>)
        -> tensor<1x2x2560xi32> {
      %s = lighthouse.make_scores %sq, %sk
        : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>) -> !scores
      %e = lighthouse.select %s budget 256 : (!scores) -> !selection
      %i = lighthouse.indices %e : (!selection) -> tensor<1x2x2560xi32>
      return %i : tensor<1x2x2560xi32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_SelectionType:$selection);
  let results = (outs Lighthouse_AnyTensor:$indices);
  let assemblyFormat = "$selection attr-dict `:` functional-type(operands, results)";
}

//===------------------------------------------------------------------------------------------===//
// Attention over the sub-sequence
//===------------------------------------------------------------------------------------------===//

/// What the gathers have in common.
class Lighthouse_AnyGatherOp<string mnemonic> : Lighthouse_StageOp<mnemonic, [
    "getStageParameters", "getKernelCall", "buildAdjoint"]> {
  dag gatherArguments = (ins
      Lighthouse_PyramidType:$pyramid, Lighthouse_SelectionType:$selection);
  let arguments = gatherArguments;
  let results = (outs Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v);
}

def Lighthouse_GatherOp : Lighthouse_AnyGatherOp<"gather"> {
  let summary = "the pooled rows of the selected entries, in sub-sequence order";
  let description = [{
    The results are q~ [B, H, S, D], k~ and v~ [B, G, S, D]; each query head takes the entries that
    its group selected. Rows of empty places are zero.

    Kernels: `gather(levels, factor)`: (q, k, v, qc, kc, vc, indices) -> (q~, k~, v~).

    Constraints:
    - (gather_c1) pyramid and selection agree in batch, length, groups and pyramid shape.

    Example:

    ```mlir
    !pyramid = !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                   element = f32, shape = <levels = 3, factor = 4>>
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @gather(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                      %v: tensor<1x8192x2x64xf32>) {
      %p, %s = lighthouse.pool_score %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>)
          -> (!pyramid, !scores)
      %e = lighthouse.select %s budget 256 : (!scores) -> !selection
      %qs, %ks, %vs = lighthouse.gather %p, %e
        : (!pyramid, !selection)
          -> (tensor<1x4x2560x64xf32>, tensor<1x2x2560x64xf32>, tensor<1x2x2560x64xf32>)
      return
    }
    ```
  }];
  let assemblyFormat = "$pyramid `,` $selection attr-dict `:` functional-type(operands, results)";
}

def Lighthouse_GatherRopeOp : Lighthouse_AnyGatherOp<"gather_rope"> {
  let summary = "gather, with rotary positions of the entries in q~ and k~";
  let description = [{
    The results of `gather`, but that rows of q~ and k~ are rotated: entry i of level l, with windows
    of c positions, at the last position that it covers, p = min(i c + c, N) - 1. With the tables
    `cos` and `sin` f32[N, D/2] the pair c of columns, (a, b), becomes

      (a cos[p, c] - b sin[p, c], a sin[p, c] + b cos[p, c])

    in fp32. Pair c is the columns c and c + D/2 or, `interleaved`, the columns 2 c and 2 c + 1. The
    mean of a row that the gather takes is rotated before it is rounded; rows of the coarsest level
    were rounded by pooling. v~ is not rotated.

    Tables are constants: no gradient flows to them. The adjoint is that of the map above whatever
    they hold; of rotations it is the inverse.

    Kernels: `gather_rope(levels, factor, interleaved)`: (q, k, v, qc, kc, vc, indices, cos, sin) ->
    (q~, k~, v~).

    Constraints:
    - (gather_rope_c1) pyramid and selection agree in batch, length, groups and pyramid shape;
    - (gather_rope_c2) D is even, and `cos` and `sin` are f32[N, D/2].

    Example:

    ```mlir
    !pyramid = !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64,
                                   element = f32, shape = <levels = 3, factor = 4>>
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @gather_rope(%q: tensor<1x8192x4x64xf32>, %k: tensor<1x8192x2x64xf32>,
                           %v: tensor<1x8192x2x64xf32>, %cos: tensor<8192x32xf32>,
                           %sin: tensor<8192x32xf32>) {
      %p, %s = lighthouse.pool_score %q, %k, %v into <levels = 3, factor = 4>
        : (tensor<1x8192x4x64xf32>, tensor<1x8192x2x64xf32>, tensor<1x8192x2x64xf32>)
          -> (!pyramid, !scores)
      %e = lighthouse.select %s budget 256 : (!scores) -> !selection
      %qs, %ks, %vs = lighthouse.gather_rope %p, %e, %cos, %sin interleaved
        : (!pyramid, !selection, tensor<8192x32xf32>, tensor<8192x32xf32>)
          -> (tensor<1x4x2560x64xf32>, tensor<1x2x2560x64xf32>, tensor<1x2x2560x64xf32>)
      return
    }
    ```
  }];
  let arguments = !con(gatherArguments, (ins
      Lighthouse_AnyTensor:$cos, Lighthouse_AnyTensor:$sin, UnitAttr:$interleaved));
  let assemblyFormat = [{
    $pyramid `,` $selection `,` $cos `,` $sin (`interleaved` $interleaved^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_AttendOp : Lighthouse_StageOp<"attend", [
    "getStageParameters", "getKernelCall", "buildAdjoint"]> {
  let summary = "dense softmax attention";
  let description = [{
    o = softmax(scale q k^T + mask) v for `q` [B, H, S, D], `k` and `v` [B, G, S, D]; query head h
    attends with key/value head h / (H / G). `scale` is 1 / sqrt(D) if absent. With `causal`, row i
    sees the rows up to i. Sums and softmax are in fp32; `lse` [B, H, S] is the natural logarithm
    of the softmax's denominator, f32.

    Kernels: `attend(causal)`: (q, k, v, scale: f32) -> (o, lse).

    Constraints:
    - (attend_c1) k and v have the same type;
    - (attend_c2) q agrees with k in B, S, D and element type;
    - (attend_c3) G divides H;
    - (attend_c4) `scale` is positive and finite.

    Example:

    ```mlir
    func.func @attend(%q: tensor<1x4x512x64xbf16>, %k: tensor<1x2x512x64xbf16>,
                      %v: tensor<1x2x512x64xbf16>) {
      %o, %lse = lighthouse.attend %q, %k, %v causal scale 0.25
        : (tensor<1x4x512x64xbf16>, tensor<1x2x512x64xbf16>, tensor<1x2x512x64xbf16>)
          -> (tensor<1x4x512x64xbf16>, tensor<1x4x512xf32>)
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v,
                       UnitAttr:$causal, OptionalAttr<F32Attr>:$scale);
  let results = (outs Lighthouse_Heads:$o, Lighthouse_AnyTensor:$lse);
  let extraClassDeclaration = [{
    /// `scale`, or what it is if absent.
    ::mlir::FloatAttr getScaleOrDefault();
  }];
  let assemblyFormat = [{
    $q `,` $k `,` $v (`causal` $causal^)? (`scale` $scale^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_ScatterOp : Lighthouse_StageOp<"scatter", [
    "getStageParameters", "getKernelCall", "buildAdjoint"]> {
  let summary = "adds the sub-sequence's rows back onto the base positions";
  let description = [{
    `source` is [B, H, S, D], the result [B, N, H, D]. Entry i of level l, with windows of c
    positions, adds its row to the positions i c + c - 1 to i c + 2 c - 2 that are below N: from the
    last position that it has seen onwards. Sums are in fp32 and in the order of the levels, so the
    result is reproducible; positions that receive nothing are zero.

    Kernels: `scatter(levels, factor)`: (source, rank i32[B,G,NT]) -> (result).

    Constraints:
    - (scatter_c1) the source agrees with the selection in B and S;
    - (scatter_c2) the selection's groups divide H.

    Example:

    ```mlir
    !scores = !lighthouse.scores<batch = 1, length = 8192, groups = 2,
                                 shape = <levels = 3, factor = 4>>
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @scatter(%sq: tensor<1x2x2560xf32>, %sk: tensor<1x2x2560xf32>,
                       %os: tensor<1x4x2560x64xf32>) -> tensor<1x8192x4x64xf32> {
      %s = lighthouse.make_scores %sq, %sk
        : (tensor<1x2x2560xf32>, tensor<1x2x2560xf32>) -> !scores
      %e = lighthouse.select %s budget 256 : (!scores) -> !selection
      %o = lighthouse.scatter %os, %e
        : (tensor<1x4x2560x64xf32>, !selection) -> tensor<1x8192x4x64xf32>
      return %o : tensor<1x8192x4x64xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$source, Lighthouse_SelectionType:$selection);
  let results = (outs Lighthouse_Heads:$result);
  let assemblyFormat = "$source `,` $selection attr-dict `:` functional-type(operands, results)";
}

//===------------------------------------------------------------------------------------------===//
// Stages of the user
//===------------------------------------------------------------------------------------------===//

def Lighthouse_UserStageOp : Lighthouse_AnyStageOp<"user_stage", [
    "getStageName", "getStageParameters", "getKernelCall", "buildAdjoint"],
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a stage that the specification declares";
  let description = [{
    `stage` is its name there, `parameters` are those that its kernels may ask for: i64, booleans
    and types. `input_names` and `output_names` are what the declaration calls the tensors. `scalars`
    are the values of its scalar arguments in order; kernels get them where they declare scalars.
    `flops` is what the declaration says that the stage computes; none if absent.

    `adjoint` is a private function that computes gradients. What it gets and gives follows from
    the names (`lighthouse.name`) of its arguments and results: an argument that is named like an
    input or output gets that tensor, one that is named `do` the cotangent of the output `o`, in
    the output's own type and zero if nothing flows into it; a result `dq` is the gradient of the
    input `q`. An input without such a result is a constant. Passes leave private functions alone,
    and the choice of kernels drops them.

    The location may be a fused one with that of the declaration as its metadata; then errors point
    there, too.

    Kernels: `NAME(parameters)`: (inputs, scalars) -> (outputs).

    Constraints:
    - (user_stage_c1) there is a name for each input and output, and names differ;
    - (user_stage_c2) `adjoint` is a function of the module with a body of one block;
    - (user_stage_c3) each argument of the adjoint has the name and type of an input, of an output,
      or of the cotangent of a float output, and only of one of them;
    - (user_stage_c4) each result of the adjoint is named as the gradient of a float input and has
      its shape, and its element type or f32;
    - (user_stage_c5) scalars are numbers, and `flops` is not negative.

    Example:

    ```mlir
    func.func private @square_adjoint(
        %x: tensor<1000xf32> {lighthouse.name = "x"},
        %dy: tensor<1000xf32> {lighthouse.name = "dy"})
        -> (tensor<1000xf32> {lighthouse.name = "dx"}) {
      %dx = lighthouse.user_stage "product"(%x, %dy) ["a", "b"] -> ["c"] with {FACTOR = 2 : i64}
        : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
      return %dx : tensor<1000xf32>
    }
    func.func @square(%x: tensor<1000xf32>) -> tensor<1000xf32> {
      %y = lighthouse.user_stage "square"(%x) ["x"] -> ["y"] adjoint @square_adjoint
        : (tensor<1000xf32>) -> tensor<1000xf32>
      return %y : tensor<1000xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$stage, Variadic<Lighthouse_AnyTensor>:$inputs,
                       StrArrayAttr:$input_names, StrArrayAttr:$output_names,
                       DefaultValuedAttr<ArrayAttr, "{}">:$scalars,
                       OptionalAttr<DictionaryAttr>:$parameters, OptionalAttr<I64Attr>:$flops,
                       OptionalAttr<FlatSymbolRefAttr>:$adjoint);
  let results = (outs Variadic<Lighthouse_AnyTensor>:$outputs);
  let assemblyFormat = [{
    $stage `(` $inputs `)` $input_names (`scalars` $scalars^)? `->` $output_names
    (`with` $parameters^)? (`flops` $flops^)? (`adjoint` $adjoint^)? attr-dict
    `:` functional-type($inputs, $outputs)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What an argument of the adjoint stands for.
    struct AdjointArgument {
      ::mlir::Value value;      ///< an input or output
      bool isCotangent = false; ///< whether its cotangent is meant
    };
    /// All that an argument of that name can stand for.
    ::llvm::SmallVector<AdjointArgument> findAdjointArguments(::llvm::StringRef name);
    /// The input whose gradient a result of the adjoint of that name is; null if there is none.
    ::mlir::Value findGradientInput(::llvm::StringRef name);
  }];
}

//===------------------------------------------------------------------------------------------===//
// Kernels applied to tensors
//===------------------------------------------------------------------------------------------===//

def Lighthouse_LaunchOp : Lighthouse_Op<"launch", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "applies a kernel to tensors, by value";
  let description = [{
    `inputs` are the kernel's tensor arguments in order, `scalars` its scalar arguments in order
    (constants, as every size of a pipeline is), the results what the kernel writes. `stage` labels
    the launch in reports; the kernel's name if absent. `cost` is the least work of that stage; if
    absent, each tensor that is used counts once.

    Constraints:
    - (launch_c1) `kernel` is a `tile.kernel` of the module;
    - (launch_c2) there are as many inputs, scalars and results as the kernel declares, and its results
      are views;
    - (launch_c3) tensors agree with the kernel's views in element type, rank and constant dims, a
      named dim has one extent throughout, and every extent is below 2^31;
    - (launch_c4) scalars have the types that the kernel declares;
    - (launch_c5) the extents of results are those that the kernel's dim expressions give.

    Example:

    ```mlir
    tile.kernel @scaled(%x: !tile.view<["N"], f32>, %a: f32, %y: !tile.view<["N"], f32>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 2 : i64} {
      tile.return
    }
    func.func @twice(%x: tensor<1000xf32>) -> tensor<1000xf32> {
      %y = lighthouse.launch @scaled(%x) scalars [2.0 : f32] stage "double"
        : (tensor<1000xf32>) -> tensor<1000xf32>
      return %y : tensor<1000xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Lighthouse_AnyTensor>:$inputs,
                       DefaultValuedAttr<ArrayAttr, "{}">:$scalars, OptionalAttr<StrAttr>:$stage,
                       OptionalAttr<Lighthouse_CostAttr>:$cost);
  let results = (outs Variadic<Lighthouse_AnyTensor>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` (`scalars` $scalars^)? (`stage` $stage^)? (`cost` $cost^)? attr-dict
    `:` functional-type($inputs, $outputs)
  }];
}

include "lighthouse/Dialect/Lighthouse/IR/BackwardOps.td"
include "lighthouse/Dialect/Lighthouse/IR/PlanOps.td"

#endif
