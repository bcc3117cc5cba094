//===- KernelStore.h - The kernels of a specification and their code ----------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_KERNELSTORE_H
#define LIGHTHOUSE_LIB_PIPELINES_KERNELSTORE_H

#include "KernelCompilation.h"

#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/Transforms/KernelSpecialization.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <string>

namespace lighthouse {

/// Keeps what compilations of one specification for one target make, so that a plan for other
/// shapes is made of what is there: instances of kernels, what they become for the assumptions of a
/// dispatch, and their code, in memory and on disk. Instances ask the target, so targets share
/// none.
class KernelStore {
public:
  KernelStore(mlir::MLIRContext &context, const tile::TargetInfo &target);

  /// Where the instances are. They are never changed, only copied.
  mlir::ModuleOp getInstances() { return *instances; }
  /// Where the copies are, so that they are not taken for instances.
  mlir::ModuleOp getCopies() { return *copies; }

  /// A copy of `instance` that knows what `dispatch` allows it to assume; see
  /// `KernelSpecialization::of`. Its loops are pipelined.
  mlir::FailureOr<tile::KernelOp> specialize(tile::KernelOp instance, lh::DispatchOp dispatch,
                                             int64_t alignment, PassRunner &passes);

  /// The code of a kernel of either module: made before, else from `cache`, which may be null, else
  /// compiled now.
  mlir::FailureOr<std::shared_ptr<const KernelCode>>
  getCode(tile::KernelOp kernel, PassRunner &passes, runtime::Cache *cache);

  /// The name of the instance that `kernel` is or is a copy of: what its code is called.
  static llvm::StringRef instanceName(llvm::StringRef kernel);

private:
  /// A module for this target with a copy of `kernel` and nothing else.
  mlir::OwningOpRef<mlir::ModuleOp> isolate(tile::KernelOp kernel) const;
  std::string keyOf(tile::KernelOp kernel) const;
  mlir::FailureOr<KernelCode> compile(tile::KernelOp kernel, PassRunner &passes);

  const tile::TargetInfo &target;
  mlir::OwningOpRef<mlir::ModuleOp> instances, copies;
  /// By symbol of the instance.
  llvm::StringMap<DimUses> uses;
  /// By symbol.
  llvm::StringMap<std::shared_ptr<const KernelCode>> codes;
};

/// The kernels of one specification, by target.
using KernelStores = std::map<const tile::TargetInfo *, KernelStore>;

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_KERNELSTORE_H
