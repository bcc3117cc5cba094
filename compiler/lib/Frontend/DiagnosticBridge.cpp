//===- DiagnosticBridge.cpp - MLIR's diagnostics to those of specifications -------------===//
#include "lighthouse/Frontend/Frontend.h"
#include "mlir/IR/Location.h"

using namespace lighthouse::frontend;
using llvm::SMLoc;

/// The place in the sources that a location names, and the calls on the way to it.
static SMLoc resolve(mlir::Location loc, const Diagnostics &diagnostics,
                     mlir::SmallVectorImpl<SMLoc> &callers) {
  if (auto file = mlir::dyn_cast<mlir::FileLineColLoc>(loc))
    return diagnostics.locate(file.getFilename(), file.getLine(), file.getColumn());
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(loc)) {
    SMLoc callee = resolve(call.getCallee(), diagnostics, callers);
    SMLoc caller = resolve(call.getCaller(), diagnostics, callers);
    if (caller.isValid())
      callers.push_back(caller);
    return callee;
  }
  if (auto name = mlir::dyn_cast<mlir::NameLoc>(loc))
    return resolve(name.getChildLoc(), diagnostics, callers);
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(loc))
    for (mlir::Location part : fused.getLocations())
      if (SMLoc found = resolve(part, diagnostics, callers); found.isValid())
        return found;
  return {};
}

/// "file:line:column: warning: message", without the place if it is unknown.
static std::string spellWarning(mlir::Diagnostic &warning, const Diagnostics &diagnostics) {
  mlir::SmallVector<SMLoc> ignored;
  SourcePlace at = diagnostics.place(resolve(warning.getLocation(), diagnostics, ignored));
  std::string line = "warning: " + warning.str();
  return at.line == 0 ? line
                      : (at.file + ":" + llvm::Twine(at.line) + ":" + llvm::Twine(at.column) + ": " +
                         line)
                            .str();
}

DiagnosticBridge::DiagnosticBridge(mlir::MLIRContext *context, Diagnostics &diagnostics,
                                   WarningHandler warn)
    : mlir::ScopedDiagnosticHandler(context) {
  setHandler([&diagnostics, warn = std::move(warn)](mlir::Diagnostic &from) -> mlir::LogicalResult {
    if (warn && from.getSeverity() == mlir::DiagnosticSeverity::Warning) {
      warn(spellWarning(from, diagnostics));
      return mlir::success();
    }
    if (from.getSeverity() != mlir::DiagnosticSeverity::Error)
      return mlir::failure(); // for the handler outside
    mlir::SmallVector<SMLoc> callers;
    SMLoc loc = resolve(from.getLocation(), diagnostics, callers);
    Diagnostic &to = diagnostics.error(loc, from.str());
    for (mlir::Diagnostic &note : from.getNotes()) {
      mlir::SmallVector<SMLoc> ignored;
      to.note(resolve(note.getLocation(), diagnostics, ignored), note.str());
    }
    for (SMLoc caller : callers)
      to.note(caller, "called here");
    return mlir::success();
  });
}
