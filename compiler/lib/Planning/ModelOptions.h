//===- ModelOptions.h - Numbers that follow from the options of a plan --------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PLANNING_MODELOPTIONS_H
#define LIGHTHOUSE_LIB_PLANNING_MODELOPTIONS_H

#include "lighthouse/Planning/ModelPlan.h"

namespace lighthouse::planning {

/// P, the pieces of the sequence.
inline int64_t piecesOf(const ModelOptions &options) {
  return options.world * (options.headTail ? 2 : 1);
}

/// The positions below an entry of the coarsest level: factor^(levels - 1).
int64_t windowOf(const ModelOptions &options);

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_LIB_PLANNING_MODELOPTIONS_H
