//===- main.cpp - lhc, the Lighthouse compiler on the command line ----------------------------===//

#include "Command.h"

#include "lighthouse/Pipelines/Compiler.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <unistd.h>

using namespace lhc;

namespace {

constexpr llvm::StringLiteral overview =
    "Lighthouse compiler: kernel specifications (.lh) to checked, running code\n\n"
    "  lhc run SPEC --pipeline NAME --arg q=q.npy --out o=o.npy\n"
    "  lhc SUBCOMMAND --help    the options of a subcommand\n\n"
    "Results go to stdout, progress and errors to stderr.\n"
    "Exit status: 0 done, 1 a check failed, 2 wrong usage, 3 invalid input, 4 the compiler "
    "failed,\n"
    "5 the run failed.";

void printVersion(llvm::raw_ostream &out) {
  out << "lhc " << lighthouse::compilerVersion() << " (LLVM " << lighthouse::llvmVersion() << ")\n";
}

/// Memory is short: nothing can be unwound, so leave with a message.
void onBadAlloc(void *, const char *, bool) {
  const char *message = lighthouse::outOfMemoryMessage();
  (void)!write(STDERR_FILENO, message, strlen(message));
  _exit(CompileFailed);
}

} // namespace

int main(int argc, char **argv) {
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  llvm::install_out_of_memory_new_handler();

  setCommandLine(argc, argv);
  std::unique_ptr<Command> commands[] = {
      makeCompileCommand(), makeRunCommand(),   makeCheckCommand(), makeInspectCommand(),
      makeBenchCommand(),   makeTuneCommand(),  makePlanCommand(),  makeCacheCommand(),
      makeDoctorCommand()};

  llvm::cl::SetVersionPrinter(printVersion);
  // The options that LLVM's libraries define are not part of this tool.
  llvm::cl::OptionCategory none("lhc options");
  llvm::cl::HideUnrelatedOptions(none);
  if (!llvm::cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return Usage;

  int code = Usage;
  bool found = false;
  for (const std::unique_ptr<Command> &command : commands)
    if (command->sub) {
      found = true;
      code = command->run();
    }
  if (!found)
    llvm::cl::PrintHelpMessage();
  // Work that was given up may still hold locks and threads: leave without destructors.
  llvm::outs().flush();
  llvm::errs().flush();
  if (llvm::outs().has_error()) {
    llvm::outs().clear_error();
    printError("writing to stdout failed");
    code = RunFailed;
  }
  fflush(nullptr);
  _exit(code);
}
