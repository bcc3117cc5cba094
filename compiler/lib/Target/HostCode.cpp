//===- HostCode.cpp - LLVM IR, assembly and objects for the host ------------------------------===//

#include "lighthouse/Target/Host.h"

#include "LLVMModule.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace lighthouse;

static Expected<std::unique_ptr<TargetMachine>> makeTargetMachine(const tile::TargetInfo &info) {
  initialiseTargets();
  Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  TargetOptions options;
  options.EmitStackSizeSection = true;
  return std::unique_ptr<TargetMachine>(
      target->createTargetMachine(triple, info.name, /*Features=*/"", options, Reloc::PIC_,
                                  CodeModel::Small, CodeGenOptLevel::Aggressive));
}

/// Marks what holds for every kernel. An image has no imports, so nothing may become a library
/// call.
static void prepareFunctions(Module &module, const tile::TargetInfo &target) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.name);
    function.addFnAttr("no-builtins");
    // Left to itself, LLVM prefers 256 bits.
    if (target.vectorBits > 256)
      function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBits));
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
                                                           const tile::TargetInfo &target) {
  auto machine = makeTargetMachine(target);
  if (!machine)
    return machine.takeError();
  auto translated = translateToLLVM(op, context, **machine);
  if (!translated)
    return translated.takeError();
  std::unique_ptr<Module> module = std::move(*translated);
  module->setPICLevel(PICLevel::BigPIC);
  prepareFunctions(*module, target);
  if (!target.fusedMultiplyAdd)
    splitFusedMultiplyAdds(*module);
  if (Error error = optimise(*module, **machine))
    return error;
  return module;
}

static Expected<std::string> emit(Module &module, const tile::TargetInfo &target,
                                  CodeGenFileType type) {
  auto machine = makeTargetMachine(target);
  return machine ? emitFile(module, **machine, type) : machine.takeError();
}

Expected<std::string> lighthouse::emitHostAssembly(Module &module, const tile::TargetInfo &target) {
  return emit(module, target, CodeGenFileType::AssemblyFile);
}

Expected<std::string> lighthouse::emitHostObject(Module &module, const tile::TargetInfo &target) {
  return emit(module, target, CodeGenFileType::ObjectFile);
}
