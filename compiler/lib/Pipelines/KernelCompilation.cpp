//===- KernelCompilation.cpp - From kernels to code -------------------------------------------===//

#include "KernelCompilation.h"

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lighthouse;

static unsigned vectorBits(StringRef level) {
  return level == "x86-64-v4" ? 512 : level == "x86-64-v3" ? 256 : 128;
}

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
    if (failed(checkLevel()))
      return failure();
    return passes.run(
        module,
        [&](OpPassManager &pm) {
          HostPipelineOptions host;
          host.vectorBits = vectorBits(request.level);
          buildTileToHostPipeline(pm, host);
        },
        /*mayBlameRequest=*/true);
  case Phase::Layouts:
    return passes.run(
        module, [](OpPassManager &pm) { buildTileLayoutPipeline(pm); },
        /*mayBlameRequest=*/false);
  case Phase::LLVMDialect:
    return passes.run(
        module,
        [&](OpPassManager &pm) {
          if (!arch)
            return buildHostToLLVMPipeline(pm);
          GpuPipelineOptions gpu;
          gpu.sharedLimit = arch->sharedBytes;
          gpu.vectorAtomics = arch->vectorAtomics;
          buildTileToNVVMPipeline(pm, gpu);
        },
        /*mayBlameRequest=*/arch != nullptr);
  case Phase::LLVM:
  case Phase::Asm:
  case Phase::Obj:
  case Phase::Ptx:
    return emitCode(phase);
  default:
    llvm_unreachable("no phase of kernels");
  }
}

LogicalResult KernelCompilation::checkLevel() {
  if (request.level != "x86-64-v2")
    return success();
  auto isHalf = [](Type type) { return getElementTypeOrSelf(type).isF16(); };
  WalkResult walked = module->walk([&](Operation *op) {
    if (llvm::none_of(op->getResultTypes(), isHalf) && llvm::none_of(op->getOperandTypes(), isHalf))
      return WalkResult::advance();
    emitError(op->getLoc(), "f16 needs x86-64-v3: x86-64-v2 has no conversions of it");
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
    return check(arch ? emitCudaLLVM(module, llvmContext, *arch)
                      : emitHostLLVM(module, llvmContext, request.level),
                 llvmModule);
  if (phase == Phase::Ptx)
    return check(lighthouse::emitPtx(*llvmModule, *arch), assembly);
  if (phase == Phase::Asm)
    return check(emitHostAssembly(*llvmModule, request.level), assembly);
  return check(emitHostObject(*llvmModule, request.level), object);
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
  if (arch) {
    std::vector<CudaKernel> made = cudaKernels(*llvmModule);
    if (made.size() != 1)
      return passes.fail("the code has " + llvm::Twine(made.size()) + " kernels instead of one");
    code.threads = made.front().threads;
    code.sharedBytes = made.front().sharedBytes;
    code.cluster = 1;
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
