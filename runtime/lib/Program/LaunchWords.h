//===- LaunchWords.h - The argument words of all launches -------*- C++ -*-===//
//
// Host and CUDA kernels read the same words, described in runtime/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PROGRAM_LAUNCHWORDS_H
#define LIGHTHOUSE_RUNTIME_LIB_PROGRAM_LAUNCHWORDS_H

#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Tensor.h"

#include "Steps.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lighthouse::runtime {

/// Words for the arguments and run-time dims of one launch of `kernel`.
std::size_t kernelWords(const KernelSpec &kernel);

/// Words after them on CUDA: the extents of the grid.
inline constexpr std::size_t cudaGridWords = 3;

/// The words of a plan's launches, with everything filled in that does not depend on a run.
class LaunchWords {
public:
  /// A tensor argument with elements that is filled before its launch.
  struct Fill {
    /// The word of its address; its strides follow.
    std::size_t word;
    std::vector<std::int64_t> shape;
    std::size_t elementBytes;
    std::uint64_t bits;

    /// The address of the element that comes first in memory, for the words of a run.
    std::uintptr_t begin(const std::int64_t *runWords) const;
    Steps steps(const std::int64_t *runWords) const {
      return Steps(shape, {runWords + word + 1, shape.size()});
    }
  };

  struct Launch {
    std::size_t firstWord;
    /// Product of the grid.
    std::int64_t instances;
    /// Bytes of all tensor arguments, each element counted once.
    std::int64_t bytes;
    std::vector<Fill> fills;
  };

  /// Precondition: `plan.verify()`.
  explicit LaunchWords(const Plan &plan);

  /// One for each launch of the plan.
  const std::vector<Launch> &launches() const { return prepared; }

  /// The words of one run, whose arguments were checked. Valid until the next call of this thread;
  /// allocates nothing after a thread's first runs.
  std::span<std::int64_t> fill(std::span<const TensorView> inputs,
                               std::span<const TensorView> outputs, void *workspace) const;

private:
  /// A place that a run fills in: a tensor's address, then its strides.
  struct Patch {
    LaunchArg::Kind kind;
    std::size_t index;
    std::size_t word;
    /// Buffers: offset in the workspace.
    std::int64_t offset;
  };

  void prepare(const Plan &plan, const LaunchSpec &launch);

  std::vector<Launch> prepared;
  /// Addresses, and the strides of inputs and outputs, are blank.
  std::vector<std::int64_t> words;
  std::vector<Patch> patches;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PROGRAM_LAUNCHWORDS_H
