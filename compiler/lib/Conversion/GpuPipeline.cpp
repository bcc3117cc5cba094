//===- GpuPipeline.cpp - from tile kernels to the LLVM dialect for a GPU ----------------------===//

#include "lighthouse/Conversion/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_EXPANDFORNVVM
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

struct ExpandForNVVMPass : lighthouse::impl::ExpandForNVVMBase<ExpandForNVVMPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    populateMathPolynomialApproximationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void lighthouse::buildTileSchedulePipeline(OpPassManager &pm) {
  OpPassManager &kernel = pm.nest<tile::KernelOp>();
  kernel.addPass(createCanonicalizerPass());
  kernel.addPass(createCSEPass());
  kernel.addPass(createPipelineLoops());
  kernel.addPass(createCanonicalizerPass());
  kernel.addPass(createCSEPass());
  kernel.addPass(createWarpgroupProducts());
  kernel.addPass(createCheckBarriers());
}

void lighthouse::buildTileLayoutPipeline(OpPassManager &pm) {
  buildTileSchedulePipeline(pm);
  OpPassManager &kernel = pm.nest<tile::KernelOp>();
  kernel.addPass(createProveInBounds());
  kernel.addPass(createAssignLayouts());
  kernel.addPass(createCSEPass());
  kernel.addPass(createLoopInvariantCodeMotionPass());
}

void lighthouse::buildTileToNVVMPipeline(OpPassManager &pm) {
  pm.addPass(createTileToNVVM());
  pm.addPass(createCSEPass());
  pm.addPass(createExpandForNVVM());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCSEPass());
}

void lighthouse::registerGpuPipelines() {
  PassPipelineRegistration<>("tile-schedule-pipeline", "Tile kernels to tile kernels with a schedule",
                             buildTileSchedulePipeline);
  PassPipelineRegistration<>("tile-layout-pipeline", "Tile kernels to tiles with layouts",
                             buildTileLayoutPipeline);
  PassPipelineRegistration<>("tile-to-nvvm-pipeline",
                             "Tile kernels with layouts to the LLVM dialect for a GPU",
                             buildTileToNVVMPipeline);
}
