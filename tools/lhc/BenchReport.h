//===- BenchReport.h - Tables and JSON of a measured pipeline -----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_BENCHREPORT_H
#define LIGHTHOUSE_TOOLS_LHC_BENCHREPORT_H

#include "Ceilings.h"
#include "KernelUsage.h"
#include "Measure.h"

namespace lhc {

/// All that is known of one measured pipeline.
struct BenchReport {
  std::string pipeline;
  std::string arguments;
  /// "host x86-64-v4, 16 threads", or "NVIDIA H200 (cuda:0, sm_90a), CUDA 12.8".
  std::string where;
  std::string level;
  StartTimes start;
  MeasureOptions options;
  Measurement measurement;
  /// Whether the results were compared, and what that gave.
  bool checked = false;
  std::vector<Verdict> verdicts;
  /// GPU only.
  std::optional<lighthouse::runtime::cuda::DeviceInfo> device;
  Ceilings ceilings;
  std::vector<StageWork> work;
  StageWork denseWork;
  KernelUsages kernels;

  void print() const;
  llvm::json::Object json() const;

private:
  void printHost() const;
  void printCuda() const;
  llvm::json::Object hostJson() const;
  llvm::json::Object cudaJson() const;
  StageWork workOf(llvm::StringRef stage) const;
  const StageTimes *coldTimes(llvm::StringRef stage) const;
  /// The ceiling for bytes: what was measured beside it, else the table's.
  double copyCeiling() const;
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_BENCHREPORT_H
