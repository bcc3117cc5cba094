//===- LaunchWords.cpp - The argument words of all launches ---------------===//

#include "LaunchWords.h"

#include <algorithm>

namespace lighthouse::runtime {

std::size_t kernelWords(const KernelSpec &kernel) {
  std::size_t words = kernel.dims.size();
  for (const KernelArg &arg : kernel.args)
    words += 1 + std::size_t(arg.rank);
  return words;
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
    break;
  }
  return nullptr;
}

LaunchWords::LaunchWords(const Plan &plan) {
  for (const LaunchSpec &launch : plan.launches)
    prepare(plan, launch);
}

void LaunchWords::prepare(const Plan &plan, const LaunchSpec &launch) {
  const KernelSpec &kernel = plan.kernels[launch.kernel];
  Launch result = {words.size(), std::int64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2],
                   /*bytes=*/0,
                   /*fills=*/{}};
  std::vector<std::size_t> argWords;
  for (std::size_t i = 0; i < launch.args.size(); ++i) {
    const LaunchArg &arg = launch.args[i];
    argWords.push_back(words.size());
    const std::vector<std::int64_t> *shape = shapeOf(plan, arg);
    if (!shape) {
      words.push_back(std::int64_t(arg.bits));
      continue;
    }
    const std::int64_t offset =
        arg.kind == LaunchArg::Kind::Buffer ? plan.buffers[arg.index].offset : 0;
    patches.push_back({arg.kind, std::size_t(arg.index), words.size(), offset});
    result.bytes += *tensorBytes(kernel.args[i].dtype, *shape);
    words.push_back(0);
    // Right for buffers, which are contiguous; a run overwrites those of inputs and outputs.
    const std::vector<std::int64_t> strides = contiguousStrides(*shape);
    words.insert(words.end(), strides.begin(), strides.end());
  }
  words.insert(words.end(), launch.dims.begin(), launch.dims.end());
  if (plan.target == "cuda")
    words.insert(words.end(), launch.grid.begin(), launch.grid.end());
  for (const FillSpec &fill : launch.fills)
    if (const std::vector<std::int64_t> &shape = *shapeOf(plan, launch.args[fill.arg]);
        *elementCount(shape) != 0)
      result.fills.push_back(
          {argWords[fill.arg], shape, dtypeBytes(kernel.args[fill.arg].dtype), fill.bits});
  prepared.push_back(std::move(result));
}

std::uintptr_t LaunchWords::Fill::begin(const std::int64_t *runWords) const {
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < shape.size(); ++i)
    elements += std::min<std::int64_t>(0, (shape[i] - 1) * runWords[word + 1 + i]);
  return std::uintptr_t(runWords[word] + elements * std::int64_t(elementBytes));
}

std::span<std::int64_t> LaunchWords::fill(std::span<const TensorView> inputs,
                                          std::span<const TensorView> outputs,
                                          void *workspace) const {
  static thread_local std::vector<std::int64_t> runWords;
  runWords.assign(words.begin(), words.end());
  for (const Patch &patch : patches) {
    std::int64_t *at = runWords.data() + patch.word;
    if (patch.kind == LaunchArg::Kind::Buffer) {
      *at = std::int64_t(reinterpret_cast<std::uintptr_t>(workspace)) + patch.offset;
      continue;
    }
    const TensorView &view = (patch.kind == LaunchArg::Kind::Input ? inputs : outputs)[patch.index];
    *at = std::int64_t(reinterpret_cast<std::uintptr_t>(view.data));
    std::ranges::copy(view.strides, at + 1);
  }
  return runWords;
}

} // namespace lighthouse::runtime
