//===- Dense.h - Dense attention to compare with ------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_DENSE_H
#define LIGHTHOUSE_TOOLS_LHC_DENSE_H

#include "PipelineRun.h"

namespace lhc {

/// The bundled kernel of dense causal attention, on the same q, k and v and the same target.
struct Dense {
  std::optional<Execution> execution;
  std::vector<lighthouse::runtime::TensorView> inputs;

  /// Compiles and loads it for the inputs of `pipeline`, which must outlive this and have results
  /// whose meaning tells q, k and v; prints errors and returns an exit code.
  int prepare(PipelineRun &pipeline, std::shared_ptr<lighthouse::runtime::Cache> cache);
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_DENSE_H
