//===- HostCode.cpp - LLVM IR, assembly and objects for the host ------------------------------===//

#include "lighthouse/Target/Host.h"

#include "LLVMModule.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace lighthouse;

ArrayRef<StringRef> lighthouse::hostLevels() {
  static constexpr StringRef levels[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
  return levels;
}

static Expected<std::unique_ptr<TargetMachine>> makeTargetMachine(StringRef level) {
  if (!is_contained(hostLevels(), level))
    return createStringError("unknown processor level '" + level +
                             "'; the levels are x86-64-v2, x86-64-v3 and x86-64-v4");
  initialiseTargets();
  Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  TargetOptions options;
  options.EmitStackSizeSection = true;
  return std::unique_ptr<TargetMachine>(
      target->createTargetMachine(triple, level, /*Features=*/"", options, Reloc::PIC_,
                                  CodeModel::Small, CodeGenOptLevel::Aggressive));
}

/// Marks what holds for every kernel. An image has no imports, so nothing may become a library
/// call.
static void prepareFunctions(Module &module, StringRef level) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", level);
    function.addFnAttr("no-builtins");
    if (level == "x86-64-v4")
      function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr(Attribute::NoUnwind);
    function.setDSOLocal(true);
    // The runtime's words and the grid are not written while a kernel runs.
    for (unsigned i = 0; i < std::min<size_t>(2, function.arg_size()); ++i)
      if (function.getArg(i)->getType()->isPointerTy()) {
        function.addParamAttr(i, Attribute::NoAlias);
        function.addParamAttr(i, Attribute::ReadOnly);
      }
  }
}

/// Without the instruction, the single rounding of a fused multiply-add takes a library call: two
/// roundings must do.
static void splitFusedMultiplyAdds(Module &module) {
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<IntrinsicInst>(&instruction);
          call && call->getIntrinsicID() == Intrinsic::fma)
        call->setCalledFunction(Intrinsic::getOrInsertDeclaration(&module, Intrinsic::fmuladd,
                                                                  call->getType()));
}

Expected<std::unique_ptr<Module>> lighthouse::emitHostLLVM(mlir::ModuleOp op, LLVMContext &context,
                                                           StringRef level) {
  auto machine = makeTargetMachine(level);
  if (!machine)
    return machine.takeError();
  auto translated = translateToLLVM(op, context, **machine);
  if (!translated)
    return translated.takeError();
  std::unique_ptr<Module> module = std::move(*translated);
  module->setPICLevel(PICLevel::BigPIC);
  prepareFunctions(*module, level);
  if (level == "x86-64-v2")
    splitFusedMultiplyAdds(*module);
  if (Error error = optimise(*module, **machine))
    return error;
  return module;
}

static Expected<std::string> emit(Module &module, StringRef level, CodeGenFileType type) {
  auto machine = makeTargetMachine(level);
  return machine ? emitFile(module, **machine, type) : machine.takeError();
}

Expected<std::string> lighthouse::emitHostAssembly(Module &module, StringRef level) {
  return emit(module, level, CodeGenFileType::AssemblyFile);
}

Expected<std::string> lighthouse::emitHostObject(Module &module, StringRef level) {
  return emit(module, level, CodeGenFileType::ObjectFile);
}
