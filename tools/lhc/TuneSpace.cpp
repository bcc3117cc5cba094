//===- TuneSpace.cpp - What there is to tune in a request, and what to try --------------------===//

#include "TuneSpace.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lhc;
using namespace lighthouse;
using frontend::TunableUse;

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
