//===- LLVMModule.cpp - from MLIR by way of LLVM to the text or bytes of a target -------------===//

#include "LLVMModule.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

/// That there is no library to call.
static TargetLibraryInfoImpl noLibrary(const TargetMachine &machine) {
  TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  return library;
}

Expected<std::unique_ptr<Module>> lighthouse::translateToLLVM(mlir::ModuleOp op,
                                                              LLVMContext &context,
                                                              TargetMachine &machine) {
  mlir::registerBuiltinDialectTranslation(*op->getContext());
  mlir::registerLLVMDialectTranslation(*op->getContext());
  std::unique_ptr<Module> module = mlir::translateModuleToLLVMIR(op, context, "lighthouse");
  if (!module)
    return createStringError("the module cannot be translated to LLVM IR");
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  return module;
}

Error lighthouse::optimise(Module &module, TargetMachine &machine) {
  std::string problems;
  raw_string_ostream stream(problems);
  if (verifyModule(module, &stream))
    return createStringError("invalid LLVM IR: " + problems);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  functions.registerPass([&] { return TargetLibraryAnalysis(noLibrary(machine)); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
  return Error::success();
}

Expected<std::string> lighthouse::emitFile(Module &module, TargetMachine &machine,
                                           CodeGenFileType type) {
  SmallString<0> buffer;
  raw_svector_ostream stream(buffer);
  legacy::PassManager passes;
  passes.add(new TargetLibraryInfoWrapperPass(noLibrary(machine)));
  // Code generation changes the module, which may be needed again.
  std::unique_ptr<Module> copy = CloneModule(module);
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("the target cannot emit this kind of file");
  passes.run(*copy);
  return std::string(buffer.begin(), buffer.end());
}
