//===- Program.h - A loaded artifact that can be run ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_PROGRAM_H
#define LIGHTHOUSE_RUNTIME_PROGRAM_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"
#include "lighthouse/runtime/ThreadPool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lighthouse::runtime {

/// How long one launch took.
struct LaunchTiming {
  /// Views into the plan of the program.
  std::string_view stage;
  std::string_view kernel;
  double seconds = 0;
  /// Bytes of all tensor arguments of the launch, each element counted once.
  std::int64_t bytes = 0;
};

/// Options of one run.
struct RunOptions {
  /// Cleared, then filled with one entry per launch, in order.
  std::vector<LaunchTiming> *timings = nullptr;
  /// Null: `ThreadPool::global()`.
  ThreadPool *pool = nullptr;
};

/// An artifact whose code is mapped executable. Immutable: `run` may be called from several threads
/// at the same time, each with its own outputs and workspace.
class Program {
public:
  /// Maps the image and prepares the launches. Errors: `Unsupported` if the code is for another
  /// target or needs more than this processor has, `SystemError` if memory cannot be mapped.
  static Result<Program> load(const Artifact &artifact);

  ~Program();
  Program(Program &&) noexcept;
  Program &operator=(Program &&) noexcept;

  const Plan &plan() const;

  /// Checks every argument, then runs all launches in order and returns when they are done.
  ///
  /// `inputs` and `outputs` are in the order of the plan, with its dtypes and shapes, any strides
  /// (1 in the last dimension where a kernel demands it), data aligned to the element, on the host.
  /// Elements of an output must not share memory. `workspace` has at least `plan().workspaceBytes`
  /// bytes, aligned to `workspaceAlignment`; it may be null if none are needed. Nothing is written
  /// if a check fails.
  Status run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
             void *workspace, std::size_t workspaceBytes, const RunOptions &options = {}) const;

private:
  struct Impl;
  explicit Program(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_PROGRAM_H
