//===- TensorMaps.h - Tensors as the tensor memory accelerator sees them --===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_TENSORMAPS_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_TENSORMAPS_H

#include "../Program/LaunchWords.h"
#include "Driver.h"

namespace lighthouse::runtime {

/// Encodes the tensor that `map` has in the words of a run. `to` has `tensorMapBytes` bytes at a
/// multiple of `tensorMapAlignment`.
Status encodeTensorMap(const Driver &driver, const LaunchWords::Map &map,
                       const std::int64_t *runWords, void *to);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_TENSORMAPS_H
