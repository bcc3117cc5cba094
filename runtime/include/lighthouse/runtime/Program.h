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

class Cache;
class Program;
class ProgramImpl;

namespace cuda {
struct KernelResources;
Result<std::vector<KernelResources>> kernelResources(const Program &program);
} // namespace cuda

/// How long one launch took.
struct LaunchTiming {
  /// Views into the plan of the program.
  std::string_view stage;
  std::string_view kernel;
  double seconds = 0;
  /// Bytes of all tensor arguments of the launch, each element counted once.
  std::int64_t bytes = 0;
};

/// How a program is loaded. All but the entry point is about CUDA programs.
struct LoadOptions {
  /// Which entry point of the artifact; may be empty if there is only one.
  std::string_view entryPoint = {};
  /// Ordinal of the device.
  int device = 0;
  /// The CUstream that the caller is about to use; null: the legacy default stream. Loading is
  /// refused while it is being captured.
  void *stream = nullptr;
  /// Where what the driver makes of PTX is looked up and stored; null: nowhere.
  Cache *cubinCache = nullptr;
};

/// Options of one run.
struct RunOptions {
  /// The plan's parameters: the bits of each, zero- or sign-extended.
  std::span<const std::uint64_t> parameters = {};
  /// Cleared, then filled with one entry per launch, in order. On CUDA this needs a stream that is
  /// not being captured, and `run` then returns when the launches are done.
  std::vector<LaunchTiming> *timings = nullptr;
  /// Host only. Null: `ThreadPool::global()`.
  ThreadPool *pool = nullptr;
  /// CUDA only: a CUstream of the program's device; null: the legacy default stream.
  void *stream = nullptr;
};

/// An artifact whose code is ready to run: mapped executable, or loaded into the primary context of
/// a CUDA device. Immutable: `run` may be called from several threads at the same time, each with
/// its own outputs and workspace.
class Program {
public:
  /// Makes the code of an entry point ready and prepares its launches. On CUDA this compiles PTX,
  /// allocates and may synchronise; a run does none of it. Code that a living program of the same
  /// device has loaded is used as it is.
  ///
  /// Errors: `Unsupported` if the code is for another target or needs more than this processor or
  /// device has, or if there is no CUDA driver or it is too old for the program; `InvalidArgument`
  /// if there is no such entry point or device or `options.stream` is being captured; `SystemError`
  /// if memory cannot be mapped; `OutOfMemory` if it cannot be had; `DriverError` from the CUDA
  /// driver, with its log if it refused the PTX.
  static Result<Program> load(const Artifact &artifact, const LoadOptions &options = {});

  /// The launches of a CUDA program must be done, and graphs that captured a run destroyed.
  ~Program();
  Program(Program &&) noexcept;
  Program &operator=(Program &&) noexcept;

  const Plan &plan() const;

  /// Checks every argument, then runs all launches in order.
  ///
  /// `inputs` and `outputs` are in the order of the plan, with its dtypes and shapes, any strides
  /// (1 in the last dimension, and multiples of an alignment in the others, where a kernel demands
  /// it), data aligned to the element, on the host or on the program's CUDA device. Elements of an
  /// output must not share memory with anything else; this is checked but for views with gaps that
  /// have neither the same strides nor the same address. `workspace` has at least
  /// `plan().workspaceBytes` bytes on the same device, aligned to `workspaceAlignment`; it may be
  /// null if none are needed. Nothing is written if a check fails.
  ///
  /// On the host, returns when the launches are done. On CUDA, returns when they are enqueued on
  /// `options.stream`, without allocating or waiting; this may be captured in a graph. The program,
  /// the tensors and the workspace must live until the graph is destroyed. If the driver refuses a
  /// launch (`DriverError`), those before it stay enqueued.
  Status run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
             void *workspace, std::size_t workspaceBytes, const RunOptions &options = {}) const;

private:
  friend Result<std::vector<cuda::KernelResources>> cuda::kernelResources(const Program &program);

  explicit Program(std::unique_ptr<ProgramImpl> impl);
  std::unique_ptr<ProgramImpl> impl_;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_PROGRAM_H
