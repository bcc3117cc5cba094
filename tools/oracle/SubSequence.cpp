//===- SubSequence.cpp - The gathered rows of one group -------------------===//

#include "oracle/SubSequence.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"

namespace lighthouse::oracle {
namespace {

/// Zeros for the positions of a sub-sequence that have an entry.
Rows rowsOf(const int32_t *indices, int64_t length, int64_t headDim) {
  return {std::find(indices, indices + length, -1) - indices, headDim};
}

} // namespace

SubSequence::SubSequence(const Inputs &inputs, const Pyramid &pyramid, const Selection &selection,
                         int64_t b, int64_t group, Rounding rounding)
    : inputs(inputs), pyramid(pyramid), b(b), rounding(rounding),
      indices(selection.indices.data() + (b * selection.groups + group) * pyramid.gatheredLength()),
      rank_(selection.rank.data() + (b * selection.groups + group) * pyramid.totalEntries()),
      keyValues_(rowsOf(indices, pyramid.gatheredLength(), inputs.key.headDim),
                 rowsOf(indices, pyramid.gatheredLength(), inputs.value.headDim)) {
  parallelFor(length(), [&](int64_t position) {
    gathered(inputs.key, inputs.rotary, group, position, keyValues_.keys.row(position));
    gathered(inputs.value, {}, group, position, keyValues_.values.row(position));
  });
}

void SubSequence::pooledQuery(int64_t head, int64_t position, double *row) const {
  gathered(inputs.query, inputs.rotary, head, position, row);
}

void SubSequence::rotateBack(int64_t position, double *row) const {
  if (!inputs.rotary)
    return;
  auto [level, entry] = entryAt(position);
  inputs.rotary->rotateBack(pyramid.lastCovered(level, entry), inputs.query.headDim, row);
}

std::vector<double> SubSequence::attend(int64_t head, int64_t position) const {
  std::vector<double> query(inputs.query.headDim);
  std::vector<double> output(inputs.query.headDim);
  pooledQuery(head, position, query.data());
  AttendedRow row{query.data(), pyramid.options().causal ? position + 1 : length(), output.data()};
  keyValues_.attend({&row, 1}, rounding);
  roundTo(rounding, output);
  return output;
}

void SubSequence::scatteredGradient(const Tensor &outputGradient, int64_t head, int64_t position,
                                    double *row) const {
  auto [level, entry] = entryAt(position);
  sumScatterRange(outputGradient, pyramid, b, head, level, entry, row);
  roundTo(rounding, std::span(row, outputGradient.headDim));
}

std::pair<int64_t, int64_t> SubSequence::entryAt(int64_t position) const {
  int64_t level = pyramid.levelOf(indices[position]);
  return {level, indices[position] - pyramid.offset(level)};
}

void SubSequence::gathered(const Tensor &tensor, const std::optional<Rotary> &rotary, int64_t head,
                           int64_t position, double *row) const {
  auto [level, entry] = entryAt(position);
  gatherRow(tensor, pyramid, rotary, b, head, level, entry, rounding, row);
}

} // namespace lighthouse::oracle
