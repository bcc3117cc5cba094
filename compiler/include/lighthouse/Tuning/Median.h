//===- Median.h - What repeated measurements come to --------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TUNING_MEDIAN_H
#define LIGHTHOUSE_TUNING_MEDIAN_H

#include <algorithm>
#include <vector>

namespace lighthouse::tuning {

/// The value in the middle, or the mean of the two there; 0 if there are none.
inline double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_MEDIAN_H
