//===- LLVMModule.cpp - from MLIR by way of LLVM to the text or bytes of a target -------------===//

#include "LLVMModule.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <mutex>

using namespace llvm;

void lighthouse::initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

namespace {

/// Keeps the errors that LLVM reports to a context. Without a handler it would print them and exit.
class ErrorHandler : public DiagnosticHandler {
public:
  explicit ErrorHandler(std::string &errors) : errors(errors) {}

  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() == DS_Error) {
      raw_string_ostream stream(errors);
      DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
      stream << "\n";
    }
    return true;
  }

private:
  std::string &errors;
};

/// Collects the errors of a context as long as it lives.
class CollectedErrors {
public:
  explicit CollectedErrors(LLVMContext &context)
      : context(context), previous(context.getDiagnosticHandler()) {
    context.setDiagnosticHandler(std::make_unique<ErrorHandler>(text));
  }
  ~CollectedErrors() { context.setDiagnosticHandler(std::move(previous)); }

  Error take() const {
    return text.empty() ? Error::success() : createStringError(StringRef(text).trim());
  }

private:
  LLVMContext &context;
  std::unique_ptr<DiagnosticHandler> previous;
  std::string text;
};

} // namespace

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
  mlir::registerNVVMDialectTranslation(*op->getContext());
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
  CollectedErrors errors(module.getContext());
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
  return errors.take();
}

Expected<std::string> lighthouse::emitFile(Module &module, TargetMachine &machine,
                                           CodeGenFileType type) {
  CollectedErrors errors(module.getContext());
  SmallString<0> buffer;
  raw_svector_ostream stream(buffer);
  legacy::PassManager passes;
  passes.add(new TargetLibraryInfoWrapperPass(noLibrary(machine)));
  // Code generation changes the module, which may be needed again.
  std::unique_ptr<Module> copy = CloneModule(module);
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("the target cannot emit this kind of file");
  passes.run(*copy);
  if (Error error = errors.take())
    return error;
  return std::string(buffer.begin(), buffer.end());
}
