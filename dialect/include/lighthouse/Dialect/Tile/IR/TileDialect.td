//===- TileDialect.td - the tile dialect, its types and attributes -------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TILEDIALECT
#define LIGHTHOUSE_DIALECT_TILE_IR_TILEDIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::lighthouse::tile";
  let summary = "Block programs: one program instance works on tiles.";
  let description = [{
    A `tile.kernel` is run once per grid point. Its values are scalars and *tiles*: builtin ranked
    tensors of static shape that live in registers (on the host: in stack buffers and vectors).
    Elementwise arithmetic is `arith` and `math` on both; control flow is `scf`. The dialect adds
    what those lack: the program's place in the grid, bounds-checked access to tensor arguments,
    shape changes, reductions, scans, dots, and explicitly scheduled shared memory.
    The rationale is in `dialect/docs/tile.md`.

    A tile may carry a `#tile.layout` as its encoding: which thread of a GPU holds which elements.

    A module says with the attribute `tile.target` what code is made for. Without it passes take the
    lowest target of their kind, x86-64-v2 or sm_80.

    Constraints:
    - (target_c2) `tile.target` belongs to a builtin module;
    - (target_c3) its value is a `#tile.target`.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    static constexpr ::llvm::StringLiteral getTargetAttrName() { return "tile.target"; }
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Tile_ViewType : Tile_Type<"View", "view"> {
  let summary = "A tensor argument of a kernel: a pointer with named dims and run-time strides.";
  let description = [{
    Each dim is a positive integer (a compile-time constant that the launcher checks) or a name.
    A name stands for one run-time extent of the kernel: wherever it is repeated, the extents are
    equal. Strides are run-time values, in elements; extents fit in 31 bits, offsets in 63.
    The stride of the last dim is 1.

    Constraints:
    - (view_c1) a constant dim is between 1 and 2^31 - 1;
    - (view_c2) a name is not empty;
    - (view_c3) a dim is an integer or a name;
    - (view_c4) the element type is one that memory holds: i1, i8, i32, i64, f16, bf16, f32 or f64.

    Example: `!tile.view<["B", "N", "H", 64], bf16>`
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$dims, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRank() const { return getDims().size(); }
    /// The extent of dim `i`, or ShapedType::kDynamic if it is named.
    int64_t getStaticDim(int64_t i) const;
    /// The name of dim `i`, empty if it is a constant.
    ::llvm::StringRef getDimName(int64_t i) const;
  }];
}

def Tile_MemorySpace : I32EnumAttr<"MemorySpace", "where a buffer lies", [
    I32EnumAttrCase<"Shared", 0, "shared">, I32EnumAttrCase<"Tensor", 1, "tensor">]> {
  let cppNamespace = "::lighthouse::tile";
  let genSpecializedAttr = 0;
}

def Tile_BufferType : Tile_Type<"Buffer", "buffer"> {
  let summary = "A tile-shaped array in memory shared by the threads of one program instance.";
  let description = [{
    The last two dims are a matrix. `swizzle` is the span in bytes (32, 64 or 128) over which 16-byte
    chunks of a row are permuted by the row number to avoid bank conflicts, and the width of the panels
    into which wider matrices are cut; 0 means none. It changes the placement of the elements, never
    their meaning; targets without banks ignore it. The memory is `shared`, or `tensor`: that of the
    matrix units of a GPU that has one for them.

    Constraints:
    - (buffer_c1) there is at least one dim, and every extent is positive;
    - (buffer_c2) the element type is one that memory holds, as for views;
    - (buffer_c3) the swizzle is 0, 32, 64 or 128, and 0 in tensor memory.

    Example: `!tile.buffer<2x64x64xbf16, 128>`
    Example, in tensor memory: `!tile.buffer<128x64xf32, tensor>`
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "int64_t":$swizzle, "::lighthouse::tile::MemorySpace":$memory);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [TypeBuilder<(ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$elementType,
                                   "int64_t":$swizzle), [{
    return Base::get($_ctxt, shape, elementType, swizzle, MemorySpace::Shared);
  }]>];
  let extraClassDeclaration = [{
    /// Bytes that it takes in memory; a bool takes one.
    int64_t getBytes() const;
    /// The swizzle, or the largest part of it that rows consist of: 32, 64 or 128 bytes; 0 if there is
    /// none.
    int64_t getSpan() const;
    /// Bytes of a row of the matrix that lie together: those of the span, else all.
    int64_t getPanelBytes() const { return getSpan() ? getSpan() : getRowBytes(); }
    /// Bytes of a row of the matrix.
    int64_t getRowBytes() const;
    /// What a slot is: the buffer without its first dim.
    BufferType getSlot() const;
  }];
}

def Tile_MBarrierType : Tile_Type<"MBarrier", "mbarrier"> {
  let summary = "A ring of barriers in shared memory that count arrivals and bytes.";
  let description = [{
    - (mbarrier_c1) there is at least one.

    Example: `!tile.mbarrier<2>`
  }];
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
}

def Tile_NamedBarrierType : Tile_Type<"NamedBarrier", "named_barrier"> {
  let summary = "Hardware barriers at which a number of threads meet.";
  let description = [{
    - (named_barrier_c1) there is at least one, and at most 15.

    Example: `!tile.named_barrier<2>`
  }];
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
}

def Tile_Kind : I32EnumAttr<"CombiningKind", "how a reduction or scan combines two elements", [
    I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"mul", 1>, I32EnumAttrCase<"max", 2>,
    I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"and_", 4, "and">, I32EnumAttrCase<"or_", 5, "or">]> {
  let cppNamespace = "::lighthouse::tile";
  let genSpecializedAttr = 0;
}
def Tile_KindAttr : EnumAttr<Tile_Dialect, Tile_Kind, "kind">;

def Tile_TargetAttr : AttrDef<Tile_Dialect, "Target"> {
  let mnemonic = "target";
  let summary = "What the code of a module is made for.";
  let description = [{
    A level of the host or an architecture of NVIDIA, by name. What it has and what its limits are is
    in one table, `Target.h`.

    Constraints:
    - (target_c1) the name is in the table.

    Example: `#tile.target<"sm_90a">`
  }];
  let parameters = (ins StringRefParameter<"name of a target">:$name);
  let assemblyFormat = "`<` $name `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The line of the table.
    const ::lighthouse::tile::TargetInfo &getInfo() const;
  }];
}

def Tile_LayoutAttr : AttrDef<Tile_Dialect, "Layout",
                               [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "layout";
  let summary = "Which thread of a program instance holds which elements of a tile.";
  let description = [{
    A linear map over GF(2) from the bits of a place (register of a thread, lane of a warp, warp) to
    coordinates: the coordinate at a place is the sum of the bases of the bits that are set there.
    A basis is zero or one power of two along one dim, so no two bits of one place overlap. A zero
    basis of a lane or warp bit says that both halves hold the same elements.

    Along each dim the bases cover the largest power of two that divides the extent; what is odd of
    the extent is in further registers of every thread, the last dim fastest, each a copy of the map
    moved by that power of two.

    Constraints:
    - (layout_c1) all bases have as many coordinates as the tile has dims;
    - (layout_c2) a basis is zero or one power of two along one dim; a register basis is not zero;
    - (layout_c3) along each dim the bases are 1, 2, 4, ... up to the largest power of two that
      divides the extent, each once;
    - (layout_c4) there are five lane bits.

    Example, the accumulator of two `mma.sync` side by side, of each of two warps:
    `#tile.layout<register = [[0, 1], [8, 0], [0, 8]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>`
  }];
  let parameters = (ins "int64_t":$rank, ArrayRefParameter<"int64_t">:$registers,
                        ArrayRefParameter<"int64_t">:$lanes, ArrayRefParameter<"int64_t">:$warps);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif
