//===- SinkLoads.h - reads of shared memory go where they are used ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_TILETONVVM_SINKLOADS_H
#define LIGHTHOUSE_CONVERSION_TILETONVVM_SINKLOADS_H

#include "mlir/IR/Block.h"

namespace lighthouse::nvvm {

/// Moves each `ldmatrix` of the block and of those inside, with its address and what unpacks its
/// result, in front of the first use, where no write to memory lies in between.
void sinkMatrixLoads(mlir::Block &block);

} // namespace lighthouse::nvvm

#endif // LIGHTHOUSE_CONVERSION_TILETONVVM_SINKLOADS_H
