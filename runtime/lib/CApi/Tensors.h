//===- Tensors.h - The caller's tensors as views ----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CAPI_TENSORS_H
#define LIGHTHOUSE_RUNTIME_LIB_CAPI_TENSORS_H

#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"
#include "lighthouse/runtime/lighthouse.h"

#include <cstddef>
#include <vector>

namespace lighthouse::runtime {

/// Turns the caller's tensors, called `what` in messages, into views, whose memory is used again:
/// `views` holds the views of a call before, or of a larger one. Its first `count` are this call's.
Status readTensors(const char *what, const lh_tensor *const *tensors, std::size_t count,
                   std::vector<TensorView> &views);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CAPI_TENSORS_H
