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

/// Keeps what compilations of one specification make, so that a plan for other shapes is made of
/// what is there: instances of kernels, what they become for the assumptions of a dispatch, and
/// their code, in memory and on disk.
class KernelStore {
public:
  explicit KernelStore(mlir::MLIRContext &context);

  /// Where the instances are. They are never changed, only copied.
  mlir::ModuleOp getInstances() { return *instances; }
  /// Where the copies are, so that they are not taken for instances.
  mlir::ModuleOp getCopies() { return *copies; }

  /// A copy of `instance` that knows what `dispatch` allows it to assume; see
  /// `KernelSpecialization::of`.
  tile::KernelOp specialize(tile::KernelOp instance, lh::DispatchOp dispatch, int64_t alignment);

  /// The code of a kernel of either module for the target of `request`: made before, else from `cache`,
  /// which may be null, else compiled now.
  mlir::FailureOr<std::shared_ptr<const KernelCode>>
  getCode(tile::KernelOp kernel, const Request &request, PassRunner &passes, runtime::Cache *cache);

  /// The name of the instance that `kernel` is or is a copy of: what its code is called.
  static llvm::StringRef instanceName(llvm::StringRef kernel);

private:
  mlir::FailureOr<KernelCode> compile(tile::KernelOp kernel, const Request &request,
                                      PassRunner &passes);

  mlir::OwningOpRef<mlir::ModuleOp> instances, copies;
  /// By symbol of the instance.
  llvm::StringMap<DimUses> uses;
  /// By symbol and target.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const KernelCode>> codes;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_KERNELSTORE_H
