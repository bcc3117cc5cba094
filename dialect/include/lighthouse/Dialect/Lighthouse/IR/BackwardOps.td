//===- BackwardOps.td - the stages of the backward pass ---------------------------------------===//
//
// What `lighthouse-differentiate` makes and pipelines may call, and what joins and separates
// results. Formulas: with P = exp(scale q k^T - lse) and dS = P (do v^T - delta), as in
// FlashAttention (arXiv:2205.14135).
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_BACKWARDOPS
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_BACKWARDOPS

include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.td"

/// A tensor of floats of static shape.
def Lighthouse_FloatTensor : ConfinedType<
    RankedTensorOf<[F32, F16, BF16]>,
    [CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">],
    "tensor of static shape and element type f32, f16 or bf16", "::mlir::RankedTensorType">;

//===------------------------------------------------------------------------------------------===//
// Values that cross from one pipeline to another
//===------------------------------------------------------------------------------------------===//

def Lighthouse_MakeSelectionOp : Lighthouse_AnyStageOp<"make_selection", [
    "buildStage", "getKernelCall", "expandResults"]> {
  let summary = "a selection from its list of entries";
  let description = [{
    The inverse of `indices`: `indices` i32[B, G, S] are the entries in sub-sequence order, -1 in
    places that are empty. The ranks are computed from it, which takes less time than they would take
    memory between a forward and a backward pipeline.

    Kernels: `make_selection`: (indices) -> (rank i32[B,G,NT]).

    Constraints:
    - (make_selection_c1) the tensor is i32[B, G, S] as the result type says.

    Example:

    ```mlir
    func.func @make_selection(%i: tensor<1x2x2560xi32>) {
      %e = lighthouse.make_selection %i
        : (tensor<1x2x2560xi32>)
          -> !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256, chunk = 128,
                                   cover_prefix = false, shape = <levels = 3, factor = 4>>
      return
    }
    ```
  }];
  let arguments = (ins Lighthouse_AnyTensor:$indices);
  let results = (outs Lighthouse_SelectionType:$selection);
  let assemblyFormat = "$indices attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===------------------------------------------------------------------------------------------===//
// Adjoints of the stages
//===------------------------------------------------------------------------------------------===//

class Lighthouse_AnyScatterBackwardOp<string mnemonic> : Lighthouse_StageOp<mnemonic, [
    "getStageParameters", "getKernelCall"]>;

def Lighthouse_ScatterBackwardOp : Lighthouse_AnyScatterBackwardOp<"scatter_backward"> {
  let summary = "the cotangent of what was scattered";
  let description = [{
    `d_result` is [B, N, H, D], the result [B, H, S, D]. The row of entry i of level l, with windows
    of c positions, is the sum in fp32 of the rows of `d_result` at the positions i c + c - 1 to
    i c + 2 c - 2 that are below N; zero in empty places.

    Kernels: `scatter_backward(levels, factor)`: (d_result, indices i32[B,G,S], rank i32[B,G,NT]) ->
    (d_source).

    Constraints:
    - (scatter_backward_c1) `d_result` agrees with the selection in B and N;
    - (scatter_backward_c2) the selection's groups divide H.

    Example:

    ```mlir
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @scatter_backward(%do: tensor<1x8192x4x64xf32>, %i: tensor<1x2x2560xi32>)
        -> tensor<1x4x2560x64xf32> {
      %e = lighthouse.make_selection %i : (tensor<1x2x2560xi32>) -> !selection
      %dos = lighthouse.scatter_backward %do, %e
        : (tensor<1x8192x4x64xf32>, !selection) -> tensor<1x4x2560x64xf32>
      return %dos : tensor<1x4x2560x64xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$d_result, Lighthouse_SelectionType:$selection);
  let results = (outs Lighthouse_Heads:$d_source);
  let assemblyFormat = "$d_result `,` $selection attr-dict `:` functional-type(operands, results)";
}

def Lighthouse_ScatterBackwardDeltaOp : Lighthouse_AnyScatterBackwardOp<"scatter_backward_delta"> {
  let summary = "scatter_backward and the attend_delta of its result in one pass";
  let description = [{
    The results are those of `scatter_backward` and of `attend_delta` on `source`, the attention's
    output [B, H, S, D], and the first result.

    Kernels: `scatter_backward_delta(levels, factor)`: (d_result, source, indices i32[B,G,S], rank
    i32[B,G,NT]) -> (d_source, delta f32[B,H,S]).

    Constraints:
    - (scatter_backward_delta_c1) `d_result` agrees with the selection in B and N;
    - (scatter_backward_delta_c2) the selection's groups divide H;
    - (scatter_backward_delta_c3) `source` has the type of the first result.

    Example:

    ```mlir
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @scatter_backward_delta(%do: tensor<1x8192x4x64xf32>, %os: tensor<1x4x2560x64xf32>,
                                      %i: tensor<1x2x2560xi32>) -> tensor<1x4x2560xf32> {
      %e = lighthouse.make_selection %i : (tensor<1x2x2560xi32>) -> !selection
      %dos, %delta = lighthouse.scatter_backward_delta %do, %os, %e
        : (tensor<1x8192x4x64xf32>, tensor<1x4x2560x64xf32>, !selection)
          -> (tensor<1x4x2560x64xf32>, tensor<1x4x2560xf32>)
      return %delta : tensor<1x4x2560xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$d_result, Lighthouse_Heads:$source,
                       Lighthouse_SelectionType:$selection);
  let results = (outs Lighthouse_Heads:$d_source, Lighthouse_AnyTensor:$delta);
  let assemblyFormat = [{
    $d_result `,` $source `,` $selection attr-dict `:` functional-type(operands, results)
  }];
}

def Lighthouse_AttendDeltaOp : Lighthouse_StageOp<"attend_delta"> {
  let summary = "what the softmax's normalisation takes from every cotangent of a score";
  let description = [{
    The sums, in fp32, of the products of the rows of `o` and `d_o` [B, H, S, D]: f32[B, H, S].

    Kernels: `attend_delta`: (o, d_o) -> (delta).

    Constraints:
    - (attend_delta_c1) `o` and `d_o` have the same type.

    Example:

    ```mlir
    func.func @attend_delta(%o: tensor<1x4x512x64xbf16>, %do: tensor<1x4x512x64xbf16>)
        -> tensor<1x4x512xf32> {
      %delta = lighthouse.attend_delta %o, %do
        : (tensor<1x4x512x64xbf16>, tensor<1x4x512x64xbf16>) -> tensor<1x4x512xf32>
      return %delta : tensor<1x4x512xf32>
    }
    ```
  }];
  let arguments = (ins Lighthouse_Heads:$o, Lighthouse_Heads:$d_o);
  let results = (outs Lighthouse_AnyTensor:$delta);
  let assemblyFormat = "$o `,` $d_o attr-dict `:` functional-type(operands, results)";
}

/// The operands and attributes of attention's adjoint and its halves.
class Lighthouse_AnyAttendBackwardOp<string mnemonic, list<string> methods = []>
    : Lighthouse_StageOp<mnemonic, ["getStageParameters", "getKernelCall"] # methods> {
  dag attendBackwardArguments = (ins
      Lighthouse_Heads:$q, Lighthouse_Heads:$k, Lighthouse_Heads:$v, Lighthouse_Heads:$d_o,
      Lighthouse_AnyTensor:$lse, Lighthouse_AnyTensor:$delta, UnitAttr:$causal, F32Attr:$scale);
  let arguments = attendBackwardArguments;
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $d_o `,` $lse `,` $delta (`causal` $causal^)? `scale` $scale attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_AttendBackwardOp : Lighthouse_AnyAttendBackwardOp<"attend_backward", ["decompose"]> {
  let summary = "the cotangents of attention's q, k and v";
  let description = [{
    With P = exp(scale q k^T - lse) under the mask and dS = P (d_o v^T - delta): dq = scale dS k,
    dk = scale dS^T q and dv = P^T d_o, the last two summed over the query heads of a group. `q` and
    `d_o` are [B, H, S, D], `k` and `v` [B, G, S, D], `lse` and `delta` f32[B, H, S]. dq is f32, as
    many programs add to it; dk and dv have the type of k. With `deterministic` sums have an order that
    never changes, so results are equal from run to run.

    A kernel may have two such orders and take the second one for the last heads of the last batch, so that
    the programs that start last are short. `reversed_heads` is how many query heads those are; -1 leaves it
    to the kernel. Of a stage that is shared out by heads each part says how many of its own they are: then
    its results are those of the whole, bit by bit.

    Kernels: `attend_backward(causal, deterministic, reversed_heads)`: (q, k, v, d_o, lse, delta, scale: f32)
    -> (dq f32, dk, dv), in one pass over the scores. Where none applies the stage becomes its two halves,
    whose sums have one fixed order anyway.

    Constraints:
    - (attend_backward_c1) k and v have the same type;
    - (attend_backward_c2) q agrees with k in B, S, D and element type;
    - (attend_backward_c3) G divides H, `d_o` has the type of q, `lse` and `delta` are f32[B, H, S];
    - (attend_backward_c4) `scale` is positive and finite;
    - (attend_backward_c5) `reversed_heads` is from 0 to H, or -1.

    Example:

    ```mlir
    func.func @attend_backward(%q: tensor<1x4x512x64xbf16>, %k: tensor<1x2x512x64xbf16>,
                               %v: tensor<1x2x512x64xbf16>, %do: tensor<1x4x512x64xbf16>,
                               %lse: tensor<1x4x512xf32>, %delta: tensor<1x4x512xf32>) {
      %dq, %dk, %dv = lighthouse.attend_backward %q, %k, %v, %do, %lse, %delta causal scale 0.125
        deterministic reversed_heads 2
        : (tensor<1x4x512x64xbf16>, tensor<1x2x512x64xbf16>, tensor<1x2x512x64xbf16>,
           tensor<1x4x512x64xbf16>, tensor<1x4x512xf32>, tensor<1x4x512xf32>)
          -> (tensor<1x4x512x64xf32>, tensor<1x2x512x64xbf16>, tensor<1x2x512x64xbf16>)
      return
    }
    ```
  }];
  let arguments = !con(attendBackwardArguments, (ins
      UnitAttr:$deterministic, DefaultValuedAttr<I64Attr, "-1">:$reversed_heads));
  let results = (outs Lighthouse_Heads:$d_q, Lighthouse_Heads:$d_k, Lighthouse_Heads:$d_v);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $d_o `,` $lse `,` $delta (`causal` $causal^)? `scale` $scale
    (`deterministic` $deterministic^)? (`reversed_heads` $reversed_heads^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_AttendBackwardQOp : Lighthouse_AnyAttendBackwardOp<"attend_backward_q"> {
  let summary = "the cotangent of attention's q";
  let description = [{
    The first result of `attend_backward`, with sums in a fixed order: equal from run to run.

    Kernels: `attend_backward_q(causal)`: (q, k, v, d_o, lse, delta, scale: f32) -> (dq f32).

    Constraints: those of `attend_backward`.

    Example:

    ```mlir
    func.func @attend_backward_q(%q: tensor<1x4x512x64xf32>, %k: tensor<1x2x512x64xf32>,
                                 %v: tensor<1x2x512x64xf32>, %do: tensor<1x4x512x64xf32>,
                                 %lse: tensor<1x4x512xf32>, %delta: tensor<1x4x512xf32>) {
      %dq = lighthouse.attend_backward_q %q, %k, %v, %do, %lse, %delta scale 0.125
        : (tensor<1x4x512x64xf32>, tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>,
           tensor<1x4x512x64xf32>, tensor<1x4x512xf32>, tensor<1x4x512xf32>)
          -> tensor<1x4x512x64xf32>
      return
    }
    ```
  }];
  let results = (outs Lighthouse_Heads:$d_q);
}

def Lighthouse_AttendBackwardKVOp : Lighthouse_AnyAttendBackwardOp<"attend_backward_kv"> {
  let summary = "the cotangents of attention's k and v";
  let description = [{
    The last two results of `attend_backward`, with sums in a fixed order: equal from run to run.

    Kernels: `attend_backward_kv(causal)`: (q, k, v, d_o, lse, delta, scale: f32) -> (dk, dv).

    Constraints: those of `attend_backward`.

    Example:

    ```mlir
    func.func @attend_backward_kv(%q: tensor<1x4x512x64xf32>, %k: tensor<1x2x512x64xf32>,
                                  %v: tensor<1x2x512x64xf32>, %do: tensor<1x4x512x64xf32>,
                                  %lse: tensor<1x4x512xf32>, %delta: tensor<1x4x512xf32>) {
      %dk, %dv = lighthouse.attend_backward_kv %q, %k, %v, %do, %lse, %delta scale 0.125
        : (tensor<1x4x512x64xf32>, tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>,
           tensor<1x4x512x64xf32>, tensor<1x4x512xf32>, tensor<1x4x512xf32>)
          -> (tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>)
      return
    }
    ```
  }];
  let results = (outs Lighthouse_Heads:$d_k, Lighthouse_Heads:$d_v);
}

/// What the adjoints of the gathers have in common.
class Lighthouse_AnyGatherBackwardOp<string mnemonic> : Lighthouse_StageOp<mnemonic, [
    "getStageParameters", "getKernelCall"]> {
  dag gatherBackwardArguments = (ins
      Lighthouse_Heads:$d_gathered_q, Lighthouse_Heads:$d_gathered_k,
      Lighthouse_Heads:$d_gathered_v, Lighthouse_SelectionType:$selection);
  let arguments = gatherBackwardArguments;
  let results = (outs Lighthouse_Heads:$d_q, Lighthouse_Heads:$d_k, Lighthouse_Heads:$d_v);
}

def Lighthouse_GatherBackwardOp : Lighthouse_AnyGatherBackwardOp<"gather_backward"> {
  let summary = "the cotangents of the base rows of gathered means";
  let description = [{
    From the cotangents of q~ [B, H, S, D], k~ and v~ [B, G, S, D] those of q [B, N, H, D], k and v
    [B, N, G, D]. Row j is the sum over the levels, in fp32 and in their order, of the row of the
    entry that covers j, divided by the number of rows that it covers; zero where none is selected.
    `d_q` may be f32 beside narrower others; the results have the type of `d_k`.

    Kernels: `gather_backward(levels, factor)`: (d_q, d_k, d_v, rank i32[B,G,NT]) -> (dq, dk, dv).

    Constraints:
    - (gather_backward_c1) `d_k` and `d_v` have the same type, and `d_q` agrees in B, S and D and is
      f32 or of the same element type;
    - (gather_backward_c2) they agree with the selection in B, G and S, and G divides H.

    Example:

    ```mlir
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @gather_backward(%dqs: tensor<1x4x2560x64xf32>, %dks: tensor<1x2x2560x64xbf16>,
                               %dvs: tensor<1x2x2560x64xbf16>, %i: tensor<1x2x2560xi32>) {
      %e = lighthouse.make_selection %i : (tensor<1x2x2560xi32>) -> !selection
      %dq, %dk, %dv = lighthouse.gather_backward %dqs, %dks, %dvs, %e
        : (tensor<1x4x2560x64xf32>, tensor<1x2x2560x64xbf16>, tensor<1x2x2560x64xbf16>, !selection)
          -> (tensor<1x8192x4x64xbf16>, tensor<1x8192x2x64xbf16>, tensor<1x8192x2x64xbf16>)
      return
    }
    ```
  }];
  let assemblyFormat = [{
    $d_gathered_q `,` $d_gathered_k `,` $d_gathered_v `,` $selection attr-dict
    `:` functional-type(operands, results)
  }];
}

def Lighthouse_GatherRopeBackwardOp : Lighthouse_AnyGatherBackwardOp<"gather_rope_backward"> {
  let summary = "the cotangents of the base rows of gathered and rotated means";
  let description = [{
    The results of `gather_backward`, but that the rows of `d_q` and `d_k` are first rotated back, in
    fp32, as the adjoint of `gather_rope` with the same tables and pairs: at the last position that
    their entry covers the pair (a, b) becomes (a cos + b sin, b cos - a sin).

    Kernels: `gather_rope_backward(levels, factor, interleaved)`: (d_q, d_k, d_v, rank i32[B,G,NT],
    cos, sin) -> (dq, dk, dv).

    Constraints:
    - (gather_rope_backward_c1) `d_k` and `d_v` have the same type, and `d_q` agrees in B, S and D
      and is f32 or of the same element type;
    - (gather_rope_backward_c2) they agree with the selection in B, G and S, and G divides H;
    - (gather_rope_backward_c3) D is even, and `cos` and `sin` are f32[N, D/2].

    Example:

    ```mlir
    !selection = !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256,
                                       chunk = 128, cover_prefix = false,
                                       shape = <levels = 3, factor = 4>>
    func.func @gather_rope_backward(%dqs: tensor<1x4x2560x64xf32>, %dks: tensor<1x2x2560x64xbf16>,
                                    %dvs: tensor<1x2x2560x64xbf16>, %i: tensor<1x2x2560xi32>,
                                    %cos: tensor<8192x32xf32>, %sin: tensor<8192x32xf32>) {
      %e = lighthouse.make_selection %i : (tensor<1x2x2560xi32>) -> !selection
      %dq, %dk, %dv = lighthouse.gather_rope_backward %dqs, %dks, %dvs, %e, %cos, %sin
        : (tensor<1x4x2560x64xf32>, tensor<1x2x2560x64xbf16>, tensor<1x2x2560x64xbf16>,
           !selection, tensor<8192x32xf32>, tensor<8192x32xf32>)
          -> (tensor<1x8192x4x64xbf16>, tensor<1x8192x2x64xbf16>, tensor<1x8192x2x64xbf16>)
      return
    }
    ```
  }];
  let arguments = !con(gatherBackwardArguments, (ins
      Lighthouse_AnyTensor:$cos, Lighthouse_AnyTensor:$sin, UnitAttr:$interleaved));
  let assemblyFormat = [{
    $d_gathered_q `,` $d_gathered_k `,` $d_gathered_v `,` $selection `,` $cos `,` $sin
    (`interleaved` $interleaved^)? attr-dict `:` functional-type(operands, results)
  }];
}

//===------------------------------------------------------------------------------------------===//
// Sums of cotangents
//===------------------------------------------------------------------------------------------===//

def Lighthouse_AddOp : Lighthouse_AnyStageOp<"add", ["getKernelCall"]> {
  let summary = "a sum of tensors, elementwise";
  let description = [{
    a + `alpha` b, computed in fp32 and rounded to the result's element type; `alpha` is 1 if absent.

    Kernels: `add`: (a, b, alpha: f32) -> (c), of any element types.

    Constraints:
    - (add_c1) the operands and the result have the same shape.

    Example:

    ```mlir
    func.func @add(%a: tensor<8x16xf32>, %b: tensor<8x16xbf16>) -> tensor<8x16xbf16> {
      %c = lighthouse.add %a, %b alpha -1.0
        : (tensor<8x16xf32>, tensor<8x16xbf16>) -> tensor<8x16xbf16>
      return %c : tensor<8x16xbf16>
    }
    ```
  }];
  let arguments = (ins Lighthouse_FloatTensor:$a, Lighthouse_FloatTensor:$b,
                       DefaultValuedAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs Lighthouse_FloatTensor:$c);
  let assemblyFormat = "$a `,` $b (`alpha` $alpha^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lighthouse_ConvertOp : Lighthouse_AnyStageOp<"convert"> {
  let summary = "a tensor in another element type";
  let description = [{
    Rounds to nearest even.

    Kernels: `convert`: (a) -> (c), of any element types.

    Constraints:
    - (convert_c1) the operand and the result have the same shape.

    Example:

    ```mlir
    func.func @convert(%a: tensor<8x16xf32>) -> tensor<8x16xbf16> {
      %c = lighthouse.convert %a : (tensor<8x16xf32>) -> tensor<8x16xbf16>
      return %c : tensor<8x16xbf16>
    }
    ```
  }];
  let arguments = (ins Lighthouse_FloatTensor:$a);
  let results = (outs Lighthouse_FloatTensor:$c);
  let assemblyFormat = "$a attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lighthouse_ZerosOp : Lighthouse_AnyStageOp<"zeros"> {
  let summary = "a tensor of zeros";
  let description = [{
    The cotangent of what no result depends on.

    Kernels: `zeros`: () -> (c), of any element type.

    Example:

    ```mlir
    func.func @zeros() -> tensor<8x16xbf16> {
      %c = lighthouse.zeros : () -> tensor<8x16xbf16>
      return %c : tensor<8x16xbf16>
    }
    ```
  }];
  let results = (outs Lighthouse_FloatTensor:$c);
  let assemblyFormat = "attr-dict `:` functional-type(operands, results)";
}

#endif
