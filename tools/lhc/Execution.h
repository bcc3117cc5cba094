//===- Execution.h - Arrays, a compiled pipeline, and a run of it -------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_EXECUTION_H
#define LIGHTHOUSE_TOOLS_LHC_EXECUTION_H

#include "lighthouse/runtime/Cuda.h"
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

/// A loaded program with its outputs and workspace, on the host or on a GPU.
class Execution {
public:
  /// Loads the artifact and allocates what a run writes.
  static Result<Execution> create(const lighthouse::runtime::Artifact &artifact,
                                  const lighthouse::runtime::LoadOptions &options = {});

  /// Runs once with inputs in the order of the plan: upload, launch, download.
  Status run(const std::vector<lighthouse::runtime::TensorView> &inputs,
             std::vector<lighthouse::runtime::LaunchTiming> *timings = nullptr);

  /// Makes `inputs`, which are on the host, those of the launches to come; on a GPU they are copied
  /// there, with their strides, `copies` times.
  Status upload(const std::vector<lighthouse::runtime::TensorView> &inputs, unsigned copies = 1);
  /// Runs on copy `copy` of what was uploaded. On a GPU it returns when the launches are enqueued,
  /// or, with `timings`, when they are done.
  Status launch(const lighthouse::runtime::RunOptions &options = {}, unsigned copy = 0);
  /// Waits, and brings the results to `outputs`.
  Status download();

  const lighthouse::runtime::Program &program() const { return loaded; }
  const lighthouse::runtime::Plan &plan() const { return loaded.plan(); }
  bool isCuda() const { return plan().target == "cuda"; }
  int device() const { return ordinal; }
  /// How long `Program::load` took.
  double loadSeconds() const { return theLoadSeconds; }

  /// The outputs, in the order and under the names of the pipeline.
  std::vector<NamedArray> outputs;

private:
  Execution(lighthouse::runtime::Program program, int device)
      : loaded(std::move(program)), ordinal(device) {}

  lighthouse::runtime::Program loaded;
  int ordinal;
  double theLoadSeconds = 0;
  lighthouse::support::Array workspace;
  /// What a launch is given: one of the copies of the inputs.
  std::vector<std::vector<lighthouse::runtime::TensorView>> inputViews;
  std::vector<lighthouse::runtime::TensorView> outputViews;
  void *workspaceData = nullptr;
  /// The memory behind it on a GPU.
  std::vector<lighthouse::runtime::cuda::DeviceBuffer> inputBuffers, ownBuffers;
};

/// Puts `arrays` into the order of the plan's inputs.
Result<std::vector<lighthouse::runtime::TensorView>>
orderInputs(const lighthouse::runtime::Plan &plan, std::vector<NamedArray> &arrays);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_EXECUTION_H
