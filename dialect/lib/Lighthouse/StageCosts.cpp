//===- StageCosts.cpp - the least that stages must move and compute ----------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

using namespace mlir;
using namespace lighthouse::lh;

static int64_t getBytes(Type type) {
  return BufferOp::getSizeInBytes(cast<ShapedType>(type)).value_or(0);
}

template <typename Range> static int64_t sumOfBytes(Range &&types) {
  int64_t sum = 0;
  for (Type type : types)
    sum += getBytes(type);
  return sum;
}

/// The entries of a selection: the ranks say the same once more.
static int64_t getBytes(SelectionType selection) { return getBytes(selection.getIndicesType()); }

static CostAttr getCost(Operation *op, int64_t read, int64_t written, int64_t flops = 0) {
  return CostAttr::get(op->getContext(), read, written, flops);
}

/// Tensors and selections once each.
static CostAttr getPlainCost(Operation *op, int64_t flops = 0) {
  auto bytes = [](TypeRange types) {
    int64_t sum = 0;
    for (Type type : types) {
      auto selection = dyn_cast<SelectionType>(type);
      sum += selection ? getBytes(selection) : getBytes(type);
    }
    return sum;
  };
  return getCost(op, bytes(op->getOperandTypes()), bytes(op->getResultTypes()), flops);
}

CostAttr PoolOp::getStageCost() {
  return getCost(*this, sumOfBytes(getOperandTypes()), sumOfBytes(getKernelCall({}).results));
}

CostAttr NormScoreOp::getStageCost() {
  SmallVector<RankedTensorType> base = getExpandedTypes(getPyramid().getType());
  return getCost(*this, getBytes(base[0]) + getBytes(base[1]),
                 sumOfBytes(getExpandedTypes(getScores().getType())));
}

CostAttr PoolScoreOp::getStageCost() {
  return getCost(*this, sumOfBytes(getOperandTypes()), sumOfBytes(getKernelCall({}).results));
}

// These only rename tensors.
CostAttr MakePyramidOp::getStageCost() { return getCost(*this, 0, 0); }
CostAttr CoarsestOp::getStageCost() { return getCost(*this, 0, 0); }
CostAttr MakeScoresOp::getStageCost() { return getCost(*this, 0, 0); }
CostAttr ScoreTensorsOp::getStageCost() { return getCost(*this, 0, 0); }
CostAttr IndicesOp::getStageCost() { return getCost(*this, 0, 0); }

CostAttr SelectOp::getStageCost() {
  return getCost(*this, sumOfBytes(getExpandedTypes(getScores().getType())),
                 getBytes(getSelection().getType()));
}

CostAttr MakeSelectionOp::getStageCost() {
  return getCost(*this, getBytes(getIndices().getType()),
                 getBytes(getSelection().getType().getRankType()));
}

/// What a gather reads of its pyramid: every base row below a selected entry, but of the coarsest
/// level the pooled rows.
static int64_t getGatheredBytes(PyramidType pyramid, SelectionType selection) {
  PyramidAttr shape = selection.getShape();
  int64_t rows = 0;
  for (auto [level, entries] : llvm::enumerate(selection.getGatheredEntries()))
    rows += int64_t(level) == shape.getLevels() - 1
                ? entries
                : std::min(entries * shape.getWindow(level), selection.getLength());
  int64_t heads = pyramid.getHeads() + 2 * pyramid.getGroups();
  return getBytes(RankedTensorType::get({pyramid.getBatch(), rows, heads, pyramid.getDim()},
                                        pyramid.getElement()));
}

/// What is read of two rotary tables: rows at the positions of the entries. That of an expanded
/// entry is that of its last child; batches and groups may have selected the same.
static int64_t getTableBytes(SelectionType selection, RankedTensorType table) {
  PyramidAttr shape = selection.getShape();
  int64_t rows = 0;
  for (auto [level, entries] : llvm::enumerate(selection.getGatheredEntries()))
    rows += int64_t(level) == shape.getLevels() - 1 ? entries
                                                    : entries - entries / shape.getFactor();
  return 2 * getBytes(table.clone({rows, table.getDimSize(1)}));
}

CostAttr GatherOp::getStageCost() {
  SelectionType selection = getSelection().getType();
  return getCost(*this, getGatheredBytes(getPyramid().getType(), selection) + getBytes(selection),
                 sumOfBytes(getResultTypes()));
}

CostAttr GatherRopeOp::getStageCost() {
  SelectionType selection = getSelection().getType();
  return getCost(*this,
                 getGatheredBytes(getPyramid().getType(), selection) + getBytes(selection) +
                     getTableBytes(selection, getCos().getType()),
                 sumOfBytes(getResultTypes()));
}

CostAttr ScatterOp::getStageCost() { return getPlainCost(*this); }
CostAttr ScatterBackwardOp::getStageCost() { return getPlainCost(*this); }
CostAttr ScatterBackwardDeltaOp::getStageCost() { return getPlainCost(*this); }
CostAttr GatherBackwardOp::getStageCost() { return getPlainCost(*this); }
CostAttr GatherRopeBackwardOp::getStageCost() {
  SelectionType selection = getSelection().getType();
  return getCost(*this,
                 sumOfBytes(getOperands().take_front(3).getTypes()) + getBytes(selection) +
                     getTableBytes(selection, getCos().getType()),
                 sumOfBytes(getResultTypes()));
}
CostAttr AttendDeltaOp::getStageCost() { return getPlainCost(*this); }
CostAttr AddOp::getStageCost() { return getPlainCost(*this); }
CostAttr ConvertOp::getStageCost() { return getPlainCost(*this); }
CostAttr ZerosOp::getStageCost() { return getPlainCost(*this); }
CostAttr UserStageOp::getStageCost() { return getPlainCost(*this, getFlops().value_or(0)); }

/// Operations of `products` products of S x S by S x D, half of each under a causal mask.
template <typename OpT> static CostAttr getAttentionCost(OpT op, int64_t products) {
  RankedTensorType q = op.getQ().getType();
  int64_t length = q.getDimSize(2);
  return getPlainCost(op, 2 * products * q.getNumElements() * length / (op.getCausal() ? 2 : 1));
}

// Forward q k^T and P v; backward those of the scores and of the cotangents that are wanted.
CostAttr AttendOp::getStageCost() { return getAttentionCost(*this, 2); }
CostAttr AttendBackwardOp::getStageCost() { return getAttentionCost(*this, 5); }
CostAttr AttendBackwardQOp::getStageCost() { return getAttentionCost(*this, 3); }
CostAttr AttendBackwardKVOp::getStageCost() { return getAttentionCost(*this, 4); }
