//===- Memory.cpp - Tensors that tuning owns --------------------------------------------------===//

#include "Memory.h"

#include <cstring>

using namespace lighthouse;
using namespace lighthouse::tuning;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;
using runtime::TensorView;

Result<Memory> Memory::allocate(size_t bytes, std::optional<int> device) {
  Memory memory;
  memory.bytes = bytes;
  if (device) {
    Result<runtime::cuda::DeviceBuffer> buffer =
        runtime::cuda::DeviceBuffer::allocate(bytes, *device);
    if (!buffer)
      return buffer.status();
    memory.onDevice.emplace(*std::move(buffer));
    return memory;
  }
  memory.onHost.reset(new (std::align_val_t(runtime::workspaceAlignment), std::nothrow)
                          std::byte[std::max<size_t>(bytes, 1)]);
  if (!memory.onHost)
    return Status(StatusCode::OutOfMemory, "not enough memory for the tensors of a timed run");
  return memory;
}

Status OwnedTensors::add(runtime::DType dtype, const std::vector<int64_t> &shape,
                         std::optional<int> device) {
  Result<Memory> made = Memory::allocate(size_t(*runtime::tensorBytes(dtype, shape)), device);
  if (!made)
    return made.status();
  if (!device)
    std::memset(made->data(), 0, made->size());
  else if (Status status = runtime::cuda::fill(made->data(), 0, made->size()); !status.ok())
    return status;
  views.push_back(TensorView::contiguous(made->data(), dtype, shape,
                                         device ? runtime::Device::Cuda : runtime::Device::Host));
  memory.push_back(*std::move(made));
  return {};
}

Result<OwnedTensors> OwnedTensors::download() const {
  OwnedTensors copies;
  for (size_t i = 0; i < views.size(); ++i) {
    const TensorView &view = views[i];
    if (Status status = copies.add(view.dtype, view.shape, std::nullopt); !status.ok())
      return status;
    void *to = copies.views.back().data;
    if (view.device == runtime::Device::Host)
      std::memcpy(to, view.data, memory[i].size());
    else if (Status status = runtime::cuda::copy(to, view.data, memory[i].size()); !status.ok())
      return status;
  }
  return copies;
}
