//===- Memory.h - Tensors that tuning owns ------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_TUNING_MEMORY_H
#define LIGHTHOUSE_LIB_TUNING_MEMORY_H

#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Tensor.h"

#include <new>

namespace lighthouse::tuning {

/// Memory of the host, or of a CUDA device, aligned as runs need it.
class Memory {
public:
  /// `device` is the ordinal of a CUDA device; none: the host.
  static runtime::Result<Memory> allocate(size_t bytes, std::optional<int> device);

  void *data() const { return onDevice ? onDevice->data() : onHost.get(); }
  size_t size() const { return bytes; }

private:
  struct Free {
    void operator()(std::byte *data) const {
      ::operator delete[](data, std::align_val_t(runtime::workspaceAlignment));
    }
  };

  size_t bytes = 0;
  std::unique_ptr<std::byte[], Free> onHost;
  std::optional<runtime::cuda::DeviceBuffer> onDevice;
};

/// Contiguous tensors with memory of their own.
struct OwnedTensors {
  std::vector<runtime::TensorView> views;
  std::vector<Memory> memory;

  /// Adds one of zeros.
  runtime::Status add(runtime::DType dtype, const std::vector<int64_t> &shape,
                      std::optional<int> device);
  /// The same tensors on the host.
  runtime::Result<OwnedTensors> download() const;
};

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_LIB_TUNING_MEMORY_H
