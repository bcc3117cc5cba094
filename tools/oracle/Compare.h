//===- Compare.h - How far an output may be from the oracle -----*- C++ -*-===//
//
// The allowed error depends on the type of the output:
//   f32        every element within 1e-5 of the oracle's largest absolute value;
//   f16, bf16  the largest error at most twice, and the mean error at most 1.1 times, that of the
//              oracle rounded as a kernel of that type must round (`Rounding`), each plus 1e-5 of
//              the largest absolute value; for outputs of attention the largest error besides by
//              half a unit in the last place of that value.
// A NaN or an infinity passes only where the oracle has the same.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_ORACLE_COMPARE_H
#define LIGHTHOUSE_ORACLE_COMPARE_H

#include "lighthouse/runtime/DType.h"
#include "oracle/Stages.h"

#include <string>

namespace lighthouse::oracle {

/// What an output should be, and by how much it may differ.
struct Expectation {
  std::vector<double> values;
  double allowedMax = 0;
  double allowedMean = 0;
};

/// The outcome of a comparison; errors are absolute.
struct Comparison {
  double maxError = 0;
  double meanError = 0;
  double allowedMax = 0;
  double allowedMean = 0;
  /// Elements that are NaN or infinite where the oracle differs; they are not in the errors above.
  int64_t nonFinite = 0;
  /// The element with the largest error, the first non-finite one before all others.
  int64_t worst = 0;
  /// Whether the sizes are equal, nothing is wrongly non-finite and both errors are allowed.
  bool passed = false;

  /// One line: "max error 1.2e-07 (allowed 3e-06), mean error 4e-08 (allowed 3e-06)".
  std::string toString() const;
};

/// Expected values for an output of `dtype`: f32 needs no `reference`; for f16 and bf16 it is the
/// same rows with the rounding of that type.
Expectation expect(std::vector<double> oracle, runtime::DType dtype,
                   std::span<const double> reference = {});

/// `forwardRows` with the errors allowed to an implementation that reads and writes `dtype`.
Expectation expectForward(const Inputs &inputs, const Pyramid &pyramid, const Selection &selection,
                          std::span<const int64_t> positions, runtime::DType dtype);

/// `denseAttentionRows` in the same way.
Expectation expectDense(const Inputs &inputs, std::span<const int64_t> positions, bool causal,
                        runtime::DType dtype);

/// What the gradients of q, k and v should be.
struct GradientExpectations {
  Expectation query;
  Expectation key;
  Expectation value;
};

/// `backwardRows` in the same way; 1e-6 of the largest value of all three is always allowed, as
/// differences of their terms cancel.
GradientExpectations expectBackward(const Inputs &inputs, const Tensor &outputGradient,
                                    const Pyramid &pyramid, const Selection &selection,
                                    std::span<const int64_t> positions,
                                    std::span<const int64_t> groups, runtime::DType dtype);

/// `denseBackwardRows` in the same way.
GradientExpectations expectDenseBackward(const Inputs &inputs, const Tensor &outputGradient,
                                         std::span<const int64_t> positions,
                                         std::span<const int64_t> groups, bool causal,
                                         runtime::DType dtype);

/// `attendBackward`, of causal attention or not, in the same way.
GradientExpectations expectAttendBackward(const AttendShape &shape, std::span<const double> query,
                                          std::span<const double> key,
                                          std::span<const double> value, const Attended &attended,
                                          std::span<const double> outputGradient, bool causal,
                                          runtime::DType dtype);

/// `gather` in the same way.
Expectation expectGathered(const Tensor &tensor, const Pyramid &pyramid, const Selection &selection,
                           const std::optional<Rotary> &rotary, runtime::DType dtype);

/// Expected values for an output of `dtype` that only its own rounding may change: `oracle`, for
/// f16 and bf16 with itself rounded as the reference.
Expectation expectRounded(std::vector<double> oracle, runtime::DType dtype);

/// Compares an output, widened to float32 and laid out like `expected.values`.
Comparison compare(std::span<const float> actual, const Expectation &expected);

/// The rows [B, positions, H, D] of a whole output [B, N, H, D].
std::vector<float> rowsAt(const Tensor &output, std::span<const int64_t> positions);

/// The rows [B, positions, groups * headsPerGroup, D] of the heads of some groups.
std::vector<float> rowsAt(const Tensor &output, std::span<const int64_t> positions,
                          std::span<const int64_t> groups, int64_t headsPerGroup);

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_COMPARE_H
