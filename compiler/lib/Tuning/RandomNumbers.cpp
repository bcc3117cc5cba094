//===- RandomNumbers.cpp - Inputs to time with ------------------------------------------------===//

#include "RandomNumbers.h"

#include <bit>

using namespace lighthouse;
using runtime::DType;

/// SplitMix64.
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// The sum of four uniform numbers, scaled.
static float normal(uint64_t bits) {
  float sum = 0;
  for (int part = 0; part < 4; ++part)
    sum += float((bits >> (16 * part)) & 0xffff);
  constexpr float mean = 2 * 65535.0f, deviation = 0.57735027f * 65536; // sqrt(4 / 12)
  return (sum - mean) / deviation;
}

template <typename T, typename Round>
static void fill(const runtime::TensorView &tensor, uint64_t seed, Round round) {
  T *data = static_cast<T *>(tensor.data);
  const int64_t count = *runtime::elementCount(tensor.shape);
  for (int64_t i = 0; i < count; ++i)
    data[i] = round(normal(mix((seed << 40) + uint64_t(i))));
}

bool tuning::isRandomType(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

void tuning::fillRandom(const runtime::TensorView &tensor, uint64_t seed) {
  switch (tensor.dtype) {
  case DType::F64:
    return fill<double>(tensor, seed, [](float value) { return double(value); });
  case DType::F32:
    return fill<float>(tensor, seed, [](float value) { return value; });
  case DType::F16:
    return fill<_Float16>(tensor, seed, [](float value) { return _Float16(value); });
  default: // BF16, towards zero.
    return fill<uint16_t>(tensor, seed, [](float value) {
      return uint16_t(std::bit_cast<uint32_t>(value) >> 16);
    });
  }
}
