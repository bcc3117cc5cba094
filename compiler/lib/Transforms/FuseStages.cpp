//===- FuseStages.cpp - fuse stages that read the same tensors --------------------------------===//

#include "lighthouse/Transforms/Passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace lighthouse {
#define GEN_PASS_DEF_FUSESTAGESPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// pool and the norm_score of its pyramid become a pool_score in the place of the pool.
struct FusePoolAndScore : OpRewritePattern<lh::NormScoreOp> {
  FusePoolAndScore(MLIRContext *context, Pass::Statistic &numFused)
      : OpRewritePattern(context), numFused(numFused) {}

  LogicalResult matchAndRewrite(lh::NormScoreOp score, PatternRewriter &rewriter) const override {
    auto pool = score.getPyramid().getDefiningOp<lh::PoolOp>();
    if (!pool)
      return rewriter.notifyMatchFailure(score, "the pyramid is not the result of a pool");
    rewriter.setInsertionPoint(pool);
    auto fused = lh::PoolScoreOp::create(rewriter, pool.getLoc(), pool.getPyramid().getType(),
                                         score.getType(), pool.getQ(), pool.getK(), pool.getV(),
                                         pool.getLevels(), pool.getFactor());
    rewriter.replaceOp(pool, fused.getPyramid());
    rewriter.replaceOp(score, fused.getScores());
    ++numFused;
    return success();
  }

private:
  Pass::Statistic &numFused;
};

/// scatter_backward and the attend_delta of its result become a scatter_backward_delta.
struct FuseScatterBackwardAndDelta : OpRewritePattern<lh::AttendDeltaOp> {
  FuseScatterBackwardAndDelta(MLIRContext *context, Pass::Statistic &numFused)
      : OpRewritePattern(context), numFused(numFused) {}

  LogicalResult matchAndRewrite(lh::AttendDeltaOp delta, PatternRewriter &rewriter) const override {
    auto scatter = delta.getDO().getDefiningOp<lh::ScatterBackwardOp>();
    if (!scatter)
      return rewriter.notifyMatchFailure(delta, "the cotangent is not that of a scatter");
    Operation *output = delta.getO().getDefiningOp();
    if (output && output->getBlock() == scatter->getBlock() && !output->isBeforeInBlock(scatter))
      return rewriter.notifyMatchFailure(delta, "the output is not there where the scatter is");
    rewriter.setInsertionPoint(scatter);
    auto fused = lh::ScatterBackwardDeltaOp::create(rewriter, scatter.getLoc(),
                                                    scatter.getDResult(), delta.getO(),
                                                    scatter.getSelection());
    rewriter.replaceOp(scatter, fused.getDSource());
    rewriter.replaceOp(delta, fused.getDelta());
    ++numFused;
    return success();
  }

private:
  Pass::Statistic &numFused;
};

struct FuseStagesPass : lighthouse::impl::FuseStagesPassBase<FuseStagesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FusePoolAndScore, FuseScatterBackwardAndDelta>(&getContext(), numFused);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
