//===- Sha256.h - The checksum of artifacts and name of keys ----*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_SHA256_H
#define LIGHTHOUSE_RUNTIME_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lighthouse::runtime {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) of `bytes`.
Sha256Digest sha256(std::span<const std::uint8_t> bytes);

/// SHA-256 of the bytes of `text`.
Sha256Digest sha256(std::string_view text);

/// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256Digest &digest);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_SHA256_H
