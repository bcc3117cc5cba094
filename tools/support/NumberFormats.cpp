//===- NumberFormats.cpp - float16 and bfloat16 conversion ----------------===//

#include "support/NumberFormats.h"

#include <bit>

namespace lighthouse::support {
namespace {

constexpr int kDoubleFraction = 52;
constexpr int kDoubleBias = 1023;

/// Rounds to a format with a sign, `ExponentBits` and `FractionBits` (16 bits in all).
template <int ExponentBits, int FractionBits> uint16_t encode(double value) {
  constexpr int bias = (1 << (ExponentBits - 1)) - 1;
  constexpr uint64_t infinity = ((uint64_t(1) << ExponentBits) - 1) << FractionBits;
  constexpr uint64_t quiet = uint64_t(1) << (FractionBits - 1);

  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 63 << 15);
  int exponent = static_cast<int>(bits >> kDoubleFraction & 0x7ff);
  uint64_t fraction = bits & ((uint64_t(1) << kDoubleFraction) - 1);
  if (exponent == 0x7ff) {
    uint64_t payload = fraction ? quiet | fraction >> (kDoubleFraction - FractionBits) : 0;
    return static_cast<uint16_t>(sign | infinity | payload);
  }
  if (exponent == 0) // Zero, or far below the smallest number of either format.
    return sign;

  exponent += bias - kDoubleBias;
  uint64_t significand = fraction | uint64_t(1) << kDoubleFraction;
  int shift = kDoubleFraction - FractionBits;
  if (exponent < 1) { // A subnormal result: fewer bits remain.
    shift += 1 - exponent;
    exponent = 1;
    if (shift > kDoubleFraction + 1)
      return sign;
  }
  uint64_t half = uint64_t(1) << (shift - 1);
  uint64_t remainder = significand & (2 * half - 1);
  uint64_t quotient = significand >> shift;
  if (remainder > half || (remainder == half && (quotient & 1)))
    ++quotient;
  // The hidden bit, or a carry out of the fraction, moves into the exponent by addition.
  uint64_t magnitude = (uint64_t(exponent - 1) << FractionBits) + quotient;
  return static_cast<uint16_t>(sign | (magnitude < infinity ? magnitude : infinity));
}

} // namespace

uint16_t encodeFloat16(double value) { return encode<5, 10>(value); }

uint16_t encodeBFloat16(double value) { return encode<8, 7>(value); }

float decodeFloat16(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) // Infinity or NaN.
    return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  // Placed in the fields of a binary32, the number is too small by the difference of the biases;
  // the product is exact for normal and subnormal numbers alike.
  constexpr float rebias = 0x1p112f;
  float value = std::bit_cast<float>(magnitude << 13) * rebias;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

float decodeBFloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

} // namespace lighthouse::support
