//===- KernelPipeline.h - A kernel on its own as a pipeline -------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_KERNELPIPELINE_H
#define LIGHTHOUSE_LIB_PIPELINES_KERNELPIPELINE_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/Pipelines/Request.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lighthouse {

/// Adds a function that launches `kernel` once on arguments of the requested types and on the
/// scalars that settings give; inputs and results have the names of the kernel's. Returns null if a
/// type or scalar is missing, and fails with an error if they do not fit.
mlir::FailureOr<mlir::func::FuncOp> wrapKernel(tile::KernelOp kernel, const Request &request);

/// The tensor type of a request's argument, null for an element type that IR does not have.
mlir::RankedTensorType tensorType(const ArgumentType &argument, mlir::MLIRContext *context);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_KERNELPIPELINE_H
