//===- PlanReader.cpp - JSON to plan --------------------------------------===//
//
// Strict: every field must be there once, with the right type and within its bounds.
//
//===----------------------------------------------------------------------===//

#include "../Support/StrictJson.h"
#include "PlanFormat.h"

#include "lighthouse/runtime/Plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace lighthouse::runtime {

namespace {

/// No value of a plan is nested deeper; the parser refuses more.
constexpr std::size_t maxDepth = 9;

TensorSpec readTensor(const Cursor &at) {
  at.expectFields({"name", "dtype", "shape"});
  return {at.field("name").string(), at.field("dtype").dtype(),
          at.field("shape").integers(maxRank)};
}

ParameterSpec readParameter(const Cursor &at) {
  at.expectFields({"name", "dtype"});
  return {at.field("name").string(), at.field("dtype").dtype()};
}

BufferSpec readBuffer(const Cursor &at) {
  at.expectFields({"offset", "dtype", "shape"});
  return {at.field("offset").integer(), at.field("dtype").dtype(),
          at.field("shape").integers(maxRank)};
}

KernelArg readKernelArg(const Cursor &at) {
  if (!at.has("kind"))
    at.fail("expected an object with the field 'kind'");
  std::string kind = at.field("kind").string();
  KernelArg arg;
  if (kind == "tensor") {
    at.expectFields({"kind", "dtype", "rank", "inner_contiguous", "alignment"});
    arg.rank = at.field("rank").integer();
    arg.innerContiguous = at.field("inner_contiguous").boolean();
    arg.alignment = at.field("alignment").integer();
  } else if (kind == "scalar") {
    at.expectFields({"kind", "dtype"});
    arg.kind = KernelArg::Kind::Scalar;
  } else if (kind == "tensor_map") {
    at.expectFields({"kind", "dtype", "box", "swizzle", "l2_promotion", "fill_nan"});
    arg.kind = KernelArg::Kind::TensorMap;
    arg.map = {at.field("box").integers(maxRank), at.field("swizzle").integer(),
               at.field("l2_promotion").integer(), at.field("fill_nan").boolean()};
    arg.rank = std::int64_t(arg.map.box.size());
    arg.innerContiguous = true;
    arg.alignment = 16;
  } else {
    at.field("kind").fail("expected 'tensor', 'scalar' or 'tensor_map', found '{}'", kind);
  }
  arg.dtype = at.field("dtype").dtype();
  return arg;
}

KernelSpec readKernel(const Cursor &at) {
  at.expectFields({"name", "image", "entry", "stack_bytes", "threads", "shared_bytes", "cluster",
                   "resident", "args", "dims"});
  KernelSpec kernel;
  kernel.name = at.field("name").string();
  kernel.image = at.field("image").integer();
  kernel.entry = at.field("entry").integer();
  kernel.stackBytes = at.field("stack_bytes").integer();
  kernel.threads = at.field("threads").integer();
  kernel.sharedBytes = at.field("shared_bytes").integer();
  kernel.cluster = at.field("cluster").integer();
  kernel.isResident = at.field("resident").boolean();
  kernel.args = at.field("args").list(PlanLimits::kernelArgs, readKernelArg);
  kernel.dims =
      at.field("dims").list(PlanLimits::kernelArgs, [](const Cursor &dim) { return dim.string(); });
  return kernel;
}

LaunchArg readLaunchArg(const Cursor &at) {
  for (std::size_t kind = 0; kind < launchArgKindNames.size(); ++kind) {
    std::string_view name = launchArgKindNames[kind];
    if (!at.has(name))
      continue;
    at.expectFields({name});
    LaunchArg arg;
    arg.kind = static_cast<LaunchArg::Kind>(kind);
    if (arg.kind == LaunchArg::Kind::Scalar)
      arg.bits = at.field(name).integer<std::uint64_t>();
    else
      arg.index = at.field(name).integer();
    return arg;
  }
  at.fail("expected an object with one of the fields 'input', 'output', 'buffer', 'scalar', "
          "'parameter'");
}

LaunchCost readCost(const Cursor &at) {
  at.expectFields({"bytes_read", "bytes_written", "flops"});
  return {at.field("bytes_read").integer(), at.field("bytes_written").integer(),
          at.field("flops").integer()};
}

FillSpec readFill(const Cursor &at) {
  at.expectFields({"arg", "bits"});
  return {at.field("arg").integer(), at.field("bits").integer<std::uint64_t>()};
}

LaunchSpec readLaunch(const Cursor &at) {
  at.expectFields({"kernel", "stage", "grid", "args", "dims", "cost", "fills"});
  LaunchSpec launch;
  launch.kernel = at.field("kernel").integer();
  launch.stage = at.field("stage").string();
  const std::vector<std::int32_t> grid = at.field("grid").list(
      launch.grid.size(), [](const Cursor &extent) { return extent.integer<std::int32_t>(); });
  if (grid.size() != launch.grid.size())
    at.field("grid").fail("expected {} elements, found {}", launch.grid.size(), grid.size());
  std::ranges::copy(grid, launch.grid.begin());
  launch.args = at.field("args").list(PlanLimits::kernelArgs, readLaunchArg);
  launch.dims = at.field("dims").integers(PlanLimits::kernelArgs);
  launch.cost = readCost(at.field("cost"));
  launch.fills = at.field("fills").list(PlanLimits::kernelArgs, readFill);
  return launch;
}

Plan readPlan(const Cursor &at) {
  // Other versions have other fields.
  if (at.has("version"))
    if (std::int64_t version = at.field("version").integer(); version != planVersion)
      at.field("version").failWith(StatusCode::Unsupported,
                                   "this runtime reads plans of version {}, found {}", planVersion,
                                   version);
  at.expectFields({"version", "name", "target", "cpu_level", "arch", "inputs", "outputs",
                   "parameters", "workspace_bytes", "buffers", "kernels", "launches"});
  Plan plan;
  plan.name = at.field("name").string();
  plan.target = at.field("target").string();
  plan.cpuLevel = at.field("cpu_level").string();
  plan.arch = at.field("arch").string();
  plan.inputs = at.field("inputs").list(PlanLimits::tensors, readTensor);
  plan.outputs = at.field("outputs").list(PlanLimits::tensors, readTensor);
  plan.parameters = at.field("parameters").list(PlanLimits::parameters, readParameter);
  plan.workspaceBytes = at.field("workspace_bytes").integer();
  plan.buffers = at.field("buffers").list(PlanLimits::buffers, readBuffer);
  plan.kernels = at.field("kernels").list(PlanLimits::kernels, readKernel);
  plan.launches = at.field("launches").list(PlanLimits::launches, readLaunch);
  return plan;
}

} // namespace

/// Reads what `read` makes of the value. `what` names it in messages.
template <typename Read>
static auto readJson(std::string_view text, std::string_view what, Read read)
    -> Result<decltype(read(std::declval<const Cursor &>()))> {
  if (text.size() > PlanLimits::jsonBytes)
    return Status(StatusCode::Corrupt, fmt::format("{} has at most {} bytes, found {}", what,
                                                   PlanLimits::jsonBytes, text.size()));
  try {
    const Json json = parseStrictly(text, maxDepth, PlanLimits::jsonValues);
    return read(Cursor(json, ""));
  } catch (...) {
    return decodeFailure(what);
  }
}

Result<Plan> Plan::fromJson(std::string_view text) {
  Result<Plan> plan = readJson(text, "a plan", readPlan);
  if (plan)
    if (Status status = plan->verify(); !status.ok())
      return Status(StatusCode::Corrupt, status.message());
  return plan;
}

Result<std::vector<Plan>> plansFromJson(std::string_view text) {
  Result<std::vector<Plan>> plans = readJson(text, "a list of plans", [](const Cursor &at) {
    return at.list(PlanLimits::plans, readPlan);
  });
  if (plans)
    for (std::size_t i = 0; i < plans->size(); ++i)
      if (Status status = (*plans)[i].verify(); !status.ok())
        return Status(StatusCode::Corrupt, fmt::format("/{}{}", i, status.message()));
  return plans;
}

} // namespace lighthouse::runtime
