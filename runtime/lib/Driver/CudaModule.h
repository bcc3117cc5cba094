//===- CudaModule.h - An image loaded to a CUDA device ----------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAMODULE_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAMODULE_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Program.h"

#include "Context.h"

#include <memory>

namespace lighthouse::runtime {

/// An image in the primary context of a device. Programs that use equal images share it, so that a
/// plan for another shape loads nothing.
class CudaModule {
public:
  /// The module of an image of `plan`, whose PTX or cubin must run on the device: one that is
  /// loaded, else a new one. PTX goes through `options.cubinCache`. The context of
  /// `options.device` must be current.
  static Result<std::shared_ptr<const CudaModule>>
  get(const Plan &plan, std::int64_t index, const std::shared_ptr<const CodeImage> &image,
      const std::string &deviceArch, const LoadOptions &options);
  ~CudaModule();
  CudaModule(const CudaModule &) = delete;
  CudaModule &operator=(const CudaModule &) = delete;

  /// The kernel of `spec`, checked against the driver and the device and ready to be launched.
  Result<CUfunction> kernel(const KernelSpec &spec) const;

private:
  CudaModule(PrimaryContext context, std::shared_ptr<const CodeImage> image)
      : context(std::move(context)), image(std::move(image)) {}

  // The functions below need the context to be current.

  /// Loads PTX that is compiled now or was once before.
  Status loadPtx(const Plan &plan, std::int64_t index, const std::string &deviceArch, Cache *cache);
  Status loadCubin(const std::vector<std::uint8_t> &cubin);

  const PrimaryContext context;
  /// What it was made of, to be recognised by.
  const std::shared_ptr<const CodeImage> image;
  CUmodule module = nullptr;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAMODULE_H
