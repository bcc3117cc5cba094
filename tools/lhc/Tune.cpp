//===- Tune.cpp - lhc tune --------------------------------------------------------------------===//

#include "SpecOptions.h"
#include "Subprocess.h"
#include "TuneSpace.h"
#include "TuneWorker.h"

#include "lighthouse/Tuning/Results.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <ctime>
#include <set>
#include <thread>

using namespace lhc;
using namespace lighthouse;
using frontend::TunableUse;
using runtime::TuningTable;
namespace cl = llvm::cl;

namespace {

/// One line on stderr that says how far the work is: rewritten on a terminal, else one after another.
class Progress {
public:
  void show(const llvm::Twine &text) {
    llvm::errs() << (isTerminal ? "\r\x1b[K" : "") << "[tune] " << text << (isTerminal ? "" : "\n");
    open = isTerminal;
  }
  void finish() {
    if (open)
      llvm::errs() << "\r\x1b[K";
    open = false;
  }

private:
  bool isTerminal = llvm::errs().is_displayed();
  bool open = false;
};

std::string milliseconds(double seconds) { return llvm::formatv("{0:F3} ms", seconds * 1e3); }

/// Seconds of all launches of these instances.
double sumOf(const std::vector<LaunchTime> &times, const std::set<std::string> &instances) {
  double sum = 0;
  for (const LaunchTime &time : times)
    if (instances.contains(time.kernel))
      sum += time.seconds;
  return sum;
}

std::string now() {
  std::time_t time = std::time(nullptr);
  std::tm utc;
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

class TuneCommand : public Command {
public:
  TuneCommand() : Command("tune", "Time the choices of kernels and remember the fastest") {}

  int run() override {
    Result<Request> parsed = options.request();
    if (!parsed)
      return usage(parsed.status().message());
    if (!options.namesDefinition())
      return usage("say what to tune: --pipeline NAME or --kernel NAME");
    if (options.spec == "-")
      return usage("lhc tune reads the specification more than once: name a file");
    if (repeat < 1 || jobs < 1 || !(timeout > 0))
      return usage("--repeat, --jobs and --timeout must be positive");
    Result<std::vector<ArgumentSource>> sources = options.sources();
    if (!sources)
      return usage(sources.status().message());
    request = *std::move(parsed);
    // Selections must be equal, whatever a pipeline makes of them.
    request.exposeSelections = true;
    if (int code = setArguments(*sources))
      return code;
    if (!worker.empty())
      return work();

    Result<std::vector<TunableUse>> uses = findUses();
    if (!uses)
      return failCompile(uses.status());
    Result<std::vector<TuneGroup>> made = makeGroups(*uses, kernelFilter);
    if (!made)
      return failRun(made.status());
    groups = *std::move(made);
    if (groups.empty())
      printNote("no kernel of '" + request.name + "' leaves a choice open");
    if (dryRun || groups.empty()) {
      report(/*saved=*/false);
      return Ok;
    }
    if (request.isCuda() && !options.chooseTarget()->device)
      return usage("--target " + options.target + " compiles only; to tune, say cuda or "
                                                  "cuda:ORDINAL");
    return tune(*sources);
  }

private:
  int usage(const llvm::Twine &message) {
    printError(message);
    return Usage;
  }

  /// The types of the arguments; those of files need their data.
  int setArguments(const std::vector<ArgumentSource> &sources) {
    for (auto [i, source] : llvm::enumerate(sources)) {
      if (source.kind != ArgumentSource::Kind::File) {
        request.arguments.push_back({source.name, *source.dtype, source.shape});
        continue;
      }
      Result<support::Array> array =
          support::readNpy(worker.empty() ? source.path : argumentFile(root, i));
      if (!array)
        return failInput(array.status());
      request.arguments.push_back({source.name, array->dtype(), array->shape()});
    }
    return Ok;
  }

  /// What a process does that was started for one candidate.
  int work() {
    dieWithParent();
    return worker == "compile" ? compileCandidate(options, request, root, folder)
                               : timeCandidate(options, root, folder, repeat);
  }

  /// A compiler of its own, as the limit on time is for all that one does.
  Result<std::vector<TunableUse>>
  findUses(std::vector<std::shared_ptr<const TuningTable>> settings = {}) {
    Result<Compiler> compiler = options.open();
    if (!compiler)
      return compiler.status();
    compiler->setTuning(std::move(settings), /*strict=*/true);
    return compiler->tunableUses(request);
  }

  //===-- The whole run -------------------------------------------------------------------------===//

  int tune(const std::vector<ArgumentSource> &sources) {
    if (options.tuningPath() == "none" || options.tuningPath().empty())
      return usage("there is no table to save to: give one with --tuning FILE");
    // Whether it can be read and written is better known now than after the work.
    if (Result<TuningTable> table = loadTable(); !table)
      return failRun(table.status());
    else if (Status status = table->save(options.tuningPath()); !status.ok())
      return failRun(status);

    deferInterrupts();
    llvm::SmallString<128> path;
    if (std::error_code error = llvm::sys::fs::createUniqueDirectory("lighthouse-tune", path)) {
      printError("cannot make a directory for temporary files: " + error.message());
      return RunFailed;
    }
    root = path.str().str();
    llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(root); });
    if (int code = writeArguments(sources))
      return code;
    if (int code = measureDefaults())
      return code;
    for (TuneGroup &group : groups)
      if (int code = measure(group))
        return code;
    if (int code = checkTogether())
      return code;
    progress.finish();
    if (wasInterrupted()) {
      printError("interrupted; nothing is saved");
      return RunFailed;
    }
    // Read only now, so that what others have saved meanwhile stays.
    Result<TuningTable> table = loadTable();
    if (!table)
      return failRun(table.status());
    for (const TuneGroup &group : groups)
      if (Status status = group.addTo(*table, request, group.candidates[group.best], now());
          !status.ok())
        return failRun(status);
    Status saved = table->save(options.tuningPath());
    report(saved.ok());
    return saved.ok() ? Ok : failRun(saved);
  }

  /// The table to add to; an empty one if there is none yet.
  Result<TuningTable> loadTable() {
    Result<TuningTable> table = TuningTable::load(options.tuningPath());
    return table.status().code() == StatusCode::NotFound ? TuningTable() : std::move(table);
  }

  int writeArguments(const std::vector<ArgumentSource> &sources) {
    Result<std::vector<NamedArray>> arrays = makeArrays(sources, seed);
    if (!arrays)
      return failInput(arrays.status());
    for (auto [i, named] : llvm::enumerate(*arrays))
      if (Status status = support::writeNpy(argumentFile(root, i), named.array); !status.ok())
        return failRun(status);
    return Ok;
  }

  //===-- Processes -----------------------------------------------------------------------------===//

  /// A new folder with a table; empty after an error.
  std::string addFolder(const TuningTable &settings) {
    std::string made = folderOf(root, numFolders++);
    Status status;
    if (std::error_code error = llvm::sys::fs::create_directory(made))
      status = Status(StatusCode::SystemError, "cannot make " + made + ": " + error.message());
    else
      status = settings.save(made + "/table.json");
    if (status.ok())
      return made;
    printError(status.message());
    return "";
  }

  Subprocess processFor(llvm::StringRef role, const std::string &inFolder) const {
    Subprocess process = thisProcess();
    // After the name of the subcommand, as what follows a "--" is no option.
    process.arguments.insert(
        process.arguments.begin() + 2,
        {"--worker=" + role.str(), "--worker-root=" + root, "--worker-folder=" + inFolder});
    process.log = inFolder + "/log";
    return process;
  }

  std::string runOne(llvm::StringRef role, const std::string &inFolder) {
    std::string failure;
    runAll(processFor(role, inFolder), 1, timeout,
           [&](size_t, const std::string &reason) { failure = reason; });
    return failure;
  }

  /// The times of what was compiled in `inFolder`, if its results are those of the defaults.
  Result<std::vector<LaunchTime>> timeAndCompare(const std::string &inFolder) {
    llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(inFolder); });
    if (std::string reason = runOne("time", inFolder); !reason.empty())
      return Status(StatusCode::Internal, reason);
    Result<std::vector<LaunchTime>> times = readTimes(inFolder);
    if (!times)
      return times.status();
    for (auto [i, expected] : llvm::enumerate(reference)) {
      Result<support::Array> actual = support::readNpy(outputFile(inFolder, i));
      if (!actual)
        return actual.status();
      if (std::string difference = tuning::compareResults(viewOf(expected), viewOf(*actual));
          !difference.empty())
        return Status(StatusCode::Internal,
                      llvm::formatv("wrong result {0}: {1}", i, difference).str());
    }
    return times;
  }

  //===-- Measuring -----------------------------------------------------------------------------===//

  /// What all others are compared with.
  int measureDefaults() {
    progress.show("the defaults of " + llvm::Twine(request.name));
    std::string inFolder = addFolder(TuningTable());
    if (inFolder.empty())
      return RunFailed;
    std::string reason = runOne("compile", inFolder);
    if (reason.empty())
      reason = runOne("time", inFolder);
    Result<std::vector<LaunchTime>> times = readTimes(inFolder);
    if (reason.empty() && !times)
      reason = times.status().message();
    for (size_t i = 0; reason.empty(); ++i) {
      if (!llvm::sys::fs::exists(outputFile(inFolder, i)))
        break;
      Result<support::Array> output = support::readNpy(outputFile(inFolder, i));
      if (output)
        reference.push_back(*std::move(output));
      else
        reason = output.status().message();
    }
    if (!reason.empty()) {
      progress.finish();
      printError("with the defaults: " + reason);
      return RunFailed;
    }
    for (TuneGroup &group : groups)
      group.candidates.front().seconds = sumOf(*times, {group.defaultInstance});
    return Ok;
  }

  int measure(TuneGroup &group) {
    /// A candidate on its way.
    struct Attempt {
      Candidate *candidate;
      std::string folder;
      std::set<std::string> instances;
    };
    std::vector<Attempt> attempts;
    std::vector<Subprocess> compilations;
    for (Candidate &candidate : llvm::drop_begin(group.candidates)) {
      if (wasInterrupted())
        break;
      auto settings = std::make_shared<TuningTable>();
      if (Status status = group.addTo(*settings, request, candidate, ""); !status.ok())
        return failRun(status);
      std::set<std::string> instances;
      candidate.rejected = findInstances(group, candidate, settings, instances);
      if (!candidate.rejected.empty())
        continue;
      std::string inFolder = addFolder(*settings);
      if (inFolder.empty())
        return RunFailed;
      attempts.push_back({&candidate, inFolder, std::move(instances)});
      compilations.push_back(processFor("compile", inFolder));
    }
    size_t compiled = 0;
    runAll(compilations, jobs, timeout, [&](size_t i, const std::string &reason) {
      attempts[i].candidate->rejected = reason;
      progress.show(llvm::formatv("{0}: compiled {1} of {2}", group.kernel, ++compiled,
                                  compilations.size())
                        .str());
    });
    for (auto [i, attempt] : llvm::enumerate(attempts)) {
      Candidate &candidate = *attempt.candidate;
      if (!candidate.rejected.empty())
        continue;
      Result<std::vector<LaunchTime>> times = timeAndCompare(attempt.folder);
      if (times)
        candidate.seconds = sumOf(*times, attempt.instances);
      else
        candidate.rejected = times.status().message();
      if (candidate.seconds && isFaster(candidate, group))
        group.best = &candidate - group.candidates.data();
      const Candidate &best = group.candidates[group.best];
      progress.show(llvm::formatv("{0}: {1} of {2}: {3}: {4}; best {5} with {6}", group.kernel,
                                  i + 1, attempts.size(), spell(candidate.settings),
                                  candidate.seconds ? milliseconds(*candidate.seconds) : "rejected",
                                  milliseconds(*best.seconds), spell(best.settings))
                        .str());
    }
    return Ok;
  }

  /// Whether a candidate goes before the best so far. The defaults give way only to a gain that is
  /// more than noise.
  static bool isFaster(const Candidate &candidate, const TuneGroup &group) {
    constexpr double least = 0.99;
    return *candidate.seconds <
           *group.candidates[group.best].seconds * (group.best == 0 ? least : 1);
  }

  /// Which instances of the kernel a candidate makes; returns why it makes none.
  std::string findInstances(const TuneGroup &group, const Candidate &candidate,
                            std::shared_ptr<const TuningTable> settings,
                            std::set<std::string> &instances) {
    Result<std::vector<TunableUse>> uses = findUses({std::move(settings)});
    if (!uses) {
      llvm::StringRef message = uses.status().message();
      size_t at = message.find("error: ");
      return message.substr(at == llvm::StringRef::npos ? 0 : at + 7).split('\n').first.str();
    }
    for (const TunableUse &use : *uses)
      if (use.kernel == group.kernel && use.params == group.params)
        instances.insert(use.instance);
    return instances.empty() ? "the kernel does not apply with them" : "";
  }

  /// Each winner was checked on its own; several are checked together.
  int checkTogether() {
    TuningTable all;
    for (const TuneGroup &group : groups)
      if (Status status = group.addTo(all, request, group.candidates[group.best], "");
          !status.ok())
        return failRun(status);
    if (llvm::count_if(groups, [](const TuneGroup &group) { return group.best != 0; }) < 2)
      return Ok;
    progress.show("the fastest of all kernels together");
    std::string inFolder = addFolder(all);
    if (inFolder.empty())
      return RunFailed;
    std::string reason = runOne("compile", inFolder);
    if (reason.empty())
      if (Result<std::vector<LaunchTime>> times = timeAndCompare(inFolder); !times)
        reason = times.status().message();
    progress.finish();
    if (reason.empty())
      return Ok;
    printError("the fastest of each kernel fail together, so nothing is saved: " + reason);
    return RunFailed;
  }

  //===-- Reports -------------------------------------------------------------------------------===//

  void report(bool saved) const {
    if (json)
      return printJson(toJson(saved));
    llvm::raw_ostream &out = llvm::outs();
    for (const TuneGroup &group : groups) {
      if (dryRun) {
        out << group.title() << ": " << group.candidates.size() << " candidates\n";
        for (const Candidate &candidate : group.candidates)
          out << "  " << spell(candidate.settings) << "\n";
        continue;
      }
      const Candidate &first = group.candidates.front(), &best = group.candidates[group.best];
      out << group.title() << ": " << spell(best.settings) << ": " << milliseconds(*best.seconds);
      if (group.best != 0)
        out << llvm::formatv(", {0:F2} times as fast as {1}: {2}", *first.seconds / *best.seconds,
                             spell(first.settings), milliseconds(*first.seconds));
      else
        out << ", as by default";
      out << "; " << group.candidates.size() << " candidates\n";
      for (const Candidate &candidate : group.candidates)
        if (candidate.rejected.empty())
          out << "  " << milliseconds(*candidate.seconds) << "  " << spell(candidate.settings)
              << "\n";
      for (const Candidate &candidate : group.candidates)
        if (!candidate.rejected.empty())
          out << "  rejected " << spell(candidate.settings) << ": " << candidate.rejected << "\n";
    }
    if (saved)
      out << "saved to " << options.tuningPath() << "\n";
  }

  llvm::json::Value toJson(bool saved) const {
    auto object = [](const Candidate &candidate) {
      llvm::json::Object settings;
      for (const auto &[name, value] : candidate.settings)
        settings[name] = value;
      return llvm::json::Object{
          {"settings", std::move(settings)},
          {"seconds", candidate.seconds ? llvm::json::Value(*candidate.seconds)
                                        : llvm::json::Value(nullptr)},
          {"rejected", candidate.rejected.empty()
                           ? llvm::json::Value(nullptr)
                           : llvm::json::Value(llvm::json::fixUTF8(candidate.rejected))}};
    };
    llvm::json::Array kernels;
    for (const TuneGroup &group : groups) {
      llvm::json::Array candidates;
      for (const Candidate &candidate : group.candidates)
        candidates.push_back(object(candidate));
      kernels.push_back(llvm::json::Object{{"kernel", group.kernel},
                                           {"params", group.params},
                                           {"shapes", llvm::json::Array(group.shapes)},
                                           {"best", int64_t(group.best)},
                                           {"candidates", std::move(candidates)}});
    }
    return llvm::json::Object{
        {"target", request.targetName()},
        {"device", request.device},
        {"repeat", int64_t(repeat)},
        {"table", saved ? llvm::json::Value(options.tuningPath()) : llvm::json::Value(nullptr)},
        {"kernels", std::move(kernels)}};
  }

  /// The folder of temporary files.
  std::string root;
  SpecOptions options{sub};
  cl::opt<unsigned> jobs{"jobs",
                         cl::desc("Candidates compiled at the same time (default: one per core)"),
                         cl::init(std::max(1u, std::thread::hardware_concurrency())),
                         cl::value_desc("n"), cl::sub(sub)};
  cl::opt<unsigned> repeat{"repeat", cl::desc("Timed runs of each candidate (default: 10)"),
                           cl::init(10), cl::value_desc("n"), cl::sub(sub)};
  cl::opt<double> timeout{"timeout",
                          cl::desc("Seconds after which the compilation or the runs of a candidate "
                                   "are given up (default: 60)"),
                          cl::init(60), cl::value_desc("seconds"), cl::sub(sub)};
  cl::opt<std::string> kernelFilter{"kernel-filter", cl::desc("Tune this kernel alone"),
                                    cl::value_desc("name"), cl::sub(sub)};
  cl::opt<bool> dryRun{"dry-run", cl::desc("List the candidates; run nothing"), cl::sub(sub)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random arguments (default: 0)"), cl::init(0),
                         cl::sub(sub)};
  // What a process that was started for one candidate is told.
  cl::opt<std::string> worker{"worker", cl::Hidden, cl::sub(sub)};
  cl::opt<std::string, true> rootOption{"worker-root", cl::Hidden, cl::location(root),
                                        cl::sub(sub)};
  cl::opt<std::string> folder{"worker-folder", cl::Hidden, cl::sub(sub)};

  Request request;
  std::vector<TuneGroup> groups;
  /// The results with the defaults.
  std::vector<support::Array> reference;
  size_t numFolders = 0;
  Progress progress;
};

} // namespace

std::unique_ptr<Command> lhc::makeTuneCommand() { return std::make_unique<TuneCommand>(); }
