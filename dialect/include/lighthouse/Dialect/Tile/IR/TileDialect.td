//===- TileDialect.td - the tile dialect, its types and attributes -------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TILEDIALECT
#define LIGHTHOUSE_DIALECT_TILE_IR_TILEDIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

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
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
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
    - (view_c4) the element type is an integer or a float.

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

def Tile_BufferType : Tile_Type<"Buffer", "buffer"> {
  let summary = "A tile-shaped array in memory shared by the threads of one program instance.";
  let description = [{
    `swizzle` is the span in bytes (32, 64 or 128) over which 16-byte chunks of a row are permuted
    by the row number to avoid bank conflicts; 0 means none. It changes the placement of the
    elements, never their meaning; targets without banks ignore it.

    Constraints:
    - (buffer_c1) there is at least one dim, and every extent is positive;
    - (buffer_c2) the element type is an integer or a float;
    - (buffer_c3) the swizzle is 0, 32, 64 or 128.

    Example: `!tile.buffer<2x64x64xbf16, 128>`
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "int64_t":$swizzle);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Tile_Kind : I32EnumAttr<"CombiningKind", "how a reduction or scan combines two elements", [
    I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"mul", 1>, I32EnumAttrCase<"max", 2>,
    I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"and_", 4, "and">, I32EnumAttrCase<"or_", 5, "or">]> {
  let cppNamespace = "::lighthouse::tile";
  let genSpecializedAttr = 0;
}
def Tile_KindAttr : EnumAttr<Tile_Dialect, Tile_Kind, "kind">;

#endif
