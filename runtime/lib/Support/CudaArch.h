//===- CudaArch.h - Names of compute capabilities ---------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_SUPPORT_CUDAARCH_H
#define LIGHTHOUSE_RUNTIME_LIB_SUPPORT_CUDAARCH_H

#include <optional>
#include <string>
#include <string_view>

namespace lighthouse::runtime {

/// A compute capability, and how far code for it carries.
struct CudaArch {
  int major = 0;
  int minor = 0;
  /// 0: runs on this and every later capability (as PTX). 'a': on this one alone. 'f': on this one
  /// and later ones of the same major number.
  char suffix = 0;

  /// Parses "sm_80", "sm_90a", "sm_120f"; none for anything else.
  static std::optional<CudaArch> parse(std::string_view name);

  /// "sm_90a".
  std::string name() const;

  /// Whether PTX for this runs on a device of the capability `device`.
  bool ptxRunsOn(CudaArch device) const;

  /// Whether a cubin for this runs on a device of the capability `device`.
  bool cubinRunsOn(CudaArch device) const;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_SUPPORT_CUDAARCH_H
