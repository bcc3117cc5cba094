//===- StageWork.h - What the stages of a plan must move and compute at least -------*- C++ -*-===//
#ifndef LIGHTHOUSE_PLANNING_STAGEWORK_H
#define LIGHTHOUSE_PLANNING_STAGEWORK_H

#include "lighthouse/runtime/Plan.h"

#include <optional>
#include <string>
#include <vector>

namespace lighthouse::planning {

/// The launches of one stage, and the sum of what they must do at least: what each stage says of
/// itself (`StageOpInterface::getStageCost`); of other kernels each of their tensors once.
struct StageWork {
  std::string stage;
  /// Indices of its launches, into `Plan::launches`.
  std::vector<size_t> launches;
  int64_t bytesRead = 0;
  int64_t bytesWritten = 0;
  double flops = 0;

  int64_t bytes() const { return bytesRead + bytesWritten; }
};

/// The work of every stage of `plan`, in the order of their first launches.
std::vector<StageWork> workOf(const runtime::Plan &plan);

/// Rates that no kernel exceeds by much; 0: unknown.
struct Rates {
  /// Bytes read and written per second by a copy within the device.
  double copy = 0;
  /// Flops per second of a large 16-bit matrix product.
  double matrix = 0;

  /// The least seconds for `work`, max(bytes / copy, flops / matrix); none if a rate that it needs
  /// is unknown.
  std::optional<double> floor(const StageWork &work) const;
};

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_PLANNING_STAGEWORK_H
