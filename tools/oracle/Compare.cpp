//===- Compare.cpp - How far an output may be from the oracle -------------===//

#include "oracle/Compare.h"

#include "oracle/Softmax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lighthouse::oracle {
namespace {

constexpr double kRelativeTolerance = 1e-5;
constexpr double kMaxErrorFactor = 2;
constexpr double kMeanErrorFactor = 1.1;

bool sameNonFinite(double a, double b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

/// The rounding that goes with a type; none for f32, whose tolerance needs no reference.
Rounding roundingOf(runtime::DType dtype) {
  switch (dtype) {
  case runtime::DType::F16:
    return Rounding::Float16;
  case runtime::DType::BF16:
    return Rounding::BFloat16;
  default:
    return Rounding::None;
  }
}

/// The largest finite magnitude, 0 if there is none.
double largestOf(std::span<const double> values) {
  double largest = 0;
  for (double value : values)
    if (std::isfinite(value))
      largest = std::max(largest, std::abs(value));
  return largest;
}

/// Expectations from gradientsWith(rounding).
template <typename GradientsWith>
GradientExpectations expectGradients(runtime::DType dtype, const GradientsWith &gradientsWith) {
  Gradients reference;
  if (Rounding rounding = roundingOf(dtype); rounding != Rounding::None)
    reference = gradientsWith(rounding);
  Gradients oracle = gradientsWith(Rounding::None);
  GradientExpectations expected{expect(std::move(oracle.query), dtype, reference.query),
                                expect(std::move(oracle.key), dtype, reference.key),
                                expect(std::move(oracle.value), dtype, reference.value)};
  // dP - delta may cancel, as it does in the first row of causal attention: what is left of float32
  // then has the size of its terms, not of dq and dk.
  double cancelled = 0;
  for (const Expectation *each : {&expected.query, &expected.key, &expected.value})
    cancelled = std::max(cancelled, 1e-6 * largestOf(each->values));
  for (Expectation *each : {&expected.query, &expected.key, &expected.value}) {
    each->allowedMax = std::max(each->allowedMax, cancelled);
    each->allowedMean = std::max(each->allowedMean, cancelled);
  }
  return expected;
}

/// `expected` of outputs of attention. A row's largest weight, which is 1 in the reference, rounds
/// where a kernel scales by something else than the largest score: by half a unit in the last
/// place.
Expectation withRoundedWeights(Expectation expected, runtime::DType dtype) {
  double largest = largestOf(expected.values);
  if (roundingOf(dtype) != Rounding::None && largest > 0) {
    int significandBits = dtype == runtime::DType::F16 ? 11 : 8;
    expected.allowedMax += std::exp2(std::ilogb(largest) - significandBits);
  }
  return expected;
}

/// Accumulates absolute errors, apart from those of non-finite elements.
struct Errors {
  double max = 0;
  double sum = 0;
  int64_t nonFinite = 0;
  int64_t worst = 0;

  void add(int64_t index, double actual, double expected) {
    if (!std::isfinite(actual) || !std::isfinite(expected)) {
      if (!sameNonFinite(actual, expected) && nonFinite++ == 0)
        worst = index;
      return;
    }
    double error = std::abs(actual - expected);
    sum += error;
    if (error > max) {
      max = error;
      if (nonFinite == 0)
        worst = index;
    }
  }
};

} // namespace

std::string Comparison::toString() const {
  std::string text = fmt::format("max error {:.3g} (allowed {:.3g}), mean error {:.3g} (allowed "
                                 "{:.3g})",
                                 maxError, allowedMax, meanError, allowedMean);
  if (nonFinite > 0)
    text += fmt::format(", {} elements wrongly NaN or infinite", nonFinite);
  return text;
}

Expectation expect(std::vector<double> oracle, runtime::DType dtype,
                   std::span<const double> reference) {
  Expectation expected;
  expected.allowedMax = expected.allowedMean = kRelativeTolerance * largestOf(oracle);
  if (roundingOf(dtype) != Rounding::None) {
    Errors errors;
    for (std::size_t i = 0; i < oracle.size(); ++i)
      errors.add(static_cast<int64_t>(i), reference[i], oracle[i]);
    double mean = errors.sum / static_cast<double>(std::max<std::size_t>(oracle.size(), 1));
    expected.allowedMax += kMaxErrorFactor * errors.max;
    expected.allowedMean += kMeanErrorFactor * mean;
  }
  expected.values = std::move(oracle);
  return expected;
}

Expectation expectForward(const Inputs &inputs, const Pyramid &pyramid, const Selection &selection,
                          std::span<const int64_t> positions, runtime::DType dtype) {
  std::vector<double> reference;
  if (Rounding rounding = roundingOf(dtype); rounding != Rounding::None)
    reference = forwardRows(inputs, pyramid, selection, positions, rounding);
  return withRoundedWeights(
      expect(forwardRows(inputs, pyramid, selection, positions), dtype, reference), dtype);
}

Expectation expectDense(const Inputs &inputs, std::span<const int64_t> positions, bool causal,
                        runtime::DType dtype) {
  std::vector<double> reference;
  if (Rounding rounding = roundingOf(dtype); rounding != Rounding::None)
    reference = denseAttentionRows(inputs, positions, causal, rounding);
  return withRoundedWeights(expect(denseAttentionRows(inputs, positions, causal), dtype, reference),
                            dtype);
}

GradientExpectations expectBackward(const Inputs &inputs, const Tensor &outputGradient,
                                    const Pyramid &pyramid, const Selection &selection,
                                    std::span<const int64_t> positions,
                                    std::span<const int64_t> groups, runtime::DType dtype) {
  return expectGradients(dtype, [&](Rounding rounding) {
    return backwardRows(inputs, outputGradient, pyramid, selection, positions, groups, rounding);
  });
}

GradientExpectations expectDenseBackward(const Inputs &inputs, const Tensor &outputGradient,
                                         std::span<const int64_t> positions,
                                         std::span<const int64_t> groups, bool causal,
                                         runtime::DType dtype) {
  return expectGradients(dtype, [&](Rounding rounding) {
    return denseBackwardRows(inputs, outputGradient, positions, groups, causal, rounding);
  });
}

GradientExpectations expectAttendBackward(const AttendShape &shape, std::span<const double> query,
                                          std::span<const double> key,
                                          std::span<const double> value, const Attended &attended,
                                          std::span<const double> outputGradient, bool causal,
                                          runtime::DType dtype) {
  return expectGradients(dtype, [&](Rounding rounding) {
    return attendBackward(shape, query, key, value, attended, outputGradient, causal, rounding);
  });
}

Expectation expectGathered(const Tensor &tensor, const Pyramid &pyramid, const Selection &selection,
                           const std::optional<Rotary> &rotary, runtime::DType dtype) {
  return expect(gather(tensor, pyramid, selection, rotary), dtype,
                gather(tensor, pyramid, selection, rotary, roundingOf(dtype)));
}

Expectation expectRounded(std::vector<double> oracle, runtime::DType dtype) {
  std::vector<double> reference = oracle;
  roundTo(roundingOf(dtype), reference);
  return expect(std::move(oracle), dtype, reference);
}

Comparison compare(std::span<const float> actual, const Expectation &expected) {
  Comparison result;
  result.allowedMax = expected.allowedMax;
  result.allowedMean = expected.allowedMean;
  if (actual.size() != expected.values.size()) {
    result.maxError = result.meanError = std::numeric_limits<double>::infinity();
    return result;
  }
  Errors errors;
  for (std::size_t i = 0; i < actual.size(); ++i)
    errors.add(static_cast<int64_t>(i), actual[i], expected.values[i]);
  result.maxError = errors.max;
  result.meanError = errors.sum / static_cast<double>(std::max<std::size_t>(actual.size(), 1));
  result.nonFinite = errors.nonFinite;
  result.worst = errors.worst;
  result.passed = errors.nonFinite == 0 && result.maxError <= result.allowedMax &&
                  result.meanError <= result.allowedMean;
  return result;
}

std::vector<float> rowsAt(const Tensor &output, std::span<const int64_t> positions) {
  return rowsAt(output, positions, std::array<int64_t, 1>{0}, output.heads);
}

std::vector<float> rowsAt(const Tensor &output, std::span<const int64_t> positions,
                          std::span<const int64_t> groups, int64_t headsPerGroup) {
  int64_t groupElements = headsPerGroup * output.headDim;
  std::vector<float> rows;
  rows.reserve(output.batch * positions.size() * groups.size() * groupElements);
  for (int64_t b = 0; b < output.batch; ++b)
    for (int64_t token : positions)
      for (int64_t group : groups) {
        const float *row = output.row(b, token, group * headsPerGroup);
        rows.insert(rows.end(), row, row + groupElements);
      }
  return rows;
}

} // namespace lighthouse::oracle
