//===- Tensors.cpp - The caller's tensors as views ------------------------===//

#include "Tensors.h"

#include "Border.h"

#include "lighthouse/runtime/Plan.h"

using namespace lighthouse::runtime;

Status lighthouse::runtime::readTensors(const char *what, const lh_tensor *const *tensors,
                                        std::size_t count, std::vector<TensorView> &views) {
  if (!tensors && count != 0)
    return invalid(fmt::format("{} is null", what));
  if (count > PlanLimits::tensors)
    return invalid(fmt::format("{} has {} elements", what, count));
  if (views.size() < count)
    views.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    // The message begins with the tensor; that text is made only for an error.
    const auto fail = [&](std::string_view message) {
      return invalid(fmt::format("{}[{}]{}", what, i, message));
    };
    lh_tensor tensor = {};
    if (Status status = readStruct("", tensors[i], sizeof tensor, tensor); !status.ok())
      return fail(status.message());
    if (tensor.dtype < 0 || tensor.dtype >= numDTypes)
      return fail(fmt::format("->dtype is {}", tensor.dtype));
    if (tensor.device != LH_HOST && tensor.device != LH_CUDA)
      return fail(fmt::format("->device is {}", tensor.device));
    if (tensor.rank < 0 || std::size_t(tensor.rank) > maxRank)
      return fail(fmt::format("->rank is {}; allowed is 0 to {}", tensor.rank, maxRank));
    if (tensor.rank != 0 && !tensor.shape)
      return fail("->shape is null");
    TensorView &view = views[i];
    view.data = tensor.data;
    view.dtype = static_cast<DType>(tensor.dtype);
    view.device = static_cast<Device>(tensor.device);
    view.shape.assign(tensor.shape, tensor.shape + tensor.rank);
    if (!elementCount(view.shape))
      return fail(fmt::format("->shape is {}", formatDims(view.shape)));
    if (tensor.strides)
      view.strides.assign(tensor.strides, tensor.strides + tensor.rank);
    else
      contiguousStrides(view.shape, view.strides);
  }
  return {};
}
