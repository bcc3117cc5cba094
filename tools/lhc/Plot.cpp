//===- Plot.cpp - Curves on logarithmic axes as SVG -------------------------------------------===//

#include "Plot.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace lhc;

namespace {

constexpr double width = 800, height = 500, left = 80, right = 160, top = 64, bottom = 60;

/// Distinct also to those who see no difference of red and green (Okabe and Ito).
constexpr llvm::StringLiteral colors[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                          "#56b4e9", "#d55e00", "#000000", "#999999"};

std::string escape(llvm::StringRef text) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::printHTMLEscaped(text, stream);
  return result;
}

/// A logarithmic axis from the first to the last pixel.
struct Axis {
  double low, high, first, last;

  double at(double value) const {
    return first + (last - first) * std::log(value / low) / std::log(high / low);
  }
};

/// The least and the largest value, pushed apart if they are equal.
std::pair<double, double> range(const std::vector<Curve> &curves, bool y) {
  double low = HUGE_VAL, high = 0;
  for (const Curve &curve : curves)
    for (const auto &point : curve.points) {
      double value = y ? point.second : point.first;
      if (value > 0) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
  if (high <= 0)
    return {0.5, 2};
  return low == high ? std::pair(low / 2, high * 2) : std::pair(low, high);
}

std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

/// 65536 as "64K".
std::string shortNumber(double value) {
  for (auto [unit, name] : {std::pair(double(1 << 20), "M"), std::pair(1024.0, "K")})
    if (value >= unit && std::fmod(value, unit) == 0)
      return llvm::formatv("{0}{1}", int64_t(value / unit), name).str();
  return llvm::formatv("{0}", int64_t(value)).str();
}

class Writer {
public:
  Writer(const Plot &plot, llvm::raw_ostream &out) : plot(plot), out(out) {
    auto [lowX, highX] = range(plot.curves, /*y=*/false);
    x = {lowX, highX, left, width - right};
    auto [lowY, highY] = range(plot.curves, /*y=*/true);
    // Whole decades.
    y = {std::pow(10, std::floor(std::log10(lowY))), std::pow(10, std::ceil(std::log10(highY))),
         height - bottom, top};
    if (y.low == y.high)
      y.high *= 10;
  }

  void write() {
    out << llvm::formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
                         "width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
                         "font-size=\"12\">\n",
                         int(width), int(height));
    out << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    text(left, 26, plot.title, "start", "font-size=\"16\" font-weight=\"bold\"");
    text(left, 46, plot.subtitle, "start", "fill=\"#555\"");
    writeAxes();
    double labelBelow = top;
    for (auto [i, curve] : llvm::enumerate(byLastValue()))
      writeCurve(*curve.first, colors[curve.second % std::size(colors)], labelBelow);
    out << "</svg>\n";
  }

private:
  void text(double atX, double atY, llvm::StringRef what, llvm::StringRef anchor,
            llvm::StringRef style = "") {
    out << llvm::formatv("<text x=\"{0:F1}\" y=\"{1:F1}\" text-anchor=\"{2}\" {3}>{4}</text>\n",
                         atX, atY, anchor, style, escape(what));
  }

  void line(double x1, double y1, double x2, double y2, llvm::StringRef color) {
    out << llvm::formatv(
        "<line x1=\"{0:F1}\" y1=\"{1:F1}\" x2=\"{2:F1}\" y2=\"{3:F1}\" stroke=\"{4}\"/>\n", x1, y1,
        x2, y2, color);
  }

  void writeAxes() {
    for (double decade = y.low; decade <= y.high * 1.001; decade *= 10) {
      line(x.first, y.at(decade), x.last, y.at(decade), "#ccc");
      text(x.first - 8, y.at(decade) + 4, number(decade), "end");
      for (int i = 2; i < 10 && decade * i < y.high; ++i)
        line(x.first, y.at(decade * i), x.last, y.at(decade * i), "#f0f0f0");
    }
    std::vector<double> ticks;
    for (const Curve &curve : plot.curves)
      for (const auto &point : curve.points)
        if (point.first > 0 && !llvm::is_contained(ticks, point.first))
          ticks.push_back(point.first);
    llvm::sort(ticks);
    double free = 0;
    for (double tick : ticks) {
      line(x.at(tick), y.first, x.at(tick), y.first + 5, "black");
      if (x.at(tick) < free)
        continue;
      text(x.at(tick), y.first + 20, shortNumber(tick), "middle");
      free = x.at(tick) + 36;
    }
    line(x.first, y.first, x.last, y.first, "black");
    line(x.first, y.first, x.first, y.last, "black");
    text((x.first + x.last) / 2, height - 16, plot.xLabel, "middle", "font-size=\"14\"");
    double middle = (y.first + y.last) / 2;
    text(22, middle, plot.yLabel, "middle",
         llvm::formatv("font-size=\"14\" transform=\"rotate(-90 22 {0:F1})\"", middle).str());
  }

  /// Curves with their places in the list, the one that ends highest first.
  std::vector<std::pair<const Curve *, size_t>> byLastValue() const {
    std::vector<std::pair<const Curve *, size_t>> order;
    for (auto [i, curve] : llvm::enumerate(plot.curves))
      if (!curve.points.empty())
        order.emplace_back(&curve, i);
    llvm::stable_sort(order, [](const auto &a, const auto &b) {
      return a.first->points.back().second > b.first->points.back().second;
    });
    return order;
  }

  /// The name stands right of the last point, below those of the curves before.
  void writeCurve(const Curve &curve, llvm::StringRef color, double &labelBelow) {
    std::string corners, marks;
    double lastX = 0, lastY = 0;
    for (const auto &[valueX, valueY] : curve.points) {
      if (!(valueX > 0 && valueY > 0))
        continue;
      lastX = x.at(valueX), lastY = y.at(valueY);
      corners += llvm::formatv("{0:F1},{1:F1} ", lastX, lastY).str();
      marks += llvm::formatv("<circle cx=\"{0:F1}\" cy=\"{1:F1}\" r=\"3\" fill=\"{2}\"/>\n", lastX,
                             lastY, color)
                   .str();
    }
    if (corners.empty())
      return;
    out << llvm::formatv("<polyline points=\"{0}\" fill=\"none\" stroke=\"{1}\" "
                         "stroke-width=\"{2}\"/>\n",
                         corners, color, curve.name == "total" ? "3" : "1.5")
        << marks;
    double labelY = std::max(lastY + 4, labelBelow);
    text(x.last + 10, labelY, curve.name, "start", llvm::formatv("fill=\"{0}\"", color).str());
    labelBelow = labelY + 16;
  }

  const Plot &plot;
  llvm::raw_ostream &out;
  Axis x = {}, y = {};
};

} // namespace

void Plot::write(llvm::raw_ostream &out) const { Writer(*this, out).write(); }
