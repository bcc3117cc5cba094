//===- Forward.cpp - Rows of the attention output -------------------------===//

#include "oracle/Forward.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"
#include "oracle/Softmax.h"
#include "support/CounterRandom.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace lighthouse::oracle {
namespace {

/// The sub-sequence of one batch and group, with its rows pooled and rounded.
class SubSequence {
public:
  SubSequence(const Inputs &inputs, const Pyramid &pyramid, const Selection &selection, int64_t b,
              int64_t group, Rounding rounding)
      : inputs(inputs), pyramid(pyramid), b(b), rounding(rounding),
        indices(selection.indices.data() +
                (b * selection.groups + group) * pyramid.gatheredLength()),
        length(std::find(indices, indices + pyramid.gatheredLength(), -1) - indices),
        rows(length, inputs.key.headDim) {
    parallelFor(length, [&](int64_t position) {
      std::vector<double> key = pooled(inputs.key, group, position);
      std::vector<double> value = pooled(inputs.value, group, position);
      rows.set(position, key.data(), value.data());
    });
  }

  /// Row `position` of O~ for a query head of the group.
  std::vector<double> attend(int64_t head, int64_t position) const {
    std::vector<double> query = pooled(inputs.query, head, position);
    std::vector<double> output(query.size());
    int64_t visible = pyramid.options().causal ? position + 1 : length;
    rows.attend(query.data(), visible, rounding, output.data());
    for (double &element : output)
      element = roundTo(rounding, element);
    return output;
  }

private:
  std::vector<double> pooled(const Tensor &tensor, int64_t head, int64_t position) const {
    std::vector<double> row(tensor.headDim);
    int64_t level = pyramid.levelOf(indices[position]);
    poolRow(tensor, pyramid, b, head, level, indices[position] - pyramid.offset(level), row.data());
    for (double &element : row)
      element = roundTo(rounding, element);
    return row;
  }

  const Inputs &inputs;
  const Pyramid &pyramid;
  int64_t b;
  Rounding rounding;
  const int32_t *indices;
  int64_t length;
  KeyValueRows<double> rows;
};

} // namespace

std::vector<double> forwardRows(const Inputs &inputs, const Pyramid &pyramid,
                                const Selection &selection, std::span<const int64_t> positions,
                                Rounding rounding) {
  int64_t heads = inputs.query.heads;
  int64_t headDim = inputs.query.headDim;
  int64_t count = static_cast<int64_t>(positions.size());
  std::vector<double> result(selection.batch * count * heads * headDim);
  for (int64_t row = 0; row < selection.batch * selection.groups; ++row) {
    int64_t b = row / selection.groups;
    int64_t group = row % selection.groups;
    SubSequence subSequence(inputs, pyramid, selection, b, group, rounding);

    // Several base positions share a row of O~: each is computed once.
    const int32_t *rank = selection.rank.data() + row * pyramid.totalEntries();
    std::vector<int64_t> needed;
    std::unordered_map<int64_t, int64_t> place;
    for (int64_t token : positions)
      forEachContributor(pyramid, rank, token, [&](int64_t position) {
        if (place.try_emplace(position, static_cast<int64_t>(needed.size())).second)
          needed.push_back(position);
      });
    int64_t neededCount = static_cast<int64_t>(needed.size());
    int64_t firstHead = group * inputs.headsPerGroup();
    std::vector<std::vector<double>> outputs(inputs.headsPerGroup() * neededCount);
    parallelFor(inputs.headsPerGroup() * neededCount, [&](int64_t i) {
      outputs[i] = subSequence.attend(firstHead + i / neededCount, needed[i % neededCount]);
    });

    for (int64_t member = 0; member < inputs.headsPerGroup(); ++member)
      for (int64_t i = 0; i < count; ++i) {
        double *sum = result.data() + ((b * count + i) * heads + firstHead + member) * headDim;
        forEachContributor(pyramid, rank, positions[i], [&](int64_t position) {
          const std::vector<double> &output = outputs[member * neededCount + place.at(position)];
          for (int64_t d = 0; d < headDim; ++d)
            sum[d] += output[d];
        });
        for (int64_t d = 0; d < headDim; ++d)
          sum[d] = roundTo(rounding, sum[d]);
      }
  }
  return result;
}

std::vector<double> denseAttentionRows(const Inputs &inputs, std::span<const int64_t> positions,
                                       bool causal, Rounding rounding) {
  const Tensor &query = inputs.query;
  const Tensor &key = inputs.key;
  int64_t count = static_cast<int64_t>(positions.size());
  std::vector<double> result(query.batch * count * query.heads * query.headDim);
  for (int64_t row = 0; row < key.batch * key.heads; ++row) {
    int64_t b = row / key.heads;
    int64_t group = row % key.heads;
    KeyValueRows<float> rows(key.tokens, key.headDim);
    parallelFor(key.tokens, [&](int64_t token) {
      rows.set(token, key.row(b, token, group), inputs.value.row(b, token, group));
    });
    parallelFor(inputs.headsPerGroup() * count, [&](int64_t i) {
      int64_t head = group * inputs.headsPerGroup() + i / count;
      int64_t token = positions[i % count];
      const float *from = query.row(b, token, head);
      std::vector<double> queryRow(from, from + query.headDim);
      double *output =
          result.data() + ((b * count + i % count) * query.heads + head) * query.headDim;
      rows.attend(queryRow.data(), causal ? token + 1 : key.tokens, rounding, output);
      for (int64_t d = 0; d < query.headDim; ++d)
        output[d] = roundTo(rounding, output[d]);
    });
  }
  return result;
}

std::vector<int64_t> allPositions(int64_t tokens) {
  std::vector<int64_t> positions(tokens);
  std::iota(positions.begin(), positions.end(), 0);
  return positions;
}

std::vector<int64_t> samplePositions(int64_t tokens, int64_t count) {
  if (count >= tokens)
    return allPositions(tokens);
  int64_t atEnds = count / 8;
  std::vector<int64_t> positions = allPositions(atEnds);
  // One position from each of equal strips between the ends.
  int64_t strips = count - 2 * atEnds;
  double width = static_cast<double>(tokens - 2 * atEnds) / static_cast<double>(strips);
  for (int64_t i = 0; i < strips; ++i)
    positions.push_back(
        atEnds +
        static_cast<int64_t>((static_cast<double>(i) + support::counterUniform(i)) * width));
  for (int64_t i = atEnds; i > 0; --i)
    positions.push_back(tokens - i);
  return positions;
}

} // namespace lighthouse::oracle
