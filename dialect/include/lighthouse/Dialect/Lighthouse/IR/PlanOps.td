//===- PlanOps.td - launch plans: buffers, fills and dispatches --------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_PLANOPS
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_PLANOPS

include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.td"

def Lighthouse_Memory : ConfinedType<
    AnyMemRef, [CPred<"::llvm::cast<::mlir::MemRefType>($_self).hasStaticShape()">],
    "memref of static shape", "::mlir::MemRefType">;

def Lighthouse_PlanOp : Lighthouse_Op<"plan", [
    IsolatedFromAbove, Symbol, SingleBlock, NoTerminator,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a pipeline specialised to shapes: what to launch, in which order, on which memory";
  let description = [{
    The body's arguments are the caller's tensors, inputs first, then outputs: memrefs of static
    shape whose strides are the caller's choice. The body holds `buffer`s, which are places in a
    workspace of `workspace` bytes that the caller gives, and the steps, which run one after the
    other: `dispatch`es and, before them, `fill`s of what they take.

    Constraints:
    - (plan_c1) every argument of the body is a named memref of static shape, and names differ;
    - (plan_c2) the body holds buffers, fills and dispatches only;
    - (plan_c3) two buffers that share memory are not in use at the same time: the last step that
      uses one comes before the first that uses the other.

    Example:

    ```mlir
    tile.kernel @add(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>,
                     %z: !tile.view<["N"], f32>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 2 : i64} {
      tile.return
    }
    lighthouse.plan @add3
        inputs(%x "x" : memref<1000xf32, strided<[?]>>, %y "y" : memref<1000xf32, strided<[?]>>)
        outputs(%r "r" : memref<1000xf32, strided<[?]>>) workspace 4032 {
      %b = lighthouse.buffer 0 : memref<1000xf32>
      lighthouse.dispatch @add grid [16, 1, 1] dims [1000] (%x, %y, %b) stage "add"
        : memref<1000xf32, strided<[?]>>, memref<1000xf32, strided<[?]>>, memref<1000xf32>
      lighthouse.dispatch @add grid [16, 1, 1] dims [1000] (%b, %y, %r) stage "add"
        : memref<1000xf32>, memref<1000xf32, strided<[?]>>, memref<1000xf32, strided<[?]>>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$input_names,
                       StrArrayAttr:$output_names, I64Attr:$workspace);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Block::BlockArgListType getInputs() {
      return getBody().getArguments().take_front(getInputNames().size());
    }
    ::mlir::Block::BlockArgListType getOutputs() {
      return getBody().getArguments().drop_front(getInputNames().size());
    }
  }];
}

def Lighthouse_BufferOp : Lighthouse_Op<"buffer", [Pure, HasParent<"PlanOp">]> {
  let summary = "a contiguous, row-major tensor in the plan's workspace";
  let description = [{
    `offset` is in bytes from the start of the workspace. Contents are undefined until a step writes
    them.

    Constraints:
    - (buffer_c1) `offset` is not negative and a multiple of 64;
    - (buffer_c2) the buffer ends within the workspace;
    - (buffer_c3) the memref has the identity layout, an int or float element type and at most
      2^46 bytes.

    Example:

    ```mlir
    lighthouse.plan @scratch inputs() outputs() workspace 4096 {
      %b = lighthouse.buffer 2048 : memref<16x32xf32>
    }
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Lighthouse_Memory:$memory);
  let assemblyFormat = "$offset attr-dict `:` type($memory)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The size in bytes of a contiguous tensor; none where it has an element type without a size
    /// or more than 2^46 bytes, the largest workspace.
    static std::optional<int64_t> getSizeInBytes(::mlir::ShapedType type);
    /// The size of this buffer in bytes.
    int64_t getSizeInBytes() { return *getSizeInBytes(getMemory().getType()); }
  }];
}

def Lighthouse_FillOp : Lighthouse_Op<"fill", [HasParent<"PlanOp">]> {
  let summary = "gives every element of a tensor one value, before a dispatch";
  let description = [{
    What the kernel of the dispatch finds in `destination`. A fill is part of the work of its
    dispatch and counts as such in reports.

    Constraints:
    - (fill_c1) `value` is an integer or float of the element type of the destination;
    - (fill_c2) the destination is a buffer or an output of the plan;
    - (fill_c3) but for further fills, the next op is a dispatch that takes the destination.

    Example:

    ```mlir
    tile.kernel @count(%x: !tile.view<["N"], i32>, %hits: !tile.view<[64], i32> {tile.init = 0 : i32})
        attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64} {
      tile.return
    }
    lighthouse.plan @histogram inputs(%x "x" : memref<1000xi32, strided<[?]>>)
        outputs(%hits "hits" : memref<64xi32, strided<[?]>>) workspace 0 {
      lighthouse.fill %hits with 0 : i32 : memref<64xi32, strided<[?]>>
      lighthouse.dispatch @count grid [16, 1, 1] dims [1000] (%x, %hits) stage "count"
        : memref<1000xi32, strided<[?]>>, memref<64xi32, strided<[?]>>
    }
    ```
  }];
  let arguments = (ins Arg<Lighthouse_Memory, "", [MemWrite]>:$destination,
                       TypedAttrInterface:$value);
  let assemblyFormat = "$destination `with` $value attr-dict `:` type($destination)";
  let hasVerifier = 1;
}

def Lighthouse_DispatchOp : Lighthouse_Op<"dispatch", [
    HasParent<"PlanOp">, MemoryEffects<[MemRead, MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over a grid, in destination form";
  let description = [{
    `args` are the kernel's tensor arguments, inputs then results, `scalars` its scalar arguments,
    each in order of declaration. `dims` are the extents of the kernel's named dims in the order of
    its `dims`, `grid` the program instances along each axis. `stage` and `cost`, the least work of
    that stage, are for reports.

    Constraints:
    - (dispatch_c1) `kernel` is a `tile.kernel` of the module;
    - (dispatch_c2) there are as many args and scalars as the kernel declares, and args agree with
      its views in element type, rank and extents, scalars with its scalar types;
    - (dispatch_c3) `dims` are the extents of the kernel's named dims, and `grid` is what the
      kernel's grid map makes of them;
    - (dispatch_c4) a memref that the kernel writes is not passed for another argument as well.

    Example:

    ```mlir
    tile.kernel @scaled(%x: !tile.view<["N"], f32>, %a: f32, %y: !tile.view<["N"], f32>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 2 : i64} {
      tile.return
    }
    lighthouse.plan @twice inputs(%x "x" : memref<1000xf32, strided<[?]>>)
        outputs(%y "y" : memref<1000xf32, strided<[?]>>) workspace 0 {
      lighthouse.dispatch @scaled grid [16, 1, 1] dims [1000] (%x, %y) scalars [2.0 : f32]
        stage "double" : memref<1000xf32, strided<[?]>>, memref<1000xf32, strided<[?]>>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, DenseI64ArrayAttr:$grid, DenseI64ArrayAttr:$dims,
                       Variadic<Lighthouse_Memory>:$args,
                       DefaultValuedAttr<ArrayAttr, "{}">:$scalars, StrAttr:$stage,
                       OptionalAttr<Lighthouse_CostAttr>:$cost);
  let assemblyFormat = [{
    $kernel `grid` $grid `dims` $dims `(` $args `)` (`scalars` $scalars^)? `stage` $stage
    (`cost` $cost^)? attr-dict
    `:` type($args)
  }];
}

#endif
