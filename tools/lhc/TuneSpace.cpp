//===- TuneSpace.cpp - What there is to tune in a request, and what to try --------------------===//

#include "TuneSpace.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace lhc;
using namespace lighthouse;
using frontend::TunableUse;
using runtime::DType;
using support::Array;

std::string lhc::spell(const Settings &settings) {
  std::string text;
  for (const auto &[name, value] : settings)
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  return text;
}

Status TuneGroup::addTo(runtime::TuningTable &table, const Request &request,
                        const Candidate &candidate, const std::string &when) const {
  for (const std::string &shape : shapes)
    if (Status status = table.put({{request.targetName(), request.device, kernel, params, shape},
                                   candidate.settings,
                                   candidate.seconds.value_or(0),
                                   when});
        !status.ok())
      return status;
  return {};
}

/// The cross product of all choices, the defaults first.
static Result<std::vector<Candidate>> makeCandidates(const TuneGroup &group) {
  size_t count = 1;
  for (const TunableUse::Parameter &param : group.open) {
    count *= std::max<size_t>(1, param.choices.size());
    if (count > maxCandidates)
      return Status(StatusCode::InvalidArgument,
                    llvm::formatv("kernel '{0}' has more than {1} combinations of its choices",
                                  group.kernel, maxCandidates));
  }
  Settings defaults;
  for (const TunableUse::Parameter &param : group.open)
    defaults.emplace_back(param.name, param.value);
  std::vector<Candidate> candidates;
  candidates.push_back({defaults, std::nullopt, ""});
  for (size_t number = 0; number < count; ++number) {
    Settings settings;
    size_t rest = number;
    for (const TunableUse::Parameter &param : llvm::reverse(group.open)) {
      settings.insert(settings.begin(), {param.name, param.choices[rest % param.choices.size()]});
      rest /= param.choices.size();
    }
    if (settings != defaults)
      candidates.push_back({std::move(settings), std::nullopt, ""});
  }
  return candidates;
}

Result<std::vector<TuneGroup>> lhc::makeGroups(const std::vector<TunableUse> &uses,
                                               const std::string &kernelFilter) {
  std::vector<TuneGroup> groups;
  for (const TunableUse &use : uses) {
    if (!kernelFilter.empty() && use.kernel != kernelFilter)
      continue;
    auto group = llvm::find_if(groups, [&](const TuneGroup &g) {
      return g.kernel == use.kernel && g.params == use.params;
    });
    if (group == groups.end()) {
      TuneGroup made;
      made.kernel = use.kernel;
      made.params = use.params;
      made.open = use.open;
      made.defaultInstance = use.instance;
      Result<std::vector<Candidate>> candidates = makeCandidates(made);
      if (!candidates)
        return candidates.status();
      made.candidates = *std::move(candidates);
      group = groups.insert(groups.end(), std::move(made));
    }
    if (!llvm::is_contained(group->shapes, use.shapes))
      group->shapes.push_back(use.shapes);
  }
  if (groups.empty() && !kernelFilter.empty())
    return Status(StatusCode::InvalidArgument,
                  "no kernel '" + kernelFilter + "' with open choices is used");
  return groups;
}

//===------------------------------------------------------------------------------------------===//
// Results
//===------------------------------------------------------------------------------------------===//

/// Allowed difference, as a part of the element and of the root mean square of all. Partial sums in
/// another order are rounded differently, and so are values that pass through the type on the way.
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

template <typename T>
static std::string compareFloats(DType dtype, std::span<const T> expected,
                                 std::span<const T> actual) {
  double squares = 0;
  size_t finite = 0;
  for (T value : expected)
    if (std::isfinite(value))
      squares += double(value) * double(value), ++finite;
  double scale = finite ? std::sqrt(squares / double(finite)) : 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double want = expected[i], is = actual[i];
    bool same = want == is || (std::isnan(want) && std::isnan(is)) ||
                std::abs(want - is) <= tolerance(dtype) * (std::abs(want) + scale);
    // A difference to an infinity is one whatever the tolerance.
    if (!same || (std::isinf(want) && want != is))
      return llvm::formatv("element {0} is {1}, by default {2}", i, is, want);
  }
  return "";
}

std::string lhc::compareResults(const Array &expected, const Array &actual) {
  if (expected.dtype() != actual.dtype() || expected.shape() != actual.shape())
    return "its type differs";
  if (std::memcmp(expected.bytes().data(), actual.bytes().data(), expected.bytes().size()) == 0)
    return "";
  switch (expected.dtype()) {
  case DType::F64:
    return compareFloats(DType::F64, expected.as<double>(), actual.as<double>());
  case DType::F32:
    return compareFloats(DType::F32, expected.as<float>(), actual.as<float>());
  case DType::F16:
  case DType::BF16: {
    Result<std::vector<float>> want = expected.toFloat(), is = actual.toFloat();
    if (!want || !is)
      return "out of memory";
    return compareFloats<float>(expected.dtype(), *want, *is);
  }
  default:
    return "integers differ";
  }
}
