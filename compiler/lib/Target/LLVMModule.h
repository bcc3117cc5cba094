//===- LLVMModule.h - from MLIR to an optimised LLVM module -----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H
#define LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace lighthouse {

/// The LLVM module of `op`, which is in MLIR's llvm dialect, for `machine`.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVM(mlir::ModuleOp op, llvm::LLVMContext &context, llvm::TargetMachine &machine);

/// Verifies the module and runs the default pipeline of level 3. There is no library to call in our
/// images.
llvm::Error optimise(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_TARGET_LLVMMODULE_H
