//===- Compilation.h - One request on its way through the phases --------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H
#define LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Target/Cuda.h"
#include "lighthouse/Target/Host.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lighthouse {

/// Takes one request through the phases. Errors go to the diagnostics of the context.
class Compilation {
public:
  /// `key` becomes that of the artifact. `tuner` decides about open parameters of kernels.
  Compilation(frontend::Spec &spec, mlir::MLIRContext &context, const Request &request,
              const CompilerOptions &options, frontend::Tuner &tuner, std::string key);
  ~Compilation();

  /// Runs all phases up to `last`.
  mlir::LogicalResult run(Phase last);

  /// The result of the last phase: text, or the bytes of `Obj` and `Artifact`.
  std::string print() const;

  /// After `Lighthouse`: the pipeline as a function of stages.
  mlir::func::FuncOp pipeline() const { return function; }
  /// After `Artifact`.
  runtime::Artifact &artifact() { return result; }

  /// Whether a failure is the compiler's fault, not the request's.
  bool failedInternally() const { return internal; }
  /// Where the failing pass left its reproducer; empty if there is none.
  const std::string &reproducer() const { return reproducerPath; }

private:
  mlir::LogicalResult runPhase(Phase phase);
  mlir::LogicalResult instantiate();
  bool isDeclared(llvm::StringRef argument) const;
  mlir::LogicalResult differentiate();
  mlir::LogicalResult refuseOpenKernel();
  mlir::LogicalResult lowerToPlan();
  mlir::LogicalResult keepKernels();
  mlir::LogicalResult checkLevel();
  mlir::LogicalResult emitCode(Phase phase);
  mlir::LogicalResult emitArtifact();
  mlir::LogicalResult finishHostPlan();
  mlir::LogicalResult finishCudaPlan();

  mlir::LogicalResult runPasses(llvm::function_ref<void(mlir::OpPassManager &)> build,
                                bool mayBlameRequest);
  mlir::LogicalResult dump() const;
  mlir::LogicalResult fail(const llvm::Twine &message);

  frontend::Spec &spec;
  std::unique_ptr<KernelProvider> kernels;
  mlir::MLIRContext &context;
  const Request &request;
  const CompilerOptions &options;

  Phase reached = Phase::Lighthouse;
  bool internal = false;
  std::string reproducerPath;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule;
  std::string assembly; ///< Or PTX.
  std::string object;
  const CudaArch *arch = nullptr; ///< Null for host code.
  runtime::Plan plan;
  runtime::Artifact result;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H
