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

/// Finds or generates the instance of a kernel in a module.
mlir::FailureOr<tile::KernelOp> getInstance(const Definitions &definitions, const KernelDecl &decl,
                                            const Binding &binding, mlir::ModuleOp module,
                                            Diagnostics &diagnostics);

/// Tells `tuner`, if there is one, that `instance` is what a use of a kernel got.
void reportUse(const Binding &binding, tile::KernelOp instance, Tuner *tuner);

/// Generates one instance of a pipeline. All dims are compile-time ints; values are tensors of
/// static shape, pyramids, scores and selections.
class PipelineGen : public Evaluator {
public:
  /// `withAdjoints` generates those of the stages that declare one, too.
  PipelineGen(const Definitions &definitions, mlir::ModuleOp module, bool withAdjoints,
              Tuner *tuner, Diagnostics &diagnostics);

  /// `types` are those of the arguments, of which the tensors count; `scalars` are constants for the
  /// others, in order.
  mlir::FailureOr<mlir::func::FuncOp> run(const PipelineDecl &decl, const Binding &binding,
                                          mlir::ArrayRef<mlir::Type> types,
                                          mlir::ArrayRef<Value> scalars);

  /// Generates the adjoint of a stage as a private function; `op` is a use of the stage with the
  /// parameters `binding` and the arguments `args`.
  mlir::FailureOr<mlir::func::FuncOp> runAdjoint(const StageDecl &stage, const Binding &binding,
                                                 mlir::ArrayRef<Value> args,
                                                 const GenericDecl &adjoint, lh::UserStageOp op);

private:
  Result evalCall(const CallExpr *e) override;
  void execRuntime(const Stmt *stmt) override;

  /// Adds a function whose arguments and results are named as the tensors of `decl`; `makeBody`
  /// makes the results.
  mlir::FailureOr<mlir::func::FuncOp>
  makeFunction(const GenericDecl &decl, StringRef symbol, mlir::ArrayRef<mlir::Type> types,
               llvm::function_ref<mlir::FailureOr<mlir::SmallVector<mlir::Value>>(mlir::ValueRange)>
                   makeBody);
  /// Runs the body of a pipeline and checks what it returns against its signature.
  mlir::FailureOr<mlir::SmallVector<mlir::Value>>
  runBody(const PipelineDecl &decl, const Binding &binding, mlir::ArrayRef<Value> args, SMLoc loc);
  mlir::LogicalResult checkResult(const ArgDecl &result, const Value &value, Binding &binding,
                                  SMLoc loc);
  /// An int over the parameters and dims of `binding`; `what` says in errors what it is.
  mlir::FailureOr<int64_t> evalConstant(const Expr *e, const Binding &binding, StringRef what);
  Result callDefinition(const GenericDecl &decl, const CallExpr *e);
  /// The results of a kernel, pipeline or declared stage on `args`, one for each it has; `loc` is
  /// the call.
  Result apply(const GenericDecl &decl, mlir::ArrayRef<Value> args,
               mlir::ArrayRef<Setting> settings, SMLoc loc);
  Result applyKernel(const KernelDecl &decl, const Binding &binding, mlir::ValueRange inputs,
                     mlir::ArrayAttr scalars, SMLoc loc);
  Result applyStage(const StageDecl &decl, const Binding &binding, mlir::ArrayRef<Value> args,
                    mlir::ValueRange inputs, mlir::ArrayAttr scalars, SMLoc loc);
  /// The scalars among `args` in the types that `decl` gives them.
  mlir::FailureOr<mlir::ArrayAttr> scalarsOf(const GenericDecl &decl, const Binding &binding,
                                             mlir::ArrayRef<Value> args, SMLoc loc);
  /// The types of the results of a declared stage.
  mlir::FailureOr<mlir::SmallVector<mlir::Type>> resultTypes(const StageDecl &decl,
                                                             const Binding &binding, SMLoc loc);
  /// Gives `op` the adjoint of its stage.
  mlir::LogicalResult addAdjoint(const StageDecl &decl, const Binding &binding,
                                 mlir::ArrayRef<Value> args, lh::UserStageOp op, SMLoc loc);
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
  Result resultsOf(mlir::Operation *op);

  const Definitions &definitions;
  mlir::ModuleOp module;
  bool withAdjoints;
  /// The uses of declared stages that have an adjoint; equal uses share it.
  mlir::SmallVector<lh::UserStageOp> differentiable;
  Tuner *tuner;
  mlir::OpBuilder builder;
  unsigned stages = 0;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_PIPELINEGEN_H
