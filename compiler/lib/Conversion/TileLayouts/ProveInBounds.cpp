//===- ProveInBounds.cpp - accesses that cannot leave the tensor ------------------------------===//

#include "Access.h"
#include "lighthouse/Conversion/Passes.h"

#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Analysis/DataFlow/Utils.h"

namespace lighthouse {
#define GEN_PASS_DEF_PROVEINBOUNDS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

struct ProveInBoundsPass : lighthouse::impl::ProveInBoundsBase<ProveInBoundsPass> {
  void runOnOperation() override {
    DataFlowSolver solver;
    dataflow::loadBaselineAnalyses(solver);
    solver.load<dataflow::IntegerRangeAnalysis>();
    if (failed(solver.initializeAndRun(getOperation())))
      return signalPassFailure();
    getOperation().walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case<tile::LoadOp, tile::StoreOp, tile::AtomicRMWOp, tile::CopyAsyncOp>(
              [&](auto access) { prove(solver, access); });
    });
  }

  template <typename AccessOp> void prove(DataFlowSolver &solver, AccessOp access) {
    tile::ViewType view = access.getView().getType();
    SmallVector<bool> inBounds(view.getRank(), false);
    if (access.getInBounds())
      llvm::copy(*access.getInBounds(), inBounds.begin());
    unsigned before = llvm::count(inBounds, true);
    for (auto [d, index] : llvm::enumerate(access.getIndices()))
      inBounds[d] = inBounds[d] || isInside(solver, index, view.getStaticDim(d));
    if (unsigned proven = llvm::count(inBounds, true) - before) {
      numProven += proven;
      access.setInBounds(inBounds);
    }
  }

  static bool isInside(DataFlowSolver &solver, Value index, int64_t extent) {
    if (ShapedType::isDynamic(extent))
      return false;
    Value start = index;
    int64_t count = 1;
    if (auto range = index.getDefiningOp<tile::RangeOp>()) {
      start = range.getStart();
      count = range.getType().getDimSize(0);
    } else if (isa<RankedTensorType>(index.getType())) {
      return false;
    }
    auto *state = solver.lookupState<dataflow::IntegerValueRangeLattice>(start);
    if (!state || state->getValue().isUninitialized())
      return false;
    const ConstantIntRanges &range = state->getValue().getValue();
    int64_t least = range.smin().getSExtValue(), most = range.smax().getSExtValue();
    // The last multiple of the divisor.
    if (most >= 0)
      most -= most % divisorOf(start);
    return least >= 0 && most + count <= extent;
  }
};

} // namespace
