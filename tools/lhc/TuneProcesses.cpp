//===- TuneProcesses.cpp - Candidates in processes of their own -------------------------------===//

#include "TuneProcesses.h"

#include "TuneWorker.h"

#include "lighthouse/Tuning/Results.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"

using namespace lhc;
using namespace lighthouse;
using frontend::TunableUse;
using runtime::TuningTable;
using tuning::LaunchTime;

Result<std::vector<TunableUse>> lhc::findUses(const SpecOptions &options, const Request &request,
                                              const TuningTable &table) {
  Result<Compiler> compiler = options.open();
  if (!compiler)
    return compiler.status();
  compiler->setTuning({std::make_shared<const TuningTable>(table)}, /*strict=*/true);
  return compiler->tunableUses(request);
}

/// A new folder with a table.
Result<std::string> ProcessTrials::addFolder(const TuningTable &table) {
  std::string made = folderOf(root, numFolders++);
  if (std::error_code error = llvm::sys::fs::create_directory(made))
    return Status(StatusCode::SystemError, "cannot make " + made + ": " + error.message());
  if (Status status = table.save(made + "/table.json"); !status.ok())
    return status;
  return made;
}

Subprocess ProcessTrials::processFor(llvm::StringRef role, const std::string &folder) const {
  Subprocess process = thisProcess();
  // After the name of the subcommand, as what follows a "--" is no option.
  process.arguments.insert(
      process.arguments.begin() + 2,
      {"--worker=" + role.str(), "--worker-root=" + root, "--worker-folder=" + folder});
  process.log = folder + "/log";
  return process;
}

/// Why a process failed, as a status.
static Status statusOf(const std::string &reason) {
  return reason.empty() ? Status() : Status(StatusCode::Internal, reason);
}

void ProcessTrials::compile(llvm::ArrayRef<TuningTable> tables,
                            llvm::function_ref<void(size_t, const Status &)> done) {
  folders.assign(tables.size(), "");
  std::vector<Subprocess> processes;
  std::vector<size_t> numbers;
  for (auto [i, table] : llvm::enumerate(tables)) {
    Result<std::string> folder = addFolder(table);
    if (!folder) {
      done(i, folder.status());
      continue;
    }
    folders[i] = *folder;
    processes.push_back(processFor("compile", *folder));
    numbers.push_back(i);
  }
  runAll(processes, jobs, timeoutSeconds,
         [&](size_t i, const std::string &reason) { done(numbers[i], statusOf(reason)); });
}

/// All results that a run has left.
static Result<std::vector<support::Array>> readOutputs(const std::string &folder) {
  std::vector<support::Array> outputs;
  for (size_t i = 0; llvm::sys::fs::exists(outputFile(folder, i)); ++i) {
    Result<support::Array> output = support::readNpy(outputFile(folder, i));
    if (!output)
      return output.status();
    outputs.push_back(*std::move(output));
  }
  return outputs;
}

Result<std::vector<LaunchTime>> ProcessTrials::time(size_t index) {
  const std::string &folder = folders[index];
  llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(folder); });
  Status ran;
  runAll(processFor("time", folder), 1, timeoutSeconds,
         [&](size_t, const std::string &reason) { ran = statusOf(reason); });
  if (!ran.ok())
    return ran;
  Result<std::vector<LaunchTime>> times = readTimes(folder);
  if (!times)
    return times.status();
  Result<std::vector<support::Array>> outputs = readOutputs(folder);
  if (!outputs)
    return outputs.status();
  if (!reference) {
    reference = *std::move(outputs);
    return times;
  }
  auto viewsOf = [](std::vector<support::Array> &arrays) {
    return llvm::map_to_vector(arrays, [](support::Array &array) { return viewOf(array); });
  };
  if (Status same = tuning::checkResults(viewsOf(*reference), viewsOf(*outputs)); !same.ok())
    return same;
  return times;
}
