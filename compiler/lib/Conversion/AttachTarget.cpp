//===- AttachTarget.cpp - The target of a module ----------------------------------------------===//

#include "lighthouse/Conversion/Passes.h"

namespace lighthouse {
#define GEN_PASS_DEF_ATTACHTARGET
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

struct AttachTargetPass : lighthouse::impl::AttachTargetBase<AttachTargetPass> {
  using AttachTargetBase::AttachTargetBase;

  void runOnOperation() override {
    if (const tile::TargetInfo *info = tile::findTarget(target))
      return tile::setTarget(getOperation(), *info);
    emitError(getOperation().getLoc()) << "tile-attach-target: unknown target '" << target
                                       << "'; the targets are " << tile::listTargets();
    signalPassFailure();
  }
};

} // namespace
