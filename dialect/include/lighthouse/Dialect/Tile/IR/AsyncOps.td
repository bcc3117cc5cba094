//===- AsyncOps.td - the ops of the tile dialect that run beside a program --------------------------===//
//
// Roles, the barriers by which they meet, bulk copies and asynchronous products. They state a schedule
// for GPUs that have the units for it; the host refuses them.
//
//===------------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_ASYNCOPS
#define LIGHTHOUSE_DIALECT_TILE_IR_ASYNCOPS

/// An op that other threads or units can see: it keeps its place among those around it.
class Tile_AsyncOp<string opMnemonic, list<Trait> traits = []>
    : Tile_Op<opMnemonic, traits # [MemoryEffects<[MemRead, MemWrite]>]>;

//===----------------------------------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------------------------------===//

def Tile_RolesOp : Tile_AsyncOp<"roles", [HasParent<"KernelOp">, SingleBlock, NoTerminator]> {
  let summary = "programs that different warps of a block run at the same time";
  let description = [{
    The warps of the block are shared out among the roles in their order. The block has as many warps as
    all instances of all roles together. Code before it is run by all of them.

    Constraints:
    - (roles_c1) it holds roles, one at least, and nothing else;
    - (roles_c2) a kernel has one, at its end;
    - (roles_c3) there are at most 32 warps;
    - (roles_c4) beside it the kernel makes no tiles and accesses no memory, and has no `warps`;
    - (roles_c5) either all roles have a budget of registers or none has, and together they take at
      most what their threads have at first: more they would wait for without an end;
    - (roles_c6) budgets belong to warpgroups, that is 4 warps: roles that share one have the same, and
      all warps together are a multiple of 4.

    Example:

    ```mlir
    tile.kernel @shared_out() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
      tile.roles {
        tile.role "producer" warps 4 registers 24 {
        ^bb0(%instance: i32):
        }
        tile.role "consumer" warps 4 instances 2 registers 240 {
        ^bb0(%instance: i32):
        }
      }
      tile.return
    }
    ```
  }];
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$body attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Warps of all instances of all roles.
    int64_t getNumWarps();
    /// The registers of each thread before roles give and take: as many as fit, by eights, of the
    /// 65536 of a multiprocessor.
    int64_t getRegistersAtFirst() { return 65536 / (32 * getNumWarps()) / 8 * 8; }
  }];
}

def Tile_RoleOp : Tile_AsyncOp<"role", [HasParent<"RolesOp">,
    SingleBlockImplicitTerminator<"EndRoleOp">]> {
  let summary = "a program for some of the warps of a block";
  let description = [{
    `warps` run an instance of it together, as the warps of a kernel do: tiles are spread over them, and
    a `tile.barrier` is theirs alone. There are `instances` of it, whose number is the argument of the
    body. `registers` is the number of registers of each of its threads.

    Constraints:
    - (role_c1) `warps` is a power of two from 1 to 16, `instances` from 1 to 16;
    - (role_c2) `registers` is a multiple of 8 from 24 to 256;
    - (role_c3) the body has one argument, an i32.

    Example:

    ```mlir
    tile.kernel @one_role() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
      tile.roles {
        tile.role "all" warps 4 {
        ^bb0(%instance: i32):
        }
      }
      tile.return
    }
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$warps, DefaultValuedAttr<I64Attr, "1">:$instances,
                       OptionalAttr<I64Attr>:$registers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `warps` $warps (`instances` $instances^)? (`registers` $registers^)? $body attr-dict
  }];
  let hasVerifier = 1;
}

def Tile_EndRoleOp : Tile_Op<"end_role", [Pure, Terminator, HasParent<"RoleOp">]> {
  let summary = "ends a role";
  let description = [{
    Bulk stores of the role are complete before its threads exit.

    Example:

    ```mlir
    tile.kernel @ends() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
      tile.roles {
        tile.role "all" warps 4 {
        ^bb0(%instance: i32):
          tile.end_role
        }
      }
      tile.return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------------------------------===//

def Tile_AllocMBarrierOp : Tile_Op<"alloc_mbarrier", [HasParent<"KernelOp">]> {
  let summary = "a ring of barriers that count arrivals";
  let description = [{
    Each barrier of the ring has phases, which are completed one after the other: a phase is complete
    once there were `arrivals` arrivals and all bytes that bulk copies announced have been written. A
    bulk copy is one arrival, `tile.mbarrier_arrive` one for each warp that runs it. Barriers that nothing
    uses are removed.

    - (alloc_mbarrier_c1) `arrivals` is between 1 and 2^20 - 1.

    Example: `%barriers = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>`
  }];
  let arguments = (ins I64Attr:$arrivals);
  let results = (outs Res<Tile_MBarrierType, "", [MemAlloc]>:$result);
  let assemblyFormat = "`arrivals` $arrivals attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Tile_MBarrierArriveOp : Tile_AsyncOp<"mbarrier_arrive"> {
  let summary = "one arrival of each warp";
  let description = [{
    What the warps have read and written before is done before the phase is complete. The barrier is the
    one at `index` modulo the extent of the ring.

    Example: `tile.mbarrier_arrive %free[%i] : !tile.mbarrier<2>`
  }];
  let arguments = (ins Tile_MBarrierType:$barrier, I32:$index);
  let assemblyFormat = "$barrier `[` $index `]` attr-dict `:` qualified(type($barrier))";
}

def Tile_MBarrierWaitOp : Tile_AsyncOp<"mbarrier_wait"> {
  let summary = "waits until a phase is complete";
  let description = [{
    `index` counts the uses of the ring: with n barriers it stands for barrier `index` mod n and its
    phase `index` div n, rounded down. So a loop counter waits for what another role completes in the
    same step, and the counter less n for what it completed when it used that barrier last. Negative
    phases are complete from the beginning; the index is at least -n. No phase beyond the one that is
    waited for may be complete: a barrier knows the parity of its phases alone.

    Example: `tile.mbarrier_wait %full[%i] : !tile.mbarrier<2>`
  }];
  let arguments = (ins Tile_MBarrierType:$barrier, I32:$index);
  let assemblyFormat = "$barrier `[` $index `]` attr-dict `:` qualified(type($barrier))";
}

def Tile_AllocNamedBarrierOp : Tile_Op<"alloc_named_barrier", [HasParent<"KernelOp">]> {
  let summary = "barriers at which a number of threads meet";
  let description = [{
    A barrier lets its waiting threads go on once `threads` threads have come, those that wait and those
    that only say that they were there. A GPU has 16 of them, some of which the compiler needs. Those that
    nothing uses are removed.

    - (alloc_named_barrier_c1) `threads` is a multiple of 32 from 32 to 1024.

    Example: `%turns = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>`
  }];
  let arguments = (ins I64Attr:$threads);
  let results = (outs Res<Tile_NamedBarrierType, "", [MemAlloc]>:$result);
  let assemblyFormat = "`threads` $threads attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Tile_NamedSyncOp : Tile_AsyncOp<"named_sync"> {
  let summary = "waits at a named barrier";
  let description = [{
    The barrier is the one at `index`, which is less than their number.

    Example: `tile.named_sync %turn[%instance] : !tile.named_barrier<2>`
  }];
  let arguments = (ins Tile_NamedBarrierType:$barrier, I32:$index);
  let assemblyFormat = "$barrier `[` $index `]` attr-dict `:` qualified(type($barrier))";
}

def Tile_NamedArriveOp : Tile_AsyncOp<"named_arrive"> {
  let summary = "comes to a named barrier without waiting there";
  let description = [{
    Example: `tile.named_arrive %turn[%other] : !tile.named_barrier<2>`
  }];
  let arguments = (ins Tile_NamedBarrierType:$barrier, I32:$index);
  let assemblyFormat = "$barrier `[` $index `]` attr-dict `:` qualified(type($barrier))";
}

//===----------------------------------------------------------------------------------------------===//
// Bulk copies
//===----------------------------------------------------------------------------------------------===//

def Tile_CopyBulkOp : Tile_AsyncOp<"copy_bulk"> {
  let summary = "one thread lets the copy engine bring a tile of a tensor argument into a buffer";
  let description = [{
    Announces the buffer's bytes to a barrier and arrives there; the phase is complete once they have
    been written. Elements outside the view become zero.

    Constraints:
    - (copy_bulk_c1) one subscript per dim of the view, of at most 5 dims;
    - (copy_bulk_c2) the buffer has the view's element type, and one dim per tile subscript;
    - (copy_bulk_c3) every tile subscript is a `tile.range`, the last subscript too;
    - (copy_bulk_c4) the buffer has one or two dims, at most 256 rows of a multiple of 16 bytes, and
      without a swizzle at most 256 columns;
    - (copy_bulk_c5) panels, where a row has several, and slots of a ring have a multiple of 8 rows, and
      without a swizzle of 128 bytes;
    - (copy_bulk_c6) the last subscript, where it starts at a constant, does so at a multiple of 16 bytes;
      a launch in which it starts elsewhere fails (illegal instruction).

    Example:

    ```mlir
    tile.copy_bulk %x[%b, %rows, %columns], %tile, %full[%i]
        : !tile.view<["B", "N", 64], bf16>, !tile.buffer<128x64xbf16, 128>, !tile.mbarrier<2>,
          i32, tensor<128xi32>, tensor<64xi32>
    ```
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<Tile_Index>:$indices, Tile_BufferType:$buffer,
                       Tile_MBarrierType:$barrier, I32:$index);
  let assemblyFormat = [{
    $view `[` $indices `]` `,` $buffer `,` $barrier `[` $index `]` attr-dict
    `:` qualified(type($view)) `,` qualified(type($buffer)) `,` qualified(type($barrier))
    (`,` type($indices)^)?
  }];
  let hasVerifier = 1;
}

def Tile_StoreBulkOp : Tile_AsyncOp<"store_bulk"> {
  let summary = "one thread lets the copy engine write a buffer to a tensor argument";
  let description = [{
    Elements outside the view are not written. With `combine` each element is combined with what is
    there, atomically. What the threads have stored to the buffer before is written. The buffer must not
    be changed before a `tile.wait_bulk` says that it was read.

    Constraints:
    - (store_bulk_c1) one subscript per dim of the view, of at most 5 dims;
    - (store_bulk_c2) the buffer has the view's element type, and one dim per tile subscript;
    - (store_bulk_c3) every tile subscript is a `tile.range`, the last subscript too;
    - (store_bulk_c4) the buffer has one or two dims, at most 256 rows of a multiple of 16 bytes, and
      without a swizzle at most 256 columns;
    - (store_bulk_c5) panels, where a row has several, and slots of a ring have a multiple of 8 rows, and
      without a swizzle of 128 bytes;
    - (store_bulk_c6) the last subscript, where it starts at a constant, does so at a multiple of 16 bytes;
      a launch in which it starts elsewhere fails (illegal instruction);
    - (store_bulk_c7) `combine` is `add` of f32, f16, bf16 or i32, or `max` or `min` of i32 or i64;
    - (store_bulk_c8) no subscript starts at a negative constant: behind a view's end nothing is written,
      but a launch fails (illegal instruction) whose bulk store begins before the first element of a dim.

    Example:

    ```mlir
    tile.store_bulk %tile, %y[%b, %rows, %columns]
        : !tile.buffer<128x64xbf16, 128>, !tile.view<["B", "N", 64], bf16>, i32, tensor<128xi32>, tensor<64xi32>
    ```
  }];
  let arguments = (ins Tile_BufferType:$buffer, Tile_ViewType:$view, Variadic<Tile_Index>:$indices,
                       OptionalAttr<Tile_KindAttr>:$combine);
  let assemblyFormat = [{
    (`combine` custom<Kind>($combine)^)? $buffer `,` $view `[` $indices `]` attr-dict
    `:` qualified(type($buffer)) `,` qualified(type($view)) (`,` type($indices)^)?
  }];
  let hasVerifier = 1;
}

def Tile_WaitBulkOp : Tile_AsyncOp<"wait_bulk"> {
  let summary = "waits until at most `pending` bulk stores still read their buffers";
  let description = [{
    Bulk stores of this role, or of the kernel outside of roles, are done in their order. With `written`
    it waits until they are visible in memory, too.

    - (wait_bulk_c1) `pending` is not negative.

    Example: `tile.wait_bulk 0`
  }];
  let arguments = (ins I64Attr:$pending, UnitAttr:$written);
  let hasVerifier = 1;
  let assemblyFormat = "$pending (`written` $written^)? attr-dict";
}

//===----------------------------------------------------------------------------------------------===//
// Turns of program instances
//===----------------------------------------------------------------------------------------------===//

def Tile_WaitUntilOp : Tile_AsyncOp<"wait_until"> {
  let summary = "waits until an element of a tensor argument has a value";
  let description = [{
    Every thread reads the element again and again, and goes on when it is `value`. What the instance
    that stored it by `tile.store_release` had written before can be seen from here on, by bulk copies and
    bulk stores, too. An element outside the view is not waited for. Instances start in the order of
    their numbers, the first axis fastest, but when is open: one may wait for earlier ones alone, or
    the launch may never end.

    Constraints:
    - (wait_until_c1) one scalar subscript per dim of the view;
    - (wait_until_c2) the view has elements of type i32.

    Example: `tile.wait_until %counts[%b], %i : !tile.view<["B"], i32>`
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<I32>:$indices, I32:$value);
  let assemblyFormat = "$view `[` $indices `]` `,` $value attr-dict `:` qualified(type($view))";
  let hasVerifier = 1;
}

def Tile_StoreReleaseOp : Tile_AsyncOp<"store_release"> {
  let summary = "stores an element of a tensor argument, behind all that was written before";
  let description = [{
    The counterpart of `tile.wait_until`: all threads of the role, or of the kernel outside of roles, meet,
    and one stores. Whoever sees the value sees what they have written before, and what bulk stores
    have that a `tile.wait_bulk` with `written` has waited for. An element outside the view is not
    stored.

    Constraints:
    - (store_release_c1) one scalar subscript per dim of the view;
    - (store_release_c2) the view has elements of type i32.

    Example: `tile.store_release %i, %counts[%b] : !tile.view<["B"], i32>`
  }];
  let arguments = (ins I32:$value, Tile_ViewType:$view, Variadic<I32>:$indices);
  let assemblyFormat = "$value `,` $view `[` $indices `]` attr-dict `:` qualified(type($view))";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Asynchronous products
//===----------------------------------------------------------------------------------------------===//

def Tile_DotAsyncOp : Tile_AsyncOp<"dot_async"> {
  let summary = "starts a matrix product with accumulator: a b + acc";
  let description = [{
    The product reads the buffers while the program goes on. The result is there after the
    `tile.dot_wait` that takes it; until then it may only be the accumulator of the next product, or be
    carried to the next iteration of a loop. An operand that is a tile stays in registers until then;
    buffers must not be changed until then. An accumulator that is a buffer lies in tensor memory, and
    the product has no result.

    Constraints:
    - (dot_async_c1) a is M x K, or K x M with `transpose_a`; b is K x N, or N x K with `transpose_b`;
      acc and the result are M x N;
    - (dot_async_c2) a and b have the same element type, f16, bf16 or, with `tf32`, f32, and the
      accumulator is f32;
    - (dot_async_c3) a tile is not transposed;
    - (dot_async_c4) buffers of operands have a swizzle, of which their rows consist, and lie in shared
      memory;
    - (dot_async_c5) there is a result if and only if the accumulator is a tile; a buffer lies in tensor
      memory;
    - (dot_async_c6) the result is used by `tile.dot_wait`, as accumulator of a `tile.dot_async` or
      carried by a loop, and nowhere else;
    - (dot_async_c7) `tf32`, which lets the target take 11 bits of the mantissa of f32 operands, is for f32;
      rows of their buffers go along K: a is not transposed, b is.

    Example:

    ```mlir
    %product = tile.dot_async %q, %tile, %zero {transpose_b}
        : !tile.buffer<64x64xbf16, 128>, !tile.buffer<128x64xbf16, 128>, tensor<64x128xf32> -> tensor<64x128xf32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Tile_Tile, Tile_BufferType]>:$a, Tile_BufferType:$b,
                       AnyTypeOf<[Tile_Tile, Tile_BufferType]>:$acc,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b, UnitAttr:$tf32);
  let results = (outs Optional<Tile_Tile>:$result);
  let assemblyFormat = [{
    $a `,` $b `,` $acc attr-dict
    `:` qualified(type($a)) `,` qualified(type($b)) `,` qualified(type($acc)) (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The first use of the result that is neither a wait, nor the accumulator of the next product, nor
    /// a loop that carries it on; null if there is none.
    ::mlir::Operation *findEarlyUse();
  }];
}

def Tile_DotWaitOp : Tile_AsyncOp<"dot_wait"> {
  let summary = "waits until at most `pending` asynchronous products are running";
  let description = [{
    Products of a role, or of the kernel outside of roles, end in their order. The results are the
    operands, those of products that have ended among them, and others whose computation is to happen
    before the wait. A constant is its own result: canonicalization takes it from the operands.

    - (dot_wait_c1) `pending` is not negative.

    Example: `%s, %t = tile.dot_wait 0, %running, %p : tensor<64x128xf32>, tensor<64x128xf32>`
  }];
  let arguments = (ins I64Attr:$pending, Variadic<Tile_Tile>:$values);
  let results = (outs Variadic<Tile_Tile>:$results);
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
  let hasCustomAssemblyFormat = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Parts and votes
//===----------------------------------------------------------------------------------------------===//

def Tile_ReducePartialOp : Tile_Op<"reduce_partial", [Pure]> {
  let summary = "combines the elements along one axis to some parts";
  let description = [{
    The result has a few elements along `axis`, and each of them combines some of the source's there.
    Which ones is unspecified, but the same for all lines of one kernel; a `tile.reduce` of the result combines
    all. Where the parts are as many as the threads that share a line, no thread needs another.

    Constraints:
    - (reduce_partial_c1) `axis` is a dim of the operand;
    - (reduce_partial_c2) the result differs from the operand in its extent along that dim alone, a
      power of two that divides the operand's;
    - (reduce_partial_c3) `and` and `or` take integers.

    Example: `%parts = tile.reduce_partial add %p axis 1 : tensor<64x128xf32> -> tensor<64x4xf32>`
  }];
  let arguments = (ins Tile_KindAttr:$kind, Tile_Tile:$source, I64Attr:$axis);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $source `axis` $axis attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_Vote : I32EnumAttr<"VoteKind", "which lanes must agree", [
    I32EnumAttrCase<"any", 0>, I32EnumAttrCase<"all", 1>]> {
  let cppNamespace = "::lighthouse::tile";
  let genSpecializedAttr = 0;
}
def Tile_VoteAttr : EnumAttr<Tile_Dialect, Tile_Vote, "vote_kind">;

def Tile_VoteOp : Tile_Op<"vote", [Pure]> {
  let summary = "whether any element, or all, of those that a warp holds are true";
  let description = [{
    The result is the same in the threads of a warp, and may differ between warps: what depends on it
    must not need all threads of a program instance. On the host one warp holds all elements.

    Example: `%high = tile.vote any %m : tensor<64x4xi1>`
  }];
  let arguments = (ins Tile_VoteAttr:$kind, StaticShapeTensorOf<[I1]>:$source);
  let results = (outs I1:$result);
  let assemblyFormat = "$kind $source attr-dict `:` type($source)";
}

#endif
