//===- Cuda.h - PTX for NVIDIA GPUs -----------------------------------------------------*- C++ -*-===//
//
// From a module of kernels in the LLVM dialect (`tile-to-nvvm`) to PTX, which the driver makes into
// machine code.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TARGET_CUDA_H
#define LIGHTHOUSE_TARGET_CUDA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
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

/// An architecture that code can be made for. Limits are those of the CUDA programming guide,
/// "Technical Specifications per Compute Capability".
struct CudaArch {
  llvm::StringLiteral name;   ///< "sm_90a"
  unsigned ptxVersion;        ///< The lowest PTX version that serves, as 80 for 8.0.
  unsigned sharedBytes;       ///< Most shared memory of a block.
  bool vectorAtomics;         ///< Whether `red` takes vectors of f32.
};

/// All of them, oldest first.
llvm::ArrayRef<CudaArch> cudaArchs();

/// The architecture of that name; null if there is none.
const CudaArch *findCudaArch(llvm::StringRef name);

/// What a launch needs to know of a kernel.
struct CudaKernel {
  std::string name;
  int64_t threads;     ///< Threads of a block.
  int64_t sharedBytes; ///< Dynamic shared memory of a block.
};

/// The kernels of an LLVM module.
std::vector<CudaKernel> cudaKernels(const llvm::Module &module);

/// LLVM IR of `module`, optimised for `arch`. Fails if the module cannot be translated.
llvm::Expected<std::unique_ptr<llvm::Module>>
emitCudaLLVM(mlir::ModuleOp module, llvm::LLVMContext &context, const CudaArch &arch);

/// PTX of an optimised module.
llvm::Expected<std::string> emitPtx(llvm::Module &module, const CudaArch &arch);

} // namespace lighthouse

#endif // LIGHTHOUSE_TARGET_CUDA_H
