//===- HostProgram.cpp - A program of native code -------------------------===//

#include "HostProgram.h"

#include "lighthouse/runtime/Cpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace lighthouse::runtime {

namespace {

/// The host kernel ABI, see runtime/README.md.
using Kernel = void (*)(const std::int64_t *args, const std::int32_t *grid, std::int64_t begin,
                        std::int64_t end);

/// Stack a kernel call needs besides its own frame.
constexpr std::size_t stackMargin = std::size_t(64) << 10;

/// Chunks per thread: enough that threads end together although causal programs differ in length.
constexpr std::int64_t chunksPerThread = 16;

/// All program instances of a launch.
struct Loop {
  Kernel kernel;
  const std::int64_t *args;
  const std::int32_t *grid;
};

/// Elements that one thread fills at least, if there are so many.
constexpr std::int64_t fillChunk = std::int64_t(1) << 16;

/// All elements of a tensor that becomes one value.
struct FillLoop {
  std::uintptr_t begin;
  Steps steps;
  std::uint64_t bits;
};

/// The body of a `FillLoop` over elements of type `Word`, in the order of memory.
template <typename Word> void fillElements(void *opaque, std::int64_t begin, std::int64_t end) {
  const FillLoop &loop = *static_cast<FillLoop *>(opaque);
  const std::span<const Steps::Step> steps = loop.steps.all();
  while (begin < end) {
    std::int64_t rest = begin, offset = 0, row = 1;
    for (const Steps::Step &step : steps) {
      offset += rest % step.count * step.stride;
      rest /= step.count;
    }
    if (!steps.empty() && steps.front().stride == 1)
      row = std::min(end - begin, steps.front().count - begin % steps.front().count);
    std::fill_n(reinterpret_cast<Word *>(loop.begin) + offset, row, Word(loop.bits));
    begin += row;
  }
}

void fillTensor(ThreadPool &pool, const LaunchWords::Fill &fill, const std::int64_t *runWords) {
  FillLoop loop = {fill.begin(runWords), fill.steps(runWords), fill.bits};
  const std::size_t elementBytes = dtypeBytes(fill.dtype);
  const ThreadPool::Body body = elementBytes == 1   ? fillElements<std::uint8_t>
                                : elementBytes == 2 ? fillElements<std::uint16_t>
                                : elementBytes == 4 ? fillElements<std::uint32_t>
                                                    : fillElements<std::uint64_t>;
  const std::int64_t count = *elementCount(fill.shape);
  pool.run(count, std::max(fillChunk, count / (pool.size() * chunksPerThread)), /*stackBytes=*/0,
           body, &loop);
}

} // namespace

Result<std::unique_ptr<ProgramImpl>> HostProgram::load(const Artifact &artifact, const Plan &plan) {
  const CpuLevel needed = *parseCpuLevel(plan.cpuLevel);
  if (CpuLevel present = detectCpuLevel(); needed > present)
    return Status(StatusCode::Unsupported,
                  fmt::format("program '{}' is compiled for {}; this processor has {}", plan.name,
                              plan.cpuLevel, cpuLevelName(present)));
  Code code;
  for (const KernelSpec &kernel : plan.kernels) {
    if (code.contains(kernel.image))
      continue;
    Result<std::shared_ptr<const CodeMapping>> mapping =
        CodeMapping::get(artifact.images[kernel.image]);
    if (!mapping)
      return mapping.status();
    code.emplace(kernel.image, *std::move(mapping));
  }
  return std::unique_ptr<ProgramImpl>(new HostProgram(plan, std::move(code)));
}

Status HostProgram::launch(std::span<const TensorView>, std::span<const TensorView>, void *,
                           std::span<std::int64_t> runWords, const RunOptions &options) const {
  ThreadPool &pool = options.pool ? *options.pool : ThreadPool::global();
  for (std::size_t i = 0; i < plan.launches.size(); ++i) {
    const LaunchSpec &spec = plan.launches[i];
    const LaunchWords::Launch &prepared = words.launches()[i];
    const KernelSpec &kernel = plan.kernels[spec.kernel];
    const std::uint8_t *entry = code.at(kernel.image)->data() + kernel.entry;
    Loop loop = {reinterpret_cast<Kernel>(reinterpret_cast<std::uintptr_t>(entry)),
                 runWords.data() + prepared.firstWord, spec.grid.data()};
    const std::size_t stackBytes = std::size_t(kernel.stackBytes) + stackMargin;
    const std::int64_t chunk =
        std::max<std::int64_t>(1, prepared.instances / (pool.size() * chunksPerThread));

    const auto start = std::chrono::steady_clock::now();
    for (const LaunchWords::Fill &fill : prepared.fills)
      fillTensor(pool, fill, runWords.data());
    const bool ran = pool.run(
        prepared.instances, chunk, stackBytes,
        [](void *opaque, std::int64_t begin, std::int64_t end) {
          const Loop &loop = *static_cast<Loop *>(opaque);
          loop.kernel(loop.args, loop.grid, begin, end);
        },
        &loop);
    if (!ran)
      return Status(StatusCode::SystemError,
                    fmt::format("stage '{}': no thread has {} bytes of stack, and none could be "
                                "started",
                                spec.stage, stackBytes));
    if (options.timings) {
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      options.timings->push_back(timing(i, time.count()));
    }
  }
  return {};
}

} // namespace lighthouse::runtime
