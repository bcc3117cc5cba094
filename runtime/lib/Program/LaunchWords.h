//===- LaunchWords.h - The argument words of all launches -------*- C++ -*-===//
//
// The words that host and CUDA kernels read are described in runtime/README.md.
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

/// Size and alignment of a tensor map.
inline constexpr std::size_t tensorMapBytes = 128, tensorMapAlignment = 64;

/// The largest stride of a tensor map, in bytes.
inline constexpr std::uint64_t maxTensorMapStride = (std::uint64_t(1) << 40) - 16;

/// Bytes of the one parameter of a kernel on CUDA: its tensor maps, then its words.
std::size_t cudaParameterBytes(const KernelSpec &kernel);

/// The words of a plan's launches, with everything filled in that does not depend on a run.
class LaunchWords {
public:
  /// A tensor argument in the words of a run, its strides in elements.
  struct Tensor {
    /// The word of its address; its strides follow.
    std::size_t word;
    std::vector<std::int64_t> shape;
    DType dtype;

    std::uintptr_t address(const std::int64_t *runWords) const { return runWords[word]; }
    std::span<const std::int64_t> strides(const std::int64_t *runWords) const {
      return {runWords + word + 1, shape.size()};
    }
  };

  /// A tensor argument with elements that is filled before its launch.
  struct Fill : Tensor {
    std::uint64_t bits;

    /// The address of the element that comes first in memory, for the words of a run.
    std::uintptr_t begin(const std::int64_t *runWords) const;
    Steps steps(const std::int64_t *runWords) const { return Steps(shape, strides(runWords)); }
  };

  /// A tensor argument that is passed as a tensor map.
  struct Map : Tensor {
    TensorMapSpec spec;
  };

  struct Launch {
    /// The words that the kernel reads begin here; those for the runtime alone come after them.
    std::size_t firstWord;
    std::size_t kernelWords;
    /// Product of the grid.
    std::int64_t instances;
    /// Bytes of all tensor arguments, each element counted once.
    std::int64_t bytes;
    std::vector<Fill> fills;
    std::vector<Map> maps;
  };

  /// Precondition: `plan.verify()`.
  explicit LaunchWords(const Plan &plan);

  /// One for each launch of the plan.
  const std::vector<Launch> &launches() const { return prepared; }

  /// The words of one run, whose arguments were checked. Valid until the next call of this thread;
  /// allocates nothing after a thread's first runs.
  std::span<std::int64_t> fill(std::span<const TensorView> inputs,
                               std::span<const TensorView> outputs,
                               std::span<const std::uint64_t> parameters, void *workspace) const;

private:
  /// A place that a run fills in: a tensor's address, then its strides; or a parameter.
  struct Patch {
    LaunchArg::Kind kind;
    std::size_t index;
    std::size_t word;
    /// Buffers: offset in the workspace.
    std::int64_t offset;
    /// What strides are multiplied by.
    std::int64_t unit;
  };

  void prepare(const Plan &plan, const LaunchSpec &launch);
  /// Adds the words of an argument, with strides in elements of which each is `unit` apart.
  void addArgument(const Plan &plan, const LaunchArg &arg, std::int64_t unit);

  std::vector<Launch> prepared;
  /// Addresses, and the strides of inputs and outputs, are blank.
  std::vector<std::int64_t> words;
  std::vector<Patch> patches;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PROGRAM_LAUNCHWORDS_H
