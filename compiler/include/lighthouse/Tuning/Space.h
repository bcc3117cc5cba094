//===- Space.h - What there is to tune in a request, and what to try ----------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TUNING_SPACE_H
#define LIGHTHOUSE_TUNING_SPACE_H

#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/Pipelines/Request.h"
#include "lighthouse/runtime/Tuning.h"

#include <optional>
#include <utility>

namespace lighthouse::tuning {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// "BM=64, BN=128"
std::string spell(const Settings &settings);

/// One way to set what a kernel leaves open.
struct Candidate {
  Settings settings;
  /// Of the kernel in one run: the sum over its launches. None if it was not measured.
  std::optional<double> seconds;
  /// Why it may not win; empty if it may.
  std::string rejected;
};

/// A kernel with the same parameters, tuned for all its uses in a pipeline together.
struct Group {
  std::string kernel, params;
  std::vector<std::string> shapes; ///< of each use
  std::vector<frontend::TunableUse::Parameter> open;
  std::string defaultInstance;
  /// The defaults first.
  std::vector<Candidate> candidates;
  /// Into `candidates`.
  size_t best = 0;

  std::string title() const { return kernel + "(" + params + ")"; }
  /// Adds entries for all uses with these settings, measured now.
  runtime::Status addTo(runtime::TuningTable &table, const Request &request,
                        const Candidate &candidate) const;
  /// Of a group that was searched: "BLOCK=256: 0.012 ms, 1.20 times as fast as BLOCK=1024: 0.014
  /// ms; 3 candidates, 1 rejected".
  std::string summary() const;
};

/// "0.012 ms"
std::string milliseconds(double seconds);

/// The most candidates of one kernel.
inline constexpr size_t maxCandidates = 256;

/// Groups `uses`, those of `kernelFilter` alone unless it is empty, with all their candidates.
/// `InvalidArgument` if a kernel has too many, or if none is left by a filter.
runtime::Result<std::vector<Group>> makeGroups(const std::vector<frontend::TunableUse> &uses,
                                               const std::string &kernelFilter);

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_SPACE_H
