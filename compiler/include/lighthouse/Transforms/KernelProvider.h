//===- KernelProvider.h - Where stage kernels come from ---------*- C++ -*-===//
//
// The kernel-selection pass knows which stage it needs a kernel for; the front end knows how to
// instantiate one from a specification. This interface lets the first ask the second without either
// linking the other.
//
//===----------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TRANSFORMS_KERNELPROVIDER_H
#define LIGHTHOUSE_TRANSFORMS_KERNELPROVIDER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace lighthouse {

namespace tile {
class KernelOp;
} // namespace tile

/// A stage that needs a kernel, described by what it fixes. Everything else (tile sizes and other
/// tuning parameters) is the provider's choice.
struct StageRequest {
  /// Stage name, as written after `implements` in a specification.
  mlir::StringRef stage;
  /// The stage's parameters by name: integers are i64 IntegerAttr (levels, budget), flags BoolAttr
  /// (causal). A kernel need not ask for all of them. Types and dims are deduced from `operands`.
  mlir::DictionaryAttr params;
  /// Argument types in order: ranked tensors of static shape, or scalars (i32, f32).
  mlir::TypeRange operands;
  /// Types of the leading results: ranked tensors of static shape. Results that a kernel declares
  /// beyond them are scratch, sized by the kernel's own dim expressions.
  mlir::TypeRange results;
};

/// Why a kernel does not serve a stage.
struct KernelRefusal {
  mlir::Location loc; ///< What about the kernel is at odds with the stage.
  std::string kernel, reason;
};

/// Supplies kernel instances to the kernel-selection pass.
class KernelProvider {
public:
  virtual ~KernelProvider() = default;

  /// Returns a kernel in `module` that serves `request`; an instance that fits and is already there
  /// is reused, otherwise one is added under a name unique in the module. Null where none applies:
  /// `refusals` say why, in the order of the variants. Fails, after an error at `loc` (the stage's
  /// location), if the one that applies has errors.
  virtual mlir::FailureOr<tile::KernelOp>
  getKernel(mlir::ModuleOp module, const StageRequest &request, mlir::Location loc,
            mlir::SmallVectorImpl<KernelRefusal> &refusals) = 0;
};

/// Offers the kernels that the module holds already: the first, in order of the module, whose
/// `stage` is the requested one, whose `stage_params` do not contradict the request, and whose signature
/// matches.
class ModuleKernelProvider : public KernelProvider {
public:
  mlir::FailureOr<tile::KernelOp>
  getKernel(mlir::ModuleOp module, const StageRequest &request, mlir::Location loc,
            mlir::SmallVectorImpl<KernelRefusal> &refusals) override;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_TRANSFORMS_KERNELPROVIDER_H
