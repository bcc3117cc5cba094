//===- Passes.h - passes on the lighthouse dialect --------------------------------*- C++ -*-===//
//
// Documented in Passes.td.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TRANSFORMS_PASSES_H
#define LIGHTHOUSE_TRANSFORMS_PASSES_H

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace lighthouse {

class KernelProvider;

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lighthouse/Transforms/Passes.h.inc"

/// The pass `lighthouse-select-kernels` with kernels from `provider`, which must outlive the pass.
std::unique_ptr<mlir::Pass> createSelectKernelsPass(KernelProvider &provider);

} // namespace lighthouse

#endif // LIGHTHOUSE_TRANSFORMS_PASSES_H
