//===- Forward.cpp - Rows of the attention output -------------------------===//

#include "oracle/Forward.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"
#include "oracle/SubSequence.h"
#include "support/CounterRandom.h"

#include <algorithm>
#include <numeric>

namespace lighthouse::oracle {

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
    DistinctPositions needed;
    for (int64_t token : positions)
      forEachContributor(pyramid, subSequence.rank(), token,
                         [&](int64_t position) { needed.add(position); });
    int64_t firstHead = group * inputs.headsPerGroup();
    std::vector<std::vector<double>> outputs(inputs.headsPerGroup() * needed.size());
    parallelFor(inputs.headsPerGroup() * needed.size(), [&](int64_t i) {
      outputs[i] =
          subSequence.attend(firstHead + i / needed.size(), needed.list()[i % needed.size()]);
    });

    for (int64_t member = 0; member < inputs.headsPerGroup(); ++member)
      for (int64_t i = 0; i < count; ++i) {
        double *sum = result.data() + ((b * count + i) * heads + firstHead + member) * headDim;
        forEachContributor(pyramid, subSequence.rank(), positions[i], [&](int64_t position) {
          const std::vector<double> &output =
              outputs[member * needed.size() + needed.indexOf(position)];
          for (int64_t d = 0; d < headDim; ++d)
            sum[d] += output[d];
        });
        roundTo(rounding, std::span(sum, headDim));
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
    KeyValueRows rows(Rows(key, b, group), Rows(inputs.value, b, group));
    parallelFor(inputs.headsPerGroup() * count, [&](int64_t i) {
      int64_t head = group * inputs.headsPerGroup() + i / count;
      int64_t token = positions[i % count];
      std::vector<double> queryRow(query.headDim);
      std::copy_n(query.row(b, token, head), query.headDim, queryRow.data());
      double *output =
          result.data() + ((b * count + i % count) * query.heads + head) * query.headDim;
      AttendedRow attended{queryRow.data(), causal ? token + 1 : key.tokens, output};
      rows.attend({&attended, 1}, rounding);
      roundTo(rounding, std::span(output, query.headDim));
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
