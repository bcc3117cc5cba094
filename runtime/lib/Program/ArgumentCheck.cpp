//===- ArgumentCheck.cpp - What a run accepts -----------------------------===//

#include "ArgumentCheck.h"

#include "LaunchWords.h"
#include "Steps.h"

#include <fmt/format.h>

#include <algorithm>

namespace lighthouse::runtime {

TensorDemands::TensorDemands(const Plan &plan)
    : inputs(plan.inputs.size()), outputs(plan.outputs.size()) {
  for (const LaunchSpec &launch : plan.launches)
    for (std::size_t i = 0; i < launch.args.size(); ++i) {
      const LaunchArg &arg = launch.args[i];
      if (arg.kind != LaunchArg::Kind::Input && arg.kind != LaunchArg::Kind::Output)
        continue;
      const KernelArg &wanted = plan.kernels[launch.kernel].args[i];
      TensorDemand &demand = (arg.kind == LaunchArg::Kind::Input ? inputs : outputs)[arg.index];
      demand.innerContiguous |= wanted.innerContiguous;
      demand.alignment = std::max(demand.alignment, wanted.alignment);
      demand.isMapped |= wanted.kind == KernelArg::Kind::TensorMap;
    }
}

namespace {

/// The bytes a tensor or the workspace touches, as addresses; empty if `begin == end`.
struct Extent {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  /// Whether every byte between is an element's.
  bool dense = true;

  bool isEmpty() const { return begin == end; }
  bool meets(const Extent &other) const {
    return !isEmpty() && !other.isEmpty() && begin < other.end && other.begin < end;
  }
};

/// Which argument a message is about. Turned into text only when there is an error.
struct Label {
  std::string_view kind;
  std::size_t index;
  const TensorSpec *spec;

  std::string text() const { return fmt::format("{} {} '{}'", kind, index, spec->name); }
};

template <typename... Args>
Status invalid(std::string_view label, fmt::format_string<Args...> format, Args &&...args) {
  return Status(StatusCode::InvalidArgument,
                fmt::format("{}: {}", label, fmt::format(format, std::forward<Args>(args)...)));
}

template <typename... Args>
Status invalid(const Label &label, fmt::format_string<Args...> format, Args &&...args) {
  return invalid(label.text(), format, std::forward<Args>(args)...);
}

/// The bytes the view touches. Fails if they wrap around the address space.
bool computeExtent(const TensorView &view, Extent &extent) {
  const std::int64_t count = *elementCount(view.shape);
  extent = {};
  if (count == 0)
    return true;
  std::int64_t low = 0, high = 0;
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(view.shape[i] - 1, view.strides[i], &reach))
      return false;
    std::int64_t &side = reach < 0 ? low : high;
    if (__builtin_add_overflow(side, reach, &side))
      return false;
  }
  const auto width = std::int64_t(dtypeBytes(view.dtype));
  const auto data = reinterpret_cast<std::uintptr_t>(view.data);
  std::int64_t lowBytes = 0, highBytes = 0, span = 0;
  if (__builtin_mul_overflow(low, width, &lowBytes) || __builtin_add_overflow(high, 1, &high) ||
      __builtin_mul_overflow(high, width, &highBytes) ||
      __builtin_sub_overflow(highBytes, lowBytes, &span) ||
      __builtin_add_overflow(data, lowBytes, &extent.begin) ||
      __builtin_add_overflow(data, highBytes, &extent.end))
    return false;
  extent.dense = span == count * width;
  return true;
}

/// Checks the address of a tensor and the distances of its rows.
Status checkAlignment(const Label &label, const TensorView &view, std::int64_t demanded) {
  const auto width = std::int64_t(dtypeBytes(view.dtype));
  const std::int64_t alignment = std::max(demanded, width);
  if (reinterpret_cast<std::uintptr_t>(view.data) % std::uintptr_t(alignment) != 0)
    return invalid(label, "address {} was passed; {} needs a multiple of {}", fmt::ptr(view.data),
                   demanded > width ? "a kernel" : dtypeName(view.dtype), alignment);
  if (*elementCount(view.shape) == 0)
    return {};
  const std::int64_t elements = alignment / width;
  for (std::size_t i = 0; i + 1 < view.shape.size(); ++i)
    if (view.shape[i] > 1 && view.strides[i] % elements != 0)
      return invalid(
          label,
          "stride {} of dim {} is {} bytes; a kernel needs a multiple of {}, for example "
          "stride {}",
          view.strides[i], i, std::int64_t(std::uint64_t(view.strides[i]) * width), alignment,
          std::int64_t((std::uint64_t(view.strides[i] / elements) + 1) * elements));
  return {};
}

/// Checks the strides of what becomes a tensor map. The last is known to be 1.
Status checkTensorMapStrides(const Label &label, const TensorView &view) {
  const std::int64_t largest =
      std::int64_t(maxTensorMapStride) / std::int64_t(dtypeBytes(view.dtype));
  for (std::size_t i = 0; i + 1 < view.shape.size(); ++i)
    if (view.shape[i] > 1 && (view.strides[i] < 0 || view.strides[i] > largest))
      return invalid(label, "stride {} of dim {} was passed; a kernel needs 0 to {}",
                     view.strides[i], i, largest);
  return {};
}

/// Checks one tensor and finds its extent.
Status checkTensor(const Label &label, const TensorView &view, Device device,
                   const TensorDemand &demand, Extent &extent) {
  const TensorSpec &spec = *label.spec;
  if (view.device != device)
    return invalid(label, "the tensor is on device '{}'; this program runs on {}",
                   deviceName(view.device), device == Device::Host ? "the host" : "device 'cuda'");
  if (view.dtype != spec.dtype)
    return invalid(label, "dtype {} was passed; {} is needed", dtypeName(view.dtype),
                   dtypeName(spec.dtype));
  if (view.shape != spec.shape)
    return invalid(label, "shape {} was passed; the program is compiled for {}",
                   formatDims(view.shape), formatDims(spec.shape));
  if (view.strides.size() != view.shape.size())
    return invalid(label, "{} strides were passed; {} are needed, for example {}",
                   view.strides.size(), view.shape.size(),
                   formatDims(contiguousStrides(view.shape)));
  if (demand.innerContiguous && view.shape.back() > 1 && view.strides.back() != 1)
    return invalid(label,
                   "strides {} were passed; a kernel needs stride 1 in the last dimension, for "
                   "example {}",
                   formatDims(view.strides), formatDims(contiguousStrides(view.shape)));
  if (!view.data && *elementCount(view.shape) != 0)
    return invalid(label, "a null pointer was passed for {}",
                   formatTensorType(view.dtype, view.shape));
  if (Status s = checkAlignment(label, view, demand.alignment); !s.ok())
    return s;
  if (Status s = demand.isMapped ? checkTensorMapStrides(label, view) : Status(); !s.ok())
    return s;
  if (!computeExtent(view, extent))
    return invalid(label, "strides {} of shape {} leave the address space",
                   formatDims(view.strides), formatDims(view.shape));
  return {};
}

/// An argument that was checked, and its memory.
struct Region {
  Label label;
  const TensorView *view;
  Extent extent;
};

/// Whether an output, which has `steps`, is known to share memory with another argument. Two
/// strided views may interleave without sharing an element, as the parts of a fused QKV do.
bool shareMemory(const Region &output, const Steps &steps, const Region &other) {
  if (!output.extent.meets(other.extent))
    return false;
  if (output.extent.dense || other.extent.dense || output.view->data == other.view->data)
    return true;
  const auto width = std::int64_t(dtypeBytes(output.view->dtype));
  const auto bytes = std::int64_t(output.extent.begin - other.extent.begin);
  return std::int64_t(dtypeBytes(other.view->dtype)) == width &&
         Steps(other.view->shape, other.view->strides) == steps && steps.reach(bytes / width);
}

Status checkCount(std::string_view what, std::size_t passed, std::size_t needed) {
  if (passed != needed)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("{} {} were passed; the program has {}", passed, what, needed));
  return {};
}

} // namespace

Status checkArguments(const Plan &plan, const TensorDemands &demands,
                      std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                      std::span<const std::uint64_t> parameters, const void *workspace,
                      std::size_t workspaceBytes) {
  if (Status s = checkCount("inputs", inputs.size(), plan.inputs.size()); !s.ok())
    return s;
  if (Status s = checkCount("outputs", outputs.size(), plan.outputs.size()); !s.ok())
    return s;
  if (Status s = checkCount("parameters", parameters.size(), plan.parameters.size()); !s.ok())
    return s;

  const auto needed = std::size_t(plan.workspaceBytes);
  if (workspaceBytes < needed)
    return invalid("workspace", "{} bytes were passed; {} are needed", workspaceBytes, needed);
  if (needed != 0 && !workspace)
    return invalid("workspace", "a null pointer was passed; {} bytes are needed", needed);
  const auto workspaceAddress = reinterpret_cast<std::uintptr_t>(workspace);
  if (needed != 0 && workspaceAddress % workspaceAlignment != 0)
    return invalid("workspace", "address {} was passed; a multiple of {} is needed",
                   fmt::ptr(workspace), workspaceAlignment);
  const Extent workspaceExtent = {workspaceAddress, workspaceAddress + needed};

  const Device device = plan.target == "host" ? Device::Host : Device::Cuda;
  // Reused by every run of a thread: a launch allocates nothing after the first.
  static thread_local std::vector<Region> regions;
  regions.clear();
  const auto check = [&](const Label &label, const TensorView &view,
                         const TensorDemand &demand) -> Status {
    Region region = {label, &view, {}};
    if (Status s = checkTensor(label, view, device, demand, region.extent); !s.ok())
      return s;
    if (region.extent.meets(workspaceExtent))
      return invalid(label, "it shares memory with the workspace");
    regions.push_back(region);
    return {};
  };

  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (Status s = check({"input", i, &plan.inputs[i]}, inputs[i], demands.inputs[i]); !s.ok())
      return s;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Label label = {"output", i, &plan.outputs[i]};
    if (Status s = check(label, outputs[i], demands.outputs[i]); !s.ok())
      return s;
    const Region &output = regions.back();
    if (output.extent.isEmpty())
      continue;
    const Steps steps(outputs[i].shape, outputs[i].strides);
    if (steps.overlap())
      return invalid(label, "with strides {} several of its elements share memory",
                     formatDims(outputs[i].strides));
    for (const Region &other : std::span(regions).first(regions.size() - 1))
      if (shareMemory(output, steps, other))
        return invalid(label, "it shares memory with {}", other.label.text());
  }
  return {};
}

} // namespace lighthouse::runtime
