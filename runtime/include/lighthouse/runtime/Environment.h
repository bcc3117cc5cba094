//===- Environment.h - All environment variables ----------------*- C++ -*-===//
//
// Lighthouse reads an environment variable only through an object defined here, so that the list
// that `lhc doctor` prints is complete.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_ENVIRONMENT_H
#define LIGHTHOUSE_RUNTIME_ENVIRONMENT_H

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lighthouse::runtime {

/// One variable.
struct EnvironmentVariable {
  std::string_view name;
  std::string_view doc;
  /// What holds when it is not set, in words.
  std::string_view defaultValue;
  /// Whether its value changes what the compiler makes, and so belongs to the key of an artifact.
  bool cacheRelevant;

  /// Its value now; none if it is not set or empty.
  std::optional<std::string> get() const;
};

namespace environment {
extern const EnvironmentVariable cacheDir;
extern const EnvironmentVariable cacheLimit;
extern const EnvironmentVariable numThreads;
extern const EnvironmentVariable hostLevel;
extern const EnvironmentVariable cudaLibrary;
extern const EnvironmentVariable tuning;
extern const EnvironmentVariable tuningPolicy;
extern const EnvironmentVariable xdgCacheHome;
extern const EnvironmentVariable home;
} // namespace environment

/// Every variable, in a fixed order.
std::span<const EnvironmentVariable *const> environmentVariables();

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_ENVIRONMENT_H
