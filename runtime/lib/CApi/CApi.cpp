//===- CApi.cpp - The C interface of the runtime --------------------------===//

#include "lighthouse/runtime/lighthouse.h"

#include "lighthouse/runtime/Program.h"

#include "HandleRegistry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

using namespace lighthouse::runtime;

static_assert(int(StatusCode::Internal) == LH_INTERNAL && int(DType::Bool) == LH_BOOL &&
                  int(Device::Cuda) == LH_CUDA,
              "the enums of the C interface mirror those of the runtime");

//===----------------------------------------------------------------------===//
// The border: statuses, messages, exceptions
//===----------------------------------------------------------------------===//

static thread_local std::string lastError;

static Status invalid(std::string message) {
  return Status(StatusCode::InvalidArgument, std::move(message));
}

/// Runs the body of an interface function. Keeps its message and stops every exception.
template <typename Body> static lh_status guarded(const char *function, Body body) noexcept {
  StatusCode code = StatusCode::OutOfMemory;
  try {
    lastError.clear();
    Status status = Status(StatusCode::Internal, "unexpected exception");
    try {
      status = body();
    } catch (const std::bad_alloc &) {
      status = Status(StatusCode::OutOfMemory, "out of memory");
    } catch (const std::exception &error) {
      status = Status(StatusCode::Internal, error.what());
    }
    code = status.code();
    if (!status.ok())
      lastError = fmt::format("{}: {}", function, status.message());
  } catch (...) {
    // No memory even for the message; the code has to do.
  }
  return static_cast<lh_status>(code);
}

/// Checks the size field of a caller's structure; see the comment at the top of lighthouse.h.
template <typename T> static Status checkStruct(const char *what, const T *value) {
  if (!value)
    return invalid(fmt::format("{} is null", what));
  // A size beyond this is a forgotten initialisation, not a structure of a later version.
  constexpr std::size_t largest = 4096;
  const std::size_t size = value->struct_size;
  if (size < sizeof(T) || size > largest)
    return invalid(fmt::format("{}->struct_size is {}; expected {}", what, size, sizeof(T)));
  const auto *bytes = reinterpret_cast<const unsigned char *>(value);
  if (std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char byte) { return byte != 0; }))
    return invalid(fmt::format("{} uses fields of a later version than this runtime knows", what));
  return {};
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Never destroyed: threads may still use programs while the process exits.
static HandleRegistry<Program> &programs() {
  static auto *registry = new HandleRegistry<Program>();
  return *registry;
}

static Result<std::shared_ptr<const Program>> findProgram(lh_program handle) {
  if (!handle)
    return invalid("program is null");
  if (std::shared_ptr<const Program> program =
          programs().find(reinterpret_cast<std::uintptr_t>(handle)))
    return program;
  return Status(StatusCode::InvalidHandle, "program is no live handle; was it released?");
}

/// Maps the artifact's code and stores a handle.
static Status loadProgram(Result<Artifact> artifact, lh_program *handle) {
  if (!artifact)
    return artifact.status();
  Result<Program> program = Program::load(*artifact);
  if (!program)
    return program.status();
  *handle = reinterpret_cast<lh_program>(
      programs().add(std::make_shared<const Program>(*std::move(program))));
  return {};
}

/// Fills `info` from element `index` of the inputs or outputs of a program.
static Status describeTensor(lh_program handle, std::vector<TensorSpec> Plan::*tensors,
                             std::size_t index, lh_tensor_info *info) {
  Result<std::shared_ptr<const Program>> program = findProgram(handle);
  if (!program)
    return program.status();
  if (Status status = checkStruct("info", info); !status.ok())
    return status;
  const std::vector<TensorSpec> &specs = (*program)->plan().*tensors;
  if (index >= specs.size())
    return invalid(fmt::format("index is {}; the program has {}", index, specs.size()));
  const TensorSpec &spec = specs[index];
  info->name = spec.name.c_str();
  info->dtype = std::int32_t(spec.dtype);
  info->rank = std::int32_t(spec.shape.size());
  info->shape = spec.shape.data();
  return {};
}

/// Turns the caller's tensors into views.
static Status readTensors(const char *what, const lh_tensor *const *tensors, std::size_t count,
                          std::vector<TensorView> &views) {
  if (!tensors && count != 0)
    return invalid(fmt::format("args->{} is null", what));
  if (count > PlanLimits::tensors)
    return invalid(fmt::format("args->{} has {} elements", what, count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string label = fmt::format("args->{}[{}]", what, i);
    const lh_tensor *tensor = tensors[i];
    if (Status status = checkStruct(label.c_str(), tensor); !status.ok())
      return status;
    if (tensor->dtype < 0 || tensor->dtype >= numDTypes)
      return invalid(fmt::format("{}->dtype is {}", label, tensor->dtype));
    if (tensor->device != LH_HOST && tensor->device != LH_CUDA)
      return invalid(fmt::format("{}->device is {}", label, tensor->device));
    if (tensor->rank < 0 || std::size_t(tensor->rank) > maxRank)
      return invalid(
          fmt::format("{}->rank is {}; allowed is 0 to {}", label, tensor->rank, maxRank));
    if (tensor->rank != 0 && !tensor->shape)
      return invalid(fmt::format("{}->shape is null", label));
    TensorView view;
    view.data = tensor->data;
    view.dtype = static_cast<DType>(tensor->dtype);
    view.device = static_cast<Device>(tensor->device);
    if (tensor->rank != 0)
      view.shape.assign(tensor->shape, tensor->shape + tensor->rank);
    if (!elementCount(view.shape))
      return invalid(fmt::format("{}->shape is {}", label, formatDims(view.shape)));
    if (tensor->strides)
      view.strides.assign(tensor->strides, tensor->strides + tensor->rank);
    else
      view.strides = contiguousStrides(view.shape);
    views.push_back(std::move(view));
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Interface functions
//===----------------------------------------------------------------------===//

uint32_t lh_api_version(void) { return LH_API_VERSION; }

const char *lh_status_name(int status) {
  // The names are string literals and so end in a null byte.
  return statusCodeName(static_cast<StatusCode>(status)).data();
}

const char *lh_last_error(void) { return lastError.c_str(); }

lh_status lh_program_load_file(const char *path, lh_program *program) {
  return guarded(__func__, [&]() -> Status {
    if (!path || !program)
      return invalid(path ? "program is null" : "path is null");
    *program = nullptr;
    return loadProgram(Artifact::readFile(path), program);
  });
}

lh_status lh_program_load_memory(const void *bytes, size_t size, lh_program *program) {
  return guarded(__func__, [&]() -> Status {
    if (!bytes || !program)
      return invalid(bytes ? "program is null" : "bytes is null");
    *program = nullptr;
    return loadProgram(Artifact::deserialize({static_cast<const std::uint8_t *>(bytes), size}),
                       program);
  });
}

lh_status lh_program_query(lh_program program, lh_program_info *info) {
  return guarded(__func__, [&]() -> Status {
    Result<std::shared_ptr<const Program>> found = findProgram(program);
    if (!found)
      return found.status();
    if (Status status = checkStruct("info", info); !status.ok())
      return status;
    const Plan &plan = (*found)->plan();
    info->name = plan.name.c_str();
    info->num_inputs = plan.inputs.size();
    info->num_outputs = plan.outputs.size();
    info->workspace_bytes = std::size_t(plan.workspaceBytes);
    info->workspace_alignment = std::size_t(workspaceAlignment);
    return {};
  });
}

lh_status lh_program_input(lh_program program, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describeTensor(program, &Plan::inputs, index, info); });
}

lh_status lh_program_output(lh_program program, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describeTensor(program, &Plan::outputs, index, info); });
}

lh_status lh_program_run(lh_program program, const lh_run_args *args) {
  return guarded(__func__, [&]() -> Status {
    Result<std::shared_ptr<const Program>> found = findProgram(program);
    if (!found)
      return found.status();
    if (Status status = checkStruct("args", args); !status.ok())
      return status;
    std::vector<TensorView> inputs, outputs;
    if (Status status = readTensors("inputs", args->inputs, args->num_inputs, inputs); !status.ok())
      return status;
    if (Status status = readTensors("outputs", args->outputs, args->num_outputs, outputs);
        !status.ok())
      return status;
    return (*found)->run(inputs, outputs, args->workspace, args->workspace_bytes);
  });
}

lh_status lh_program_release(lh_program program) {
  return guarded(__func__, [&]() -> Status {
    Result<std::shared_ptr<const Program>> found = findProgram(program);
    if (!found)
      return found.status();
    // Another thread may have released it between; only one of the two succeeds.
    if (!programs().remove(reinterpret_cast<std::uintptr_t>(program)))
      return Status(StatusCode::InvalidHandle, "program was released by another thread");
    return {};
  });
}
