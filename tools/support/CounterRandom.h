//===- CounterRandom.h - Reproducible test inputs ---------------*- C++ -*-===//
//
// Inputs from a counter-based generator that any language can repeat; the golden cases use it.
//
//   h(x)  = SplitMix64 finaliser of x (64-bit wrap-around)
//   u(x)  = (h(x) >> 40) / 2^24                                  in [0, 1)
//   raw   = 2 u(seed << 40 | t << 36 | flat) - 1                 flat = ((b N + n) H + h) D + d
//   scale = 0.25 + 2 u(seed << 40 | (8 + t) << 36 | row)         row = (b N + n) H + h
//   value = float32(raw * scale)                                 scale = 1 but for q, k and v
//
// The scale spreads the norms of the rows, so that a selection by norm has something to find.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_SUPPORT_COUNTERRANDOM_H
#define LIGHTHOUSE_SUPPORT_COUNTERRANDOM_H

#include <cstdint>
#include <vector>

namespace lighthouse::support {

/// u(counter): 24 uniform bits in [0, 1).
double counterUniform(uint64_t counter);

/// The tensor's number t in the formula above.
enum class CounterTensor : uint64_t { Query = 0, Key = 1, Value = 2, OutputGradient = 3 };

/// How many tensors a case has, those with names and more, and how many cases there are.
constexpr unsigned kCounterTensors = 8;
constexpr uint64_t kCounterSeeds = uint64_t(1) << 24;

/// The tensor `which` of the case `seed`, float32, contiguous
/// [batch, tokens, heads, headDim] with fewer than 2^36 elements.
std::vector<float> counterTensor(uint64_t seed, CounterTensor which, int64_t batch, int64_t tokens,
                                 int64_t heads, int64_t headDim);

} // namespace lighthouse::support

#endif // LIGHTHOUSE_SUPPORT_COUNTERRANDOM_H
