//===- CudaCode.cpp - LLVM IR and PTX for NVIDIA GPUs -----------------------------------------===//

#include "lighthouse/Target/Cuda.h"

#include "LLVMModule.h"

#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace lighthouse;

static Expected<std::unique_ptr<TargetMachine>> makeTargetMachine(const tile::TargetInfo &info) {
  initialiseTargets();
  Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  TargetOptions options;
  // a * b + c is one rounding, as in CUDA C++.
  options.AllowFPOpFusion = FPOpFusion::Fast;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, info.name, "+ptx" + std::to_string(info.ptxVersion), options, std::nullopt,
      std::nullopt, CodeGenOptLevel::Aggressive));
}

static bool isKernel(const Function &function) {
  return function.getCallingConv() == CallingConv::PTX_Kernel;
}

std::vector<CudaKernel> lighthouse::cudaKernels(const Module &module) {
  std::vector<CudaKernel> kernels;
  for (const Function &function : module)
    if (isKernel(function))
      kernels.push_back({function.getName().str(),
                         int64_t(function.getFnAttributeAsParsedInteger("nvvm.maxntid")),
                         int64_t(function.getFnAttributeAsParsedInteger("lighthouse.shared")),
                         function.getFnAttributeAsParsedInteger("lighthouse.resident") != 0});
  return kernels;
}

/// Instructions that PTX calls aligned are those of a whole warp: LLVM must not move them into a branch,
/// which MLIR's op for inline assembly cannot say.
static void markConvergentAssembly(Function &function) {
  for (Instruction &instruction : instructions(function))
    if (auto *call = dyn_cast<CallInst>(&instruction))
      if (auto *assembly = dyn_cast<InlineAsm>(call->getCalledOperand());
          assembly && StringRef(assembly->getAsmString()).contains(".aligned"))
        call->setConvergent();
}

Expected<std::unique_ptr<Module>> lighthouse::emitCudaLLVM(mlir::ModuleOp op, LLVMContext &context,
                                                           const tile::TargetInfo &target) {
  auto machine = makeTargetMachine(target);
  if (!machine)
    return machine.takeError();
  auto translated = translateToLLVM(op, context, **machine);
  if (!translated)
    return translated.takeError();
  std::unique_ptr<Module> module = std::move(*translated);
  for (Function &function : *module) {
    if (!isKernel(function))
      continue;
    markConvergentAssembly(function);
    function.addFnAttr(Attribute::NoUnwind);
    // Parameters stay in constant memory.
    function.addParamAttr(0, Attribute::get(context, "nvvm.grid_constant"));
    function.addParamAttr(0, Attribute::ReadOnly);
    function.addParamAttr(0, Attribute::NoAlias);
  }
  if (Error error = optimise(*module, **machine))
    return error;
  return module;
}

Expected<std::string> lighthouse::emitPtx(Module &module, const tile::TargetInfo &target) {
  auto machine = makeTargetMachine(target);
  if (!machine)
    return machine.takeError();
  return emitFile(module, **machine, CodeGenFileType::AssemblyFile);
}
