//===- Cpu.h - The x86-64 micro-architecture level --------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_CPU_H
#define LIGHTHOUSE_RUNTIME_CPU_H

#include "lighthouse/runtime/Status.h"

#include <optional>
#include <string_view>

namespace lighthouse::runtime {

/// Levels of the x86-64 psABI that code is built for; each includes the ones before.
enum class CpuLevel { None = 0, V2 = 2, V3 = 3, V4 = 4 };

/// "x86-64-v2", "x86-64-v3", "x86-64-v4"; "none" for a processor below them.
std::string_view cpuLevelName(CpuLevel level);

/// The level of that name (not "none"), or nothing.
std::optional<CpuLevel> parseCpuLevel(std::string_view name);

/// What the processor has and the operating system saves (cpuid and xgetbv).
CpuLevel detectCpuLevel();

/// The level to compile for: LIGHTHOUSE_HOST_LEVEL if set, else `detectCpuLevel()`. An unknown
/// name, a level above the processor's, and a processor below v2 are errors.
Result<CpuLevel> hostCpuLevel();

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_CPU_H
