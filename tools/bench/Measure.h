//===- Measure.h - Alternating measurements -----------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_BENCH_MEASURE_H
#define LIGHTHOUSE_TOOLS_BENCH_MEASURE_H

#include "Execution.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Tuning/Median.h"

#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace bench {

/// One figure beside its yardstick, both measured in turns in this process.
struct Ratio {
  std::string name;
  std::string unit;
  double ours = 0;      ///< In units per second.
  double yardstick = 0; ///< In units per second.
  double required = 0;  ///< Of ours over yardstick.
  bool passed() const { return ours >= required * yardstick; }
};

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

using lighthouse::tuning::median;

/// The value of `result`, or the end of the program with its message.
template <typename T> T require(lighthouse::runtime::Result<T> result) {
  if (result)
    return *std::move(result);
  llvm::errs() << "lighthouse-bench: " << result.status().message() << "\n";
  std::exit(2);
}

/// A compiled pipeline and its inputs, random numbers of the given types.
struct Subject {
  lhc::Execution execution;
  std::vector<lhc::NamedArray> arrays;
  std::vector<lighthouse::runtime::TensorView> inputs;
};

/// Compiles pipeline `name` of `spec` for this processor. Ends the program with a message if the
/// compiler or the runtime refuses.
Subject makeSubject(const std::string &spec, const std::string &name,
                    std::vector<std::pair<std::string, std::string>> settings,
                    const std::vector<lighthouse::ArgumentType> &arguments);

/// Runs once; fills `timings` if given. Ends the program with a message on failure.
void runOnce(Subject &subject, std::vector<lighthouse::runtime::LaunchTiming> *timings = nullptr);

/// Causal attention in fp32 at N = 8192, D = 64 against sgemm of OpenBLAS, in flop/s.
std::vector<Ratio> measureAttention(unsigned repetitions);

/// Pool and score, gather and scatter on their fewest bytes against memcpy on all threads, in bytes
/// read and written per second.
std::vector<Ratio> measureMemoryBound(unsigned repetitions);

/// How long the compiler takes for a request, beside what is required of it.
struct PlanTime {
  std::string name;
  double taken = 0;   ///< In seconds.
  double allowed = 0; ///< In seconds.
  bool passed() const { return taken <= allowed; }
};

/// Forward and backward pass of lighthouse.lh for lengths that are new to a compiler which has all
/// their kernels.
std::vector<PlanTime> measurePlans(unsigned repetitions);

} // namespace bench

#endif // LIGHTHOUSE_TOOLS_BENCH_MEASURE_H
