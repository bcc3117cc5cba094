//===- Steps.h - How a tensor goes through memory ---------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PROGRAM_STEPS_H
#define LIGHTHOUSE_RUNTIME_LIB_PROGRAM_STEPS_H

#include "lighthouse/runtime/Tensor.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

namespace lighthouse::runtime {

/// How a tensor with elements goes through memory: its dimensions of more than one element, in the
/// order of their strides, those that continue one another as one. Tensors of equal steps cover the
/// same pattern, wherever it begins.
class Steps {
public:
  struct Step {
    /// Its magnitude, in elements.
    std::int64_t stride;
    std::int64_t count;

    bool operator==(const Step &) const = default;
  };

  /// `strides` are in elements. The distance of any two elements fits in 63 bits.
  Steps(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1)
        continue;
      const Step step = {std::abs(strides[i]), shape[i]};
      std::size_t at = rank++;
      for (; at > 0 && steps[at - 1].stride > step.stride; --at)
        steps[at] = steps[at - 1];
      steps[at] = step;
    }
    std::size_t last = 0;
    for (std::size_t i = 1; i < rank; ++i)
      if (Step &before = steps[last];
          steps[i].stride - before.stride == (before.count - 1) * before.stride)
        before.count *= steps[i].count;
      else
        steps[++last] = steps[i];
    rank = std::min(rank, last + 1);
  }

  /// In ascending order of their strides; none for a single element.
  std::span<const Step> all() const { return std::span(steps).first(rank); }

  /// Whether two elements may share memory. Exact for every view made by slicing, transposing and
  /// reshaping contiguous memory.
  bool overlap() const {
    // Each stride must step over all that the smaller ones reach.
    std::int64_t reach = 0;
    for (const Step &step : all()) {
      if (step.stride <= reach)
        return true;
      reach += (step.count - 1) * step.stride;
    }
    return false;
  }

  /// Whether an element is `distance` elements away from another or itself. Exact if `!overlap()`.
  bool reach(std::int64_t distance) const { return reach(all(), distance); }

  bool operator==(const Steps &other) const { return std::ranges::equal(all(), other.all()); }

private:
  static bool reach(std::span<const Step> steps, std::int64_t distance) {
    if (steps.empty())
      return distance == 0;
    const Step &largest = steps.back();
    // There and back are alike; and as the smaller strides together reach less than this one, it is
    // taken as often as it fits, or once more.
    distance = std::abs(distance);
    for (std::int64_t times = distance / largest.stride, last = times + 1; times <= last; ++times)
      if (times < largest.count &&
          reach(steps.first(steps.size() - 1), distance - times * largest.stride))
        return true;
    return false;
  }

  std::array<Step, maxRank> steps;
  std::size_t rank = 0;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PROGRAM_STEPS_H
