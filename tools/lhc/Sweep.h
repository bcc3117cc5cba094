//===- Sweep.h - A pipeline measured over an extent ---------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_SWEEP_H
#define LIGHTHOUSE_TOOLS_LHC_SWEEP_H

#include "BenchReport.h"

namespace lhc {

/// Which values an extent of the arguments takes.
struct SweepSpec {
  std::string name;
  std::vector<int64_t> values;

  /// Reads "N=4096,8192".
  static Result<SweepSpec> parse(llvm::StringRef text);
};

/// What one value gave.
struct SweepPoint {
  int64_t extent = 0;
  BenchReport report;
};

/// A table: milliseconds of all stages over the extent `name`.
void printSweep(llvm::StringRef name, const std::vector<SweepPoint> &points);

/// Draws the same as an SVG file, on logarithmic axes.
Status plotSweep(const std::string &path, llvm::StringRef name,
                 const std::vector<SweepPoint> &points);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_SWEEP_H
