//===- Tune.cpp - lhc tune --------------------------------------------------------------------===//

#include "TuneProcesses.h"
#include "TuneWorker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace lhc;
using namespace lighthouse;
using runtime::TuningTable;
using tuning::Candidate;
using tuning::Group;
using tuning::milliseconds;
using tuning::spell;
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

    auto uses = findUses(options, request, TuningTable());
    if (!uses)
      return failCompile(uses.status());
    Result<std::vector<Group>> made = tuning::makeGroups(*uses, kernelFilter);
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

  //===-- The whole run -------------------------------------------------------------------------===//

  int tune(const std::vector<ArgumentSource> &sources) {
    const std::string path = options.tuningPath();
    if (path == "none" || path.empty())
      return usage("there is no table to save to: give one with --tuning FILE");
    // Whether it can be read and written is better known now than after the work.
    if (Status status = update(path, /*withWinners=*/false); !status.ok())
      return failRun(status);

    deferInterrupts();
    llvm::SmallString<128> made;
    if (std::error_code error = llvm::sys::fs::createUniqueDirectory("lighthouse-tune", made)) {
      printError("cannot make a directory for temporary files: " + error.message());
      return RunFailed;
    }
    root = made.str().str();
    llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(root); });
    if (int code = writeArguments(sources))
      return code;
    ProcessTrials trials(options, request, root, jobs, timeout);
    Status searched = tuning::search(groups, request, trials,
                                     [&](const std::string &text) { progress.show(text); });
    progress.finish();
    if (!searched.ok())
      return failRun(searched);
    Status saved = update(path, /*withWinners=*/true);
    report(saved.ok());
    return saved.ok() ? Ok : failRun(saved);
  }

  /// Reads and writes the table; what others have saved meanwhile stays.
  Status update(const std::string &path, bool withWinners) const {
    Result<runtime::TuningLock> lock = runtime::TuningLock::acquire(path);
    if (!lock)
      return lock.status();
    Result<TuningTable> table = TuningTable::loadIfAny(path);
    if (!table)
      return table.status();
    if (withWinners)
      for (const Group &group : groups)
        if (Status status = group.addTo(*table, request, group.candidates[group.best]);
            !status.ok())
          return status;
    return table->save(path);
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

  //===-- Reports -------------------------------------------------------------------------------===//

  void report(bool saved) const {
    if (json)
      return printJson(toJson(saved));
    llvm::raw_ostream &out = llvm::outs();
    for (const Group &group : groups) {
      if (dryRun) {
        out << group.title() << ": " << group.candidates.size() << " candidates\n";
        for (const Candidate &candidate : group.candidates)
          out << "  " << spell(candidate.settings) << "\n";
        continue;
      }
      out << group.title() << ": " << group.summary() << "\n";
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
    for (const Group &group : groups) {
      llvm::json::Array candidates;
      for (const Candidate &candidate : group.candidates)
        candidates.push_back(object(candidate));
      kernels.push_back(llvm::json::Object{{"kernel", group.kernel},
                                           {"params", group.params},
                                           {"shapes", llvm::json::Array(group.shapes)},
                                           {"best", int64_t(group.best)},
                                           {"candidates", std::move(candidates)}});
    }
    return llvm::json::Object{{"target", request.targetName()},
                              {"device", request.device},
                              {"repeat", int64_t(repeat)},
                              {"table", saved ? llvm::json::Value(options.tuningPath())
                                              : llvm::json::Value(nullptr)},
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
  std::vector<Group> groups;
  Progress progress;
};

} // namespace

std::unique_ptr<Command> lhc::makeTuneCommand() { return std::make_unique<TuneCommand>(); }
