//===- KernelCompilation.cpp - From kernels to code -------------------------------------------===//

#include "KernelCompilation.h"

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lighthouse;

LogicalResult KernelCompilation::run(Phase phase) {
  switch (phase) {
  case Phase::Tile:
    return passes.run(
        module,
        [](OpPassManager &pm) {
          pm.addPass(createCanonicalizerPass());
          pm.addPass(createCSEPass());
        },
        /*mayBlameRequest=*/false);
  case Phase::Host:
    if (failed(checkConversions()))
      return failure();
    return passes.run(
        module, [](OpPassManager &pm) { buildTileToHostPipeline(pm); },
        /*mayBlameRequest=*/true);
  case Phase::Layouts:
    return passes.run(
        module, [](OpPassManager &pm) { buildTileLayoutPipeline(pm); },
        /*mayBlameRequest=*/true);
  case Phase::LLVMDialect:
    return passes.run(
        module,
        [&](OpPassManager &pm) {
          target.isCuda() ? buildTileToNVVMPipeline(pm) : buildHostToLLVMPipeline(pm);
        },
        /*mayBlameRequest=*/target.isCuda());
  case Phase::LLVM:
  case Phase::Asm:
  case Phase::Obj:
  case Phase::Ptx:
    return emitCode(phase);
  default:
    llvm_unreachable("no phase of kernels");
  }
}

LogicalResult KernelCompilation::checkConversions() {
  if (target.halfConversions)
    return success();
  auto isHalf = [](Type type) { return getElementTypeOrSelf(type).isF16(); };
  WalkResult walked = module->walk([&](Operation *op) {
    if (llvm::none_of(op->getResultTypes(), isHalf) && llvm::none_of(op->getOperandTypes(), isHalf))
      return WalkResult::advance();
    emitError(op->getLoc(), "f16 needs x86-64-v3: " + target.name + " has no conversions of it");
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult KernelCompilation::emitCode(Phase phase) {
  auto check = [&](auto &&expected, auto &slot) -> LogicalResult {
    if (!expected)
      return passes.fail(llvm::toString(expected.takeError()));
    slot = std::move(*expected);
    return success();
  };
  if (phase == Phase::LLVM)
    return check(target.isCuda() ? emitCudaLLVM(module, llvmContext, target)
                                 : emitHostLLVM(module, llvmContext, target),
                 llvmModule);
  if (phase == Phase::Ptx)
    return check(lighthouse::emitPtx(*llvmModule, target), assembly);
  if (phase == Phase::Asm)
    return check(emitHostAssembly(*llvmModule, target), assembly);
  return check(emitHostObject(*llvmModule, target), object);
}

std::string KernelCompilation::print(Phase phase) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  switch (phase) {
  case Phase::LLVM:
    llvmModule->print(out, nullptr);
    break;
  case Phase::Asm:
  case Phase::Ptx:
    return assembly;
  case Phase::Obj:
    return object;
  default:
    mlir::ModuleOp(module)->print(out);
    out << "\n";
  }
  return text;
}

FailureOr<KernelCode> KernelCompilation::takeCode() {
  KernelCode code;
  if (target.isCuda()) {
    std::vector<CudaKernel> made = cudaKernels(*llvmModule);
    if (made.size() != 1)
      return passes.fail("the code has " + llvm::Twine(made.size()) + " kernels instead of one");
    code.threads = made.front().threads;
    code.sharedBytes = made.front().sharedBytes;
    code.cluster = 1;
    code.isResident = made.front().isResident;
    code.image = std::make_shared<const runtime::CodeImage>(runtime::CodeImage{
        runtime::CodeImage::Kind::Ptx, {assembly.begin(), assembly.end()}, /*textBytes=*/0});
    return code;
  }
  llvm::Expected<HostImage> image = linkHostImage(object);
  if (!image)
    return passes.fail(llvm::toString(image.takeError()));
  if (image->kernels.size() != 1)
    return passes.fail("the image has " + llvm::Twine(image->kernels.size()) +
                       " kernels instead of one");
  code.entry = int64_t(image->kernels.front().entry);
  code.stackBytes = int64_t(image->kernels.front().stackBytes);
  code.image = std::make_shared<const runtime::CodeImage>(
      runtime::CodeImage{runtime::CodeImage::Kind::Native,
                         {image->bytes.begin(), image->bytes.end()},
                         image->textBytes});
  return code;
}
