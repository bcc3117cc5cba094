//===- PipelineLoops.cpp - the tile-pipeline-loops pass ---------------------------------------===//

#include "CopyRing.h"
#include "PipelinedLoop.h"
#include "WarpSpecialise.h"

#include "lighthouse/Conversion/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_PIPELINELOOPS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

namespace {

struct PipelineLoopsPass : lighthouse::impl::PipelineLoopsBase<PipelineLoopsPass> {
  void runOnOperation() override {
    const tile::TargetInfo *target = tile::targetOf(getOperation(), tile::TargetInfo::Kind::Cuda);
    if (!target)
      return signalPassFailure();
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](scf::ForOp loop) {
      if (loop->hasAttr(attributeName))
        loops.push_back(loop);
    });
    for (scf::ForOp loop : loops)
      pipeline(loop, *target);
    // What remains is not to be tried again.
    getOperation().walk([](scf::ForOp loop) { loop->removeAttr(attributeName); });
  }

  void pipeline(scf::ForOp loop, const tile::TargetInfo &target) {
    int64_t stages = loop->getAttrOfType<IntegerAttr>(attributeName).getInt();
    // Nothing overlaps in one stage.
    if (stages < 2)
      return;
    auto warn = [&](StringRef what, const Obstacle &obstacle) {
      loop.emitWarning() << "'pipelined': " << what << ", as " << obstacle;
    };
    PipelinedLoop pipelined(loop, stages);
    if (Obstacle obstacle = pipelined.analyse(); !obstacle.empty())
      return warn("the loop runs as it stands", obstacle);
    if (target.matrixUnit >= tile::TargetInfo::MatrixUnit::Wgmma && target.bulkCopies &&
        target.registerBudgets) {
      Obstacle obstacle = checkSpecialisation(pipelined, target);
      if (obstacle.empty()) {
        ++numSpecialised;
        return specialiseWarps(pipelined, target);
      }
      warn("the loop has no warps of its own for copies", obstacle);
    }
    if (Obstacle obstacle = checkCopyRing(pipelined, target); !obstacle.empty())
      return warn("the loop runs as it stands", obstacle);
    if (!pipelined.others.empty())
      warn("a load stays where it is", pipelined.others);
    ++numRings;
    makeCopyRing(pipelined);
  }
};

} // namespace
