//===- Access.cpp - how threads share an access to a tensor argument --------------------------===//

#include "Access.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using tile::Layout;

static constexpr int64_t mostDivisor = int64_t(1) << 30;

/// Steps from a value back to what it is computed from.
static constexpr int mostSteps = 8;

scf::ForOp lighthouse::inductionLoopOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto loop = argument ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()) : scf::ForOp();
  return loop && loop.getInductionVar() == argument ? loop : scf::ForOp();
}

static int64_t divisor(Value value, int depth) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.isZero() ? mostDivisor
                             : std::min(mostDivisor, int64_t(1) << constant.countr_zero());
  if (depth == 0)
    return 1;
  if (auto loop = inductionLoopOf(value))
    return std::min(divisor(loop.getLowerBound(), depth - 1), divisor(loop.getStep(), depth - 1));
  Operation *op = value.getDefiningOp();
  if (!op)
    return 1;
  auto operand = [&](unsigned i) { return divisor(op->getOperand(i), depth - 1); };
  if (isa<arith::MulIOp>(op))
    return std::min(mostDivisor, operand(0) * operand(1));
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MaxSIOp>(op))
    return std::min(operand(0), operand(1));
  if (isa<arith::SelectOp>(op))
    return std::min(operand(1), operand(2));
  if (isa<arith::AndIOp>(op))
    return std::max(operand(0), operand(1));
  APInt shift;
  if (isa<arith::ShLIOp>(op) && matchPattern(op->getOperand(1), m_ConstantInt(&shift)))
    return std::min<int64_t>(mostDivisor, operand(0) << std::min<uint64_t>(shift.getZExtValue(), 30));
  return 1;
}

int64_t lighthouse::divisorOf(Value value) { return divisor(value, mostSteps); }

static bool isNonNegative(Value value, int depth) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.isNonNegative();
  if (depth == 0)
    return false;
  auto is = [&](Value operand) { return isNonNegative(operand, depth - 1); };
  if (auto loop = inductionLoopOf(value))
    return is(loop.getLowerBound());
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<tile::ProgramIdOp, tile::NumProgramsOp, tile::DimOp>(op))
    return true;
  if (isa<arith::DivSIOp, arith::RemSIOp, arith::DivUIOp, arith::RemUIOp>(op))
    return is(op->getOperand(0));
  if (isa<arith::AddIOp, arith::MulIOp, arith::MinSIOp>(op))
    return is(op->getOperand(0)) && is(op->getOperand(1));
  if (isa<arith::MaxSIOp>(op))
    return is(op->getOperand(0)) || is(op->getOperand(1));
  if (isa<arith::SelectOp>(op))
    return is(op->getOperand(1)) && is(op->getOperand(2));
  return false;
}

bool lighthouse::isNonNegative(Value value) { return ::isNonNegative(value, mostSteps); }

int64_t lighthouse::extentDivisor(tile::KernelOp kernel, tile::ViewType view, int64_t dim) {
  if (int64_t extent = view.getStaticDim(dim); !ShapedType::isDynamic(extent))
    return extent;
  auto divisors = kernel->getAttrOfType<DictionaryAttr>("tile.divisors");
  auto divisor =
      divisors ? divisors.getAs<IntegerAttr>(view.getDimName(dim)) : IntegerAttr();
  return divisor ? divisor.getInt() : 1;
}

bool lighthouse::isWholeTile(tile::KernelOp kernel, tile::ViewType view, int64_t dim,
                             tile::RangeOp range) {
  int64_t count = range.getType().getDimSize(0);
  return extentDivisor(kernel, view, dim) % count == 0 && divisorOf(range.getStart()) % count == 0;
}

int64_t lighthouse::accessVector(tile::KernelOp kernel, Value view, ValueRange indices) {
  auto range = indices.empty() ? tile::RangeOp() : indices.back().getDefiningOp<tile::RangeOp>();
  if (!range)
    return 1;
  Type element = cast<tile::ViewType>(view.getType()).getElementType();
  int64_t aligned = kernel.getArgAlignment(cast<BlockArgument>(view).getArgNumber());
  int64_t vector = std::max<int64_t>(1, aligned / tile::getMemoryBytes(element));
  return std::min(vector, divisorOf(range.getStart()));
}

int64_t lighthouse::warpsAt(Operation *op) {
  if (auto role = op->getParentOfType<tile::RoleOp>())
    return role.getWarps();
  return op->getParentOfType<tile::KernelOp>().getNumWarps();
}

Layout lighthouse::accessLayout(tile::KernelOp kernel, int64_t warps, Value view,
                                ValueRange indices, ArrayRef<int64_t> shape) {
  int64_t elements = ShapedType::getNumElements(shape);
  // Threads before width: a small tile is spread over all of them.
  int64_t vector = std::min(accessVector(kernel, view, indices),
                            std::max<int64_t>(1, elements / (32 * warps)));
  SmallVector<int64_t> order(llvm::reverse(llvm::seq<int64_t>(0, shape.size())));
  return Layout::blocked(shape, order, vector, warps);
}

Layout lighthouse::copyLayout(tile::CopyAsyncOp copy) {
  return accessLayout(copy->getParentOfType<tile::KernelOp>(), warpsAt(copy), copy.getView(),
                      copy.getIndices(), copy.getBuffer().getType().getShape());
}
