//===- Layers.h - Time and memory of one layer --------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PLANNING_LAYERS_H
#define LIGHTHOUSE_LIB_PLANNING_LAYERS_H

#include "lighthouse/Planning/ModelPlan.h"

namespace lighthouse::planning {

/// A Lighthouse layer. Stores S and what it keeps where the pointers are not null.
runtime::Result<LayerPlan> planLighthouse(Compiler &compiler, const ModelOptions &options,
                                          int64_t *gatheredLength, KeptBytes *kept);

/// A layer that attends to all positions by the kernels of Lighthouse.
runtime::Result<LayerPlan> planDense(Compiler &compiler, const ModelOptions &options);

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_LIB_PLANNING_LAYERS_H
