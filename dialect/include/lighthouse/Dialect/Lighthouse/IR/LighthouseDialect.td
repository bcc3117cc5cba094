//===- LighthouseDialect.td - the lighthouse dialect, its attributes and types ----------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSEDIALECT
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSEDIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Lighthouse_Dialect : Dialect {
  let name = "lighthouse";
  let cppNamespace = "::lighthouse::lh";
  let summary = "Lighthouse Attention over whole tensors, and the launch plans it becomes.";
  let description = [{
    Three levels, lowered one into the next:

    - *stages* (`pool`, `norm_score`, `select`, `gather`, `attend`, `scatter`, ...) say what is
      computed, on tensors of static shape and on three abstract values: a pyramid, the scores of
      its entries and a selection of entries;
    - `launch` applies a kernel of the `tile` dialect to tensors, still by value;
    - `plan` holds what is left at run time: buffers at fixed workspace offsets, `fill`s of them
      and of outputs, and `dispatch`es over fixed grids.

    Letters as in the rationale page `dialect/docs/lighthouse.md`: B batch, N sequence length, H
    query heads, G key/value heads, D head dim, L levels, p pooling factor, S length of the
    sub-sequence, NT entries of all levels, NS entries of the levels above level 0.

    Constraints carry labels such as `gather_c1`; the verifier's message ends with the label, and
    each label has a negative test. Stage ops infer their result types from operands and attributes,
    and a result type that differs is an error.

    Discardable attribute `lighthouse.name`: on an argument or result of a function, its name in the
    plan made from it.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
  let extraClassDeclaration = [{
    /// Name of the discardable attribute that names an argument or result of a pipeline.
    static constexpr ::llvm::StringLiteral getNameAttrName() { return "lighthouse.name"; }
  }];
}

//===------------------------------------------------------------------------------------------===//
// Attributes
//===------------------------------------------------------------------------------------------===//

def Lighthouse_PyramidAttr : AttrDef<Lighthouse_Dialect, "Pyramid"> {
  let mnemonic = "pyramid";
  let summary = "the shape of a pyramid: number of levels and pooling factor";
  let description = [{
    Level 0 is full resolution. An entry of level l summarises `factor`^l base positions; the last
    entry of a level is cut at the end of the sequence. Entries are numbered level by level, level 0
    first.

    Constraints:
    - (pyramid_c1) `levels` is at least 2;
    - (pyramid_c2) `factor` is a power of two, at least 2;
    - (pyramid_c3) an entry of the coarsest level covers less than 2^31 positions.

    Example: `#lighthouse.pyramid<levels = 3, factor = 4>`
  }];
  let parameters = (ins "int64_t":$levels, "int64_t":$factor);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Base positions that an entry of `level` summarises: factor^level.
    int64_t getWindow(int64_t level) const;
    /// Entries of `level` over a sequence of `length`: ceil(length / window).
    int64_t getNumEntries(int64_t level, int64_t length) const;
    /// Number of the first entry of `level`.
    int64_t getOffset(int64_t level, int64_t length) const;
    /// Entries of the coarsest level.
    int64_t getNumCoarsest(int64_t length) const { return getNumEntries(getLevels() - 1, length); }
    /// Entries of all levels.
    int64_t getNumTotal(int64_t length) const { return getOffset(getLevels(), length); }
    /// Entries of the levels above level 0, the only ones that need scores.
    int64_t getNumScored(int64_t length) const { return getNumTotal(length) - length; }
  }];
}

def Lighthouse_CostAttr : AttrDef<Lighthouse_Dialect, "Cost"> {
  let mnemonic = "cost";
  let summary = "the least work of a stage, whatever its kernels do";
  let description = [{
    Bytes that must be read and written, each input and output once, and floating-point operations
    of its matrix products.

    Example: `#lighthouse.cost<read = 4096, written = 1024, flops = 0>`
  }];
  let parameters = (ins "int64_t":$read, "int64_t":$written, "int64_t":$flops);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===------------------------------------------------------------------------------------------===//
// Types
//===------------------------------------------------------------------------------------------===//

class Lighthouse_Type<string name, string typeMnemonic> : TypeDef<Lighthouse_Dialect, name> {
  let mnemonic = typeMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lighthouse_PyramidType : Lighthouse_Type<"Pyramid", "pyramid"> {
  let summary = "the pooled pyramids of q, k and v";
  let description = [{
    A value of this type stands for the pooled rows of q, k and v at every level. It need not exist
    in memory: only the coarsest level is ever stored whole, finer rows are means taken where they
    are used.

    Constraints:
    - (pyramid_type_c1) every extent is positive, and the entries of all levels number less than
      2^31;
    - (pyramid_type_c2) `groups` divides `heads`;
    - (pyramid_type_c3) the element type is f32, f16 or bf16.

    Example:

    ```
    !lighthouse.pyramid<batch = 1, length = 8192, heads = 4, groups = 2, dim = 64, element = f32,
                        shape = <levels = 3, factor = 4>>
    ```
  }];
  let parameters = (ins "int64_t":$batch, "int64_t":$length, "int64_t":$heads, "int64_t":$groups,
                        "int64_t":$dim, "::mlir::Type":$element, "PyramidAttr":$shape);
  let extraClassDeclaration = [{
    /// The pooled coarsest rows of q: [B, H, NC, D] (of k and v if `ofQuery` is false: [B, G, NC,
    /// D]).
    ::mlir::RankedTensorType getCoarsestType(bool ofQuery) const;
  }];
}

def Lighthouse_ScoresType : Lighthouse_Type<"Scores", "scores"> {
  let summary = "query and key scores of the pyramid's entries above level 0";
  let description = [{
    Two f32 tensors [B, G, NS], ordered like the pyramid's entries from level 1 on. Query scores are
    the largest over the query heads of a group.

    Constraints:
    - (scores_type_c1) every extent is positive, and the entries of all levels number less than
      2^31.

    Example: `!lighthouse.scores<batch = 1, length = 8192, groups = 2, shape = <levels = 3, factor = 4>>`
  }];
  let parameters = (ins "int64_t":$batch, "int64_t":$length, "int64_t":$groups,
                        "PyramidAttr":$shape);
  let extraClassDeclaration = [{
    /// The type of each of the two score tensors: f32[B, G, NS].
    ::mlir::RankedTensorType getTensorType() const;
  }];
}

def Lighthouse_SelectionType : Lighthouse_Type<"Selection", "selection"> {
  let summary = "which pyramid entries form the sub-sequence, and in which order";
  let description = [{
    The sub-sequence has S entries for every batch and key/value head. S follows from the type
    alone: it is the sum, over the `budget / chunk` chunks of the coarsest level, of the most that a
    chunk can yield (see `getGatheredLength`). Only the last chunk of a ragged sequence may yield
    less; the places left at the end are empty.

    Constraints:
    - (selection_type_c1) every extent is positive, and the entries of all levels number less than
      2^31;
    - (selection_type_c2) `chunk` is even, positive and below 2^31;
    - (selection_type_c3) `budget` is a positive multiple of `chunk` below 2^31.

    Example:

    ```
    !lighthouse.selection<batch = 1, length = 8192, groups = 2, budget = 256, chunk = 128,
                          cover_prefix = false, shape = <levels = 3, factor = 4>>
    ```
  }];
  let parameters = (ins "int64_t":$batch, "int64_t":$length, "int64_t":$groups,
                        "int64_t":$budget, "int64_t":$chunk, "bool":$cover_prefix,
                        "PyramidAttr":$shape);
  let extraClassDeclaration = [{
    /// T, the number of chunks into which the coarsest level is cut.
    int64_t getNumChunks() const { return getBudget() / getChunk(); }
    /// The most entries of each level, finest first, that the sub-sequence can hold.
    ::llvm::SmallVector<int64_t> getGatheredEntries() const;
    /// S, the length of the sub-sequence: the sum of `getGatheredEntries`.
    int64_t getGatheredLength() const;
    /// The list of entries in sub-sequence order, -1 where a place is empty: i32[B, G, S].
    ::mlir::RankedTensorType getIndicesType() const;
    /// The place of each entry in the sub-sequence, -1 where it is absent: i32[B, G, NT].
    ::mlir::RankedTensorType getRankType() const;
  }];
}

#endif
