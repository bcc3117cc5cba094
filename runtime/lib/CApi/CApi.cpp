//===- CApi.cpp - The C interface of the runtime --------------------------===//

#include "lighthouse/runtime/lighthouse.h"

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Program.h"

#include "Border.h"
#include "HandleRegistry.h"
#include "Programs.h"
#include "Tensors.h"

#include <fmt/format.h>

#include <optional>
#include <span>

using namespace lighthouse::runtime;

static_assert(int(StatusCode::DriverError) == LH_DRIVER_ERROR && int(DType::Bool) == LH_BOOL &&
                  int(Device::Cuda) == LH_CUDA,
              "the enums of the C interface mirror those of the runtime");

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

namespace {

/// A program, and the device it was loaded to.
struct LoadedProgram {
  Program program;
  int device;
};

} // namespace

/// Never destroyed: threads may still use programs while the process exits.
static HandleRegistry<lh_program, LoadedProgram> &programs() {
  static auto *registry = new HandleRegistry<lh_program, LoadedProgram>("program");
  return *registry;
}

using ProgramPointer = std::shared_ptr<const LoadedProgram>;

Result<lh_program> lighthouse::runtime::addProgram(const Artifact &artifact,
                                                   const lh_load_options &given) {
  LoadOptions options = {given.entry_point ? given.entry_point : "", given.device, given.stream};
  std::optional<Cache> cache;
  if (given.use_cache != 0)
    options.cubinCache = &cache.emplace();
  Result<Program> program = Program::load(artifact, options);
  if (!program)
    return program.status();
  const int device = program->plan().target == "cuda" ? given.device : 0;
  return programs().add(
      std::make_shared<const LoadedProgram>(LoadedProgram{*std::move(program), device}));
}

/// Loads the artifact that `read` gives and stores a handle. `source` is what the caller passed.
template <typename Read>
static Status loadProgram(const char *what, const void *source, const lh_load_options *given,
                          lh_program *handle, Read read) {
  if (!source || !handle)
    return invalid(fmt::format("{} is null", source ? "program" : what));
  *handle = nullptr;
  lh_load_options fields = {};
  if (given)
    if (Status status =
            readStruct("options", given, offsetof(lh_load_options, entry_point), fields);
        !status.ok())
      return status;
  Result<Artifact> artifact = read();
  if (!artifact)
    return artifact.status();

  Result<lh_program> program = addProgram(*artifact, fields);
  if (!program)
    return program.status();
  *handle = *program;
  return {};
}

/// Fills `info` from element `index` of the inputs, outputs or parameters of a program.
template <typename Spec>
static Status describe(lh_program handle, std::vector<Spec> Plan::*specs, std::size_t index,
                       lh_tensor_info *info) {
  Result<ProgramPointer> program = programs().find(handle);
  if (!program)
    return program.status();
  return describeElement("program", (*program)->program.plan().*specs, index, info);
}

//===----------------------------------------------------------------------===//
// Interface functions
//===----------------------------------------------------------------------===//

uint32_t lh_api_version(void) { return LH_API_VERSION; }

const char *lh_status_name(int status) {
  // The names are string literals and so end in a null byte.
  return statusCodeName(static_cast<StatusCode>(status)).data();
}

const char *lh_last_error(void) { return lastError().c_str(); }

lh_status lh_program_load_file(const char *path, lh_program *program) {
  return guarded(__func__, [&] {
    return loadProgram("path", path, nullptr, program, [&] { return Artifact::readFile(path); });
  });
}

lh_status lh_program_load_file_with(const char *path, const lh_load_options *options,
                                    lh_program *program) {
  return guarded(__func__, [&] {
    return loadProgram("path", path, options, program, [&] { return Artifact::readFile(path); });
  });
}

static Result<Artifact> readMemory(const void *bytes, size_t size) {
  return Artifact::deserialize({static_cast<const std::uint8_t *>(bytes), size});
}

lh_status lh_program_load_memory(const void *bytes, size_t size, lh_program *program) {
  return guarded(__func__, [&] {
    return loadProgram("bytes", bytes, nullptr, program, [&] { return readMemory(bytes, size); });
  });
}

lh_status lh_program_load_memory_with(const void *bytes, size_t size,
                                      const lh_load_options *options, lh_program *program) {
  return guarded(__func__, [&] {
    return loadProgram("bytes", bytes, options, program, [&] { return readMemory(bytes, size); });
  });
}

lh_status lh_program_query(lh_program program, lh_program_info *info) {
  return guarded(__func__, [&]() -> Status {
    Result<ProgramPointer> found = programs().find(program);
    if (!found)
      return found.status();
    lh_program_info fields = {};
    if (Status status = readStruct("info", info, offsetof(lh_program_info, target), fields);
        !status.ok())
      return status;
    const Plan &plan = (*found)->program.plan();
    const bool isCuda = plan.target == "cuda";
    fields.name = plan.name.c_str();
    fields.num_inputs = plan.inputs.size();
    fields.num_outputs = plan.outputs.size();
    fields.workspace_bytes = std::size_t(plan.workspaceBytes);
    fields.workspace_alignment = std::size_t(workspaceAlignment);
    fields.target = isCuda ? LH_CUDA : LH_HOST;
    fields.device = (*found)->device;
    fields.num_parameters = plan.parameters.size();
    fields.arch = isCuda ? plan.arch.c_str() : plan.cpuLevel.c_str();
    writeStruct(fields, info);
    return {};
  });
}

lh_status lh_program_input(lh_program program, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describe(program, &Plan::inputs, index, info); });
}

lh_status lh_program_output(lh_program program, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describe(program, &Plan::outputs, index, info); });
}

lh_status lh_program_parameter(lh_program program, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describe(program, &Plan::parameters, index, info); });
}

lh_status lh_program_run(lh_program program, const lh_run_args *args) {
  return guarded(__func__, [&]() -> Status {
    Result<ProgramPointer> found = programs().find(program);
    if (!found)
      return found.status();
    lh_run_args fields = {};
    if (Status status = readStruct("args", args, offsetof(lh_run_args, stream), fields);
        !status.ok())
      return status;
    // Reused by every run of a thread: a launch allocates nothing after the first.
    static thread_local std::vector<TensorView> inputs, outputs;
    if (Status status = readTensors("args->inputs", fields.inputs, fields.num_inputs, inputs);
        !status.ok())
      return status;
    if (Status status = readTensors("args->outputs", fields.outputs, fields.num_outputs, outputs);
        !status.ok())
      return status;
    if (!fields.parameters && fields.num_parameters != 0)
      return invalid("args->parameters is null");
    RunOptions options;
    options.parameters = {fields.parameters, fields.num_parameters};
    options.stream = fields.stream;
    return (*found)->program.run(std::span(inputs).first(fields.num_inputs),
                                 std::span(outputs).first(fields.num_outputs), fields.workspace,
                                 fields.workspace_bytes, options);
  });
}

lh_status lh_program_release(lh_program program) {
  return guarded(__func__, [&] { return programs().release(program); });
}
