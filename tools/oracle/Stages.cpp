//===- Stages.cpp - The stages after the selection, one by one ------------===//

#include "oracle/Stages.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"
#include "oracle/Softmax.h"

namespace lighthouse::oracle {

std::vector<double> pool(const Tensor &tensor, const Pyramid &pyramid, int64_t level) {
  int64_t entries = pyramid.entries(level);
  std::vector<double> pooled(tensor.batch * entries * tensor.heads * tensor.headDim);
  parallelFor(tensor.batch * entries, [&](int64_t i) {
    for (int64_t head = 0; head < tensor.heads; ++head)
      poolRow(tensor, pyramid, i / entries, head, level, i % entries,
              pooled.data() + (i * tensor.heads + head) * tensor.headDim);
  });
  return pooled;
}

std::vector<double> gather(const Tensor &tensor, const Pyramid &pyramid,
                           const Selection &selection) {
  int64_t length = pyramid.gatheredLength();
  int64_t headsPerGroup = tensor.heads / selection.groups;
  std::vector<double> rows(tensor.batch * tensor.heads * length * tensor.headDim);
  parallelFor(tensor.batch * tensor.heads, [&](int64_t i) {
    // Heads of a group are neighbours, so i / headsPerGroup counts batches and groups.
    const int32_t *indices = selection.indices.data() + i / headsPerGroup * length;
    for (int64_t position = 0; position < length && indices[position] >= 0; ++position) {
      int64_t level = pyramid.levelOf(indices[position]);
      poolRow(tensor, pyramid, i / tensor.heads, i % tensor.heads, level,
              indices[position] - pyramid.offset(level),
              rows.data() + (i * length + position) * tensor.headDim);
    }
  });
  return rows;
}

Attended attend(const AttendShape &shape, std::span<const double> query,
                std::span<const double> key, std::span<const double> value, bool causal) {
  int64_t length = shape.length;
  int64_t headElements = length * shape.headDim;
  int64_t headsPerGroup = shape.heads / shape.groups;
  Attended result{std::vector<double>(shape.batch * shape.heads * headElements),
                  std::vector<double>(shape.batch * shape.heads * length)};
  for (int64_t group = 0; group < shape.batch * shape.groups; ++group) {
    KeyValueRows<double> rows(length, shape.headDim);
    for (int64_t position = 0; position < length; ++position) {
      int64_t first = group * headElements + position * shape.headDim;
      rows.set(position, key.data() + first, value.data() + first);
    }
    int64_t firstRow = group * headsPerGroup * length;
    parallelFor(headsPerGroup * length, [&](int64_t i) {
      int64_t visible = causal ? i % length + 1 : length;
      result.logSumExp[firstRow + i] =
          rows.attend(query.data() + (firstRow + i) * shape.headDim, visible, Rounding::None,
                      result.output.data() + (firstRow + i) * shape.headDim);
    });
  }
  return result;
}

std::vector<double> scatter(std::span<const double> output, int64_t heads, int64_t headDim,
                            const Pyramid &pyramid, const Selection &selection) {
  int64_t tokens = pyramid.tokens();
  int64_t headsPerGroup = heads / selection.groups;
  std::vector<double> result(selection.batch * tokens * heads * headDim);
  parallelFor(selection.batch * tokens * heads, [&](int64_t i) {
    int64_t token = i / heads % tokens;
    int64_t head = i / (heads * tokens) * heads + i % heads; // Of all batches.
    const int32_t *rank = selection.rank.data() + head / headsPerGroup * pyramid.totalEntries();
    forEachContributor(pyramid, rank, token, [&](int64_t position) {
      int64_t from = (head * pyramid.gatheredLength() + position) * headDim;
      for (int64_t d = 0; d < headDim; ++d)
        result[i * headDim + d] += output[from + d];
    });
  });
  return result;
}

} // namespace lighthouse::oracle
