//===- Command.h - A subcommand of lhc ----------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_COMMAND_H
#define LIGHTHOUSE_TOOLS_LHC_COMMAND_H

#include "lighthouse/runtime/Status.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

#include <memory>

namespace lhc {

using lighthouse::runtime::Result;
using lighthouse::runtime::Status;
using lighthouse::runtime::StatusCode;

/// What the process returns; documented in docs/cli.md.
enum ExitCode {
  Ok = 0,
  CheckFailed = 1,
  Usage = 2,
  InvalidInput = 3,
  CompileFailed = 4,
  RunFailed = 5,
};

/// A subcommand with its options. All of them exist before the command line is parsed.
class Command {
public:
  Command(llvm::StringRef name, llvm::StringRef description) : sub(name, description) {}
  virtual ~Command() = default;

  /// Does the work and returns an exit code. Results go to stdout, all else to stderr.
  virtual int run() = 0;

  llvm::cl::SubCommand sub;

protected:
  llvm::cl::opt<bool> json{"json", llvm::cl::desc("Print results as JSON"), llvm::cl::sub(sub)};
};

std::unique_ptr<Command> makeCompileCommand();
std::unique_ptr<Command> makeRunCommand();
std::unique_ptr<Command> makeCheckCommand();
std::unique_ptr<Command> makeInspectCommand();
std::unique_ptr<Command> makeBenchCommand();
std::unique_ptr<Command> makeCacheCommand();
std::unique_ptr<Command> makeDoctorCommand();
std::unique_ptr<Command> makeTuneCommand();
std::unique_ptr<Command> makePlanCommand();

/// How the process was started, for reports.
void setCommandLine(int argc, const char *const *argv);
const std::string &commandLine();
/// Now, like "2025-03-31 14:05 UTC".
std::string dateText();

/// Seconds of a clock that only goes forward.
double secondsNow();

/// Prints "error: MESSAGE" to stderr.
void printError(const llvm::Twine &message);
/// Prints "note: MESSAGE" to stderr.
void printNote(const llvm::Twine &message);

/// Prints what the compiler reports and returns the exit code for it.
int failCompile(const Status &status);
/// Prints an error of the runtime and returns the exit code for it.
int failRun(const Status &status);
/// Prints why an array or an artifact file cannot be used and returns the exit code for it.
int failInput(const Status &status);

/// Prints `value`, indented, with an end of line, to stdout; infinities and NaN as null.
void printJson(llvm::json::Value value);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_COMMAND_H
