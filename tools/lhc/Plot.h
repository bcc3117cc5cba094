//===- Plot.h - Curves on logarithmic axes as SVG -----------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_PLOT_H
#define LIGHTHOUSE_TOOLS_LHC_PLOT_H

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <utility>
#include <vector>

namespace lhc {

struct Curve {
  std::string name;
  /// x and y, both positive; points that are not are left out.
  std::vector<std::pair<double, double>> points;
};

struct Plot {
  std::string title, subtitle, xLabel, yLabel;
  std::vector<Curve> curves;

  /// Writes a self-contained SVG.
  void write(llvm::raw_ostream &out) const;
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_PLOT_H
