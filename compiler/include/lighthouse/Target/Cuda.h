//===- Cuda.h - PTX for NVIDIA GPUs -----------------------------------------------------*- C++ -*-===//
//
// From a module of kernels in the LLVM dialect (`tile-to-nvvm`) to PTX, which the driver makes into
// machine code.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TARGET_CUDA_H
#define LIGHTHOUSE_TARGET_CUDA_H

#include "lighthouse/Dialect/Tile/IR/Target.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lighthouse {

/// What a launch needs to know of a kernel.
struct CudaKernel {
  std::string name;
  int64_t threads;     ///< Threads of a block.
  int64_t sharedBytes; ///< Dynamic shared memory of a block.
  bool isResident;     ///< Blocks go through program instances by themselves.
};

/// The kernels of an LLVM module.
std::vector<CudaKernel> cudaKernels(const llvm::Module &module);

/// LLVM IR of `module`, optimised for `target`, an architecture. Fails if the module cannot be
/// translated.
llvm::Expected<std::unique_ptr<llvm::Module>>
emitCudaLLVM(mlir::ModuleOp module, llvm::LLVMContext &context, const tile::TargetInfo &target);

/// PTX of an optimised module.
llvm::Expected<std::string> emitPtx(llvm::Module &module, const tile::TargetInfo &target);

} // namespace lighthouse

#endif // LIGHTHOUSE_TARGET_CUDA_H
