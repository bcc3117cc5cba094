//===- KernelBinding.h - what a kernel's signature means for given tensors ----------*- C++ -*-===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_KERNELBINDING_H
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_KERNELBINDING_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include <array>

namespace lighthouse::lh {

/// Everything that becomes constant once the shapes of a kernel's tensors are known.
struct KernelBinding {
  /// Extents of the named dims, in the order of the kernel's `dims`.
  mlir::SmallVector<int64_t> dims;
  /// Program instances along each axis.
  std::array<int64_t, 3> grid;
  /// Types of all results of the kernel.
  mlir::SmallVector<mlir::RankedTensorType> results;
};

/// Matches tensors and scalars with the signature of `kernel`. `inputs` are the types of its tensor
/// inputs (tensors or memrefs of static shape), `results` those of its leading results: where the
/// kernel's dim expressions give the shape of a result it may be left out, with all after it.
/// `scalars` are the values of its scalar arguments. Emits at `loc` what does not match, ending
/// with the label of the violated constraint (`launch_c2` to `launch_c5`), with a note at the
/// kernel.
mlir::FailureOr<KernelBinding> bindKernel(tile::KernelOp kernel, mlir::TypeRange inputs,
                                          mlir::TypeRange results,
                                          mlir::ArrayRef<mlir::Attribute> scalars,
                                          mlir::Location loc);

} // namespace lighthouse::lh

#endif // LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_KERNELBINDING_H
