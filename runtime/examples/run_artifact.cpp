//===- run_artifact.cpp - Run a compiled pipeline from C++ ----------------===//
//
// Usage: run_artifact_cpp FILE [ENTRY_POINT]
//
// Loads an entry point of the artifact, fills every input with a ramp, makes every parameter 1,
// runs the program once and prints each output's name, shape and, for f32, its first elements. On
// CUDA it uses device 0, a stream of its own, and the cache of cubins. run_artifact.c is the same
// in C.
//
//===----------------------------------------------------------------------===//

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Program.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <optional>

using namespace lighthouse::runtime;

namespace {

/// A tensor with the memory it lies in.
struct OwnedTensor {
  /// What the host reads and writes.
  std::vector<std::byte> host;
  /// Where a CUDA program reads and writes.
  std::optional<cuda::DeviceBuffer> device;
  TensorView view;
};

Result<OwnedTensor> makeTensor(const TensorSpec &spec, bool onDevice) {
  OwnedTensor tensor;
  tensor.host.resize(std::size_t(*tensorBytes(spec.dtype, spec.shape)));
  if (!onDevice) {
    tensor.view = TensorView::contiguous(tensor.host.data(), spec.dtype, spec.shape);
    return tensor;
  }
  Result<cuda::DeviceBuffer> buffer = cuda::DeviceBuffer::allocate(tensor.host.size());
  if (!buffer)
    return buffer.status();
  tensor.device = *std::move(buffer);
  tensor.view = TensorView::contiguous(tensor.device->data(), spec.dtype, spec.shape, Device::Cuda);
  return tensor;
}

template <typename T> void fillRamp(std::vector<std::byte> &bytes) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    const T value = T(i);
    std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
  }
}

Status fillInput(OwnedTensor &tensor) {
  switch (tensor.view.dtype) {
  case DType::F32:
    fillRamp<float>(tensor.host);
    break;
  case DType::F64:
    fillRamp<double>(tensor.host);
    break;
  case DType::I32:
    fillRamp<std::int32_t>(tensor.host);
    break;
  case DType::I64:
    fillRamp<std::int64_t>(tensor.host);
    break;
  default:
    break; // Zeros.
  }
  return tensor.device ? cuda::copy(tensor.view.data, tensor.host.data(), tensor.host.size())
                       : Status();
}

/// The bits of a parameter that is 1.
std::uint64_t oneOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return std::bit_cast<std::uint32_t>(1.0f);
  case DType::F64:
    return std::bit_cast<std::uint64_t>(1.0);
  case DType::F16:
    return 0x3c00;
  case DType::BF16:
    return 0x3f80;
  default:
    return 1;
  }
}

Status printOutput(const TensorSpec &spec, OwnedTensor &tensor) {
  if (tensor.device)
    if (Status s = cuda::copy(tensor.host.data(), tensor.view.data, tensor.host.size()); !s.ok())
      return s;
  std::printf("%s %s", spec.name.c_str(), formatDims(spec.shape).c_str());
  const std::size_t count = tensor.host.size() / sizeof(float);
  for (std::size_t i = 0; spec.dtype == DType::F32 && i < std::min<std::size_t>(count, 8); ++i) {
    float value = 0;
    std::memcpy(&value, &tensor.host[i * sizeof value], sizeof value);
    std::printf(" %g", double(value));
  }
  std::printf("\n");
  return {};
}

Status runFile(const char *path, const char *entryPoint) {
  Result<Artifact> artifact = Artifact::readFile(path);
  if (!artifact)
    return artifact.status();
  Cache cache;
  LoadOptions options;
  options.entryPoint = entryPoint;
  options.cubinCache = &cache;
  Result<Program> program = Program::load(*artifact, options);
  if (!program)
    return program.status();
  const Plan &plan = program->plan();
  const bool onDevice = plan.target == "cuda";

  std::vector<OwnedTensor> tensors;
  std::vector<TensorView> inputs, outputs;
  for (const TensorSpec &spec : plan.inputs) {
    Result<OwnedTensor> tensor = makeTensor(spec, onDevice);
    if (!tensor)
      return tensor.status();
    if (Status s = fillInput(*tensor); !s.ok())
      return s;
    inputs.push_back(tensor->view);
    tensors.push_back(*std::move(tensor));
  }
  for (const TensorSpec &spec : plan.outputs) {
    Result<OwnedTensor> tensor = makeTensor(spec, onDevice);
    if (!tensor)
      return tensor.status();
    outputs.push_back(tensor->view);
    tensors.push_back(*std::move(tensor));
  }

  // The workspace is a tensor of bytes; on the host it has to be aligned within them.
  const auto workspaceBytes = std::size_t(plan.workspaceBytes);
  Result<OwnedTensor> memory =
      makeTensor({"workspace", DType::I8, {plan.workspaceBytes + workspaceAlignment}}, onDevice);
  if (!memory)
    return memory.status();
  void *workspace = memory->view.data;
  std::size_t space = workspaceBytes + std::size_t(workspaceAlignment);
  std::align(std::size_t(workspaceAlignment), workspaceBytes, workspace, space);

  std::vector<std::uint64_t> parameters;
  for (const ParameterSpec &spec : plan.parameters)
    parameters.push_back(oneOf(spec.dtype));
  RunOptions run;
  run.parameters = parameters;
  if (!onDevice) {
    if (Status s = program->run(inputs, outputs, workspace, workspaceBytes, run); !s.ok())
      return s;
  } else {
    Result<cuda::Stream> stream = cuda::Stream::create();
    if (!stream)
      return stream.status();
    run.stream = stream->handle();
    if (Status s = program->run(inputs, outputs, workspace, workspaceBytes, run); !s.ok())
      return s;
    if (Status s = stream->synchronize(); !s.ok())
      return s;
  }
  for (std::size_t i = 0; i < plan.outputs.size(); ++i)
    if (Status s = printOutput(plan.outputs[i], tensors[inputs.size() + i]); !s.ok())
      return s;
  return {};
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: run_artifact_cpp FILE [ENTRY_POINT]\n");
    return 2;
  }
  if (Status status = runFile(argv[1], argc == 3 ? argv[2] : ""); !status.ok()) {
    std::fprintf(stderr, "run_artifact_cpp: %s: %s\n", argv[1], status.toString().c_str());
    return 1;
  }
  return 0;
}
