//===- StageWork.cpp - What the stages of a plan must move and compute at least ---------------===//

#include "lighthouse/Planning/StageWork.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace lighthouse;
using namespace lighthouse::planning;

std::vector<StageWork> planning::workOf(const runtime::Plan &plan) {
  std::vector<StageWork> all;
  for (auto [i, launch] : llvm::enumerate(plan.launches)) {
    auto work = llvm::find_if(
        all, [&](const StageWork &other) { return other.stage == launch.stage; });
    if (work == all.end()) {
      work = all.emplace(work);
      work->stage = launch.stage;
    }
    work->launches.push_back(i);
    work->bytesRead += launch.cost.bytesRead;
    work->bytesWritten += launch.cost.bytesWritten;
    work->flops += double(launch.cost.flops);
  }
  return all;
}

std::optional<double> Rates::floor(const StageWork &work) const {
  if ((work.bytes() > 0 && copy <= 0) || (work.flops > 0 && matrix <= 0))
    return std::nullopt;
  double moving = work.bytes() > 0 ? double(work.bytes()) / copy : 0;
  double computing = work.flops > 0 ? work.flops / matrix : 0;
  return std::max(moving, computing);
}
