//===- HostPipeline.cpp - from tile kernels to the LLVM dialect -----------------------------------===//

#include "lighthouse/Conversion/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_APPROXIMATEMATH
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;

namespace {

struct ApproximateMathPass : lighthouse::impl::ApproximateMathBase<ApproximateMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void lighthouse::buildTileToHostPipeline(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createTileToHost());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void lighthouse::buildHostToLLVMPipeline(OpPassManager &pm) {
  // Functions of the C library are out of reach for a host image: expand them into arithmetic.
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createExpandFloats());
  // Arithmetic on 16-bit floats is done in f32; only conversions are left, in hardware or integers.
  math::MathExtendToSupportedTypesOptions extendMath;
  function.addPass(math::createMathExtendToSupportedTypes(extendMath));
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16", "f16"};
  emulate.targetTypeStr = "f32";
  function.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  math::MathExpandOpsPassOptions expand;
  expand.opMnemonics = {"exp2", "rsqrt"};
  function.addPass(math::createMathExpandOpsPass(expand));
  function.addPass(createApproximateMath());
  // The address of a slot of a shared buffer, which the first of these makes affine.
  function.addPass(memref::createExpandStridedMetadataPass());
  function.addPass(createLowerAffinePass());
  arith::ArithExpandOpsPassOptions expandArith;
  expandArith.includeBf16 = true;
  function.addPass(arith::createArithExpandOpsPass(expandArith));
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createBFloatToBits());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void lighthouse::registerHostPipelines() {
  PassPipelineRegistration<>("tile-to-host-pipeline",
                             "Tile kernels to loops over vectors for the host",
                             buildTileToHostPipeline);
  PassPipelineRegistration<>("host-to-llvm-pipeline",
                             "Loops over vectors for the host to the LLVM dialect",
                             buildHostToLLVMPipeline);
}
