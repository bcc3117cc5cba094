//===- Space.cpp - What there is to tune in a request, and what to try ------------------------===//

#include "lighthouse/Tuning/Space.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <ctime>

using namespace lighthouse;
using namespace lighthouse::tuning;
using frontend::TunableUse;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

std::string tuning::spell(const Settings &settings) {
  std::string text;
  for (const auto &[name, value] : settings)
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  return text;
}

std::string tuning::milliseconds(double seconds) {
  return llvm::formatv("{0:F3} ms", seconds * 1e3);
}

static std::string now() {
  std::time_t time = std::time(nullptr);
  std::tm utc;
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Status Group::addTo(runtime::TuningTable &table, const Request &request,
                    const Candidate &candidate) const {
  for (const std::string &shape : shapes)
    if (Status status = table.put({{request.targetName(), request.device, kernel, params, shape},
                                   candidate.settings,
                                   candidate.seconds.value_or(0),
                                   now()});
        !status.ok())
      return status;
  return {};
}

std::string Group::summary() const {
  const Candidate &first = candidates.front(), &winner = candidates[best];
  std::string text = spell(winner.settings) + ": " + milliseconds(*winner.seconds);
  if (best != 0)
    text += llvm::formatv(", {0:F2} times as fast as {1}: {2}", *first.seconds / *winner.seconds,
                          spell(first.settings), milliseconds(*first.seconds));
  else
    text += ", as by default";
  text += "; " + std::to_string(candidates.size()) + " candidates";
  if (size_t rejected = llvm::count_if(
          candidates, [](const Candidate &candidate) { return !candidate.rejected.empty(); }))
    text += ", " + std::to_string(rejected) + " rejected";
  return text;
}

/// The cross product of all choices, the defaults first.
static Result<std::vector<Candidate>> makeCandidates(const Group &group) {
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

Result<std::vector<Group>> tuning::makeGroups(const std::vector<TunableUse> &uses,
                                              const std::string &kernelFilter) {
  std::vector<Group> groups;
  for (const TunableUse &use : uses) {
    if (!kernelFilter.empty() && use.kernel != kernelFilter)
      continue;
    auto group = llvm::find_if(groups, [&](const Group &g) {
      return g.kernel == use.kernel && g.params == use.params;
    });
    if (group == groups.end()) {
      Group made;
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
