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

/// What can be proved of i32 values against the extent E of one run-time dim, which is at least 1.
class DimBounds {
public:
  DimBounds(DataFlowSolver &solver, tile::KernelOp kernel, StringRef dim)
      : solver(solver), kernel(kernel), dim(dim) {}

  /// value >= 0.
  bool isNonNegative(Value value) {
    auto *state = solver.lookupState<dataflow::IntegerValueRangeLattice>(value);
    if (state && !state->getValue().isUninitialized() &&
        state->getValue().getValue().smin().isNonNegative())
      return true;
    if (auto product = value.getDefiningOp<arith::MulIOp>())
      return isNonNegative(product.getLhs()) && isNonNegative(product.getRhs());
    // The last program, and those before it.
    auto difference = value.getDefiningOp<arith::SubIOp>();
    auto id = difference ? difference.getRhs().getDefiningOp<tile::ProgramIdOp>()
                         : tile::ProgramIdOp();
    return id && isLastProgram(difference.getLhs(), id.getAxis());
  }

  /// value < E.
  bool isBelow(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return !constant.isStrictlyPositive();
    if (auto id = value.getDefiningOp<tile::ProgramIdOp>())
      return kernel.getGrid().getResult(id.getAxis()) == extent();
    if (auto loop = getLoopOf(value))
      return isAtMost(loop.getUpperBound());
    if (auto most = value.getDefiningOp<arith::MaxSIOp>())
      return isBelow(most.getLhs()) && isBelow(most.getRhs());
    if (auto least = value.getDefiningOp<arith::MinSIOp>())
      return isBelow(least.getLhs()) || isBelow(least.getRhs());
    if (auto difference = value.getDefiningOp<arith::SubIOp>())
      return isNonNegative(difference.getRhs()) && isBelow(difference.getLhs());
    if (auto product = value.getDefiningOp<arith::MulIOp>())
      return matchPattern(product.getRhs(), m_ConstantInt(&constant)) &&
             constant.isStrictlyPositive() &&
             isCeilAtMost(product.getLhs(), constant.getSExtValue(), /*plus=*/-1);
    return false;
  }

private:
  /// value <= E.
  bool isAtMost(Value value) {
    if (auto op = value.getDefiningOp<tile::DimOp>())
      return op.getName() == dim;
    auto least = value.getDefiningOp<arith::MinSIOp>();
    return least && (isAtMost(least.getLhs()) || isAtMost(least.getRhs()));
  }

  /// value <= ceil(E / divisor) + plus.
  bool isCeilAtMost(Value value, int64_t divisor, int64_t plus) {
    APInt constant;
    if (auto id = value.getDefiningOp<tile::ProgramIdOp>())
      return plus >= -1 && kernel.getGrid().getResult(id.getAxis()) == extent().ceilDiv(divisor);
    if (auto count = value.getDefiningOp<tile::NumProgramsOp>())
      return plus >= 0 && kernel.getGrid().getResult(count.getAxis()) == extent().ceilDiv(divisor);
    if (auto loop = getLoopOf(value))
      return isCeilAtMost(loop.getUpperBound(), divisor, plus + 1);
    if (auto sum = value.getDefiningOp<arith::AddIOp>())
      return matchPattern(sum.getRhs(), m_ConstantInt(&constant)) &&
             isCeilAtMost(sum.getLhs(), divisor, plus - constant.getSExtValue());
    if (auto difference = value.getDefiningOp<arith::SubIOp>()) {
      if (matchPattern(difference.getRhs(), m_ConstantInt(&constant)))
        return isCeilAtMost(difference.getLhs(), divisor, plus + constant.getSExtValue());
      return isNonNegative(difference.getRhs()) &&
             isCeilAtMost(difference.getLhs(), divisor, plus);
    }
    if (auto quotient = value.getDefiningOp<arith::CeilDivSIOp>())
      return plus >= 0 && matchPattern(quotient.getRhs(), m_ConstantInt(&constant)) &&
             constant == divisor && isAtMost(quotient.getLhs());
    return false;
  }

  /// Whether `value` is the number of programs along `axis` less one.
  static bool isLastProgram(Value value, unsigned axis) {
    auto last = value.getDefiningOp<arith::SubIOp>();
    auto count = last ? last.getLhs().getDefiningOp<tile::NumProgramsOp>() : tile::NumProgramsOp();
    return count && count.getAxis() == axis && matchPattern(last.getRhs(), m_One());
  }

  /// The loop whose induction variable `value` is.
  static scf::ForOp getLoopOf(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    auto loop = argument ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()) : scf::ForOp();
    return loop && loop.getInductionVar() == argument ? loop : scf::ForOp();
  }

  AffineExpr extent() {
    return getAffineSymbolExpr(kernel.getDimIndex(dim), kernel.getContext());
  }

  DataFlowSolver &solver;
  tile::KernelOp kernel;
  StringRef dim;
};

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
                    isTileOfDim(solver, kernel, view, d, index);
    if (unsigned proven = llvm::count(inBounds, true) - before) {
      numProven += proven;
      access.setInBounds(inBounds);
    }
  }

  /// Whether `index` lies inside of a run-time dim: a number, or a range that is a whole tile of it.
  static bool isTileOfDim(DataFlowSolver &solver, tile::KernelOp kernel, tile::ViewType view,
                          int64_t dim, Value index) {
    if (view.getDimName(dim).empty())
      return false;
    auto range = index.getDefiningOp<tile::RangeOp>();
    if (range ? !isWholeTile(kernel, view, dim, range) : isa<RankedTensorType>(index.getType()))
      return false;
    Value start = range ? range.getStart() : index;
    DimBounds bounds(solver, kernel, view.getDimName(dim));
    return bounds.isNonNegative(start) && bounds.isBelow(start);
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
