//===- PlanCompilation.h - From a definition to a plan ------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_PLANCOMPILATION_H
#define LIGHTHOUSE_LIB_PIPELINES_PLANCOMPILATION_H

#include "PassRunner.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lighthouse {

/// Takes one request through the phases up to `Plan`.
class PlanCompilation {
public:
  /// Works in `module`, which says what it is for, where it finds or adds the kernels that it
  /// needs.
  PlanCompilation(frontend::Spec &spec, const Request &request, PassRunner &passes,
                  mlir::ModuleOp module);
  /// Takes functions and plans out of the module; the kernels stay.
  ~PlanCompilation();

  /// Runs `phase`; those before it have run.
  mlir::LogicalResult run(Phase phase);

  /// Whether the phases after the first have anything to do: the kernel of an unknown shape has no
  /// pipeline.
  bool hasPipeline() const { return bool(function); }
  /// After `Lighthouse`: the pipeline as a function of stages, null without one.
  mlir::func::FuncOp pipeline() const { return function; }
  /// After `Plan`: one plan, or those of the forward and the backward pass.
  llvm::SmallVector<lh::PlanOp> plans();

  /// Reports why a request without a pipeline has no artifact.
  mlir::LogicalResult refuseOpenKernel();

private:
  mlir::LogicalResult instantiate();
  bool isDeclared(llvm::StringRef argument) const;
  mlir::LogicalResult differentiate();
  mlir::LogicalResult checkCotangents(mlir::func::FuncOp backward, unsigned first);

  frontend::Spec &spec;
  const Request &request;
  PassRunner &passes;
  mlir::ModuleOp module;
  mlir::MLIRContext &context;
  std::unique_ptr<KernelProvider> kernels;
  mlir::func::FuncOp function;
  /// Of a request for a kernel.
  tile::KernelOp kernel;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_PLANCOMPILATION_H
