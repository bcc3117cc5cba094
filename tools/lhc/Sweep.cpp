//===- Sweep.cpp - A pipeline measured over an extent -----------------------------------------===//

#include "Sweep.h"
#include "Plot.h"
#include "support/Files.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;

Result<SweepSpec> SweepSpec::parse(llvm::StringRef text) {
  auto [name, list] = text.split('=');
  SweepSpec spec;
  spec.name = name.trim().str();
  llvm::SmallVector<llvm::StringRef> parts;
  list.split(parts, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    int64_t value;
    if (part.trim().getAsInteger(10, value) || value <= 0)
      parts.clear();
    else
      spec.values.push_back(value);
  }
  if (spec.name.empty() || spec.values.empty() || spec.values.size() != parts.size())
    return Status(StatusCode::InvalidArgument,
                  "--sweep expects an extent of --arg and its values like N=4096,8192, found '" +
                      text.str() + "'");
  return spec;
}

namespace {

/// Milliseconds over the points; NaN where there are none.
std::vector<Curve> curvesOf(const std::vector<SweepPoint> &points) {
  std::vector<Curve> curves;
  auto add = [&](llvm::StringRef name, double extent, double seconds) {
    auto curve = llvm::find_if(curves, [&](const Curve &known) { return known.name == name; });
    if (curve == curves.end())
      curve = curves.insert(curve, Curve{name.str(), {}});
    curve->points.push_back({extent, seconds * 1e3});
  };
  for (const SweepPoint &point : points) {
    const Measurement &measurement = point.report.measurement;
    double extent = double(point.extent);
    for (const StageTimes &stage : measurement.warm.stages)
      add(stage.stage, extent, stage.times.median());
    add("total", extent, measurement.warm.total.median());
    if (!measurement.warm.graph.empty())
      add("graph", extent, measurement.warm.graph.median());
    if (!measurement.dense.empty())
      add("dense", extent, measurement.dense.median());
  }
  return curves;
}

} // namespace

void lhc::printSweep(llvm::StringRef name, const std::vector<SweepPoint> &points) {
  llvm::raw_ostream &out = llvm::outs();
  std::vector<Curve> curves = curvesOf(points);
  out << points.front().report.pipeline << ", " << points.front().report.where << ", ms\n";
  out << llvm::formatv("{0,10}", name);
  for (const Curve &curve : curves)
    out << llvm::formatv(" {0,12}", curve.name);
  out << "\n";
  for (const SweepPoint &point : points) {
    out << llvm::formatv("{0,10}", point.extent);
    for (const Curve &curve : curves) {
      auto at = llvm::find_if(curve.points,
                              [&](const auto &xy) { return xy.first == double(point.extent); });
      out << (at == curve.points.end() ? llvm::formatv(" {0,12}", "-").str()
                                       : llvm::formatv(" {0,12:F4}", at->second).str());
    }
    out << "\n";
  }
}

Status lhc::plotSweep(const std::string &path, llvm::StringRef name,
                      const std::vector<SweepPoint> &points) {
  const BenchReport &report = points.front().report;
  Plot plot{report.pipeline, report.where, name.str(), "ms", curvesOf(points)};
  std::string text;
  llvm::raw_string_ostream out(text);
  plot.write(out);
  return lighthouse::support::writeFile(path, {text});
}
