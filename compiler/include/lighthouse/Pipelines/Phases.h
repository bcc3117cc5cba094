//===- Phases.h - The places where a reader can stop and print ----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_PIPELINES_PHASES_H
#define LIGHTHOUSE_PIPELINES_PHASES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lighthouse {

/// What the compiler has after each phase, in order. A kernel on its own begins at `Tile`.
enum class Phase {
  Lighthouse,  ///< Stages on whole tensors.
  Gradient,    ///< The same with the backward pass behind it, where gradients are wanted.
  Fused,       ///< The same after fusing stages.
  Launches,    ///< Kernels chosen for the stages and applied to tensors.
  Plan,        ///< Buffers at workspace offsets and dispatches over fixed grids.
  Tile,        ///< The kernels alone, one program per block.
  Host,        ///< Host functions: loops over vectors.
  Layouts,     ///< CUDA: the kernels with a layout on every tile.
  LLVMDialect, ///< The same in MLIR's llvm dialect; for CUDA, one thread's program.
  LLVM,        ///< Optimised LLVM IR.
  Asm,         ///< Host: assembly.
  Obj,         ///< Host: an ELF object.
  Ptx,         ///< CUDA: PTX.
  Artifact,    ///< Plan and code, ready to run.
};

/// How a phase is addressed and dumped.
struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name;      ///< As in `--emit=NAME`.
  llvm::StringLiteral extension; ///< Of a file with the result.
  llvm::StringLiteral summary;
  bool onHost, onCuda; ///< For which targets code passes through it.
};

/// All phases of all targets, in order.
llvm::ArrayRef<PhaseInfo> allPhases();

const PhaseInfo &info(Phase phase);

} // namespace lighthouse

#endif // LIGHTHOUSE_PIPELINES_PHASES_H
