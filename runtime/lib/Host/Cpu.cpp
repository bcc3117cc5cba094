//===- Cpu.cpp - The x86-64 micro-architecture level ----------------------===//

#include "lighthouse/runtime/Cpu.h"

#include "lighthouse/runtime/Environment.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lighthouse::runtime {

static constexpr std::array<CpuLevel, 3> levels = {CpuLevel::V2, CpuLevel::V3, CpuLevel::V4};

std::string_view cpuLevelName(CpuLevel level) {
  switch (level) {
  case CpuLevel::None:
    break;
  case CpuLevel::V2:
    return "x86-64-v2";
  case CpuLevel::V3:
    return "x86-64-v3";
  case CpuLevel::V4:
    return "x86-64-v4";
  }
  return "none";
}

std::optional<CpuLevel> parseCpuLevel(std::string_view name) {
  for (CpuLevel level : levels)
    if (cpuLevelName(level) == name)
      return level;
  return std::nullopt;
}

#if defined(__x86_64__)

namespace {

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// All zero if the processor does not have the leaf.
Registers cpuid(std::uint32_t leaf) {
  Registers r;
  if (!__get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx))
    return {};
  return r;
}

/// Which register states the operating system saves. Only where cpuid reports OSXSAVE.
std::uint64_t xgetbv() {
  std::uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t(high) << 32 | low;
}

/// A mask of the given bits.
template <typename... Bits> constexpr std::uint64_t mask(Bits... bits) {
  return ((std::uint64_t(1) << bits) | ...);
}

constexpr bool hasAll(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }

} // namespace

CpuLevel detectCpuLevel() {
  const Registers basic = cpuid(1), features = cpuid(7), extended = cpuid(0x80000001);

  // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF.
  if (!hasAll(basic.ecx, mask(0, 9, 13, 19, 20, 23)) || !hasAll(extended.ecx, mask(0)))
    return CpuLevel::None;

  // FMA, MOVBE, OSXSAVE, AVX, F16C; LZCNT; BMI1, AVX2, BMI2; XMM and YMM state saved.
  if (!hasAll(basic.ecx, mask(12, 22, 27, 28, 29)) || !hasAll(extended.ecx, mask(5)) ||
      !hasAll(features.ebx, mask(3, 5, 8)) || !hasAll(xgetbv(), mask(1, 2)))
    return CpuLevel::V2;

  // AVX512 F, DQ, CD, BW, VL; mask registers and ZMM state saved.
  if (!hasAll(features.ebx, mask(16, 17, 28, 30, 31)) || !hasAll(xgetbv(), mask(5, 6, 7)))
    return CpuLevel::V3;
  return CpuLevel::V4;
}

#else

CpuLevel detectCpuLevel() { return CpuLevel::None; }

#endif

Result<CpuLevel> hostCpuLevel() {
  const CpuLevel detected = detectCpuLevel();
  if (detected == CpuLevel::None)
    return Status(StatusCode::Unsupported,
                  "the host target needs an x86-64 processor of level x86-64-v2 or higher");

  std::optional<std::string> wanted = environment::hostLevel.get();
  if (!wanted)
    return detected;
  std::optional<CpuLevel> level = parseCpuLevel(*wanted);
  if (!level)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("{} is '{}'; allowed are x86-64-v2, x86-64-v3 and x86-64-v4",
                              environment::hostLevel.name, *wanted));
  if (*level > detected)
    return Status(StatusCode::Unsupported,
                  fmt::format("{} is '{}', but this processor has only {}",
                              environment::hostLevel.name, *wanted, cpuLevelName(detected)));
  return *level;
}

} // namespace lighthouse::runtime
