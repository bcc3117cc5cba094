//===- Autotuner.h - Tables of settings that grow while a program runs --------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TUNING_AUTOTUNER_H
#define LIGHTHOUSE_TUNING_AUTOTUNER_H

#include "lighthouse/Tuning/ProgramTrials.h"

#include <set>

namespace lighthouse::tuning {

/// What decides about the parameters that kernels leave open.
enum class Policy {
  /// Their defaults.
  Never,
  /// The tables of measured settings, and defaults where these know nothing.
  Tables,
  /// The same, but what no table knows is timed first.
  FirstUse,
};

/// What LIGHTHOUSE_TUNING_POLICY says, `Tables` without it. `InvalidArgument` for any other word.
runtime::Result<Policy> policyFromEnvironment();

struct AutotunerOptions {
  Policy policy = Policy::Tables;
  /// The user's table, which timing adds to; "none": neither that nor the bundled one, and what is
  /// timed is kept in memory alone, as if the path is empty.
  std::string path;
  /// Receives a line for each kernel that was timed, and why others were not. Unset: stderr.
  runtime::WarningHandler remark;
};

/// A program whose kernels are timed.
struct Work {
  Request request;
  ProgramOptions program;
};

/// What came of it.
struct Report {
  std::vector<Group> groups;
  /// Whether the user's table has the winners.
  bool saved = false;
};

/// The tables of a compiler. Not for use by several threads at a time.
class Autotuner {
public:
  /// Reads the user's table.
  explicit Autotuner(AutotunerOptions options);

  /// What the compiler is to use, in order.
  std::vector<std::shared_ptr<const runtime::TuningTable>> tables() const;

  /// Times all kernels of `work` with open choices, or `kernel` alone, whatever the policy. The
  /// winners go to the user's table and to the compiler. While one process times for a table,
  /// others that share it wait. Errors are those of compiling and running the program as by
  /// default.
  runtime::Result<Report> tune(Compiler &compiler, const Work &work,
                               const std::string &kernel = {});

  /// With `Policy::FirstUse`: times the kernels of `work` that no table has measured on similar
  /// shapes. If another process has done that meanwhile its settings are taken. Does nothing while
  /// the stream is being captured or if there is no data to time with. What fails leaves the
  /// defaults, with a remark, and is not tried again.
  void beforeUse(Compiler &compiler, const Work &work);

  /// Adds entries of a table in JSON, in place of those for the same uses, to what the compiler
  /// uses.
  runtime::Status add(Compiler &compiler, std::string_view json);

  /// The user's table as it is in memory, as JSON.
  std::string json() const;

private:
  using Use = frontend::TunableUse;

  bool hasFile() const { return !options.path.empty() && options.path != "none"; }
  /// Takes the lock of the user's table, if it is a file, and reads what others have saved.
  runtime::Result<std::optional<runtime::TuningLock>> lock(Compiler &compiler);
  /// Adds to what the compiler uses.
  runtime::Status learn(Compiler &compiler, const runtime::TuningTable &more);
  bool isNew(const Request &request, const Use &use) const;
  runtime::Result<Report> measure(Compiler &compiler, const Work &work, const std::string &kernel,
                                  llvm::function_ref<bool(const Use &)> isWanted);
  void remark(const std::string &text) const;

  AutotunerOptions options;
  /// The user's table and what was added to it; null if there is nothing.
  std::shared_ptr<const runtime::TuningTable> table;
  /// Kernels that could not be timed.
  std::set<std::string> failed;
};

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_AUTOTUNER_H
