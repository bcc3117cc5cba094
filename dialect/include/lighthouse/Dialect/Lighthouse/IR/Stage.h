//===- Stage.h - what a stage says about itself -------------------------------------*- C++ -*-===//
//
// The types that `StageOpInterface` speaks in. The front end, differentiation, the choice of
// kernels and reports know stages through that interface alone.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_STAGE_H
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_STAGE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"

#include <optional>

namespace lighthouse::lh {

/// Entries that a selection expands per chunk and level where nothing else is said.
inline constexpr int64_t defaultChunk = 128;

/// What a pipeline passes for an operand of a stage.
enum class StageOperand {
  Heads,     ///< A tensor of rank 4 of floats: q, k, v, o or their sub-sequences.
  Tensor,    ///< Any tensor.
  Pyramid,   ///< The abstract values.
  Scores,
  Selection,
};

/// A named argument of a stage in a pipeline. It becomes the op's attribute of the same name: an
/// i64, a unit that is there if the flag is true, or an f32.
struct StageOption {
  enum class Kind { Int, Flag, Float };

  llvm::StringLiteral name;
  Kind kind;
  /// Whether a pipeline must give it. One that is not given leaves the attribute out, which means
  /// what the op says it means; a flag is `fallback`.
  bool isRequired = false;
  bool fallback = false;
};

/// How specifications speak of a stage.
struct StageSignature {
  /// Whether specifications declare stages of this op, each under a name and with a signature of
  /// its own. Then the rest of this one says nothing but `hasKernel`.
  bool isDeclared = false;
  /// Whether pipelines may call it. The others are made by passes; kernels implement them all the
  /// same.
  bool isCallable = true;
  /// Whether kernels implement it. The others only rename tensors.
  bool hasKernel = true;
  /// Whether pipelines may leave out the first operand; the op's `buildStage` says what stands for
  /// it.
  bool isFirstOptional = false;
  llvm::ArrayRef<StageOperand> operands;
  llvm::ArrayRef<StageOption> options;
  /// What a kernel may ask for at compile time: the names that may stand to the left in
  /// `implements STAGE(levels = L)`.
  llvm::ArrayRef<llvm::StringLiteral> parameters;
};

/// The tensors that stand for the values of a function of stages.
class Expansion {
public:
  /// A tensor stands for itself; an abstract value for what its stage declared, or for nothing.
  llvm::SmallVector<mlir::Value> lookup(mlir::Value value) const;
  void set(mlir::Value value, mlir::ValueRange tensors);

private:
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> tensors;
};

/// The types of the tensors that stand for a value of type `type`, in order: of a pyramid q, k and v
/// [B, N, heads, D] and their coarsest pooled rows; of scores the query and the key scores; of a
/// selection the entries and the ranks; of a tensor itself.
llvm::SmallVector<mlir::RankedTensorType> getExpandedTypes(mlir::Type type);

/// What a stage asks of its kernel.
struct KernelCall {
  /// Tensor arguments in order.
  llvm::SmallVector<mlir::Value> inputs;
  /// Scalar arguments in order, after the tensors.
  llvm::SmallVector<mlir::TypedAttr> scalars;
  /// Types of the leading results; what a kernel declares beyond them is scratch.
  llvm::SmallVector<mlir::Type> results;
};

/// The tensors in which a cotangent of a value of type `type` is given, in order: of a tensor of
/// floats one of its shape, of a pyramid those of q, k and v; none where no gradient flows. Element
/// types may be wider than the value's.
llvm::SmallVector<mlir::RankedTensorType> getCotangentTypes(mlir::Type type);

/// The cotangents of a function's values while adjoints are built, last stage first. Each has one
/// tensor for each of `getCotangentTypes`; null tensors are zero.
class Cotangents {
public:
  explicit Cotangents(mlir::OpBuilder &builder) : builder(builder) {}

  /// Whether some tensor of the cotangent of `value` is not zero.
  bool isNonzero(mlir::Value value) const;
  /// The cotangent of `value`, null tensors where it is zero.
  llvm::SmallVector<mlir::Value> lookup(mlir::Value value) const;
  /// Tensor `index` of the cotangent of `value`, zeros if it is zero.
  mlir::Value get(mlir::Value value, unsigned index, mlir::Location loc);
  /// The cotangent of a tensor in its own element type, zeros if it is zero.
  mlir::Value getRounded(mlir::Value tensor, mlir::Location loc);
  /// Adds to the cotangent of `value`. Sums are f32 until something narrower is asked for.
  void add(mlir::Value value, llvm::ArrayRef<mlir::Value> tensors, mlir::Location loc);

private:
  mlir::OpBuilder &builder;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> sums;
};

} // namespace lighthouse::lh

#include "lighthouse/Dialect/Lighthouse/IR/StageInterface.h.inc"

namespace lighthouse::lh {

/// A stage by name, without an op of it.
struct StageInfo {
  llvm::StringRef name;
  const StageSignature *signature;
  /// Builds the op from operands and options (attributes by name); an error at `loc` where they do
  /// not fit.
  mlir::FailureOr<mlir::Operation *> (*build)(mlir::OpBuilder &builder, mlir::Location loc,
                                              mlir::ValueRange operands,
                                              mlir::DictionaryAttr options);
};

/// Every op of the dialect that is a stage by itself, in the order of their definitions: all but
/// the one of the stages that specifications declare.
llvm::ArrayRef<StageInfo> getStages();
/// The stage of that name, null if there is none.
const StageInfo *findStage(llvm::StringRef name);

} // namespace lighthouse::lh

#endif // LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_STAGE_H
