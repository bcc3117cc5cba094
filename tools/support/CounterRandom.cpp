//===- CounterRandom.cpp - Reproducible test inputs -----------------------===//

#include "support/CounterRandom.h"

namespace lighthouse::support {
namespace {

uint64_t splitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

} // namespace

double counterUniform(uint64_t counter) {
  return static_cast<double>(splitMix64(counter) >> 40) * 0x1p-24;
}

std::vector<float> counterTensor(uint64_t seed, CounterTensor which, int64_t batch, int64_t tokens,
                                 int64_t heads, int64_t headDim) {
  uint64_t tensor = static_cast<uint64_t>(which);
  uint64_t elements = seed << 40 | tensor << 36;
  uint64_t scales = seed << 40 | (8 + tensor) << 36;
  uint64_t rows = static_cast<uint64_t>(batch * tokens * heads);
  std::vector<float> values(rows * static_cast<uint64_t>(headDim));
  uint64_t flat = 0;
  for (uint64_t row = 0; row < rows; ++row) {
    double scale = 1;
    if (which <= CounterTensor::Value)
      scale = 0.25 + 2 * counterUniform(scales | row);
    for (int64_t d = 0; d < headDim; ++d, ++flat)
      values[flat] = static_cast<float>((2 * counterUniform(elements | flat) - 1) * scale);
  }
  return values;
}

} // namespace lighthouse::support
