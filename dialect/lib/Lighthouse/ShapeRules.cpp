//===- ShapeRules.cpp - the arithmetic of pyramids and selections -----------------------------===//
//
// Every size that Lighthouse Attention derives from the shape of its inputs: entries per level,
// score and index lengths, and S, the length of the sub-sequence.
//
//===------------------------------------------------------------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse::lh;

using EmitErrorFn = function_ref<InFlightDiagnostic()>;

/// Entries are numbered by i32 at run time.
static constexpr int64_t maxEntries = (int64_t(1) << 31) - 1;

//===------------------------------------------------------------------------------------------===//
// Pyramid
//===------------------------------------------------------------------------------------------===//

LogicalResult PyramidAttr::verify(EmitErrorFn emitError, int64_t levels, int64_t factor) {
  if (levels < 2)
    return emitError() << "a pyramid needs at least 2 levels, got " << levels << " [pyramid_c1]";
  if (factor < 2 || !llvm::isPowerOf2_64(factor))
    return emitError() << "the pooling factor must be a power of two, at least 2, got " << factor
                       << " [pyramid_c2]";
  // Decided on logarithms: factor^levels may not fit in 64 bits.
  if (levels > 31 || (levels - 1) * llvm::Log2_64(factor) > 30)
    return emitError() << "an entry of the coarsest of " << levels << " levels with factor "
                       << factor << " would cover 2^31 positions or more [pyramid_c3]";
  return success();
}

int64_t PyramidAttr::getWindow(int64_t level) const {
  return int64_t(1) << (level * llvm::Log2_64(getFactor()));
}

int64_t PyramidAttr::getNumEntries(int64_t level, int64_t length) const {
  return llvm::divideCeil(length, getWindow(level));
}

int64_t PyramidAttr::getOffset(int64_t level, int64_t length) const {
  int64_t offset = 0;
  for (int64_t below = 0; below < level; ++below)
    offset += getNumEntries(below, length);
  return offset;
}

/// The rule that pyramids, scores and selections share; `label` names it for the type at hand.
static LogicalResult verifyExtents(EmitErrorFn emitError, StringRef label,
                                   ArrayRef<std::pair<StringRef, int64_t>> extents, int64_t length,
                                   PyramidAttr shape) {
  for (auto [name, extent] : extents)
    if (extent < 1)
      return emitError() << name << " must be positive, got " << extent << " [" << label << "]";
  // A pyramid has less than twice as many entries as positions, so this sum cannot overflow.
  if (length > maxEntries || shape.getNumTotal(length) > maxEntries)
    return emitError() << "a pyramid over " << length << " positions has 2^31 entries or more ["
                       << label << "]";
  return success();
}

LogicalResult PyramidType::verify(EmitErrorFn emitError, int64_t batch, int64_t length,
                                  int64_t heads, int64_t groups, int64_t dim, Type element,
                                  PyramidAttr shape) {
  if (failed(verifyExtents(emitError, "pyramid_type_c1",
                           {{"batch", batch},
                            {"length", length},
                            {"heads", heads},
                            {"groups", groups},
                            {"dim", dim}},
                           length, shape)))
    return failure();
  if (heads % groups != 0)
    return emitError() << groups << " key/value heads do not divide " << heads
                       << " query heads [pyramid_type_c2]";
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return emitError() << "element type must be f32, f16 or bf16, got " << element
                       << " [pyramid_type_c3]";
  return success();
}

RankedTensorType PyramidType::getCoarsestType(bool ofQuery) const {
  return RankedTensorType::get({getBatch(), ofQuery ? getHeads() : getGroups(),
                                getShape().getNumCoarsest(getLength()), getDim()},
                               getElement());
}

//===------------------------------------------------------------------------------------------===//
// Scores
//===------------------------------------------------------------------------------------------===//

LogicalResult ScoresType::verify(EmitErrorFn emitError, int64_t batch, int64_t length,
                                 int64_t groups, PyramidAttr shape) {
  return verifyExtents(emitError, "scores_type_c1",
                       {{"batch", batch}, {"length", length}, {"groups", groups}}, length, shape);
}

RankedTensorType ScoresType::getTensorType() const {
  return RankedTensorType::get({getBatch(), getGroups(), getShape().getNumScored(getLength())},
                               Float32Type::get(getContext()));
}

//===------------------------------------------------------------------------------------------===//
// Selection
//===------------------------------------------------------------------------------------------===//

int64_t lighthouse::lh::getNearestBudget(int64_t budget, int64_t chunk) {
  int64_t below = std::min(budget, maxEntries) / chunk * chunk;
  if (budget > maxEntries)
    return below;
  return below >= chunk && budget - below <= chunk / 2 ? below
                                                       : std::max(below, int64_t(0)) + chunk;
}

LogicalResult SelectionType::verify(EmitErrorFn emitError, int64_t batch, int64_t length,
                                    int64_t groups, int64_t budget, int64_t chunk, bool coverPrefix,
                                    PyramidAttr shape) {
  if (failed(verifyExtents(emitError, "selection_type_c1",
                           {{"batch", batch}, {"length", length}, {"groups", groups}}, length,
                           shape)))
    return failure();
  if (chunk < 2 || chunk % 2 != 0 || chunk > maxEntries)
    return emitError() << "chunk must be even, positive and below 2^31, as half of it is chosen by "
                          "query score and half by key score; got "
                       << chunk << " [selection_type_c2]";
  if (budget < 1 || budget % chunk != 0 || budget > maxEntries)
    return emitError() << "budget must be a positive multiple of the chunk size " << chunk
                       << " below 2^31, got " << budget << "; the nearest valid budget is "
                       << getNearestBudget(budget, chunk) << " [selection_type_c3]";
  return success();
}

/// Adds the most entries that `count` chunks can put into the sub-sequence, level by level. A chunk
/// holds the coarsest entries [begin, end).
static void addChunkEntries(PyramidAttr shape, int64_t length, int64_t chunk, int64_t begin,
                            int64_t end, int64_t count, MutableArrayRef<int64_t> entries) {
  int64_t candidates = end - begin;
  entries.back() += count * candidates;
  // As long as every candidate is expanded the candidates are a contiguous range, which the end of
  // the sequence may cut. Otherwise some window that is cut can be left out, so each expanded
  // entry can have all its children.
  bool allExpanded = true;
  for (int64_t level = shape.getLevels() - 1; level > 0; --level) {
    allExpanded &= candidates <= chunk;
    if (allExpanded) {
      begin *= shape.getFactor();
      end = std::min(end * shape.getFactor(), shape.getNumEntries(level - 1, length));
      candidates = end - begin;
    } else {
      candidates = shape.getFactor() * std::min(candidates, chunk);
    }
    entries[level - 1] += count * candidates;
  }
}

SmallVector<int64_t> SelectionType::getGatheredEntries() const {
  int64_t numCoarsest = getShape().getNumCoarsest(getLength());
  int64_t numChunks = getNumChunks();
  // Boundaries at floor(t n / T) make n mod T chunks one larger than the rest; the last chunk is
  // among them, and the only one that the end of the sequence can cut.
  int64_t size = numCoarsest / numChunks;
  int64_t numLarger = numCoarsest % numChunks;
  int64_t lastSize = size + (numLarger > 0);
  SmallVector<int64_t> entries(getShape().getLevels(), 0);
  auto add = [&](int64_t count, int64_t begin, int64_t end) {
    addChunkEntries(getShape(), getLength(), getChunk(), begin, end, count, entries);
  };
  add(1, numCoarsest - lastSize, numCoarsest);
  add(std::max(numLarger - 1, int64_t(0)), 0, size + 1);
  add(numChunks - std::max(numLarger, int64_t(1)), 0, size);
  return entries;
}

int64_t SelectionType::getGatheredLength() const {
  return llvm::sum_of(getGatheredEntries());
}

RankedTensorType SelectionType::getIndicesType() const {
  return RankedTensorType::get({getBatch(), getGroups(), getGatheredLength()},
                               IntegerType::get(getContext(), 32));
}

RankedTensorType SelectionType::getRankType() const {
  return RankedTensorType::get({getBatch(), getGroups(), getShape().getNumTotal(getLength())},
                               IntegerType::get(getContext(), 32));
}
