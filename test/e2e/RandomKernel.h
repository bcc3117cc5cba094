//===- RandomKernel.h - Kernels that no one would write -----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TEST_E2E_RANDOMKERNEL_H
#define LIGHTHOUSE_TEST_E2E_RANDOMKERNEL_H

#include "KernelRun.h"

namespace e2e {

/// A kernel of loops, branches, stores and expressions over tiles of a few shapes. All numbers stay
/// integers small enough for sums to be exact in any order, so results must be equal. The same seed
/// gives the same kernel.
KernelCase makeRandomKernel(unsigned seed);

} // namespace e2e

#endif // LIGHTHOUSE_TEST_E2E_RANDOMKERNEL_H
