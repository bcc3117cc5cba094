//===- CudaFill.h - Tensors of one value in device memory -------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAFILL_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAFILL_H

#include "../Program/LaunchWords.h"
#include "Driver.h"

namespace lighthouse::runtime {

/// Enqueues a fill, for the words of a run, on `stream`, whose context must be current. Can be
/// captured.
Status enqueueFill(const Driver &driver, const LaunchWords::Fill &fill,
                   const std::int64_t *runWords, CUstream stream);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_CUDAFILL_H
