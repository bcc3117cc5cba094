//===- Results.cpp - Whether two sets of settings give the same results -----------------------===//

#include "lighthouse/Tuning/Results.h"

#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace lighthouse;
using namespace lighthouse::tuning;
using runtime::DType;
using runtime::TensorView;

static constexpr size_t blockElements = 8192;

/// The part of its block by which a block may differ.
static double tolerance(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return 1e-10;
  case DType::F32:
    return 1e-4;
  case DType::F16:
    return 4e-3;
  default:
    return 3e-2; // BF16
  }
}

namespace {

struct BFloat16 {
  uint16_t bits;
};

} // namespace

static double widen(double value) { return value; }

static double widen(BFloat16 value) {
  return double(std::bit_cast<float>(uint32_t(value.bits) << 16));
}

/// "1.25 instead of 1.2507": with as many digits as tell them apart.
static std::string spellDifference(double is, double want) {
  char texts[2][32];
  for (int digits = 3; digits <= 17; ++digits) {
    std::snprintf(texts[0], sizeof texts[0], "%.*g", digits, is);
    std::snprintf(texts[1], sizeof texts[1], "%.*g", digits, want);
    if (std::strcmp(texts[0], texts[1]) != 0)
      break;
  }
  return std::string(texts[0]) + " instead of " + texts[1];
}

static std::string spell(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

template <typename T>
static std::string compareFloats(const TensorView &expected, const TensorView &actual,
                                 size_t count) {
  const T *want = static_cast<const T *>(expected.data), *is = static_cast<const T *>(actual.data);
  auto forEachBlock = [&](auto visit) {
    for (size_t begin = 0; begin < count; begin += blockElements)
      if (std::string difference = visit(begin, std::min(count, begin + blockElements));
          !difference.empty())
        return difference;
    return std::string();
  };
  // Root mean squares of blocks; what is not finite counts as zero.
  std::vector<double> sizes;
  forEachBlock([&](size_t begin, size_t end) {
    double squares = 0;
    for (size_t i = begin; i < end; ++i)
      if (double value = widen(want[i]); std::isfinite(value))
        squares += value * value;
    sizes.push_back(std::sqrt(squares / double(end - begin)));
    return std::string();
  });
  const double part = tolerance(expected.dtype);
  const double always = part / 8 * (sizes.empty() ? 0 : *std::ranges::max_element(sizes));
  return forEachBlock([&](size_t begin, size_t end) -> std::string {
    const double allowed = part * sizes[begin / blockElements] + always;
    double squares = 0, largest = 0;
    size_t worst = begin;
    for (size_t i = begin; i < end; ++i) {
      const double a = widen(want[i]), b = widen(is[i]);
      if (a == b || (std::isnan(a) && std::isnan(b)))
        continue;
      const double difference = std::abs(a - b);
      const double least = part * std::abs(a) + 8 * allowed;
      if (!std::isfinite(a) || !(difference <= least))
        return ("element " + llvm::Twine(i) + " is " + spellDifference(b, a) +
                (std::isfinite(difference) ? ", where " + spell(least) + " more or less is allowed"
                                           : ""))
            .str();
      squares += difference * difference;
      if (difference > largest) {
        largest = difference;
        worst = i;
      }
    }
    const double error = std::sqrt(squares / double(end - begin));
    if (error <= allowed)
      return "";
    return ("elements " + llvm::Twine(begin) + " to " + llvm::Twine(end - 1) + " differ by " +
            spell(error) + " (root mean square), where " + spell(allowed) +
            " is allowed; element " + llvm::Twine(worst) + " is " +
            spellDifference(widen(is[worst]), widen(want[worst])))
        .str();
  });
}

std::string tuning::compareResults(const TensorView &expected, const TensorView &actual) {
  if (expected.dtype != actual.dtype || expected.shape != actual.shape)
    return runtime::formatTensorType(actual.dtype, actual.shape) + " instead of " +
           runtime::formatTensorType(expected.dtype, expected.shape);
  const size_t bytes = size_t(*runtime::tensorBytes(expected.dtype, expected.shape));
  if (std::memcmp(expected.data, actual.data, bytes) == 0)
    return "";
  const size_t count = bytes / runtime::dtypeBytes(expected.dtype);
  switch (expected.dtype) {
  case DType::F64:
    return compareFloats<double>(expected, actual, count);
  case DType::F32:
    return compareFloats<float>(expected, actual, count);
  case DType::F16:
    return compareFloats<_Float16>(expected, actual, count);
  case DType::BF16:
    return compareFloats<BFloat16>(expected, actual, count);
  default:
    return "integers differ";
  }
}

runtime::Status tuning::checkResults(std::span<const TensorView> expected,
                                     std::span<const TensorView> actual) {
  using runtime::Status, runtime::StatusCode;
  if (actual.size() != expected.size())
    return Status(StatusCode::Internal, "results are missing");
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::string difference = compareResults(expected[i], actual[i]); !difference.empty())
      return Status(StatusCode::Internal, "wrong result " + std::to_string(i) + ": " + difference);
  return {};
}
