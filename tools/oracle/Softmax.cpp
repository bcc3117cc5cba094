//===- Softmax.cpp - Rows of softmax attention in fp64 --------------------===//

#include "oracle/Softmax.h"

#include "support/NumberFormats.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lighthouse::oracle {

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

template <typename T>
KeyValueRows<T>::KeyValueRows(int64_t length, int64_t headDim)
    : headDim_(headDim), keys_((length + kBlock - 1) / kBlock * kBlock * headDim),
      values_(length * headDim) {}

template <typename T> void KeyValueRows<T>::set(int64_t row, const T *key, const T *value) {
  T *block = keys_.data() + row / kBlock * kBlock * headDim_ + row % kBlock;
  for (int64_t d = 0; d < headDim_; ++d)
    block[d * kBlock] = key[d];
  std::copy(value, value + headDim_, values_.begin() + row * headDim_);
}

template <typename T>
double KeyValueRows<T>::attend(const double *query, int64_t visible, Rounding rounding,
                               double *output) const {
  int64_t blocks = (visible + kBlock - 1) / kBlock;
  std::vector<double> weights(blocks * kBlock);
  double scale = 1 / std::sqrt(static_cast<double>(headDim_));
  for (int64_t block = 0; block < blocks; ++block) {
    std::array<double, kBlock> dots = {};
    const T *keys = keys_.data() + block * kBlock * headDim_;
    for (int64_t d = 0; d < headDim_; ++d)
      for (int64_t i = 0; i < kBlock; ++i)
        dots[i] += query[d] * keys[d * kBlock + i];
    for (int64_t i = 0; i < kBlock; ++i)
      weights[block * kBlock + i] = dots[i] * scale;
  }
  weights.resize(visible); // Drops the rest of the last block.

  double largest = *std::ranges::max_element(weights);
  double sum = 0;
  std::fill(output, output + headDim_, 0.0);
  for (int64_t row = 0; row < visible; ++row) {
    double weight = std::exp(weights[row] - largest);
    sum += weight;
    weight = roundTo(rounding, weight);
    const T *value = values_.data() + row * headDim_;
    for (int64_t d = 0; d < headDim_; ++d)
      output[d] += weight * value[d];
  }
  for (int64_t d = 0; d < headDim_; ++d)
    output[d] /= sum;
  return largest + std::log(sum);
}

template class KeyValueRows<float>;
template class KeyValueRows<double>;

} // namespace lighthouse::oracle
