//===- NumberFormats.h - float16 and bfloat16 conversion --------*- C++ -*-===//
//
// The 16-bit floating-point formats as bit patterns: IEEE binary16 and bfloat16, the upper half of
// an IEEE binary32.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_SUPPORT_NUMBERFORMATS_H
#define LIGHTHOUSE_SUPPORT_NUMBERFORMATS_H

#include <cstdint>

namespace lighthouse::support {

/// The binary16 nearest to `value`, ties to even; overflow gives infinity, a NaN stays a (quiet)
/// NaN. Converting straight from double avoids a second rounding.
uint16_t encodeFloat16(double value);

/// The bfloat16 nearest to `value`, under the same rules.
uint16_t encodeBFloat16(double value);

/// The value of a binary16 bit pattern. Exact.
float decodeFloat16(uint16_t bits);

/// The value of a bfloat16 bit pattern. Exact.
float decodeBFloat16(uint16_t bits);

} // namespace lighthouse::support

#endif // LIGHTHOUSE_SUPPORT_NUMBERFORMATS_H
