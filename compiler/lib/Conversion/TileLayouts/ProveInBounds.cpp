//===- ProveInBounds.cpp - accesses that cannot leave the tensor ------------------------------===//

#include "Access.h"
#include "lighthouse/Conversion/Passes.h"

#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Analysis/DataFlow/Utils.h"
#include "mlir/IR/Matchers.h"

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
    auto kernel = access->template getParentOfType<tile::KernelOp>();
    tile::ViewType view = access.getView().getType();
    SmallVector<bool> inBounds(view.getRank(), false);
    if (access.getInBounds())
      llvm::copy(*access.getInBounds(), inBounds.begin());
    unsigned before = llvm::count(inBounds, true);
    for (auto [d, index] : llvm::enumerate(access.getIndices()))
      inBounds[d] = inBounds[d] || isInside(solver, index, view.getStaticDim(d)) ||
                    isTileOfDim(kernel, view, d, index);
    if (unsigned proven = llvm::count(inBounds, true) - before) {
      numProven += proven;
      access.setInBounds(inBounds);
    }
  }

  /// Whether `index` is the number of a program along a run-time dim, or one of the whole tiles into
  /// which the grid or a loop divides such a dim. Nothing that is computed on the way can overflow.
  static bool isTileOfDim(tile::KernelOp kernel, tile::ViewType view, int64_t dim, Value index) {
    StringRef name = view.getDimName(dim);
    if (name.empty())
      return false;
    AffineExpr extent = getAffineSymbolExpr(kernel.getDimIndex(name), kernel.getContext());
    if (std::optional<unsigned> axis = getProgramAxis(index))
      return kernel.getGrid().getResult(*axis) == extent;
    auto range = index.getDefiningOp<tile::RangeOp>();
    if (!range || !isWholeTile(kernel, view, dim, range))
      return false;
    Value start = range.getStart();
    int64_t count = range.getType().getDimSize(0);
    APInt constant;
    // The start is a multiple of the tile, as is the extent.
    if (auto loop = inductionLoopOf(start))
      return matchPattern(loop.getLowerBound(), m_ConstantInt(&constant)) &&
             constant.isNonNegative() && isAtMost(loop.getUpperBound(), name);
    auto product = start.getDefiningOp<arith::MulIOp>();
    if (!product || !matchPattern(product.getRhs(), m_ConstantInt(&constant)) || constant != count)
      return false;
    std::optional<unsigned> axis = getProgramAxis(product.getLhs());
    return axis && kernel.getGrid().getResult(*axis) == extent.ceilDiv(count);
  }

  /// Whether `value` is the extent of the dim, or the least of it and something else.
  static bool isAtMost(Value value, StringRef dim) {
    if (auto extent = value.getDefiningOp<tile::DimOp>())
      return extent.getName() == dim;
    auto least = value.getDefiningOp<arith::MinSIOp>();
    return least && (isAtMost(least.getLhs(), dim) || isAtMost(least.getRhs(), dim));
  }

  /// The axis of the grid along which `value` numbers the programs, from the first or the last.
  static std::optional<unsigned> getProgramAxis(Value value) {
    if (auto id = value.getDefiningOp<tile::ProgramIdOp>())
      return id.getAxis();
    auto mirrored = value.getDefiningOp<arith::SubIOp>();
    auto id = mirrored ? mirrored.getRhs().getDefiningOp<tile::ProgramIdOp>() : tile::ProgramIdOp();
    auto last = mirrored ? mirrored.getLhs().getDefiningOp<arith::SubIOp>() : arith::SubIOp();
    auto count = last ? last.getLhs().getDefiningOp<tile::NumProgramsOp>() : tile::NumProgramsOp();
    bool isMirrored = id && count && count.getAxis() == id.getAxis() &&
                      matchPattern(last.getRhs(), m_One());
    return isMirrored ? std::optional<unsigned>(id.getAxis()) : std::nullopt;
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
