//===- Passes.h - conversions between dialects ------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_CONVERSION_PASSES_H
#define LIGHTHOUSE_CONVERSION_PASSES_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lighthouse {

#define GEN_PASS_DECL
#include "lighthouse/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "lighthouse/Conversion/Passes.h.inc"

/// Kernels of the tile dialect to loops over vectors: canonicalisation and `tile-to-host`.
void buildTileToHostPipeline(mlir::OpPassManager &pm);

/// Those loops to the LLVM dialect, by upstream lowerings.
void buildHostToLLVMPipeline(mlir::OpPassManager &pm);

/// Kernels of the tile dialect for a GPU to the same with a schedule: pipelined loops are. That decides
/// which tensor maps a kernel takes.
void buildTileSchedulePipeline(mlir::OpPassManager &pm);

/// Kernels of the tile dialect, scheduled or not, to the same with a layout on every tile.
void buildTileLayoutPipeline(mlir::OpPassManager &pm);

/// Kernels with layouts to the LLVM dialect, one thread's program.
void buildTileToNVVMPipeline(mlir::OpPassManager &pm);

/// Registers them for `lighthouse-opt`: `--tile-schedule-pipeline`, `--tile-layout-pipeline`,
/// `--tile-to-nvvm-pipeline`.
void registerGpuPipelines();

/// Registers both for `lighthouse-opt`: `--tile-to-host-pipeline`, `--host-to-llvm-pipeline`.
void registerHostPipelines();

} // namespace lighthouse

#endif // LIGHTHOUSE_CONVERSION_PASSES_H
