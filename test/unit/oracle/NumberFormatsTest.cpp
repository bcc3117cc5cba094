//===- NumberFormatsTest.cpp - float16 and bfloat16 conversion ------------===//

#include "support/NumberFormats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace lighthouse::support;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// For every finite positive number of a format: it survives, everything closer to it than to its
/// neighbour rounds to it, and the midpoint goes to the even one.
template <typename Encode, typename Decode>
void checkAllNumbers(Encode encode, Decode decode, uint16_t infinity) {
  for (uint16_t bits = 0; bits < infinity; ++bits) {
    double value = decode(bits);
    ASSERT_EQ(encode(value), bits);
    ASSERT_EQ(encode(-value), bits | 0x8000);
    if (bits + 1 == infinity)
      break;
    double next = decode(bits + 1);
    ASSERT_LT(value, next);
    double middle = (value + next) / 2;
    ASSERT_EQ(encode(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(encode(std::nextafter(middle, 0)), bits);
    ASSERT_EQ(encode(std::nextafter(middle, kInfinity)), bits + 1);
  }
  ASSERT_EQ(encode(kInfinity), infinity);
  ASSERT_EQ(encode(-kInfinity), infinity | 0x8000);
  ASSERT_EQ(decode(infinity), kInfinity);
  ASSERT_EQ(encode(1e300), infinity);
  ASSERT_EQ(encode(5e-324), 0);
  ASSERT_TRUE(std::isnan(decode(encode(std::nan("")))));
  ASSERT_TRUE(std::isnan(decode(infinity + 1)));
}

TEST(NumberFormats, Float16) {
  checkAllNumbers(encodeFloat16, decodeFloat16, 0x7c00);
  EXPECT_EQ(decodeFloat16(0x3c00), 1.0f);
  EXPECT_EQ(decodeFloat16(0x0001), 0x1p-24f);
  EXPECT_EQ(decodeFloat16(0xfbff), -65504.0f);
  EXPECT_EQ(encodeFloat16(65519.99), 0x7bff);
  EXPECT_EQ(encodeFloat16(65520), 0x7c00);
}

TEST(NumberFormats, BFloat16) {
  checkAllNumbers(encodeBFloat16, decodeBFloat16, 0x7f80);
  EXPECT_EQ(decodeBFloat16(0x3f80), 1.0f);
  EXPECT_EQ(encodeBFloat16(3.0e38), 0x7f62);
}

TEST(NumberFormats, NaNKeepsItsSign) {
  EXPECT_EQ(encodeFloat16(std::copysign(std::nan(""), -1)) >> 15, 1);
  EXPECT_EQ(encodeBFloat16(std::copysign(std::nan(""), -1)) >> 15, 1);
}

} // namespace
