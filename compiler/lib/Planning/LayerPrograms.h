//===- LayerPrograms.h - The programs that a layer of attention runs ----------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PLANNING_LAYERPROGRAMS_H
#define LIGHTHOUSE_LIB_PLANNING_LAYERPROGRAMS_H

#include "lighthouse/Planning/ModelPlan.h"

namespace lighthouse::planning {

/// A launch plan, and how often a pass runs it.
struct Program {
  runtime::Plan plan;
  int64_t times = 1;

  int64_t inputBytes() const;
  int64_t outputBytes() const;
  /// Inputs, outputs and workspace: what is alive while it runs.
  int64_t aliveBytes() const;
  /// An input or output by name.
  const runtime::TensorSpec &tensor(llvm::StringRef name) const;
  int64_t bytesOf(llvm::StringRef name) const;
};

/// The programs of each part of a layer on one card, in order.
struct LayerPrograms {
  /// A Lighthouse layer: pool and select; gather; attend; scatter. A dense one: attend. On one card
  /// a Lighthouse layer is one program.
  std::vector<Program> forward;
  std::vector<Program> backward;
  /// Pool, gather and scatter once more, for where only `select` and `attend` were saved.
  std::vector<Program> again;
};

/// Those of a Lighthouse layer: on one card the passes as a whole, on several one program for each
/// operator of context parallel.
runtime::Result<LayerPrograms> lighthousePrograms(Compiler &compiler, const ModelOptions &options);

/// Those of a layer that attends to all positions by the kernels of Lighthouse.
runtime::Result<LayerPrograms> densePrograms(Compiler &compiler, const ModelOptions &options);

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_LIB_PLANNING_LAYERPROGRAMS_H
