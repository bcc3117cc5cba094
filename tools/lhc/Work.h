//===- Work.h - What the stages of a plan must move and compute at least ------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_WORK_H
#define LIGHTHOUSE_TOOLS_LHC_WORK_H

#include "lighthouse/Pipelines/Meaning.h"
#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Status.h"

#include <string>
#include <vector>

namespace lhc {

/// The least work of a stage, whatever its kernels do. Results of a stage that only itself uses
/// count for nothing. The rest depends on the stage:
///
/// | stage | bytes |
/// |---|---|
/// | select | the scores; the selected entries |
/// | gather | every row below a selected entry, or its pooled row on the coarsest level; the
/// entries; the gathered rows | | scatter | the rows of the sub-sequence; the entries; the output |
/// | any other | its tensors, each once |
///
/// and attend has 4 S^2 D flops for each batch and query head, half of it if causal.
struct StageWork {
  std::string stage;
  /// Indices of its launches, into `Plan::launches`.
  std::vector<size_t> launches;
  int64_t bytesRead = 0;
  int64_t bytesWritten = 0;
  double flops = 0;

  int64_t bytes() const { return bytesRead + bytesWritten; }
};

/// The work of every stage of `plan`, in the order of their first launches. A plan does not say
/// whether attention is `causal`.
std::vector<StageWork> workOf(const lighthouse::runtime::Plan &plan, bool causal = true);

/// Whether the attention of a pipeline whose results are `meanings` is causal; if they do not say
/// so, it is taken to be.
bool isCausal(const lighthouse::runtime::Result<std::vector<lighthouse::ResultMeaning>> &meanings);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_WORK_H
