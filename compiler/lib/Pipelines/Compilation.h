//===- Compilation.h - One request on its way through the phases --------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H
#define LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H

#include "KernelStore.h"
#include "PlanCompilation.h"

namespace lighthouse {

/// Takes one request to what is asked for. Errors go to the diagnostics of the context.
class Compilation {
public:
  /// `tuner` decides about open parameters of kernels.
  Compilation(frontend::Spec &spec, mlir::MLIRContext &context, const Request &request,
              const CompilerOptions &options, frontend::Tuner &tuner);
  ~Compilation();

  /// Runs all phases up to `last`, which comes before `Artifact`, with all kernels in one module.
  mlir::LogicalResult run(Phase last);
  /// After `run`: the result of its last phase, text or the bytes of `Obj`.
  std::string print() const;
  /// After `run` to a phase before `Plan`: the function of that name, or of the request; null
  /// without one.
  mlir::func::FuncOp pipeline(llvm::StringRef name = {});

  /// The artifact, with each kernel from `stores` or from `cache`, which may be null.
  mlir::FailureOr<runtime::Artifact> build(KernelStores &stores, runtime::Cache *cache,
                                           std::string key);

  /// The launch plans alone, with the instances of kernels from `stores`, none of which is compiled.
  mlir::FailureOr<std::vector<runtime::Plan>> plans(KernelStores &stores);

  /// Whether a failure is the compiler's fault, not the request's.
  bool failedInternally() const { return passes.failedInternally(); }
  /// Where the failing pass left its reproducer; empty if there is none.
  const std::string &reproducer() const { return passes.reproducer(); }

private:
  mlir::LogicalResult checkTarget();
  bool isOnTheWay(const PhaseInfo &phase, Phase last) const;
  mlir::LogicalResult dump();
  mlir::LogicalResult specializeInPlace();
  void keepUsedKernels();
  mlir::LogicalResult runToPlan(PlanCompilation &plan);
  int64_t maxInstances() const;
  mlir::FailureOr<runtime::Plan> finishPlan(lh::PlanOp op, KernelStore &store,
                                            runtime::Cache *cache,
                                            std::vector<std::shared_ptr<const KernelCode>> &codes);

  frontend::Spec &spec;
  mlir::MLIRContext &context;
  const Request &request;
  const CompilerOptions &options;
  /// Null if the request names none that there is.
  const tile::TargetInfo *target;
  PassRunner passes;

  Phase reached = Phase::Lighthouse;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<PlanCompilation> plan;
  std::unique_ptr<KernelCompilation> kernels;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_COMPILATION_H
