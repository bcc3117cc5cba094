//===- PassRunner.cpp - Runs passes and knows whose fault a failure is ------------------------===//

#include "PassRunner.h"

#include "Reproducer.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;

LogicalResult PassRunner::run(ModuleOp module, llvm::function_ref<void(OpPassManager &)> build,
                              bool mayBlameRequest) {
  PassManager pm(&context, ModuleOp::getOperationName());
  pm.enableVerifier(options.verifyEach);
  // Reproducers come with signal handlers.
  std::shared_ptr<std::string> written;
  if (options.crashRecovery)
    written = enableReproducer(pm, options.reproducerDirectory);
  build(pm);

  // A pass of ours reports what the request does wrong with `emitError`; a message that names an op
  // comes from a verifier or a lowering that ran into what it does not know.
  bool blamesCompiler = !mayBlameRequest, reported = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
      return failure(); // for the handler outside
    std::string message = diagnostic.str();
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error ||
        StringRef(message).starts_with("Failures have been detected"))
      return success();
    reported = true;
    blamesCompiler |=
        StringRef(message).starts_with("'") || StringRef(message).starts_with("failed to legalize");
    return failure();
  });
  LogicalResult result = pm.run(module);
  // The reproducer's own crash recovery switches that of the whole compilation off.
  if (options.crashRecovery)
    llvm::CrashRecoveryContext::Enable();
  if (succeeded(result))
    return success();
  internal |= blamesCompiler || !reported;
  if (!written)
    return failure();
  if (internal) {
    reproducerPath = *written;
    if (reproducerPath.empty())
      emitError(UnknownLoc::get(&context), "cannot write a reproducer of the failing pass")
          << (options.reproducerDirectory.empty() ? "" : " to " + options.reproducerDirectory);
  } else if (!written->empty())
    llvm::sys::fs::remove(*written);
  return failure();
}

LogicalResult PassRunner::fail(const llvm::Twine &message) {
  internal = true;
  return emitError(UnknownLoc::get(&context)) << message;
}

LogicalResult PassRunner::dump(Phase reached, llvm::function_ref<std::string()> print) const {
  if (options.dumpDirectory.empty())
    return success();
  const PhaseInfo &phase = info(reached);
  llvm::SmallString<128> path(options.dumpDirectory);
  std::error_code error = llvm::sys::fs::create_directories(path);
  llvm::sys::path::append(
      path,
      llvm::formatv("{0:d2}-{1}.{2}", unsigned(reached) + 1, phase.name, phase.extension).str());
  if (!error) {
    llvm::raw_fd_ostream file(path, error);
    if (!error) {
      file << print();
      file.close();
      error = file.error();
      file.clear_error();
    }
  }
  if (error)
    return emitError(UnknownLoc::get(&context))
           << "cannot write '" << path << "': " << error.message();
  return success();
}
