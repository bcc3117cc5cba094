//===- Program.cpp - A loaded artifact that can be run --------------------===//

#include "lighthouse/runtime/Program.h"

#include "lighthouse/runtime/Cpu.h"

#include "ArgumentCheck.h"
#include "CodeMapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>

namespace lighthouse::runtime {

namespace {

/// The host kernel ABI, see runtime/README.md.
using Kernel = void (*)(const std::int64_t *args, const std::int32_t *grid, std::int64_t begin,
                        std::int64_t end);

/// Stack a kernel call needs besides its own frame.
constexpr std::size_t stackMargin = std::size_t(64) << 10;

/// Chunks per thread: enough that threads end together although causal programs differ in length.
constexpr std::int64_t chunksPerThread = 16;

/// A place in the argument words that a run fills in: a tensor's address, then its strides.
struct Patch {
  LaunchArg::Kind kind;
  std::size_t index;
  std::size_t word;
};

/// A launch with everything computed that does not depend on the arguments of a run.
struct PreparedLaunch {
  Kernel kernel;
  const std::int32_t *grid;
  std::int64_t instances;
  std::size_t stackBytes;
  std::size_t firstWord;
  std::int64_t bytes;
};

} // namespace

struct Program::Impl {
  Plan plan;
  CodeMapping code;
  StrideDemands demands;
  std::vector<PreparedLaunch> launches;
  /// Argument words of all launches; addresses, and the strides of inputs and outputs, are blank.
  std::vector<std::int64_t> words;
  std::vector<Patch> patches;

  Impl(const Plan &given, CodeMapping mapping)
      : plan(given), code(std::move(mapping)), demands(plan) {
    for (const LaunchSpec &launch : plan.launches)
      prepare(launch);
  }

  const std::vector<std::int64_t> *shapeOf(const LaunchArg &arg) const {
    switch (arg.kind) {
    case LaunchArg::Kind::Input:
      return &plan.inputs[arg.index].shape;
    case LaunchArg::Kind::Output:
      return &plan.outputs[arg.index].shape;
    case LaunchArg::Kind::Buffer:
      return &plan.buffers[arg.index].shape;
    case LaunchArg::Kind::Scalar:
      break;
    }
    return nullptr;
  }

  void prepare(const LaunchSpec &launch) {
    const KernelSpec &kernel = plan.kernels[launch.kernel];
    PreparedLaunch prepared = {
        reinterpret_cast<Kernel>(reinterpret_cast<std::uintptr_t>(code.data() + kernel.entry)),
        launch.grid.data(),
        std::int64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2],
        std::size_t(kernel.stackBytes) + stackMargin,
        words.size(),
        /*bytes=*/0};
    for (std::size_t i = 0; i < launch.args.size(); ++i) {
      const LaunchArg &arg = launch.args[i];
      const std::vector<std::int64_t> *shape = shapeOf(arg);
      if (!shape) {
        words.push_back(std::int64_t(arg.bits));
        continue;
      }
      patches.push_back({arg.kind, std::size_t(arg.index), words.size()});
      prepared.bytes += *tensorBytes(kernel.args[i].dtype, *shape);
      words.push_back(0);
      // Right for buffers, which are contiguous; a run overwrites those of inputs and outputs.
      const std::vector<std::int64_t> strides = contiguousStrides(*shape);
      words.insert(words.end(), strides.begin(), strides.end());
    }
    words.insert(words.end(), launch.dims.begin(), launch.dims.end());
    launches.push_back(prepared);
  }

  /// Writes the addresses and strides of one run.
  void fill(std::int64_t *runWords, std::span<const TensorView> inputs,
            std::span<const TensorView> outputs, void *workspace) const {
    for (const Patch &patch : patches) {
      std::int64_t *at = runWords + patch.word;
      if (patch.kind == LaunchArg::Kind::Buffer) {
        *at = std::int64_t(reinterpret_cast<std::uintptr_t>(workspace)) +
              plan.buffers[patch.index].offset;
        continue;
      }
      const TensorView &view =
          (patch.kind == LaunchArg::Kind::Input ? inputs : outputs)[patch.index];
      *at = std::int64_t(reinterpret_cast<std::uintptr_t>(view.data));
      std::ranges::copy(view.strides, at + 1);
    }
  }
};

/// Runs one launch on the pool. False if no thread has the stack for it.
static bool runLaunch(const PreparedLaunch &launch, const std::int64_t *words, ThreadPool &pool) {
  struct Context {
    const PreparedLaunch &launch;
    const std::int64_t *args;
  } context = {launch, words + launch.firstWord};
  const std::int64_t chunk =
      std::max<std::int64_t>(1, launch.instances / (pool.size() * chunksPerThread));
  return pool.run(
      launch.instances, chunk, launch.stackBytes,
      [](void *opaque, std::int64_t begin, std::int64_t end) {
        const Context &c = *static_cast<Context *>(opaque);
        c.launch.kernel(c.args, c.launch.grid, begin, end);
      },
      &context);
}

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;
Program::Program(Program &&) noexcept = default;
Program &Program::operator=(Program &&) noexcept = default;

const Plan &Program::plan() const { return impl_->plan; }

Result<Program> Program::load(const Artifact &artifact) {
  if (Status status = artifact.verify(); !status.ok())
    return status;
  const CpuLevel needed = *parseCpuLevel(artifact.plan.cpuLevel);
  if (CpuLevel present = detectCpuLevel(); needed > present)
    return Status(StatusCode::Unsupported,
                  fmt::format("program '{}' is compiled for {}; this processor has {}",
                              artifact.plan.name, artifact.plan.cpuLevel, cpuLevelName(present)));
  Result<CodeMapping> code = CodeMapping::create(artifact.image);
  if (!code)
    return code.status();
  return Program(std::make_unique<Impl>(artifact.plan, *std::move(code)));
}

Status Program::run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                    void *workspace, std::size_t workspaceBytes, const RunOptions &options) const {
  if (Status status =
          checkArguments(impl_->plan, impl_->demands, inputs, outputs, workspace, workspaceBytes);
      !status.ok())
    return status;

  // Reused by every run of a thread: a launch allocates nothing after the first.
  static thread_local std::vector<std::int64_t> words;
  words = impl_->words;
  impl_->fill(words.data(), inputs, outputs, workspace);

  ThreadPool &pool = options.pool ? *options.pool : ThreadPool::global();
  if (options.timings)
    options.timings->clear();
  for (std::size_t i = 0; i < impl_->launches.size(); ++i) {
    const PreparedLaunch &launch = impl_->launches[i];
    const LaunchSpec &spec = impl_->plan.launches[i];
    const auto start = std::chrono::steady_clock::now();
    if (!runLaunch(launch, words.data(), pool))
      return Status(StatusCode::SystemError,
                    fmt::format("stage '{}': no thread has {} bytes of stack, and none could be "
                                "started",
                                spec.stage, launch.stackBytes));
    if (options.timings) {
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      options.timings->push_back(
          {spec.stage, impl_->plan.kernels[spec.kernel].name, time.count(), launch.bytes});
    }
  }
  return {};
}

} // namespace lighthouse::runtime
