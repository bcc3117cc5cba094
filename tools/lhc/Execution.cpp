//===- Execution.cpp - Arrays, a compiled pipeline, and a run of it ---------------------------===//

#include "Execution.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <chrono>

using namespace lhc;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;
using runtime::cuda::DeviceBuffer;
using support::Array;

TensorView lhc::viewOf(Array &array) {
  return TensorView::contiguous(array.bytes().data(), array.dtype(), array.shape());
}

/// Bytes from the first to the last element of a view with strides that are not negative.
static size_t extentInBytes(const TensorView &view) {
  size_t last = 0;
  for (auto [extent, stride] : llvm::zip_equal(view.shape, view.strides))
    last += size_t(extent - 1) * size_t(stride);
  return (last + 1) * runtime::dtypeBytes(view.dtype);
}

Result<Execution> Execution::create(const runtime::Artifact &artifact,
                                    const runtime::LoadOptions &options) {
  auto start = std::chrono::steady_clock::now();
  Result<runtime::Program> program = runtime::Program::load(artifact, options);
  if (!program)
    return program.status();
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  Execution execution(*std::move(program), options.device);
  execution.theLoadSeconds = elapsed.count();
  const runtime::Plan &plan = execution.plan();
  for (const runtime::TensorSpec &spec : plan.outputs) {
    Result<Array> array = Array::create(spec.dtype, spec.shape, support::kDefaultArrayLimit);
    if (!array)
      return array.status();
    execution.outputs.push_back({spec.name, *std::move(array)});
  }
  if (!execution.isCuda()) {
    Result<Array> workspace =
        Array::create(DType::I8, {plan.workspaceBytes}, support::kDefaultArrayLimit);
    if (!workspace)
      return workspace.status();
    execution.workspace = *std::move(workspace);
    execution.workspaceData = execution.workspace.bytes().data();
    for (NamedArray &output : execution.outputs)
      execution.outputViews.push_back(viewOf(output.array));
    return execution;
  }
  auto allocate = [&](size_t bytes) -> Result<void *> {
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(bytes, options.device);
    if (!buffer)
      return buffer.status();
    execution.ownBuffers.push_back(*std::move(buffer));
    return execution.ownBuffers.back().data();
  };
  Result<void *> workspace = allocate(size_t(plan.workspaceBytes));
  if (!workspace)
    return workspace.status();
  execution.workspaceData = *workspace;
  for (NamedArray &output : execution.outputs) {
    TensorView view = viewOf(output.array);
    Result<void *> data = allocate(output.array.bytes().size());
    if (!data)
      return data.status();
    view.data = *data;
    view.device = runtime::Device::Cuda;
    execution.outputViews.push_back(std::move(view));
  }
  return execution;
}

Status Execution::upload(const std::vector<TensorView> &inputs, unsigned copies) {
  inputViews.assign(std::max(1u, copies), inputs);
  if (!isCuda())
    return {};
  inputBuffers.clear();
  for (std::vector<TensorView> &views : inputViews)
    for (TensorView &view : views) {
      size_t bytes = extentInBytes(view);
      Result<DeviceBuffer> buffer = DeviceBuffer::allocate(bytes, ordinal);
      if (!buffer)
        return buffer.status();
      if (Status status = runtime::cuda::copy(buffer->data(), view.data, bytes); !status.ok())
        return status;
      view.data = buffer->data();
      view.device = runtime::Device::Cuda;
      inputBuffers.push_back(*std::move(buffer));
    }
  return {};
}

Status Execution::launch(const runtime::RunOptions &options, unsigned copy) {
  return loaded.run(inputViews[copy], outputViews, workspaceData, size_t(plan().workspaceBytes),
                    options);
}

Status Execution::download() {
  if (!isCuda())
    return {};
  for (auto [output, view] : llvm::zip_equal(outputs, outputViews))
    if (Status status = runtime::cuda::copy(output.array.bytes().data(), view.data,
                                            output.array.bytes().size());
        !status.ok())
      return status;
  return {};
}

Status Execution::run(const std::vector<TensorView> &inputs,
                      std::vector<runtime::LaunchTiming> *timings) {
  runtime::RunOptions options;
  options.timings = timings;
  if (Status status = upload(inputs); !status.ok())
    return status;
  if (Status status = launch(options); !status.ok())
    return status;
  return download();
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
