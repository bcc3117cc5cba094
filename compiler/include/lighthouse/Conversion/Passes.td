//===- Passes.td - conversions between dialects ----------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_PASSES
#define LIGHTHOUSE_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def AttachTarget : Pass<"tile-attach-target", "::mlir::ModuleOp"> {
  let summary = "Say what the code of a module is made for";
  let description = [{
    Sets the attribute `tile.target`, which the conversions read. The compiler makes its modules with
    it; this is for tests and for replaying single passes.

    Before:
    ```mlir
    module {}
    ```
    After, with `target=sm_90a`:
    ```mlir
    module attributes {tile.target = #tile.target<"sm_90a">} {}
    ```
  }];
  let options = [Option<"target", "target", "std::string", "", "Name of the target">];
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
}

def TileToHost : Pass<"tile-to-host", "::mlir::ModuleOp"> {
  let summary = "Lower tile kernels to loops over vectors for the CPU";
  let description = [{
    Each `tile.kernel` becomes a `func.func` with the host calling convention (see the runtime's
    README): it runs the program instances `begin .. end - 1`, one after the other. Tiles become
    stack buffers and vectors of the target's width:

    - an elementwise value with one use, and a load with one use, is computed where it is used
      (fused into the consumer's loop nest); values that depend on scalars alone are recomputed at
      every use, and so, with few uses, are loads of whole rows and what a few operations make of them;
    - reductions, scans and dots are loop nests of their own, a dot keeps a block of accumulators in
      registers and packs a transposed right operand;
    - a loop-carried tile is updated in place where no one needs its old value any more;
    - bounds checks and masks that do not depend on the innermost coordinate become branches around
      whole rows, the others masked vector accesses; where both are needed, the checks of scalar
      subscripts set the limit of the mask to 0 instead of branching at every vector.

    The target limits the bytes that tiles and buffers of a kernel may take: the 4 MiB of the calling
    convention less 64 KiB for what the code generator adds.

    Asynchronous copies run at once, barriers and waits vanish: an instance is one thread here.

    Before:
    ```mlir
    tile.kernel @copy(%x: !tile.view<["N"], f32>, %y: !tile.view<["N"], f32>) attributes {...} {
      %i = tile.range %start : tensor<64xi32>
      %v = tile.load %x[%i] : (!tile.view<["N"], f32>, tensor<64xi32>) -> tensor<64xf32>
      tile.store %v, %y[%i] : tensor<64xf32>, !tile.view<["N"], f32>, tensor<64xi32>
      tile.return
    }
    ```
    After:
    ```mlir
    func.func @copy(%args: !llvm.ptr, %grid: !llvm.ptr, %begin: i64, %end: i64) {
      ...
      scf.for %id = %begin to %end step %c1 : i64 {
        scf.for %j = %c0 to %c64 step %c16 {
          %v = llvm.intr.masked.load %px, %inside, %zero : ... -> vector<16xf32>
          llvm.intr.masked.store %v, %py, %inside : vector<16xf32>, ...
        }
      }
      return
    }
    ```
  }];
  let statistics = [
    Statistic<"numBuffers", "buffers", "Tiles that were given a stack buffer">,
    Statistic<"numInPlace", "in-place", "Loop-carried tiles updated in place">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def PipelineLoops : Pass<"tile-pipeline-loops", "::lighthouse::tile::KernelOp"> {
  let summary = "Overlap copies and products of the loops whose author asks for it";
  let description = [{
    A loop with the attribute `tile.pipelined` and n stages brings what its products take into rings of n
    slots in shared memory, ahead of its use. That goes for loads of inputs, without a mask, that are operands of
    products and nothing else, directly or transposed, and whose subscripts follow from the loop's variable
    alone.

    - Where the target has `wgmma`, bulk copies and register budgets, and all products fit, the kernel becomes
      warp-specialised: a role of one warpgroup brings the operands by bulk copies, one of the kernel's warps
      runs the rest. Products that only add to sums stay in flight for an iteration; others are waited for where
      their results are used. Loops around are loops of both roles. Results leave by bulk stores where there is
      room for them.
    - Else `tile.copy_async` brings them n - 1 iterations ahead.

    A kernel with `tile.persistent` that becomes warp-specialised goes through program instances in a loop of
    both roles, and has `tile.resident` then.

    A loop that cannot be done the first way on a target that has it, or neither way, gets a warning that says why.
    The attributes are gone afterwards.

    Before:
    ```mlir
    scf.for %k = %c0 to %K step %c32 iter_args(%acc = %zero) -> (tensor<128x128xf32>) : i32 {
      %depth = tile.range %k : tensor<32xi32>
      %x = tile.load %a[%rows, %depth] : ...
      %y = tile.load %b[%depth, %columns] : ...
      %sum = tile.dot %x, %y, %acc : tensor<128x32xbf16>, tensor<32x128xbf16>, tensor<128x128xf32>
      scf.yield %sum : tensor<128x128xf32>
    } {tile.pipelined = 3 : i64}
    ```
    After, for sm_80:
    ```mlir
    %ring = tile.alloc_shared : !tile.buffer<3x128x32xbf16, 128>
    ... // copies of the first two iterations, a group each
    scf.for %k = %c0 to %K step %c32 iter_args(%acc = %zero, %i = %c0) -> (tensor<128x128xf32>, i32) : i32 {
      tile.wait 1
      tile.copy_async %a[%rows, %depth_2], %later : ... // slot %i + 2 of %ring
      ...
      tile.commit
      %x = tile.buffer_load %slot : !tile.buffer<128x32xbf16, 128> -> tensor<128x32xbf16>
      ...
    }
    tile.wait 0
    ```
  }];
  let statistics = [
    Statistic<"numSpecialised", "specialised", "Kernels that were divided into roles">,
    Statistic<"numRings", "rings", "Loops with rings of asynchronous copies">
  ];
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
}

def WarpgroupProducts : Pass<"tile-warpgroup-products", "::lighthouse::tile::KernelOp"> {
  let summary = "Make products asynchronous ones, which four warps make together";
  let description = [{
    Where the target has `wgmma`, a product of 16-bit floats becomes a `tile.dot_async` and a wait for it. What
    lies in a swizzled buffer is read there; other right operands, and left ones that do not follow from a
    product, are stored to buffers of their own, before a loop that does not change them or before the product.
    Where a loop does nothing but add its product to a sum the wait is in the next iteration, behind the loads
    of that.

    That goes for products that
    - have 64 rows for each four warps of the kernel, or a multiple, a multiple of 8 columns, of 16 elements to
      sum, 2^15 multiplications or more of each warp, and at most 128 sums in a thread;
    - stand in loops or the kernel itself, not in a branch;
    - have operands of which threads store 8 bytes or more at a time, and for which there is shared memory left
      beside the kernel's buffers and one conversion of the largest tile.

    Kernels with roles or asynchronous products have a schedule already, and where a kernel votes warps may go
    different ways: they stay as they are. What is left becomes `mma.sync`.

    Before:
    ```mlir
    scf.for %k = %c0 to %K step %c64 iter_args(%acc = %zero) -> (tensor<128x128xf32>) : i32 {
      %x = tile.load %a[%rows, %depth] : ...
      %y = tile.load %b[%depth, %columns] : ...
      %sum = tile.dot %x, %y, %acc : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
      scf.yield %sum : tensor<128x128xf32>
    }
    ```
    After:
    ```mlir
    %left = tile.alloc_shared : !tile.buffer<128x64xbf16, 128>
    %right = tile.alloc_shared : !tile.buffer<64x128xbf16, 128>
    %sums = scf.for %k = %c0 to %K step %c64 iter_args(%acc = %zero) -> (tensor<128x128xf32>) : i32 {
      %x = tile.load %a[%rows, %depth] : ...
      %y = tile.load %b[%depth, %columns] : ...
      tile.dot_wait 0
      tile.barrier
      tile.buffer_store %x, %left {unordered} : ...
      tile.buffer_store %y, %right {unordered} : ...
      tile.barrier
      %sum = tile.dot_async %left, %right, %acc : ...
      scf.yield %sum : tensor<128x128xf32>
    }
    %result = tile.dot_wait 0, %sums : tensor<128x128xf32>
    ```
  }];
  let statistics = [Statistic<"numProducts", "products", "Products that became asynchronous">];
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
}

def CheckBarriers : Pass<"tile-check-barriers", "::lighthouse::tile::KernelOp"> {
  let summary = "Refuse waits at barriers that have no end";
  let description = [{
    Runs the roles of a kernel as far as its barriers are concerned and reports what hangs, by the
    constraints of `BarrierCheck.h`. It changes nothing. The front end asks the same of a specification;
    here the roles that other passes have made are there, too.

    This is refused, as nothing arrives at the barrier:
    ```mlir
    %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
    tile.roles {
      tile.role "consumer" warps 4 {
      ^bb0(%instance: i32):
        tile.mbarrier_wait %full[%c0] : !tile.mbarrier<1>
      }
    }
    ```
    and this is not, as a bulk copy is an arrival:
    ```mlir
    tile.roles {
      tile.role "producer" warps 4 {
      ^bb0(%instance: i32):
        tile.copy_bulk %x[%i], %buffer, %full[%c0] : ...
      }
      tile.role "consumer" warps 4 {
      ^bb0(%instance: i32):
        tile.mbarrier_wait %full[%c0] : !tile.mbarrier<1>
      }
    }
    ```
  }];
}

def ProveInBounds : Pass<"tile-prove-in-bounds", "::lighthouse::tile::KernelOp"> {
  let summary = "Mark accesses whose coordinates cannot leave the tensor";
  let description = [{
    Integer range analysis, with what is known of divisors: a start that is a multiple of 64 below
    1000 is at most 960. Of a run-time dim that is a multiple of a tile (`tile.divisors`, see
    `lighthouse-specialize-kernels`) those tiles are inside into which the grid or a loop divides it.
    Accesses get `in_bounds` for the dims along which no coordinate can be outside.

    Before:
    ```mlir
    %p = tile.program_id 0
    %start = arith.muli %p, %c64 : i32
    %i = tile.range %start : tensor<64xi32>
    %v = tile.load %x[%i] : (!tile.view<[1024], f32>, tensor<64xi32>) -> tensor<64xf32>
    ```
    After, with a grid of 16:
    ```mlir
    %v = tile.load %x[%i] {in_bounds = array<i1: true>} : (!tile.view<[1024], f32>, tensor<64xi32>) -> tensor<64xf32>
    ```
  }];
  let statistics = [Statistic<"numProven", "proven", "Dims of accesses proven to be in bounds">];
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
}

def AssignLayouts : Pass<"tile-assign-layouts", "::lighthouse::tile::KernelOp"> {
  let summary = "Choose which thread of a GPU holds which elements of every tile";
  let description = [{
    Every tile gets a `#tile.layout`. Large loads are given coalesced accesses of up to 16 bytes, those
    that meet element by element one layout, products the fragments of `mma.sync` (or blocks of 4 by 4
    where the tensor cores do not apply), scans neighbours in one thread; what is computed from these
    stays where they are. Ranges, constants, broadcasts, reads of shared memory and loads of few
    elements are made again in every layout in which they are used. Where a value is needed in another
    layout than its own, a `tile.convert_layout` is inserted.

    Before:
    ```mlir
    %v = tile.load %x[%i] : (!tile.view<["N"], f32>, tensor<1024xi32>) -> tensor<1024xf32>
    %y = arith.mulf %v, %c2 : tensor<1024xf32>
    ```
    After:
    ```mlir
    #layout = #tile.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>
    %v = tile.load %x[%i] : (!tile.view<["N"], f32>, tensor<1024xi32, #layout>) -> tensor<1024xf32, #layout>
    %y = arith.mulf %v, %c2 : tensor<1024xf32, #layout>
    ```
  }];
  let statistics = [Statistic<"numConversions", "conversions", "Changes of layout inserted">];
  let dependentDialects = ["::lighthouse::tile::TileDialect"];
}

def TileToNVVM : Pass<"tile-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Lower tile kernels with layouts to one GPU thread's program";
  let description = [{
    Each `tile.kernel` becomes an `llvm.func` with the calling convention of CUDA kernels (see the
    runtime's README). A tile becomes one scalar per register of a thread:

    - loads and stores take as many neighbours as layout and alignment allow, up to 16 bytes;
      bounds and masks become predicates;
    - a change of layout renames registers, shuffles lanes, or goes through padded shared memory;
      16-bit elements on their way to fragments are stored as they lie and read by `ldmatrix`;
    - reductions combine registers, then lanes by shuffles, then warps through shared memory;
    - products are `mma.sync` for f16, bf16 and tf32, with `ldmatrix` where an operand lies in a
      buffer, else loops of fused multiply-adds over shared memory;
    - asynchronous copies are `cp.async`; bytes outside of a tensor are zero-filled;
    - atomic combinations whose old value nobody needs are `red`, of two or four neighbouring f32 at
      once where the target has that; what PTX has no `red` for is left to LLVM.

    Buffers and scratch memory that are not in use at the same time share addresses. The target limits
    what a block may have.

    Before:
    ```mlir
    %v = tile.load %x[%i] {in_bounds = array<i1: true>}
        : (!tile.view<[4096], f32>, tensor<512xi32, #layout>) -> tensor<512xf32, #layout>
    ```
    After:
    ```mlir
    %p = llvm.getelementptr %x[%offset] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, f32
    %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def ExpandForNVVM : Pass<"expand-for-nvvm", "::mlir::ModuleOp"> {
  let summary = "Expand what neither PTX nor LLVM has an instruction for";
  let description = [{
    Rounding integer divisions, and exponentials and logarithms of f32 as upstream's polynomials:
    a GPU program cannot call a library.

    Before:
    ```mlir
    %q = arith.ceildivsi %a, %b : i32
    ```
    After: a division, a remainder and comparisons.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def ApproximateMath : Pass<"approximate-math", "::mlir::func::FuncOp"> {
  let summary = "Replace functions of the C library by polynomials";
  let description = [{
    Applies upstream's polynomial approximations of `math` ops on f32 and vectors of it, for which
    upstream has patterns but no pass. Code for the host must not call a library.

    Before:
    ```mlir
    %y = math.exp %x : vector<8xf32>
    ```
    After: range reduction and a polynomial in `arith` and `math.fma`.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"
  ];
}

def ExpandFloats : Pass<"expand-floats", "::mlir::func::FuncOp"> {
  let summary = "Expand float operations that x86-64 has no instructions for";
  let description = [{
    What LLVM would call a library for and no upstream pass expands:

    - conversions between f64 and 16-bit floats go by way of f32. A narrowing one is rounded once
      only: the f32 in between is rounded to odd, so that its last bit says whether anything was
      lost;
    - fused multiply-adds of 16-bit floats are done in f32.

    Before:
    ```mlir
    %y = arith.truncf %x : vector<8xf64> to vector<8xbf16>
    ```
    After: the nearest f32, moved towards zero if it is too large, its last bit set if it is not
    exact, and
    ```mlir
    %y = arith.truncf %odd : vector<8xf32> to vector<8xbf16>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def BFloatToBits : Pass<"bfloat-to-bits", "::mlir::ModuleOp"> {
  let summary = "Hold bf16 values as 16-bit integers";
  let description = [{
    Once arithmetic on bf16 is expanded, values of that type are only moved. LLVM's code for moving
    vectors of bf16 on processors without bf16 instructions calls a library; that for integers does
    not.

    Before:
    ```mlir
    %v = llvm.load %p : !llvm.ptr -> vector<16xbf16>
    %b = llvm.bitcast %v : vector<16xbf16> to vector<16xi16>
    ```
    After:
    ```mlir
    %b = llvm.load %p : !llvm.ptr -> vector<16xi16>
    ```
  }];
}

#endif
