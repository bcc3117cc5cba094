//===- Measure.cpp - How long a pipeline takes, on the host -----------------------------------===//

#include "Measure.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;
using namespace lighthouse;

double PipelineTimes::sumOfStages() const {
  double sum = 0;
  for (const StageTimes &stage : stages)
    sum += stage.times.median();
  return sum;
}

void PipelineTimes::add(const std::vector<runtime::LaunchTiming> &timings) {
  std::vector<StageTimes> once;
  auto find = [](std::vector<StageTimes> &list, llvm::StringRef name) -> StageTimes & {
    for (StageTimes &stage : list)
      if (stage.stage == name)
        return stage;
    list.emplace_back();
    list.back().stage = name.str();
    return list.back();
  };
  for (const runtime::LaunchTiming &timing : timings) {
    StageTimes &stage = find(once, timing.stage);
    stage.bytes += timing.bytes;
    stage.times.seconds.push_back(timing.seconds);
  }
  for (const StageTimes &stage : once) {
    StageTimes &all = find(stages, stage.stage);
    all.bytes = stage.bytes;
    double sum = 0;
    for (double seconds : stage.times.seconds)
      sum += seconds;
    all.times.seconds.push_back(sum);
  }
}

Status lhc::measureOnHost(PipelineRun &pipeline, Dense &dense, const MeasureOptions &options,
                          Measurement &measurement) {
  PipelineTimes &times = measurement.warm;
  double denseTotal = 0;
  // One run warms the caches and touches the outputs.
  for (int i = -1; i < int(options.repetitions); ++i) {
    std::vector<runtime::LaunchTiming> timings;
    double start = secondsNow();
    if (Status status = pipeline.execution->run(pipeline.inputs, &timings); !status.ok())
      return status;
    double elapsed = secondsNow() - start;
    if (i < 0)
      continue;
    llvm::errs() << llvm::formatv("[bench] run {0} of {1}: {2:F1} ms\n", i + 1, options.repetitions,
                                  elapsed * 1e3);
    times.total.seconds.push_back(elapsed);
    times.add(timings);
    if (!dense.execution || denseTotal > denseSeconds)
      continue;
    llvm::errs() << "[bench] dense attention ...";
    start = secondsNow();
    if (Status status = dense.execution->run(dense.inputs); !status.ok())
      return status;
    elapsed = secondsNow() - start;
    measurement.dense.seconds.push_back(elapsed);
    denseTotal += elapsed;
    llvm::errs() << llvm::formatv(" {0:F1} ms\n", elapsed * 1e3);
  }
  return {};
}
