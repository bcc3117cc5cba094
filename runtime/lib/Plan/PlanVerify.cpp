//===- PlanVerify.cpp - Bounds and cross references of a plan -------------===//

#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Plan.h"

#include "../Program/LaunchWords.h"
#include "../Support/CudaArch.h"
#include "JsonPointer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>

namespace lighthouse::runtime {

namespace {

template <typename... Args>
Status failure(const JsonPointer &where, fmt::format_string<Args...> format, Args &&...args) {
  return Status(
      StatusCode::InvalidArgument,
      fmt::format("{}: {}", where.str(), fmt::format(format, std::forward<Args>(args)...)));
}

Status checkName(const JsonPointer &where, std::string_view name) {
  if (name.empty() || name.size() > PlanLimits::nameBytes)
    return failure(where, "a name has 1 to {} characters, found {}", PlanLimits::nameBytes,
                   name.size());
  if (!std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; }))
    return failure(where, "a name has printable ASCII characters only");
  return {};
}

Status checkCount(const JsonPointer &where, std::size_t count, std::size_t limit) {
  if (count > limit)
    return failure(where, "at most {} elements are allowed, found {}", limit, count);
  return {};
}

Status checkRange(const JsonPointer &where, std::int64_t value, std::int64_t low,
                  std::int64_t high) {
  if (value < low || value > high)
    return failure(where, "expected {} to {}, found {}", low, high, value);
  return {};
}

Status checkShape(const JsonPointer &where, DType dtype, const std::vector<std::int64_t> &shape) {
  if (Status s = checkCount(where, shape.size(), maxRank); !s.ok())
    return s;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (Status s = checkRange(where / i, shape[i], 0, PlanLimits::dim); !s.ok())
      return s;
  if (!tensorBytes(dtype, shape))
    return failure(where, "the tensor has more than 2^63 - 1 bytes");
  return {};
}

Status checkTensors(const JsonPointer &where, const std::vector<TensorSpec> &tensors) {
  if (Status s = checkCount(where, tensors.size(), PlanLimits::tensors); !s.ok())
    return s;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorSpec &tensor = tensors[i];
    const JsonPointer here = where / i;
    if (Status s = checkName(here / "name", tensor.name); !s.ok())
      return s;
    if (!names.insert(tensor.name).second)
      return failure(here / "name", "'{}' is used twice", tensor.name);
    if (Status s = checkShape(here / "shape", tensor.dtype, tensor.shape); !s.ok())
      return s;
  }
  return {};
}

Status checkParameters(const std::vector<ParameterSpec> &parameters) {
  if (Status s = checkCount(JsonPointer("parameters"), parameters.size(), PlanLimits::parameters);
      !s.ok())
    return s;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const JsonPointer where = JsonPointer("parameters") / i / "name";
    if (Status s = checkName(where, parameters[i].name); !s.ok())
      return s;
    if (!names.insert(parameters[i].name).second)
      return failure(where, "'{}' is used twice", parameters[i].name);
  }
  return {};
}

Status checkBuffers(const Plan &plan) {
  if (Status s = checkRange(JsonPointer("workspace_bytes"), plan.workspaceBytes, 0,
                            PlanLimits::workspaceBytes);
      !s.ok())
    return s;
  if (Status s = checkCount(JsonPointer("buffers"), plan.buffers.size(), PlanLimits::buffers);
      !s.ok())
    return s;
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const BufferSpec &buffer = plan.buffers[i];
    const JsonPointer here = JsonPointer("buffers") / i;
    if (Status s = checkShape(here / "shape", buffer.dtype, buffer.shape); !s.ok())
      return s;
    if (buffer.offset < 0 || buffer.offset % workspaceAlignment != 0)
      return failure(here / "offset", "expected a multiple of {}, found {}", workspaceAlignment,
                     buffer.offset);
    const std::int64_t bytes = *tensorBytes(buffer.dtype, buffer.shape);
    if (buffer.offset > plan.workspaceBytes || bytes > plan.workspaceBytes - buffer.offset)
      return failure(here, "{} bytes at offset {} leave the workspace of {} bytes", bytes,
                     buffer.offset, plan.workspaceBytes);
  }
  return {};
}

/// The target, and what only one of the targets has.
Status checkTarget(const Plan &plan) {
  if (plan.target == "host") {
    if (!parseCpuLevel(plan.cpuLevel))
      return failure(JsonPointer("cpu_level"),
                     "expected x86-64-v2, x86-64-v3 or x86-64-v4, found '{}'", plan.cpuLevel);
    if (!plan.arch.empty())
      return failure(JsonPointer("arch"), "expected '' for the host, found '{}'", plan.arch);
    return {};
  }
  if (plan.target == "cuda") {
    if (!CudaArch::parse(plan.arch))
      return failure(JsonPointer("arch"), "expected sm_80, sm_90a or the like, found '{}'",
                     plan.arch);
    if (!plan.cpuLevel.empty())
      return failure(JsonPointer("cpu_level"), "expected '' for cuda, found '{}'", plan.cpuLevel);
    return {};
  }
  return failure(JsonPointer("target"), "expected 'host' or 'cuda', found '{}'", plan.target);
}

/// Whether the devices of a plan, whose target was checked, have clusters and tensor maps.
bool isHopper(const Plan &plan) {
  return plan.target == "cuda" && CudaArch::parse(plan.arch)->major >= 9;
}

/// The fields of a kernel that depend on the target; those of the other target are 0.
Status checkKernelTarget(const Plan &plan, const JsonPointer &here, const KernelSpec &kernel) {
  const bool isCuda = plan.target == "cuda";
  if (Status s = checkRange(here / "entry", kernel.entry, 0, isCuda ? 0 : INT64_MAX); !s.ok())
    return s;
  if (Status s =
          checkRange(here / "stack_bytes", kernel.stackBytes, 0, isCuda ? 0 : maxKernelStackBytes);
      !s.ok())
    return s;
  if (Status s = checkRange(here / "shared_bytes", kernel.sharedBytes, 0,
                            isCuda ? PlanLimits::sharedBytes : 0);
      !s.ok())
    return s;
  if (Status s = checkRange(here / "cluster", kernel.cluster, isCuda ? 1 : 0,
                            isCuda ? PlanLimits::cluster : 0);
      !s.ok())
    return s;
  if (kernel.cluster > 1 && !isHopper(plan))
    return failure(here / "cluster", "clusters need sm_90 or later, found {}", plan.arch);
  if (kernel.isResident && kernel.cluster != 1)
    return failure(here / "resident", "expected false for {}, found true",
                   isCuda ? "a kernel with clusters" : "the host");
  if (!isCuda)
    return checkRange(here / "threads", kernel.threads, 0, 0);
  if (kernel.threads < 32 || kernel.threads > PlanLimits::threads || kernel.threads % 32 != 0)
    return failure(here / "threads", "expected a multiple of 32 from 32 to {}, found {}",
                   PlanLimits::threads, kernel.threads);

  const std::int64_t parameterBytes = std::int64_t(cudaParameterBytes(kernel));
  if (parameterBytes > PlanLimits::cudaParameterBytes)
    return failure(here, "kernel '{}' has {} bytes of parameters; at most {} are allowed",
                   kernel.name, parameterBytes, PlanLimits::cudaParameterBytes);
  return {};
}

/// The limits of cuTensorMapEncodeTiled.
Status checkTensorMap(const Plan &plan, const JsonPointer &where, const KernelArg &arg) {
  const TensorMapSpec &map = arg.map;
  if (plan.target != "cuda")
    return failure(where, "there are no tensor maps on the host");
  if (!isHopper(plan))
    return failure(where, "tensor maps need sm_90 or later, found {}", plan.arch);
  if (Status s = checkRange(where / "rank", arg.rank, 1, PlanLimits::tensorMapRank); !s.ok())
    return s;
  if (std::int64_t(map.box.size()) != arg.rank)
    return failure(where / "box", "expected {} extents, found {}", arg.rank, map.box.size());
  for (std::size_t i = 0; i < map.box.size(); ++i)
    if (Status s = checkRange(where / "box" / i, map.box[i], 1, PlanLimits::tensorMapBox); !s.ok())
      return s;
  if (!arg.innerContiguous || arg.alignment != 16)
    return failure(where, "a tensor map needs contiguous rows, aligned to 16 bytes");
  if (arg.dtype == DType::Bool)
    return failure(where / "dtype", "there are no tensor maps of bool");
  constexpr std::array<std::int64_t, 4> swizzles = {0, 32, 64, 128}, promotions = {0, 64, 128, 256};
  if (std::ranges::find(swizzles, map.swizzle) == swizzles.end())
    return failure(where / "swizzle", "expected 0, 32, 64 or 128, found {}", map.swizzle);
  if (std::ranges::find(promotions, map.l2Promotion) == promotions.end())
    return failure(where / "l2_promotion", "expected 0, 64, 128 or 256, found {}", map.l2Promotion);
  constexpr std::array floats = {DType::F32, DType::F16, DType::BF16, DType::F64};
  if (map.fillNaN && std::ranges::find(floats, arg.dtype) == floats.end())
    return failure(where / "fill_nan", "{} has no NaN", dtypeName(arg.dtype));
  const std::int64_t rowBytes = map.box.back() * std::int64_t(dtypeBytes(arg.dtype));
  if (rowBytes % 16 != 0)
    return failure(where / "box", "rows of {} bytes; a multiple of 16 is needed", rowBytes);
  if (map.swizzle != 0 && rowBytes > map.swizzle)
    return failure(where / "box", "rows of {} bytes; a swizzle of {} allows no more", rowBytes,
                   map.swizzle);
  return {};
}

Status checkKernel(const Plan &plan, const JsonPointer &here, const KernelSpec &kernel) {
  if (Status s = checkName(here / "name", kernel.name); !s.ok())
    return s;
  if (Status s = checkRange(here / "image", kernel.image, 0, PlanLimits::images - 1); !s.ok())
    return s;
  if (Status s = checkCount(here / "args", kernel.args.size(), PlanLimits::kernelArgs); !s.ok())
    return s;
  for (std::size_t i = 0; i < kernel.args.size(); ++i) {
    const KernelArg &arg = kernel.args[i];
    const JsonPointer where = here / "args" / i;
    if (arg.kind == KernelArg::Kind::TensorMap) {
      if (Status s = checkTensorMap(plan, where, arg); !s.ok())
        return s;
      continue;
    }
    if (arg.map != TensorMapSpec())
      return failure(where, "only a tensor map has a box");
    const std::int64_t highest = arg.kind == KernelArg::Kind::Tensor ? maxRank : 0;
    if (Status s = checkRange(where / "rank", arg.rank, 0, highest); !s.ok())
      return s;
    if (arg.innerContiguous && arg.rank == 0)
      return failure(where / "inner_contiguous", "needs a tensor with a dimension");
    const std::int64_t mostAligned = arg.kind == KernelArg::Kind::Tensor ? 16 : 1;
    if (arg.alignment < 1 || arg.alignment > mostAligned ||
        !std::has_single_bit(std::uint64_t(arg.alignment)))
      return failure(where / "alignment", "expected a power of two from 1 to {}, found {}",
                     mostAligned, arg.alignment);
  }
  if (Status s = checkCount(here / "dims", kernel.dims.size(), PlanLimits::kernelArgs); !s.ok())
    return s;
  for (std::size_t i = 0; i < kernel.dims.size(); ++i)
    if (Status s = checkName(here / "dims" / i, kernel.dims[i]); !s.ok())
      return s;
  return checkKernelTarget(plan, here, kernel);
}

/// The tensor that an argument of a launch names.
struct ArgTensor {
  DType dtype;
  const std::vector<std::int64_t> *shape;
};

/// Checks a tensor that becomes a tensor map.
Status checkMapped(const JsonPointer &where, const ArgTensor &tensor, bool isBuffer) {
  const std::vector<std::int64_t> &shape = *tensor.shape;
  if (*elementCount(shape) == 0)
    return failure(where, "a tensor map needs elements, found {}",
                   formatTensorType(tensor.dtype, shape));
  // The strides of inputs and outputs are checked in each run.
  const std::vector<std::int64_t> strides = contiguousStrides(shape);
  for (std::size_t i = 0; isBuffer && i + 1 < shape.size(); ++i)
    if (const std::int64_t bytes = strides[i] * std::int64_t(dtypeBytes(tensor.dtype));
        shape[i] > 1 && (bytes % 16 != 0 || bytes > std::int64_t(maxTensorMapStride)))
      return failure(where,
                     "dim {} has a stride of {} bytes; a tensor map needs multiples of 16, "
                     "below 2^40",
                     i, bytes);
  return {};
}

Status checkLaunchArg(const Plan &plan, const JsonPointer &where, const LaunchArg &arg,
                      const KernelArg &expected, std::int64_t instances) {
  std::optional<ArgTensor> tensor;
  auto find = [&](std::string_view what, const auto &tensors) -> Status {
    if (arg.index < 0 || std::size_t(arg.index) >= tensors.size())
      return failure(where, "there is no {} {}; the plan has {}", what, arg.index, tensors.size());
    tensor = {tensors[arg.index].dtype, &tensors[arg.index].shape};
    return {};
  };
  Status found;
  switch (arg.kind) {
  case LaunchArg::Kind::Input:
    found = find("input", plan.inputs);
    break;
  case LaunchArg::Kind::Output:
    found = find("output", plan.outputs);
    break;
  case LaunchArg::Kind::Buffer:
    found = find("buffer", plan.buffers);
    break;
  case LaunchArg::Kind::Scalar:
    break;
  case LaunchArg::Kind::Parameter:
    if (arg.index < 0 || std::size_t(arg.index) >= plan.parameters.size())
      return failure(where, "there is no parameter {}; the plan has {}", arg.index,
                     plan.parameters.size());
    if (const DType dtype = plan.parameters[arg.index].dtype; dtype != expected.dtype)
      return failure(where, "the kernel expects {}, found {}", dtypeName(expected.dtype),
                     dtypeName(dtype));
    break;
  }
  if (!found.ok())
    return found;

  const bool wantsTensor = expected.kind != KernelArg::Kind::Scalar;
  if (wantsTensor != tensor.has_value())
    return failure(where, "the kernel expects a {}, found a {}", wantsTensor ? "tensor" : "scalar",
                   wantsTensor ? "scalar" : "tensor");
  if (tensor &&
      (tensor->dtype != expected.dtype || std::int64_t(tensor->shape->size()) != expected.rank))
    return failure(where, "the kernel expects {} of rank {}, found {}", dtypeName(expected.dtype),
                   expected.rank, formatTensorType(tensor->dtype, *tensor->shape));
  if (expected.kind == KernelArg::Kind::TensorMap && instances != 0)
    return checkMapped(where, *tensor, arg.kind == LaunchArg::Kind::Buffer);
  return {};
}

/// The arguments of the launch were checked.
Status checkFill(const JsonPointer &here, const LaunchSpec &launch, const KernelSpec &kernel,
                 const FillSpec &fill) {
  if (fill.arg < 0 || std::size_t(fill.arg) >= launch.args.size())
    return failure(here / "arg", "there is no argument {}; the launch has {}", fill.arg,
                   launch.args.size());
  const LaunchArg::Kind kind = launch.args[fill.arg].kind;
  if (kind != LaunchArg::Kind::Output && kind != LaunchArg::Kind::Buffer)
    return failure(here / "arg", "argument {} is neither an output nor a buffer", fill.arg);
  const DType dtype = kernel.args[fill.arg].dtype;
  const std::uint64_t most = dtype == DType::Bool ? 1 : UINT64_MAX >> (64 - 8 * dtypeBytes(dtype));
  if (fill.bits > most)
    return failure(here / "bits", "expected 0 to {}, found {}", most, fill.bits);
  return {};
}

Status checkLaunch(const Plan &plan, const JsonPointer &here, const LaunchSpec &launch) {
  if (launch.kernel < 0 || std::size_t(launch.kernel) >= plan.kernels.size())
    return failure(here / "kernel", "there is no kernel {}; the plan has {}", launch.kernel,
                   plan.kernels.size());
  const KernelSpec &kernel = plan.kernels[launch.kernel];
  if (Status s = checkName(here / "stage", launch.stage); !s.ok())
    return s;

  std::int64_t instances = 1;
  for (std::size_t i = 0; i < launch.grid.size(); ++i) {
    if (launch.grid[i] < 0)
      return failure(here / "grid" / i, "expected 0 or more, found {}", launch.grid[i]);
    if (__builtin_mul_overflow(instances, std::int64_t(launch.grid[i]), &instances) ||
        instances > PlanLimits::hostInstances)
      return failure(here / "grid", "more than 2^62 program instances");
  }
  if (plan.target == "cuda" && instances > PlanLimits::cudaBlocks)
    return failure(here / "grid", "{} program instances; at most {} are allowed on cuda", instances,
                   PlanLimits::cudaBlocks);
  if (plan.target == "cuda" && instances % kernel.cluster != 0)
    return failure(here / "grid", "{} program instances; clusters have {} each", instances,
                   kernel.cluster);

  if (launch.args.size() != kernel.args.size())
    return failure(here / "args", "kernel '{}' has {} arguments, found {}", kernel.name,
                   kernel.args.size(), launch.args.size());
  for (std::size_t i = 0; i < launch.args.size(); ++i)
    if (Status s =
            checkLaunchArg(plan, here / "args" / i, launch.args[i], kernel.args[i], instances);
        !s.ok())
      return s;

  if (launch.dims.size() != kernel.dims.size())
    return failure(here / "dims", "kernel '{}' has {} dims, found {}", kernel.name,
                   kernel.dims.size(), launch.dims.size());
  for (std::size_t i = 0; i < launch.dims.size(); ++i)
    if (Status s = checkRange(here / "dims" / i, launch.dims[i], 0, PlanLimits::dim); !s.ok())
      return s;
  for (std::int64_t amount : {launch.cost.bytesRead, launch.cost.bytesWritten, launch.cost.flops})
    if (amount < 0)
      return failure(here / "cost", "expected 0 or more, found {}", amount);
  if (Status s = checkCount(here / "fills", launch.fills.size(), PlanLimits::kernelArgs); !s.ok())
    return s;
  for (std::size_t i = 0; i < launch.fills.size(); ++i)
    if (Status s = checkFill(here / "fills" / i, launch, kernel, launch.fills[i]); !s.ok())
      return s;
  return {};
}

} // namespace

Status Plan::verify() const {
  if (Status s = checkName(JsonPointer("name"), name); !s.ok())
    return s;
  if (Status s = checkTarget(*this); !s.ok())
    return s;
  if (Status s = checkTensors(JsonPointer("inputs"), inputs); !s.ok())
    return s;
  if (Status s = checkTensors(JsonPointer("outputs"), outputs); !s.ok())
    return s;
  if (Status s = checkParameters(parameters); !s.ok())
    return s;
  if (Status s = checkBuffers(*this); !s.ok())
    return s;
  if (Status s = checkCount(JsonPointer("kernels"), kernels.size(), PlanLimits::kernels); !s.ok())
    return s;
  for (std::size_t i = 0; i < kernels.size(); ++i)
    if (Status s = checkKernel(*this, JsonPointer("kernels") / i, kernels[i]); !s.ok())
      return s;
  if (Status s = checkCount(JsonPointer("launches"), launches.size(), PlanLimits::launches);
      !s.ok())
    return s;
  for (std::size_t i = 0; i < launches.size(); ++i)
    if (Status s = checkLaunch(*this, JsonPointer("launches") / i, launches[i]); !s.ok())
      return s;
  return {};
}

} // namespace lighthouse::runtime
