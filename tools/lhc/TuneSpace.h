//===- TuneSpace.h - What there is to tune in a request, and what to try ------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_TUNESPACE_H
#define LIGHTHOUSE_TOOLS_LHC_TUNESPACE_H

#include "Execution.h"

#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/Pipelines/Request.h"
#include "lighthouse/runtime/Tuning.h"

#include <optional>
#include <utility>

namespace lhc {

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
struct TuneGroup {
  std::string kernel, params;
  std::vector<std::string> shapes; ///< of each use
  std::vector<lighthouse::frontend::TunableUse::Parameter> open;
  std::string defaultInstance;
  /// The defaults first.
  std::vector<Candidate> candidates;
  /// Into `candidates`.
  size_t best = 0;

  std::string title() const { return kernel + "(" + params + ")"; }
  /// Adds entries for all uses with these settings.
  Status addTo(lighthouse::runtime::TuningTable &table, const lighthouse::Request &request,
               const Candidate &candidate, const std::string &when) const;
};

/// The most candidates of one kernel.
inline constexpr size_t maxCandidates = 256;

/// Groups `uses`, those of `kernelFilter` alone unless it is empty, with all their candidates.
Result<std::vector<TuneGroup>>
makeGroups(const std::vector<lighthouse::frontend::TunableUse> &uses,
           const std::string &kernelFilter);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_TUNESPACE_H
