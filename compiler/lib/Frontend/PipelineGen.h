//===- PipelineGen.h - Pipelines to functions over lighthouse ops ----------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_PIPELINEGEN_H
#define LIGHTHOUSE_LIB_FRONTEND_PIPELINEGEN_H

#include "Binding.h"
#include "Definitions.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace lighthouse::frontend {

/// Finds or generates the instance of a kernel in a module, and tells `tuner` which one it is.
mlir::FailureOr<tile::KernelOp> getInstance(const Definitions &definitions, const KernelDecl &decl,
                                            const Binding &binding, mlir::ModuleOp module,
                                            Tuner *tuner, Diagnostics &diagnostics);

/// Generates one instance of a pipeline. All dims are compile-time ints; values are tensors of
/// static shape, pyramids, scores and selections.
class PipelineGen : public Evaluator {
public:
  PipelineGen(const Definitions &definitions, mlir::ModuleOp module, Tuner *tuner,
              Diagnostics &diagnostics);

  /// `types` are those of the arguments.
  mlir::FailureOr<mlir::func::FuncOp> run(const PipelineDecl &decl, const Binding &binding,
                                          mlir::ArrayRef<mlir::Type> types);

private:
  Result evalCall(const CallExpr *e) override;
  void execRuntime(const Stmt *stmt) override;

  /// Runs the body of a pipeline and checks what it returns against its signature.
  mlir::FailureOr<mlir::SmallVector<mlir::Value>>
  runBody(const PipelineDecl &decl, const Binding &binding, mlir::ValueRange args, SMLoc loc);
  mlir::LogicalResult checkResult(const ArgDecl &result, const Value &value, Binding &binding,
                                  SMLoc loc);
  Result callPipeline(const PipelineDecl &decl, const CallExpr *e);
  Result callKernel(const KernelDecl &decl, const CallExpr *e);
  mlir::FailureOr<mlir::SmallVector<Setting>> evalSettings(const CallExpr *e);
  /// The arguments of a call of a kernel or pipeline; constants are scalars of the declared types.
  mlir::FailureOr<mlir::SmallVector<Value>> evalOperands(const GenericDecl &decl,
                                                         const CallExpr *e);

  /// Adds the op of a stage; its results.
  Result callStage(const lh::StageInfo &stage, const CallExpr *e);
  /// The positional arguments of a stage. Results of a call given as the only argument are spread.
  mlir::FailureOr<mlir::SmallVector<mlir::Value>> stageOperands(const lh::StageInfo &stage,
                                                                const CallExpr *e);
  /// The named arguments of a stage as attributes of its op.
  mlir::FailureOr<mlir::DictionaryAttr> stageOptions(const lh::StageInfo &stage, const CallExpr *e);
  /// The value of an option; null if it says nothing.
  mlir::FailureOr<mlir::Attribute> stageOption(const lh::StageOption &option, const CallExpr *e);
  Result resultsOf(mlir::Operation *op, SMLoc loc);

  const Definitions &definitions;
  mlir::ModuleOp module;
  Tuner *tuner;
  mlir::OpBuilder builder;
  unsigned stages = 0;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_PIPELINEGEN_H
