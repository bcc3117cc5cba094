//===- PassRunner.h - Runs passes and knows whose fault a failure is ----------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_PASSRUNNER_H
#define LIGHTHOUSE_LIB_PIPELINES_PASSRUNNER_H

#include "lighthouse/Pipelines/Compiler.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lighthouse {

/// What the parts of one compilation share. Errors go to the diagnostics of the context.
class PassRunner {
public:
  PassRunner(mlir::MLIRContext &context, const CompilerOptions &options)
      : context(context), options(options) {}

  /// Runs the passes that `build` adds. `mayBlameRequest` says whether they report what a request
  /// does wrong; if not, every failure is the compiler's.
  mlir::LogicalResult run(mlir::ModuleOp module,
                          llvm::function_ref<void(mlir::OpPassManager &)> build,
                          bool mayBlameRequest);

  /// Reports a fault of the compiler.
  mlir::LogicalResult fail(const llvm::Twine &message);

  /// Writes what `print` makes to the directory for dumps, if there is one.
  mlir::LogicalResult dump(Phase phase, llvm::function_ref<std::string()> print) const;

  /// Whether a failure is the compiler's fault, not the request's.
  bool failedInternally() const { return internal; }
  /// Where the failing pass left its reproducer; empty if there is none.
  const std::string &reproducer() const { return reproducerPath; }

private:
  mlir::MLIRContext &context;
  const CompilerOptions &options;
  bool internal = false;
  std::string reproducerPath;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_PASSRUNNER_H
