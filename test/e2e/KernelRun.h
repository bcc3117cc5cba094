//===- KernelRun.h - A kernel compiled, and the same kernel interpreted -------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TEST_E2E_KERNELRUN_H
#define LIGHTHOUSE_TEST_E2E_KERNELRUN_H

#include "lighthouse/runtime/Tensor.h"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace e2e {

/// An input of a kernel. Its elements are small integers, from `low` to `high`, in no order.
struct Input {
  std::string name;
  lighthouse::runtime::DType dtype;
  std::vector<int64_t> shape;
  int64_t low = -8, high = 8;
};

struct KernelCase {
  std::string name;
  /// A specification with one kernel, `k`, whose arguments are tensors.
  std::string source;
  std::vector<Input> inputs;
  std::vector<std::pair<std::string, std::string>> settings = {};
  /// Largest accepted difference, relative to 1 or the value. 0: equal.
  double tolerance = 0;
  /// The kernel, where it has another name.
  std::string kernel = "k";
};

/// What a result holds before the kernel runs: another value than kernels store.
inline constexpr int64_t untouched = 97;

inline void PrintTo(const KernelCase &c, std::ostream *out) { *out << c.name; }

/// Compiles the kernel for every level that this processor has, for the first GPU and for the lowest
/// architecture (without a GPU for sm_90a), runs it between pages that must not be touched, and
/// demands of all results what the interpreter gives. Elements that the kernel does not store must
/// keep their value. Failures are those of GoogleTest. Returns the results of the last run, in
/// order.
std::vector<std::vector<double>> runAndCompare(const KernelCase &c);

/// All elements of the tensors of a run, in row-major order: integers as far as a double holds
/// them.
struct KernelValues {
  std::vector<std::vector<double>> inputs, results;
};

/// Compiles the kernel for sm_90a, wherever the test runs, and runs it if the first GPU has that
/// architecture; without one there are no values. For what neither the host nor the interpreter
/// runs: the test itself computes what to expect. The rest is as in `runAndCompare`.
std::optional<KernelValues> runOnHopper(const KernelCase &c);

/// Demands of tensor `name` that it is as expected. `tolerance` is relative to 1 or the value.
void expectSame(const std::string &name, std::span<const int64_t> shape,
                std::span<const double> actual, std::span<const double> expected,
                double tolerance = 0);

} // namespace e2e

#endif // LIGHTHOUSE_TEST_E2E_KERNELRUN_H
