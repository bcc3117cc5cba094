//===- PlanExport.h - from plan IR to the runtime's plan ----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TARGET_PLANEXPORT_H
#define LIGHTHOUSE_TARGET_PLANEXPORT_H

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/runtime/Plan.h"

namespace lighthouse {

/// The runtime's element type for `type`, if it has one.
std::optional<runtime::DType> dtypeOf(mlir::Type type);

/// The runtime's form of `plan`. Its kernels are the ones that the plan dispatches, in order of
/// first use. What only the code generator knows is left at its default: `cpuLevel`, and the
/// `entry` and `stackBytes` of each kernel. Fails, with an error at the place, on an element type
/// that the runtime does not have, on more workspace than a plan may have, and on a launch of more
/// than `maxInstances` program instances.
mlir::FailureOr<runtime::Plan> exportPlan(lh::PlanOp plan, int64_t maxInstances);

} // namespace lighthouse

#endif // LIGHTHOUSE_TARGET_PLANEXPORT_H
