//===- Execution.cpp - Arrays, a compiled pipeline, and a run of it ---------------------------===//

#include "Execution.h"

#include "llvm/ADT/STLExtras.h"

using namespace lhc;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;
using support::Array;

TensorView lhc::viewOf(Array &array) {
  return TensorView::contiguous(array.bytes().data(), array.dtype(), array.shape());
}

Result<Execution> Execution::create(const runtime::Artifact &artifact) {
  Result<runtime::Program> program = runtime::Program::load(artifact);
  if (!program)
    return program.status();
  Execution execution(*std::move(program));
  for (const runtime::TensorSpec &spec : execution.plan().outputs) {
    Result<Array> array = Array::create(spec.dtype, spec.shape, support::kDefaultArrayLimit);
    if (!array)
      return array.status();
    execution.outputs.push_back({spec.name, *std::move(array)});
  }
  Result<Array> workspace =
      Array::create(DType::I8, {execution.plan().workspaceBytes}, support::kDefaultArrayLimit);
  if (!workspace)
    return workspace.status();
  execution.workspace = *std::move(workspace);
  return execution;
}

Status Execution::run(const std::vector<TensorView> &inputs,
                      std::vector<runtime::LaunchTiming> *timings) {
  std::vector<TensorView> results;
  for (NamedArray &output : outputs)
    results.push_back(viewOf(output.array));
  runtime::RunOptions options;
  options.timings = timings;
  return program.run(inputs, results, workspace.bytes().data(), workspace.bytes().size(), options);
}

Result<std::vector<TensorView>> lhc::orderInputs(const runtime::Plan &plan,
                                                 std::vector<NamedArray> &arrays) {
  std::vector<TensorView> inputs;
  for (const runtime::TensorSpec &spec : plan.inputs) {
    auto found = llvm::find_if(arrays, [&](NamedArray &named) { return named.name == spec.name; });
    if (found == arrays.end())
      return Status(StatusCode::InvalidArgument,
                    "no --arg for the input '" + spec.name + "', " +
                        runtime::formatTensorType(spec.dtype, spec.shape));
    inputs.push_back(viewOf(found->array));
  }
  return inputs;
}
