//===- TileOps.td - the ops of the tile dialect ---------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TILEOPS
#define LIGHTHOUSE_DIALECT_TILE_IR_TILEOPS

include "lighthouse/Dialect/Tile/IR/TileDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferIntRangeInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string opMnemonic, list<Trait> traits = []> : Op<Tile_Dialect, opMnemonic, traits>;

/// A tile: a ranked tensor of static shape. A scalar stands for a tile of rank 0.
def Tile_Tile : StaticShapeTensorOf<[AnyType]>;
def Tile_Scalar : AnyTypeOf<[AnySignlessInteger, AnyFloat]>;
def Tile_Value : AnyTypeOf<[Tile_Scalar, Tile_Tile]>;
def Tile_IntTile : ConfinedType<1DTensorOf<[I32]>, [HasStaticShapePred], "rank-1 tile of i32">;
def Tile_Index : AnyTypeOf<[I32, Tile_IntTile], "i32 or a rank-1 tile of i32">;
def Tile_Mask : AnyTypeOf<[I1, StaticShapeTensorOf<[I1]>], "i1 or a tile of i1">;

//===----------------------------------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------------------------------===//

def Tile_KernelOp : Tile_Op<"kernel", [
    FunctionOpInterface, IsolatedFromAbove, AutomaticAllocationScope]> {
  let summary = "a program that is run once per point of a grid";
  let description = [{
    The arguments are views and scalars; the first `inputs` of them are read, the rest are the
    results, which the kernel writes. `dims` lists the named dims of the views in the order in
    which the launcher passes their extents. `grid` maps those extents (as symbols) to the three
    grid extents. `dim_exprs` gives, for a named dim that no input has, its value as a map
    over the symbols. `stage` names the stage of the `lighthouse` dialect that the kernel
    implements, `stage_params` the stage's parameters for which it does, by their names there, `params`
    the compile-time parameters of the instance. `warps` is the number of warps that run an instance
    on a GPU, 4 if absent, or those of its roles. The argument attribute `tile.alignment` of a view is
    a power of two in bytes that divides its address and the distances between its rows. The argument
    attribute `tile.init` of a result is the value that each of its elements has before the first
    instance runs; without it they are undefined. A kernel with the attribute `tile.persistent` may be
    run by fewer blocks than it has instances; one with `tile.resident` is: a launch has as many blocks as
    a GPU holds at once, at most one for each instance, and each goes through instances in a loop.

    Constraints:
    - (kernel_c1) every argument is a view or a scalar, and there are no function results;
    - (kernel_c2) every named dim of a view is listed in `dims` once;
    - (kernel_c3) `grid` has as many symbols as `dims` has names, and three results;
    - (kernel_c4) `inputs` is at most the number of arguments;
    - (kernel_c5) every entry of `dim_exprs` names a dim and is a map with one result;
    - (kernel_c6) `warps` is a power of two from 1 to 32;
    - (kernel_c7) `tile.alignment` is a power of two from 1 to 16 on a view;
    - (kernel_c8) it has a body;
    - (kernel_c9) in the body, the arguments are the only views, buffers come from `alloc_shared` and
      `slot` alone, barriers from their allocations, and the elements of tiles are integers or floats;
    - (kernel_c10) in the body, stores and atomics go to results, never to the `inputs`;
    - (kernel_c11) `tile.init` is an integer or float of the element type of a result.

    Example:

    ```mlir
    tile.kernel @copy(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64} {
      %c64 = arith.constant 64 : i32
      %p = tile.program_id 0
      %start = arith.muli %p, %c64 : i32
      %i = tile.range %start : tensor<64xi32>
      %v = tile.load %x[%i] : (!tile.view<["N"], f32>, tensor<64xi32>) -> tensor<64xf32>
      tile.store %v, %y[%i] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs,
                       I64Attr:$inputs, StrArrayAttr:$dims, AffineMapAttr:$grid,
                       OptionalAttr<DictionaryAttr>:$dim_exprs, OptionalAttr<StrAttr>:$stage,
                       OptionalAttr<DictionaryAttr>:$stage_params, OptionalAttr<DictionaryAttr>:$params,
                       OptionalAttr<I64Attr>:$warps);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The position of a named dim in `dims`, or -1.
    int64_t getDimIndex(::llvm::StringRef name);
    /// The name of argument `i` as written in the spec (the attribute `tile.name`), or "argI".
    std::string getArgName(unsigned i);
    /// Its roles; null if it has none.
    RolesOp getRoles();
    /// Warps that run a program instance on a GPU.
    int64_t getNumWarps();
    /// What the address and the rows of view argument `i` are known to be aligned to, in bytes.
    int64_t getArgAlignment(unsigned i);
    /// The initial value of the elements of argument `i`, a result; null if they are undefined.
    ::mlir::TypedAttr getArgInit(unsigned i) {
      return getArgAttrOfType<::mlir::TypedAttr>(i, "tile.init");
    }
  }];
}

def Tile_ReturnOp : Tile_Op<"return", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "ends a kernel";
  let description = [{
    Results of a kernel are written with `tile.store`, so nothing is returned.

    Example:

    ```mlir
    tile.kernel @nothing() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
      tile.return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_ProgramIdOp : Tile_Op<"program_id", [
    Pure, DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "the coordinate of this program instance along a grid axis";
  let description = [{
    - (program_id_c1) `axis` is 0, 1 or 2.

    Example: `%id = tile.program_id 0`
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs I32:$result);
  let hasVerifier = 1;
  let assemblyFormat = "$axis attr-dict";
}

def Tile_NumProgramsOp : Tile_Op<"num_programs", [Pure]> {
  let summary = "the extent of the grid along an axis";
  let description = [{
    - (num_programs_c1) `axis` is 0, 1 or 2.

    Example: `%n = tile.num_programs 0`
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs I32:$result);
  let hasVerifier = 1;
  let assemblyFormat = "$axis attr-dict";
}

def Tile_NumBlocksOp : Tile_Op<"num_blocks", [Pure]> {
  let summary = "how many blocks run the instances of a kernel";
  let description = [{
    In a kernel with `tile.resident`, the number of blocks of the launch, which are those of its first
    instances.

    Example: `%n = tile.num_blocks`
  }];
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict";
}

def Tile_DimOp : Tile_Op<"dim", [Pure]> {
  let summary = "the run-time extent of a named dim of the kernel";
  let description = [{
    - (dim_c1) the enclosing kernel lists the name in its `dims`.

    Example: `%n = tile.dim "N"`
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs I32:$result);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Access to tensor arguments
//===----------------------------------------------------------------------------------------------===//

def Tile_RangeOp : Tile_Op<"range", [Pure]> {
  let summary = "consecutive integers: start, start + 1, ...";
  let description = [{
    The mark of a contiguous subscript: loads and stores whose innermost subscript is a range are
    contiguous, and a range is the only subscript that a bulk copy can take.

    Example: `%i = tile.range %start : tensor<64xi32>`
  }];
  let arguments = (ins I32:$start);
  let results = (outs Tile_IntTile:$result);
  let assemblyFormat = "$start attr-dict `:` type($result)";
}

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "reads a tile from a tensor argument";
  let description = [{
    Subscripts are orthogonal: each is a scalar or a rank-1 tile of coordinates along its dim, and
    the result has one dim per tile subscript, in order (a scalar if there is none). An element
    with a coordinate outside `[0, extent)` or whose mask is false is not read and becomes `other`
    (zero if absent). `in_bounds[d]` asserts that the coordinates along dim d need no check.

    Constraints:
    - (load_c1) one subscript per dim of the view;
    - (load_c2) the result has the view's element type, and one dim per tile subscript;
    - (load_c3) the mask is an i1, or an i1 tile with the shape of the result;
    - (load_c4) `other` has the element type of the view;
    - (load_c5) `in_bounds`, if present, has one entry per dim.

    Example:

    ```mlir
    %v = tile.load %x[%b, %rows] mask %m other %zero
        : (!tile.view<["B", "N"], f32>, i32, tensor<64xi32>, tensor<64xi1>, f32) -> tensor<64xf32>
    ```
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<Tile_Index>:$indices, Optional<Tile_Mask>:$mask,
                       Optional<Tile_Scalar>:$other, OptionalAttr<DenseBoolArrayAttr>:$in_bounds);
  let results = (outs Tile_Value:$result);
  let assemblyFormat = [{
    $view `[` $indices `]` (`mask` $mask^)? (`other` $other^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_StoreOp : Tile_Op<"store", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "writes a tile to a tensor argument";
  let description = [{
    The counterpart of `tile.load`: elements outside the view or whose mask is false are not
    written. If two subscripts of one store address the same element, either value may remain.
    `streaming` says that the elements will not be read again soon: caches need not keep them.

    Constraints:
    - (store_c1) one subscript per dim of the view;
    - (store_c2) the value has the view's element type, and one dim per tile subscript;
    - (store_c3) the mask is an i1, or an i1 tile with the shape of the value;
    - (store_c4) `in_bounds`, if present, has one entry per dim.

    Example: `tile.store %t, %y[%rows] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>`
  }];
  let arguments = (ins Tile_Value:$value, Tile_ViewType:$view, Variadic<Tile_Index>:$indices,
                       Optional<Tile_Mask>:$mask, OptionalAttr<DenseBoolArrayAttr>:$in_bounds,
                       UnitAttr:$streaming);
  let assemblyFormat = [{
    $value `,` $view `[` $indices `]` (`mask` $mask^)? attr-dict
    `:` qualified(type($value)) `,` qualified(type($view)) (`,` type($indices)^)?
    (`mask` type($mask)^)?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_AtomicRMWOp : Tile_Op<"atomic_rmw", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "combines a tile into a tensor argument, atomically per element";
  let description = [{
    Like `tile.store`, but each element becomes `combine(old, value)` in one indivisible, relaxed
    step. The order of the combinations is unspecified.

    Constraints:
    - (atomic_rmw_c1) one subscript per dim of the view;
    - (atomic_rmw_c2) the value has the view's element type, and one dim per tile subscript;
    - (atomic_rmw_c3) the mask is an i1, or an i1 tile with the shape of the value;
    - (atomic_rmw_c4) the kind is `add`, `max`, `min`, `and` or `or`; the last two on integers only,
      and none on i1, which memory has no atomic operation for;
    - (atomic_rmw_c5) `in_bounds`, if present, has one entry per dim.

    Example: `tile.atomic_rmw add %t, %y[%rows] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>`
  }];
  let arguments = (ins Tile_KindAttr:$kind, Tile_Value:$value, Tile_ViewType:$view,
                       Variadic<Tile_Index>:$indices, Optional<Tile_Mask>:$mask,
                       OptionalAttr<DenseBoolArrayAttr>:$in_bounds);
  let assemblyFormat = [{
    custom<Kind>($kind) $value `,` $view `[` $indices `]` (`mask` $mask^)? attr-dict
    `:` qualified(type($value)) `,` qualified(type($view)) (`,` type($indices)^)?
    (`mask` type($mask)^)?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "orders the memory accesses of one program instance";
  let description = [{
    Every effect of this instance before the barrier is visible to all of its threads after it.
    Needed between a store and a later load of the same elements of a tensor argument; a store after a
    load is ordered by the lowering.

    Example: `tile.barrier`
  }];
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------------------------------===//
// Shape changes
//===----------------------------------------------------------------------------------------------===//

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeats a tile along dims of extent 1";
  let description = [{
    - (broadcast_c1) operand and result have the same rank and element type;
    - (broadcast_c2) each operand extent is 1 or equals the result's.

    Example: `%wide = tile.broadcast %column : tensor<64x1xf32> -> tensor<64x32xf32>`
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ReshapeOp : Tile_Op<"reshape", [Pure]> {
  let summary = "views the elements of a tile, in row-major order, in another shape";
  let description = [{
    - (reshape_c1) operand and result have as many elements, of the same type.

    Example: `%v = tile.reshape %t : tensor<64xf32> -> tensor<16x4xf32>`
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_TransposeOp : Tile_Op<"transpose", [Pure]> {
  let summary = "swaps the two dims of a tile";
  let description = [{
    - (transpose_c1) operand and result have rank 2, swapped extents and the same element type.

    Example: `%v = tile.transpose %s : tensor<64x32xf32> -> tensor<32x64xf32>`
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ConvertLayoutOp : Tile_Op<"convert_layout", [Pure]> {
  let summary = "the same tile, held by other threads";
  let description = [{
    Where the layouts agree but for registers, a renaming of registers; where every element stays in
    its warp, shuffles; otherwise a way through shared memory.

    - (convert_layout_c1) operand and result differ in nothing but their `#tile.layout`, which both
      have.

    Example:

    ```mlir
    %v = tile.convert_layout %held
        : tensor<64xf32, #tile.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>>
       -> tensor<64xf32, #tile.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>>
    ```
  }];
  let arguments = (ins Tile_Tile:$source);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Reductions, scans, dots
//===----------------------------------------------------------------------------------------------===//

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "combines the elements along one axis";
  let description = [{
    The order of combination is unspecified but fixed for a target. `max` and `min` of floats may
    ignore a NaN if another element is not NaN.

    Constraints:
    - (reduce_c1) `axis` is a dim of the operand;
    - (reduce_c2) the result drops that dim (a scalar for rank 1) and keeps the element type;
    - (reduce_c3) `and` and `or` take integers.

    Example: `%high = tile.reduce max %s axis 1 : tensor<64x32xf32> -> tensor<64xf32>`
  }];
  let arguments = (ins Tile_KindAttr:$kind, Tile_Tile:$source, I64Attr:$axis);
  let results = (outs Tile_Value:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $source `axis` $axis attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_ScanOp : Tile_Op<"scan", [Pure, AllTypesMatch<["source", "result"]>]> {
  let summary = "running combination of the elements along one axis";
  let description = [{
    Element i of the result combines elements 0..i, or 0..i-1 (the neutral element for i = 0) if
    `exclusive` is set.

    Constraints:
    - (scan_c1) `axis` is a dim of the operand;
    - (scan_c2) `and` and `or` take integers.

    Example: `%place = tile.scan add %counts axis 0 {exclusive} : tensor<128xi32>`
  }];
  let arguments = (ins Tile_KindAttr:$kind, Tile_Tile:$source, I64Attr:$axis, UnitAttr:$exclusive);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $source `axis` $axis attr-dict `:` type($source)
  }];
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AllTypesMatch<["acc", "result"]>]> {
  let summary = "matrix product with accumulator: a b + acc";
  let description = [{
    Products and sums are in the accumulator's type whatever the operands' type. Tiles of one kernel
    may be held in any layout; that of the operands need not be that of the result.

    Constraints:
    - (dot_c1) a is M x K, b is K x N, acc and the result are M x N;
    - (dot_c2) a and b have the same float element type;
    - (dot_c3) the accumulator is f64 for f64 operands, f32 for all others;
    - (dot_c4) `tf32`, which lets the target round f32 operands to 11 bits of mantissa, is for f32.

    Example:

    ```mlir
    %c = tile.dot %s, %p, %acc : tensor<64x32xf32>, tensor<32x64xf32>, tensor<64x64xf32>
    ```
  }];
  let arguments = (ins Tile_Tile:$a, Tile_Tile:$b, Tile_Tile:$acc, UnitAttr:$tf32);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$a `,` $b `,` $acc attr-dict `:` type($a) `,` type($b) `,` type($acc)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Shared memory and its schedule
//===----------------------------------------------------------------------------------------------===//

def Tile_AllocSharedOp : Tile_Op<"alloc_shared"> {
  let summary = "a shared-memory buffer that lives as long as the program instance";
  let description = [{
    Contents are undefined until written. A buffer that nothing uses is removed.

    - (alloc_shared_c1) the buffer lies in shared memory.

    Example: `%buf = tile.alloc_shared : !tile.buffer<2x64x64xf32>`
  }];
  let results = (outs Res<Tile_BufferType, "", [MemAlloc]>:$result);
  let assemblyFormat = "attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Tile_SlotOp : Tile_Op<"slot", [Pure]> {
  let summary = "one slot of a multi-stage buffer";
  let description = [{
    The sub-buffer at `index` along the leading dim. The index is taken modulo the extent, so that a
    loop counter can be used as the ring index of a pipeline.

    - (slot_c1) the result drops the leading dim and keeps element type, swizzle and memory.

    Example: `%next = tile.slot %ring[%start] : !tile.buffer<2x64xf32> -> !tile.buffer<64xf32>`
  }];
  let arguments = (ins Tile_BufferType:$buffer, I32:$index);
  let results = (outs Tile_BufferType:$result);
  let assemblyFormat = "$buffer `[` $index `]` attr-dict `:` qualified(type($buffer)) `->` qualified(type($result))";
  let hasVerifier = 1;
}

def Tile_BufferLoadOp : Tile_Op<"buffer_load", [MemoryEffects<[MemRead]>]> {
  let summary = "reads a whole buffer into a tile";
  let description = [{
    - (buffer_load_c1) the tile has the buffer's shape and element type.

    Example: `%v = tile.buffer_load %slot : !tile.buffer<64xf32> -> tensor<64xf32>`
  }];
  let arguments = (ins Tile_BufferType:$buffer);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$buffer attr-dict `:` qualified(type($buffer)) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_BufferStoreOp : Tile_Op<"buffer_store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes a tile into a whole buffer";
  let description = [{
    Loads of the buffer before it see the old contents, those after it the new ones, in all threads.
    With `unordered` that is so only for loads with a `tile.wait` or `tile.barrier` in between.

    - (buffer_store_c1) the tile has the buffer's shape and element type.

    Example: `tile.buffer_store %t, %slot : tensor<64xf32>, !tile.buffer<64xf32>`
  }];
  let arguments = (ins Tile_Tile:$value, Tile_BufferType:$buffer, UnitAttr:$unordered);
  let assemblyFormat = "$value `,` $buffer attr-dict `:` type($value) `,` qualified(type($buffer))";
  let hasVerifier = 1;
}

def Tile_CopyAsyncOp : Tile_Op<"copy_async", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "starts copying a tile of a tensor argument into a buffer";
  let description = [{
    Subscripts and bounds are those of `tile.load` without mask: elements outside the view become
    zero. The buffer holds the data only after the `tile.wait` that covers the copy's group. Between
    the last load of what it held before and the copy lies a `tile.wait` or `tile.barrier`.

    Constraints:
    - (copy_async_c1) one subscript per dim of the view;
    - (copy_async_c2) the buffer has the view's element type, and one dim per tile subscript;
    - (copy_async_c3) `in_bounds`, if present, has one entry per dim.

    Example:

    ```mlir
    tile.copy_async %x[%b, %rows], %slot
        : !tile.view<["B", "N"], f32>, !tile.buffer<64xf32>, i32, tensor<64xi32>
    ```
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<Tile_Index>:$indices, Tile_BufferType:$buffer,
                       OptionalAttr<DenseBoolArrayAttr>:$in_bounds);
  let assemblyFormat = [{
    $view `[` $indices `]` `,` $buffer attr-dict
    `:` qualified(type($view)) `,` qualified(type($buffer)) (`,` type($indices)^)?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_CommitOp : Tile_Op<"commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "closes the group of the asynchronous copies started so far";
  let description = [{
    Example: `tile.commit`
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_WaitOp : Tile_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until at most `pending` groups of asynchronous copies are in flight";
  let description = [{
    Groups complete in order. Afterwards the buffers of the completed groups may be read by every
    thread of the program instance.

    - (wait_c1) `pending` is not negative.

    Example: `tile.wait 1`
  }];
  let arguments = (ins I64Attr:$pending);
  let hasVerifier = 1;
  let assemblyFormat = "$pending attr-dict";
}

include "lighthouse/Dialect/Tile/IR/AsyncOps.td"

#endif
