//===- LLVMModule.h - from MLIR by way of LLVM to the text or bytes of a target ---------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H
#define LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace lighthouse {

/// Registers the code generators, of the host and of GPUs together: LLVM's list of them may not be
/// changed while another thread looks into it.
void initialiseTargets();

/// The LLVM module of `op`, which is in MLIR's llvm dialect, for `machine`.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVM(mlir::ModuleOp op, llvm::LLVMContext &context, llvm::TargetMachine &machine);

/// Verifies the module and runs the default pipeline of level 3. There is no library to call in our
/// images.
llvm::Error optimise(llvm::Module &module, llvm::TargetMachine &machine);

/// The module as assembly or an object. The module stays as it is.
llvm::Expected<std::string> emitFile(llvm::Module &module, llvm::TargetMachine &machine,
                                     llvm::CodeGenFileType type);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H
