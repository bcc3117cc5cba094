//===- PlanFormat.h - Names shared by reader and writer ---------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PLAN_PLANFORMAT_H
#define LIGHTHOUSE_RUNTIME_LIB_PLAN_PLANFORMAT_H

#include <array>
#include <string_view>

namespace lighthouse::runtime {

/// Version of the JSON form.
inline constexpr int planVersion = 6;

/// Field of an argument of a launch, indexed by `LaunchArg::Kind`.
inline constexpr std::array<std::string_view, 5> launchArgKindNames = {
    "input", "output", "buffer", "scalar", "parameter"};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PLAN_PLANFORMAT_H
