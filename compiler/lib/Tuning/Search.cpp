//===- Search.cpp - The fastest of all candidates ---------------------------------------------===//

#include "lighthouse/Tuning/Search.h"

#include "lighthouse/Tuning/Median.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <set>

using namespace lighthouse;
using namespace lighthouse::tuning;
using frontend::TunableUse;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;
using runtime::TuningTable;

Result<std::vector<LaunchTime>>
tuning::timeLaunches(const runtime::Plan &plan, unsigned repeat,
                     llvm::function_ref<Status(const runtime::RunOptions &)> launch) {
  auto run = [&]() -> Result<std::vector<runtime::LaunchTiming>> {
    std::vector<runtime::LaunchTiming> timings;
    runtime::RunOptions options;
    options.timings = &timings;
    Status status = launch(options);
    return status.ok() ? Result(std::move(timings)) : status;
  };
  // A GPU under load lowers its clock, within tenths of a second and by more than choices differ.
  // So all are timed behind the same load.
  const std::chrono::milliseconds warmUp(plan.target == "cuda" ? 400 : 0);
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  do {
    if (auto timings = run(); !timings)
      return timings.status();
  } while (Clock::now() - begin < warmUp);

  std::vector<std::vector<double>> seconds(plan.launches.size());
  for (unsigned i = 0; i < repeat; ++i) {
    auto timings = run();
    if (!timings)
      return timings.status();
    for (auto [times, timing] : llvm::zip_equal(seconds, *timings))
      times.push_back(timing.seconds);
  }
  std::vector<LaunchTime> medians;
  for (auto [launched, times] : llvm::zip_equal(plan.launches, seconds))
    medians.push_back({plan.kernels[launched.kernel].name, median(times)});
  return medians;
}

Trials::~Trials() = default;

/// What a failed compilation or run has to say, in one line.
static std::string reasonOf(const Status &status) {
  llvm::StringRef message = status.message();
  size_t at = message.find("error: ");
  return message.substr(at == llvm::StringRef::npos ? 0 : at + 7).split('\n').first.str();
}

/// Seconds of all launches of these instances.
static double sumOf(const std::vector<LaunchTime> &times, const std::set<std::string> &instances) {
  double sum = 0;
  for (const LaunchTime &time : times)
    if (instances.contains(time.kernel))
      sum += time.seconds;
  return sum;
}

/// Whether a candidate goes before the best so far. The defaults give way only to a gain that is
/// more than noise.
static bool isFaster(const Candidate &candidate, const Group &group) {
  constexpr double least = 0.99;
  return *candidate.seconds <
         *group.candidates[group.best].seconds * (group.best == 0 ? least : 1);
}

namespace {

class Search {
public:
  Search(std::vector<Group> &groups, const Request &request, Trials &trials,
         const ProgressHandler &progress)
      : groups(groups), request(request), trials(trials), progress(progress) {}

  Status run() {
    if (Status status = measureDefaults(); !status.ok())
      return status;
    for (Group &group : groups) {
      if (Status status = measure(group); !status.ok())
        return status;
      if (trials.isCancelled())
        return Status(StatusCode::SystemError, "interrupted; nothing is saved");
    }
    return checkTogether();
  }

private:
  void show(const llvm::Twine &text) const {
    if (progress)
      progress(text.str());
  }

  /// Compiles and runs with one table.
  Result<std::vector<LaunchTime>> tryOne(const TuningTable &table) {
    Status compiled;
    trials.compile(table, [&](size_t, const Status &status) { compiled = status; });
    return compiled.ok() ? trials.time(0) : compiled;
  }

  /// What all others are compared with.
  Status measureDefaults() {
    show("the defaults of " + request.name);
    Result<std::vector<LaunchTime>> times = tryOne(TuningTable());
    if (!times)
      return Status(times.status().code(), "with the defaults: " + reasonOf(times.status()));
    for (Group &group : groups)
      group.candidates.front().seconds = sumOf(*times, {group.defaultInstance});
    return {};
  }

  /// Which instances of the kernel a candidate makes; notes why it makes none.
  std::set<std::string> findInstances(const Group &group, Candidate &candidate,
                                      const TuningTable &table) {
    std::set<std::string> instances;
    Result<std::vector<TunableUse>> uses = trials.uses(table);
    if (!uses) {
      candidate.rejected = reasonOf(uses.status());
      return instances;
    }
    for (const TunableUse &use : *uses)
      if (use.kernel == group.kernel && use.params == group.params)
        instances.insert(use.instance);
    if (instances.empty())
      candidate.rejected = "the kernel does not apply with them";
    return instances;
  }

  Status measure(Group &group) {
    std::vector<TuningTable> tables;
    std::vector<std::pair<Candidate *, std::set<std::string>>> attempts;
    for (Candidate &candidate : llvm::drop_begin(group.candidates)) {
      if (trials.isCancelled())
        return {};
      TuningTable table;
      if (Status status = group.addTo(table, request, candidate); !status.ok())
        return status;
      std::set<std::string> instances = findInstances(group, candidate, table);
      if (!candidate.rejected.empty())
        continue;
      attempts.emplace_back(&candidate, std::move(instances));
      tables.push_back(std::move(table));
    }
    size_t compiled = 0;
    trials.compile(tables, [&](size_t i, const Status &status) {
      if (!status.ok())
        attempts[i].first->rejected = reasonOf(status);
      show(llvm::formatv("{0}: compiled {1} of {2}", group.kernel, ++compiled, tables.size())
               .str());
    });
    for (auto [i, attempt] : llvm::enumerate(attempts)) {
      auto &[candidate, instances] = attempt;
      if (!candidate->rejected.empty())
        continue;
      if (trials.isCancelled())
        return {};
      if (Result<std::vector<LaunchTime>> times = trials.time(i))
        candidate->seconds = sumOf(*times, instances);
      else
        candidate->rejected = reasonOf(times.status());
      if (candidate->seconds && isFaster(*candidate, group))
        group.best = candidate - group.candidates.data();
      const Candidate &best = group.candidates[group.best];
      show(llvm::formatv("{0}: {1} of {2}: {3}: {4}; best {5} with {6}", group.kernel, i + 1,
                         attempts.size(), spell(candidate->settings),
                         candidate->seconds ? milliseconds(*candidate->seconds) : "rejected",
                         milliseconds(*best.seconds), spell(best.settings))
               .str());
    }
    return {};
  }

  /// Each winner was checked on its own; several are checked together.
  Status checkTogether() {
    TuningTable all;
    for (const Group &group : groups)
      if (Status status = group.addTo(all, request, group.candidates[group.best]); !status.ok())
        return status;
    if (llvm::count_if(groups, [](const Group &group) { return group.best != 0; }) < 2)
      return {};
    show("the fastest of all kernels together");
    Result<std::vector<LaunchTime>> times = tryOne(all);
    if (times)
      return {};
    return Status(times.status().code(),
                  "the fastest of each kernel fail together, so nothing is saved: " +
                      reasonOf(times.status()));
  }

  std::vector<Group> &groups;
  const Request &request;
  Trials &trials;
  const ProgressHandler &progress;
};

} // namespace

Status tuning::search(std::vector<Group> &groups, const Request &request, Trials &trials,
                      const ProgressHandler &progress) {
  return Search(groups, request, trials, progress).run();
}
