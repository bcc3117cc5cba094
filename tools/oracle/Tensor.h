//===- Tensor.h - Inputs of the oracle --------------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_TENSOR_H
#define LIGHTHOUSE_ORACLE_TENSOR_H

#include "oracle/Rotary.h"

#include <cstdint>
#include <optional>
#include <span>

namespace lighthouse::oracle {

/// A contiguous tensor [batch, tokens, heads, headDim]. 16-bit inputs are widened by the caller,
/// which is exact.
struct Tensor {
  std::span<const float> values;
  int64_t batch = 0;
  int64_t tokens = 0;
  int64_t heads = 0;
  int64_t headDim = 0;

  const float *row(int64_t b, int64_t token, int64_t head) const {
    return values.data() + ((b * tokens + token) * heads + head) * headDim;
  }
};

/// What the attention reads: query [B, N, H, D], key and value [B, N, G, D]. H is a multiple of G;
/// query head h uses group h / (H / G). The shapes are the caller's responsibility.
struct Inputs {
  Tensor query;
  Tensor key;
  Tensor value;
  /// The rotation of the pooled rows of query and key, which themselves are not rotated; without it
  /// there is none.
  std::optional<Rotary> rotary = {};

  /// The number of query heads that share a key head.
  int64_t headsPerGroup() const { return query.heads / key.heads; }
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_TENSOR_H
