//===- StageWork.h - What the stages of a plan must move and compute at least -------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_STAGEWORK_H
#define LIGHTHOUSE_TOOLS_LHC_STAGEWORK_H

#include "lighthouse/runtime/Plan.h"

#include <string>
#include <vector>

namespace lhc {

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
std::vector<StageWork> workOf(const lighthouse::runtime::Plan &plan);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_STAGEWORK_H
