//===- Subprocess.h - Work that may crash or hang, in processes of its own ----------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_SUBPROCESS_H
#define LIGHTHOUSE_TOOLS_LHC_SUBPROCESS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>
#include <vector>

namespace lhc {

/// A command to run.
struct Subprocess {
  std::string program;
  /// The name of the program first.
  std::vector<std::string> arguments;
  /// Takes what it writes to stderr; stdout is dropped and stdin empty.
  std::string log;
};

/// Runs all of them, at most `jobs` at a time, each killed after `timeoutSeconds`. `done` is told
/// each one's index and why it failed, empty if it did not: a signal, the time, an interrupt or,
/// after an exit status other than 0, its first error message.
void runAll(llvm::ArrayRef<Subprocess> processes, unsigned jobs, double timeoutSeconds,
            llvm::function_ref<void(size_t, const std::string &)> done);

/// From now on an interrupt (SIGINT, SIGTERM, SIGHUP) does not end this process: `runAll` kills what
/// runs and starts nothing more, and the caller cleans up. A second one ends it.
void deferInterrupts();
bool wasInterrupted();

/// Lets this process die with the one that started it.
void dieWithParent();

/// How this process was started, to start it again: /proc/self/exe and its arguments. Empty if
/// the system does not tell.
Subprocess thisProcess();

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_SUBPROCESS_H
