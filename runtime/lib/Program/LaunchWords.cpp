//===- LaunchWords.cpp - The argument words of all launches ---------------===//

#include "LaunchWords.h"

#include <algorithm>
#include <bit>

namespace lighthouse::runtime {

std::size_t cudaParameterBytes(const KernelSpec &kernel) {
  std::size_t maps = 0, words = kernel.dims.size() + cudaGridWords;
  for (const KernelArg &arg : kernel.args)
    if (arg.kind == KernelArg::Kind::TensorMap)
      ++maps;
    else
      words += 1 + std::size_t(arg.rank);
  return maps * tensorMapBytes + words * sizeof(std::int64_t);
}

/// Shape of the tensor an argument names; null for a scalar.
static const std::vector<std::int64_t> *shapeOf(const Plan &plan, const LaunchArg &arg) {
  switch (arg.kind) {
  case LaunchArg::Kind::Input:
    return &plan.inputs[arg.index].shape;
  case LaunchArg::Kind::Output:
    return &plan.outputs[arg.index].shape;
  case LaunchArg::Kind::Buffer:
    return &plan.buffers[arg.index].shape;
  case LaunchArg::Kind::Scalar:
  case LaunchArg::Kind::Parameter:
    break;
  }
  return nullptr;
}

LaunchWords::LaunchWords(const Plan &plan) {
  for (const LaunchSpec &launch : plan.launches)
    prepare(plan, launch);
}

/// A multiplier m in the low half and a shift s in the high half, with n / extent = (n * m) >> s for
/// every n below 2^31. Granlund and Montgomery, "Division by Invariant Integers using
/// Multiplication", 1994, theorem 4.2.
static std::int64_t divisionWord(std::int32_t extent) {
  const auto divisor = std::uint64_t(std::max(extent, 1));
  const unsigned shift = 31 + unsigned(std::bit_width(divisor - 1));
  const std::uint64_t multiplier = ((std::uint64_t(1) << shift) + divisor - 1) / divisor;
  return std::int64_t(multiplier | std::uint64_t(shift) << 32);
}

void LaunchWords::addArgument(const Plan &plan, const LaunchArg &arg, std::int64_t unit) {
  const std::vector<std::int64_t> *shape = shapeOf(plan, arg);
  if (arg.kind != LaunchArg::Kind::Scalar)
    patches.push_back({arg.kind, std::size_t(arg.index), words.size(),
                       arg.kind == LaunchArg::Kind::Buffer ? plan.buffers[arg.index].offset : 0,
                       unit});
  words.push_back(std::int64_t(arg.bits));
  if (!shape)
    return;
  // Right for buffers, which are contiguous; a run overwrites those of inputs and outputs.
  for (std::int64_t stride : contiguousStrides(*shape))
    words.push_back(stride * unit);
}

void LaunchWords::prepare(const Plan &plan, const LaunchSpec &launch) {
  const KernelSpec &kernel = plan.kernels[launch.kernel];
  Launch result = {words.size(),
                   /*kernelWords=*/0,
                   std::int64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2],
                   /*bytes=*/0,
                   /*fills=*/{},
                   /*maps=*/{}};
  const bool isCuda = plan.target == "cuda";
  const auto isMap = [&](std::size_t i) {
    return kernel.args[i].kind == KernelArg::Kind::TensorMap;
  };
  for (std::size_t i = 0; i < launch.args.size(); ++i) {
    if (const std::vector<std::int64_t> *shape = shapeOf(plan, launch.args[i]))
      result.bytes += *tensorBytes(kernel.args[i].dtype, *shape);
    const std::int64_t unit = isCuda ? std::int64_t(dtypeBytes(kernel.args[i].dtype)) : 1;
    if (!isMap(i))
      addArgument(plan, launch.args[i], unit);
  }
  words.insert(words.end(), launch.dims.begin(), launch.dims.end());
  if (isCuda) {
    words.insert(words.end(), launch.grid.begin(), launch.grid.end());
    words.push_back(divisionWord(launch.grid[0]));
    words.push_back(divisionWord(launch.grid[1]));
  }
  result.kernelWords = words.size() - result.firstWord;

  const auto tensor = [&](std::size_t i) -> Tensor {
    const std::size_t word = words.size();
    addArgument(plan, launch.args[i], /*unit=*/1);
    return {word, *shapeOf(plan, launch.args[i]), kernel.args[i].dtype};
  };
  for (std::size_t i = 0; i < launch.args.size(); ++i)
    if (isMap(i))
      result.maps.push_back({tensor(i), kernel.args[i].map});
  for (const FillSpec &fill : launch.fills)
    if (Fill made = {tensor(std::size_t(fill.arg)), fill.bits}; *elementCount(made.shape) != 0)
      result.fills.push_back(std::move(made));
  prepared.push_back(std::move(result));
}

std::uintptr_t LaunchWords::Fill::begin(const std::int64_t *runWords) const {
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < shape.size(); ++i)
    elements += std::min<std::int64_t>(0, (shape[i] - 1) * runWords[word + 1 + i]);
  return std::uintptr_t(runWords[word] + elements * std::int64_t(dtypeBytes(dtype)));
}

std::span<std::int64_t> LaunchWords::fill(std::span<const TensorView> inputs,
                                          std::span<const TensorView> outputs,
                                          std::span<const std::uint64_t> parameters,
                                          void *workspace) const {
  static thread_local std::vector<std::int64_t> runWords;
  runWords.assign(words.begin(), words.end());
  for (const Patch &patch : patches) {
    std::int64_t *at = runWords.data() + patch.word;
    if (patch.kind == LaunchArg::Kind::Buffer) {
      *at = std::int64_t(reinterpret_cast<std::uintptr_t>(workspace)) + patch.offset;
      continue;
    }
    if (patch.kind == LaunchArg::Kind::Parameter) {
      *at = std::int64_t(parameters[patch.index]);
      continue;
    }
    const TensorView &view = (patch.kind == LaunchArg::Kind::Input ? inputs : outputs)[patch.index];
    *at = std::int64_t(reinterpret_cast<std::uintptr_t>(view.data));
    // Unsigned: a dimension of one element may have any stride.
    std::ranges::transform(view.strides, at + 1, [&](std::int64_t stride) {
      return std::int64_t(std::uint64_t(stride) * std::uint64_t(patch.unit));
    });
  }
  return runWords;
}

} // namespace lighthouse::runtime
