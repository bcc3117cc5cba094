//===- CheckBarriers.cpp - the tile-check-barriers pass ---------------------------------------===//

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Tile/IR/BarrierCheck.h"

namespace lighthouse {
#define GEN_PASS_DEF_CHECKBARRIERS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace lighthouse;

namespace {

struct CheckBarriersPass : lighthouse::impl::CheckBarriersBase<CheckBarriersPass> {
  void runOnOperation() override {
    if (mlir::failed(tile::checkBarriers(getOperation())))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
