//===- KernelCompilation.h - From kernels to code -----------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_KERNELCOMPILATION_H
#define LIGHTHOUSE_LIB_PIPELINES_KERNELCOMPILATION_H

#include "PassRunner.h"

#include "lighthouse/Dialect/Tile/IR/Target.h"
#include "lighthouse/Target/Cuda.h"
#include "lighthouse/Target/Host.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace lighthouse {

/// The code of one kernel, and what a launch needs to know of it; see `runtime::KernelSpec`.
struct KernelCode {
  std::shared_ptr<const runtime::CodeImage> image;
  int64_t entry = 0, stackBytes = 0;
  int64_t threads = 0, sharedBytes = 0, cluster = 0;
  bool isResident = false;
};

/// Takes the kernels of a module, one or several, through the phases from `Tile` to code.
class KernelCompilation {
public:
  /// `module` says what it is for.
  KernelCompilation(PassRunner &passes, mlir::ModuleOp module)
      : passes(passes), module(module), target(*tile::targetOf(module)) {}

  /// Runs `phase`; those before it have run.
  mlir::LogicalResult run(Phase phase);

  /// What `phase` made, the last one that ran: text, or the bytes of `Obj`.
  std::string print(Phase phase) const;

  /// After the last phase of a module with one kernel.
  mlir::FailureOr<KernelCode> takeCode();

private:
  mlir::LogicalResult checkConversions();
  mlir::LogicalResult emitCode(Phase phase);

  PassRunner &passes;
  mlir::ModuleOp module;
  const tile::TargetInfo &target;
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule;
  std::string assembly; ///< Or PTX.
  std::string object;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_KERNELCOMPILATION_H
