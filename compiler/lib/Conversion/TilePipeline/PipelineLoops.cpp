//===- PipelineLoops.cpp - the tile-pipeline-loops pass ---------------------------------------===//

#include "CopyRing.h"
#include "Persistent.h"
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

/// Whether roles, bulk copies and asynchronous products are there.
static bool hasUnitsForRoles(const tile::TargetInfo &target) {
  return target.matrixUnit >= tile::TargetInfo::MatrixUnit::Wgmma && target.bulkCopies &&
         target.registerBudgets;
}

static SmallVector<scf::ForOp> pipelinedLoops(tile::KernelOp kernel) {
  SmallVector<scf::ForOp> loops;
  kernel.walk([&](scf::ForOp loop) {
    if (loop->hasAttr(attributeName))
      loops.push_back(loop);
  });
  return loops;
}

/// Whether the grid of `kernel` is a single program instance.
static bool isOneInstance(tile::KernelOp kernel) {
  return llvm::all_of(kernel.getGrid().getResults(), [](AffineExpr extent) {
    auto known = dyn_cast<AffineConstantExpr>(extent);
    return known && known.getValue() == 1;
  });
}

static int64_t stagesOf(scf::ForOp loop) {
  return loop->getAttrOfType<IntegerAttr>(attributeName).getInt();
}

/// Divides `kernel` into roles; says what hinders it, and has changed nothing then.
static Obstacle specialise(tile::KernelOp kernel, const tile::TargetInfo &target) {
  SmallVector<scf::ForOp> loops = pipelinedLoops(kernel);
  if (loops.size() != 1 || stagesOf(loops.front()) < 2)
    return "it has not one loop that is pipelined in two stages or more";
  PipelinedLoop pipelined(loops.front(), stagesOf(loops.front()));
  Obstacle obstacle = pipelined.analyse();
  if (obstacle.empty())
    obstacle = checkSpecialisation(pipelined, target);
  if (obstacle.empty()) {
    specialiseWarps(pipelined, target);
    pipelined.loop->removeAttr(attributeName);
  }
  return obstacle;
}

namespace {

struct PipelineLoopsPass : lighthouse::impl::PipelineLoopsBase<PipelineLoopsPass> {
  void runOnOperation() override {
    tile::KernelOp kernel = getOperation();
    const tile::TargetInfo *target = tile::targetOf(kernel, tile::TargetInfo::Kind::Cuda);
    if (!target)
      return signalPassFailure();
    // LLVM would find that there is no loop, and put what it computed before it between the products and
    // their wait, which ptxas answers by serialising them.
    if (kernel->removeAttr(persistentName) && hasUnitsForRoles(*target) && !isOneInstance(kernel))
      makePersistent(kernel, *target);
    for (scf::ForOp loop : pipelinedLoops(kernel))
      pipeline(loop, *target);
    // What remains is not to be tried again.
    kernel.walk([](scf::ForOp loop) { loop->removeAttr(attributeName); });
  }

  /// Tried on a copy: it pays where one role can run ahead of the other, and nowhere else.
  void makePersistent(tile::KernelOp kernel, const tile::TargetInfo &target) {
    OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
    tile::KernelOp copy = kernel.clone();
    alone->push_back(copy);
    loopOverInstances(copy);
    if (Obstacle obstacle = specialise(copy, target); !obstacle.empty()) {
      emitWarning(kernel.getLoc())
          << "'persistent': every program instance has a block of its own, as " << obstacle;
      return;
    }
    ++numSpecialised;
    kernel.getBody().takeBody(copy.getBody());
    kernel->setAttr(residentName, UnitAttr::get(&getContext()));
    kernel.removeWarpsAttr();
  }

  void pipeline(scf::ForOp loop, const tile::TargetInfo &target) {
    // Nothing overlaps in one stage.
    int64_t stages = stagesOf(loop);
    if (stages < 2)
      return;
    auto warn = [&](StringRef what, const Obstacle &obstacle) {
      loop.emitWarning() << "'pipelined': " << what << ", as " << obstacle;
    };
    PipelinedLoop pipelined(loop, stages);
    if (Obstacle obstacle = pipelined.analyse(); !obstacle.empty())
      return warn("the loop runs as it stands", obstacle);
    if (hasUnitsForRoles(target)) {
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
