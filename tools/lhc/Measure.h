//===- Measure.h - How long a pipeline takes ----------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_MEASURE_H
#define LIGHTHOUSE_TOOLS_LHC_MEASURE_H

#include "Dense.h"

#include "lighthouse/Tuning/Median.h"

namespace lhc {

/// Seconds of the repetitions of one thing.
struct Times {
  std::vector<double> seconds;

  bool empty() const { return seconds.empty(); }
  /// 0 if there are none.
  double median() const { return lighthouse::tuning::median(seconds); }
};

/// One stage over all repetitions.
struct StageTimes {
  std::string stage;
  /// Of all its tensors, each element counted once.
  int64_t bytes = 0;
  Times times;
};

/// A pipeline over all repetitions, in one state of the caches.
struct PipelineTimes {
  std::vector<StageTimes> stages;
  /// The whole pipeline: on the host by the clock, on a GPU between two events.
  Times total;
  /// GPU: the same, launched as a graph.
  Times graph;

  /// What the stages take together; on a GPU each between events of its own.
  double sumOfStages() const;
  /// Adds the launches of one run.
  void add(const std::vector<lighthouse::runtime::LaunchTiming> &timings);
};

struct Measurement {
  PipelineTimes warm;
  /// GPU: with an L2 that holds none of the inputs.
  PipelineTimes cold;
  /// Dense attention, if asked for.
  Times dense;
  /// GPU: bytes that a copy of the driver reads and writes per second.
  double copyRate = 0;
};

struct MeasureOptions {
  unsigned repetitions = 5;
  /// GPU: runs before the timed ones.
  unsigned warmups = 3;
  /// GPU: copies of the inputs that the runs take in turns.
  unsigned inputSets = 1;
};

/// Dense attention is repeated only as long as all its runs stay below this many seconds.
inline constexpr double denseSeconds = 20;

/// Times `pipeline`, and `dense` if it is loaded, alternating.
Status measureOnHost(PipelineRun &pipeline, Dense &dense, const MeasureOptions &options,
                     Measurement &measurement);
Status measureOnCuda(PipelineRun &pipeline, Dense &dense, const MeasureOptions &options,
                     Measurement &measurement);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_MEASURE_H
