//===- Passes.td - conversions between dialects ----------------------------------------------------===//
#ifndef LIGHTHOUSE_CONVERSION_PASSES
#define LIGHTHOUSE_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def TileToHost : Pass<"tile-to-host", "::mlir::ModuleOp"> {
  let summary = "Lower tile kernels to loops over vectors for the CPU";
  let description = [{
    Each `tile.kernel` becomes a `func.func` with the host calling convention (see the runtime's
    README): it runs the program instances `begin .. end - 1`, one after the other. Tiles become
    stack buffers and vectors of `vector-bits`:

    - an elementwise value with one use, and a load with one use, is computed where it is used
      (fused into the consumer's loop nest); values that depend on scalars alone are recomputed at
      every use;
    - reductions, scans and dots are loop nests of their own, a dot keeps a block of accumulators in
      registers and packs a transposed right operand;
    - a loop-carried tile is updated in place where no one needs its old value any more;
    - bounds checks and masks that do not depend on the innermost coordinate become branches around
      whole rows, the others masked vector accesses.

    The buffers of a kernel may take `stack-limit` bytes: the 4 MiB of the calling convention less
    64 KiB for what the code generator adds.

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
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "Width of the vector registers in bits">,
    Option<"stackLimit", "stack-limit", "unsigned", "4128768",
           "Most stack bytes that the tiles of a kernel may take">
  ];
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
