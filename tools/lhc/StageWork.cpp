//===- StageWork.cpp - What the stages of a plan must move and compute at least ---------------===//

#include "StageWork.h"

#include "llvm/ADT/STLExtras.h"

using namespace lhc;
using namespace lighthouse::runtime;

std::vector<StageWork> lhc::workOf(const Plan &plan) {
  std::vector<StageWork> all;
  for (auto [i, launch] : llvm::enumerate(plan.launches)) {
    auto work = llvm::find_if(
        all, [&](const StageWork &other) { return other.stage == launch.stage; });
    if (work == all.end())
      work = all.insert(work, {.stage = launch.stage});
    work->launches.push_back(i);
    work->bytesRead += launch.cost.bytesRead;
    work->bytesWritten += launch.cost.bytesWritten;
    work->flops += double(launch.cost.flops);
  }
  return all;
}
