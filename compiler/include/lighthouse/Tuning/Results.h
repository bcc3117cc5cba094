//===- Results.h - Whether two sets of settings give the same results ---------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TUNING_RESULTS_H
#define LIGHTHOUSE_TUNING_RESULTS_H

#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"

#include <span>
#include <string>

namespace lighthouse::tuning {

/// Why `actual` is not the same result as `expected`, both contiguous and on the host; empty if it
/// is. Integers must be equal. Floats may differ as they do where sums are taken in another order and
/// values are rounded to the type on their way.
///
/// That error belongs to the terms of a sum, which may cancel, so an element that is almost zero says
/// nothing of it. It is judged by blocks of 8192 elements that are neighbours in memory: the root mean
/// square of the differences may be a part of that of the block, 3% for bf16, 0.4% for f16, 1e-4 for
/// f32 and 1e-10 for f64, and an eighth of that part of the largest block's, since whole rows may
/// cancel, too. An element may differ by that part of itself and eight times as much as its block. What
/// is not finite must be equal.
std::string compareResults(const runtime::TensorView &expected, const runtime::TensorView &actual);

/// All results of a run: `Internal` for the first that is not the same, or if some are missing.
runtime::Status checkResults(std::span<const runtime::TensorView> expected,
                             std::span<const runtime::TensorView> actual);

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_RESULTS_H
