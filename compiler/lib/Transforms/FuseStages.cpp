//===- FuseStages.cpp - fuse stages that read the same tensors --------------------------------===//

#include "lighthouse/Transforms/Passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace lighthouse {
#define GEN_PASS_DEF_FUSESTAGESPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// The fusions. No fused stage is part of another one, so that one walk in order does it all, and
/// the greedy driver, which costs more than the rest of a plan's fusion, is not needed.
class Fuser {
public:
  explicit Fuser(MLIRContext *context) : rewriter(context) {}

  void run(Block &block);

  int64_t numFused = 0;

private:
  void fuse(lh::NormScoreOp score);
  void fuse(lh::AttendDeltaOp delta);

  IRRewriter rewriter;
};

/// pool and the norm_score of its pyramid become a pool_score in the place of the pool.
void Fuser::fuse(lh::NormScoreOp score) {
  auto pool = score.getPyramid().getDefiningOp<lh::PoolOp>();
  if (!pool) {
    // A second score of the pyramid is the value that pool_score has.
    if (SmallVector<Value> folded; succeeded(rewriter.tryFold(score, folded)))
      rewriter.replaceOp(score, folded);
    return;
  }
  rewriter.setInsertionPoint(pool);
  auto fused = lh::PoolScoreOp::create(rewriter, pool.getLoc(), pool.getPyramid().getType(),
                                       score.getType(), pool.getQ(), pool.getK(), pool.getV(),
                                       pool.getLevels(), pool.getFactor());
  rewriter.replaceOp(pool, fused.getPyramid());
  rewriter.replaceOp(score, fused.getScores());
  ++numFused;
}

/// scatter_backward and the attend_delta of its result become a scatter_backward_delta.
void Fuser::fuse(lh::AttendDeltaOp delta) {
  auto scatter = delta.getDO().getDefiningOp<lh::ScatterBackwardOp>();
  if (!scatter)
    return;
  // The output must be there where the scatter is.
  Operation *output = delta.getO().getDefiningOp();
  if (output && output->getBlock() == scatter->getBlock() && !output->isBeforeInBlock(scatter))
    return;
  rewriter.setInsertionPoint(scatter);
  auto fused = lh::ScatterBackwardDeltaOp::create(rewriter, scatter.getLoc(), scatter.getDResult(),
                                                  delta.getO(), scatter.getSelection());
  rewriter.replaceOp(scatter, fused.getDSource());
  rewriter.replaceOp(delta, fused.getDelta());
  ++numFused;
}

void Fuser::run(Block &block) {
  // Backwards, so that what only dead ops use is dead in its turn.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      rewriter.eraseOp(&op);
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto score = dyn_cast<lh::NormScoreOp>(op))
      fuse(score);
    else if (auto delta = dyn_cast<lh::AttendDeltaOp>(op))
      fuse(delta);
  }
}

struct FuseStagesPass : lighthouse::impl::FuseStagesPassBase<FuseStagesPass> {
  void runOnOperation() override {
    Fuser fuser(&getContext());
    for (Block &block : getOperation().getBody())
      fuser.run(block);
    numFused += fuser.numFused;
  }
};

} // namespace
