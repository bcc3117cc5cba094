//===- Softmax.cpp - Rows of softmax attention in fp64 --------------------===//

#include "oracle/Softmax.h"

#include "support/NumberFormats.h"

#include <algorithm>
#include <cmath>

namespace lighthouse::oracle {
namespace {

/// The keys or values that are used for all query rows before the next ones are read.
constexpr int64_t kBlock = 32;

} // namespace

double roundTo(Rounding rounding, double value) {
  switch (rounding) {
  case Rounding::None:
    return value;
  case Rounding::Float16:
    return support::decodeFloat16(support::encodeFloat16(value));
  case Rounding::BFloat16:
    return support::decodeBFloat16(support::encodeBFloat16(value));
  }
  return value;
}

void roundTo(Rounding rounding, std::span<double> values) {
  for (double &value : values)
    value = roundTo(rounding, value);
}

KeyValueRows::KeyValueRows(Rows keys, Rows values)
    : keys(std::move(keys)), values(std::move(values)),
      scale(1 / std::sqrt(static_cast<double>(this->keys.headDim()))) {}

void KeyValueRows::attend(std::span<AttendedRow> rows, Rounding rounding) const {
  int64_t mostVisible = 0;
  for (const AttendedRow &row : rows)
    mostVisible = std::max(mostVisible, row.visible);
  std::vector<std::vector<double>> weights(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r)
    weights[r].resize(rows[r].visible);
  for (int64_t begin = 0; begin < mostVisible; begin += kBlock)
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (begin < rows[r].visible)
        keys.multiply(rows[r].query, begin, std::min(begin + kBlock, rows[r].visible),
                      weights[r].data() + begin);

  std::vector<double> sums(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (double &weight : weights[r])
      weight *= scale;
    double largest = *std::ranges::max_element(weights[r]);
    for (double &weight : weights[r]) {
      weight = std::exp(weight - largest);
      sums[r] += weight;
      weight = roundTo(rounding, weight);
    }
    rows[r].logSumExp = largest + std::log(sums[r]);
    std::fill_n(rows[r].output, values.headDim(), 0.0);
  }

  for (int64_t begin = 0; begin < mostVisible; begin += kBlock)
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (begin < rows[r].visible)
        values.addTo(rows[r].output, weights[r].data() + begin, begin,
                     std::min(begin + kBlock, rows[r].visible));
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (int64_t d = 0; d < values.headDim(); ++d)
      rows[r].output[d] /= sums[r];
}

} // namespace lighthouse::oracle
