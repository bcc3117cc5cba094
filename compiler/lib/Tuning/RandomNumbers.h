//===- RandomNumbers.h - Inputs to time with ----------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_TUNING_RANDOMNUMBERS_H
#define LIGHTHOUSE_LIB_TUNING_RANDOMNUMBERS_H

#include "lighthouse/runtime/Tensor.h"

namespace lighthouse::tuning {

/// Whether `fillRandom` has numbers of this type.
bool isRandomType(runtime::DType dtype);

/// Fills a contiguous tensor of floats on the host with numbers of mean 0 and variance 1, nearly
/// normal; another `seed`, other numbers.
void fillRandom(const runtime::TensorView &tensor, uint64_t seed);

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_LIB_TUNING_RANDOMNUMBERS_H
