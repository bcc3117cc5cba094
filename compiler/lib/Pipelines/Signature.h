//===- Signature.h - The inputs and outputs of a pipeline ---------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_SIGNATURE_H
#define LIGHTHOUSE_LIB_PIPELINES_SIGNATURE_H

#include "lighthouse/Pipelines/Request.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lighthouse {

/// Names and types of the arguments and results of `pipeline`, as its plan will have them; none if
/// one is no tensor of the runtime.
std::optional<Signature> signatureOf(mlir::func::FuncOp pipeline);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_SIGNATURE_H
