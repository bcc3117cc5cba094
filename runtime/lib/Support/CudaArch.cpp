//===- CudaArch.cpp - Names of compute capabilities -----------------------===//

#include "CudaArch.h"

#include <algorithm>

namespace lighthouse::runtime {

std::optional<CudaArch> CudaArch::parse(std::string_view name) {
  if (!name.starts_with("sm_"))
    return std::nullopt;
  name.remove_prefix(3);
  CudaArch arch;
  if (name.ends_with('a') || name.ends_with('f')) {
    arch.suffix = name.back();
    name.remove_suffix(1);
  }
  const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.size() < 2 || name.size() > 3 || name.front() == '0' ||
      !std::ranges::all_of(name, isDigit))
    return std::nullopt;
  for (char digit : name.substr(0, name.size() - 1))
    arch.major = 10 * arch.major + (digit - '0');
  arch.minor = name.back() - '0';
  return arch;
}

std::string CudaArch::name() const {
  std::string text = "sm_" + std::to_string(10 * major + minor);
  if (suffix != 0)
    text += suffix;
  return text;
}

bool CudaArch::ptxRunsOn(CudaArch device) const {
  return cubinRunsOn(device) || (suffix == 0 && major < device.major);
}

bool CudaArch::cubinRunsOn(CudaArch device) const {
  return major == device.major && (suffix == 'a' ? minor == device.minor : minor <= device.minor);
}

} // namespace lighthouse::runtime
