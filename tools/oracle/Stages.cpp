//===- Stages.cpp - The stages after the selection, one by one ------------===//

#include "oracle/Stages.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"
#include "oracle/SoftmaxGradient.h"

namespace lighthouse::oracle {
namespace {

/// Rows [B, heads, S, D] in sub-sequence order: setRow(tensor, pyramid, b, head, level, entry, row)
/// sets the row of an entry; those without an entry are zero.
template <typename SetRow>
std::vector<double> rowsInOrder(const Tensor &tensor, const Pyramid &pyramid,
                                const Selection &selection, const SetRow &setRow) {
  int64_t length = pyramid.gatheredLength();
  int64_t headsPerGroup = tensor.heads / selection.groups;
  std::vector<double> rows(tensor.batch * tensor.heads * length * tensor.headDim);
  parallelFor(tensor.batch * tensor.heads, [&](int64_t i) {
    // Heads of a group are neighbours, so i / headsPerGroup counts batches and groups.
    const int32_t *indices = selection.indices.data() + i / headsPerGroup * length;
    for (int64_t position = 0; position < length && indices[position] >= 0; ++position) {
      int64_t level = pyramid.levelOf(indices[position]);
      setRow(tensor, pyramid, i / tensor.heads, i % tensor.heads, level,
             indices[position] - pyramid.offset(level),
             rows.data() + (i * length + position) * tensor.headDim);
    }
  });
  return rows;
}

/// Rows [B, N, heads, D] of base positions from rows [B, heads, S, D] in sub-sequence order.
/// forEachPart(rank, token, visit) calls visit(position, divisor) for the rows that add up to that
/// of a base position.
template <typename ForEachPart>
std::vector<double> sumsAtTokens(std::span<const double> rows, int64_t heads, int64_t headDim,
                                 const Pyramid &pyramid, const Selection &selection,
                                 const ForEachPart &forEachPart) {
  int64_t tokens = pyramid.tokens();
  int64_t headsPerGroup = heads / selection.groups;
  std::vector<double> result(selection.batch * tokens * heads * headDim);
  parallelFor(selection.batch * tokens * heads, [&](int64_t i) {
    int64_t token = i / heads % tokens;
    int64_t head = i / (heads * tokens) * heads + i % heads; // Of all batches.
    const int32_t *rank = selection.rank.data() + head / headsPerGroup * pyramid.totalEntries();
    forEachPart(rank, token, [&](int64_t position, int64_t divisor) {
      int64_t from = (head * pyramid.gatheredLength() + position) * headDim;
      for (int64_t d = 0; d < headDim; ++d)
        result[i * headDim + d] += rows[from + d] / static_cast<double>(divisor);
    });
  });
  return result;
}

/// Head `head`, of all batches, of a tensor [B, heads, S, D].
Rows headOf(const AttendShape &shape, std::span<const double> tensor, int64_t head) {
  int64_t elements = shape.length * shape.headDim;
  return {tensor.subspan(head * elements, elements), shape.headDim};
}

/// The keys and values of group `group` of all batches.
KeyValueRows keyValuesOf(const AttendShape &shape, std::span<const double> key,
                         std::span<const double> value, int64_t group) {
  KeyValueRows rows(headOf(shape, key, group), headOf(shape, value, group));
  rows.scale = shape.scale.value_or(rows.scale);
  return rows;
}

void append(std::vector<double> &to, const std::vector<double> &rows) {
  to.insert(to.end(), rows.begin(), rows.end());
}

} // namespace

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

std::vector<double> gather(const Tensor &tensor, const Pyramid &pyramid, const Selection &selection,
                           const std::optional<Rotary> &rotary, Rounding rounding) {
  return rowsInOrder(tensor, pyramid, selection,
                     [&](const Tensor &, const Pyramid &, int64_t b, int64_t head, int64_t level,
                         int64_t entry, double *row) {
                       gatherRow(tensor, pyramid, rotary, b, head, level, entry, rounding, row);
                     });
}

Attended attend(const AttendShape &shape, std::span<const double> query,
                std::span<const double> key, std::span<const double> value, bool causal) {
  int64_t length = shape.length;
  int64_t headsPerGroup = shape.heads / shape.groups;
  Attended result{std::vector<double>(shape.batch * shape.heads * length * shape.headDim),
                  std::vector<double>(shape.batch * shape.heads * length)};
  for (int64_t group = 0; group < shape.batch * shape.groups; ++group) {
    KeyValueRows rows = keyValuesOf(shape, key, value, group);
    int64_t firstRow = group * headsPerGroup * length;
    parallelFor(headsPerGroup * length, [&](int64_t i) {
      AttendedRow row{query.data() + (firstRow + i) * shape.headDim,
                      causal ? i % length + 1 : length,
                      result.output.data() + (firstRow + i) * shape.headDim};
      rows.attend({&row, 1}, Rounding::None);
      result.logSumExp[firstRow + i] = row.logSumExp;
    });
  }
  return result;
}

std::vector<double> scatter(std::span<const double> output, int64_t heads, int64_t headDim,
                            const Pyramid &pyramid, const Selection &selection) {
  return sumsAtTokens(output, heads, headDim, pyramid, selection,
                      [&](const int32_t *rank, int64_t token, const auto &visit) {
                        forEachContributor(pyramid, rank, token,
                                           [&](int64_t position) { visit(position, 1); });
                      });
}

std::vector<double> scatterBackward(const Tensor &outputGradient, const Pyramid &pyramid,
                                    const Selection &selection) {
  return rowsInOrder(outputGradient, pyramid, selection, sumScatterRange);
}

Gradients attendBackward(const AttendShape &shape, std::span<const double> query,
                         std::span<const double> key, std::span<const double> value,
                         const Attended &attended, std::span<const double> outputGradient,
                         bool causal, Rounding rounding) {
  int64_t length = shape.length;
  int64_t headsPerGroup = shape.heads / shape.groups;
  std::vector<int64_t> everywhere = allPositions(length);
  Gradients result;
  for (int64_t group = 0; group < shape.batch * shape.groups; ++group) {
    KeyValueRows rows = keyValuesOf(shape, key, value, group);
    SoftmaxGradient gradient(rows, everywhere, causal, rounding);
    for (int64_t i = group * headsPerGroup; i < (group + 1) * headsPerGroup; ++i) {
      QueryHead head(headOf(shape, query, i), headOf(shape, outputGradient, i));
      for (int64_t row = 0; row < length; ++row) {
        head.logSumExp[row] = attended.logSumExp[i * length + row];
        head.setDelta(row, attended.output.data() + (i * length + row) * shape.headDim);
      }
      append(result.query, gradient.add(head));
    }
    append(result.key, gradient.key);
    append(result.value, gradient.value);
  }
  roundTo(rounding, result.key);
  roundTo(rounding, result.value);
  return result;
}

std::vector<double> gatherBackward(std::span<const double> gradient, int64_t heads, int64_t headDim,
                                   const Pyramid &pyramid, const Selection &selection,
                                   const std::optional<Rotary> &rotary) {
  std::vector<double> rows(gradient.begin(), gradient.end());
  if (rotary) {
    int64_t length = pyramid.gatheredLength(), headsPerGroup = heads / selection.groups;
    parallelFor(static_cast<int64_t>(rows.size()) / headDim, [&](int64_t i) {
      int64_t group = i / length / headsPerGroup; // Of all batches.
      if (int32_t flat = selection.indices[group * length + i % length]; flat >= 0) {
        int64_t level = pyramid.levelOf(flat);
        rotary->rotateBack(pyramid.lastCovered(level, flat - pyramid.offset(level)), headDim,
                           rows.data() + i * headDim);
      }
    });
  }
  return sumsAtTokens(rows, heads, headDim, pyramid, selection,
                      [&](const int32_t *rank, int64_t token, const auto &visit) {
                        forEachCovering(pyramid, rank, token, visit);
                      });
}

} // namespace lighthouse::oracle
