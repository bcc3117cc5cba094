//===- Execution.h - Arrays, a compiled pipeline, and a run of it -------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_EXECUTION_H
#define LIGHTHOUSE_TOOLS_LHC_EXECUTION_H

#include "lighthouse/runtime/Program.h"
#include "support/Npy.h"

#include <string>
#include <vector>

namespace lhc {

using lighthouse::runtime::Result;
using lighthouse::runtime::Status;
using lighthouse::runtime::StatusCode;

/// A named array in memory.
struct NamedArray {
  std::string name;
  lighthouse::support::Array array;
};

/// A view of the whole array.
lighthouse::runtime::TensorView viewOf(lighthouse::support::Array &array);

/// A loaded program with its outputs and workspace.
class Execution {
public:
  /// Loads the artifact and allocates what a run writes.
  static Result<Execution> create(const lighthouse::runtime::Artifact &artifact);

  /// Runs once with inputs in the order of the plan.
  Status run(const std::vector<lighthouse::runtime::TensorView> &inputs,
             std::vector<lighthouse::runtime::LaunchTiming> *timings = nullptr);

  const lighthouse::runtime::Plan &plan() const { return program.plan(); }

  /// The outputs, in the order and under the names of the pipeline.
  std::vector<NamedArray> outputs;

private:
  Execution(lighthouse::runtime::Program program) : program(std::move(program)) {}

  lighthouse::runtime::Program program;
  lighthouse::support::Array workspace;
};

/// Puts `arrays` into the order of the plan's inputs.
Result<std::vector<lighthouse::runtime::TensorView>>
orderInputs(const lighthouse::runtime::Plan &plan, std::vector<NamedArray> &arrays);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_EXECUTION_H
