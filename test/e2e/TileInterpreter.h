//===- TileInterpreter.h - What a kernel means, element by element ------------------*- C++ -*-===//
//
// Executes `tile` IR as its documentation reads: one op after the other, one element after the
// other, nothing fused. Independent of the lowering to the host, which is tested against it.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TEST_E2E_TILEINTERPRETER_H
#define LIGHTHOUSE_TEST_E2E_TILEINTERPRETER_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/runtime/Tensor.h"

#include <array>
#include <string>

namespace e2e {

/// Runs all instances of `kernel` in the order of their ids. `tensors` are its arguments, all of
/// them views, contiguous; `dims` the values of its named dims. Returns what it cannot execute, or
/// nothing.
std::string interpret(lighthouse::tile::KernelOp kernel,
                      llvm::ArrayRef<lighthouse::runtime::TensorView> tensors,
                      llvm::ArrayRef<int64_t> dims, std::array<int32_t, 3> grid);

/// The element of `view` with that row-major number: floats exactly, integers and bools as far as a
/// double holds them.
double elementOf(const lighthouse::runtime::TensorView &view, int64_t linear);

} // namespace e2e

#endif // LIGHTHOUSE_TEST_E2E_TILEINTERPRETER_H
