//===- MeasureCuda.cpp - How long a pipeline takes, on a GPU ----------------------------------===//

#include "Gpu.h"
#include "Measure.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace lhc;
using namespace lighthouse;
using runtime::cuda::DeviceBuffer;
using runtime::cuda::Event;
using runtime::cuda::Graph;
using runtime::cuda::Stream;

namespace {

/// Bytes that the copy for the ceiling copies, if the device has room for them.
constexpr size_t copyBytes = size_t(1) << 30;

/// Work on a stream, timed by events. Before the events lies other work, so that the device does
/// not wait for the host between them.
class EventTimer {
public:
  using Body = llvm::function_ref<Status()>;

  static Result<EventTimer> create(const runtime::cuda::DeviceInfo &device) {
    Result<Stream> stream = Stream::create(device.ordinal);
    if (!stream)
      return stream.status();
    Result<Event> start = Event::create(device.ordinal), end = Event::create(device.ordinal);
    if (!start || !end)
      return start ? end.status() : start.status();
    size_t l2 = std::max<size_t>(size_t(std::max(device.l2Bytes, 0)), size_t(1) << 20);
    Result<DeviceBuffer> scratch = DeviceBuffer::allocate(2 * l2, device.ordinal);
    if (!scratch)
      return scratch.status();
    return EventTimer(device.ordinal, *std::move(stream), *std::move(start), *std::move(end),
                      *std::move(scratch));
  }

  void *stream() const { return theStream.handle(); }
  int device() const { return ordinal; }

  /// Runs `before`, which is not timed, and gets ready to run what is: with an L2 as `before`
  /// leaves it or, if `cold`, one full of other data.
  Status lead(Body before, bool cold) {
    if (!cold)
      if (Status status = flush(); !status.ok())
        return status;
    if (Status status = before(); !status.ok())
      return status;
    return cold ? flush() : Status();
  }

  /// Seconds that `body`, which enqueues on the stream, takes after `lead`.
  Result<double> time(Body before, Body body, bool cold) {
    if (Status status = lead(before, cold); !status.ok())
      return status;
    if (Status status = start.record(stream()); !status.ok())
      return status;
    if (Status status = body(); !status.ok())
      return status;
    if (Status status = end.record(stream()); !status.ok())
      return status;
    return end.secondsSince(start);
  }

private:
  EventTimer(int ordinal, Stream stream, Event start, Event end, DeviceBuffer scratch)
      : ordinal(ordinal), theStream(std::move(stream)), start(std::move(start)),
        end(std::move(end)), scratch(std::move(scratch)) {}

  Status flush() {
    return runtime::cuda::fillAsync(scratch.data(), ++fillValue, scratch.size(), stream(), ordinal);
  }

  int ordinal;
  Stream theStream;
  Event start, end;
  DeviceBuffer scratch;
  uint8_t fillValue = 0;
};

/// Bytes read and written per second by a copy of the driver.
Result<double> measureCopy(EventTimer &timer, const runtime::cuda::DeviceInfo &device,
                           unsigned repetitions) {
  size_t bytes = std::min<size_t>(copyBytes, device.memoryBytes / 16);
  Result<DeviceBuffer> from = DeviceBuffer::allocate(bytes, device.ordinal),
                       to = DeviceBuffer::allocate(bytes, device.ordinal);
  if (!from || !to)
    return from ? to.status() : from.status();
  auto copy = [&] {
    return runtime::cuda::copyAsync(to->data(), from->data(), bytes, timer.stream(),
                                    device.ordinal);
  };
  if (Status status =
          runtime::cuda::fillAsync(from->data(), 0x5a, bytes, timer.stream(), device.ordinal);
      !status.ok())
    return status;
  Times times;
  for (unsigned i = 0; i < repetitions; ++i) {
    Result<double> seconds = timer.time(copy, copy, /*cold=*/false);
    if (!seconds)
      return seconds.status();
    times.seconds.push_back(*seconds);
  }
  return 2 * double(bytes) / times.median();
}

/// The runs of one pipeline.
class CudaMeasurement {
public:
  CudaMeasurement(Execution &execution, EventTimer &timer, const MeasureOptions &options)
      : execution(execution), timer(timer), sets(std::max(1u, options.inputSets)) {}

  Status prepare(const std::vector<runtime::TensorView> &inputs, unsigned warmups) {
    if (Status status = execution.upload(inputs, sets); !status.ok())
      return status;
    for (unsigned i = 0; i < std::max(1u, warmups); ++i)
      if (Status status = launch(i % sets); !status.ok())
        return status;
    for (unsigned set = 0; set < sets; ++set) {
      Result<Graph> graph = Graph::capture(
          [&](void *stream) {
            runtime::RunOptions run;
            run.stream = stream;
            return execution.launch(run, set);
          },
          timer.device());
      if (!graph)
        return graph.status();
      graphs.push_back(*std::move(graph));
    }
    return runtime::cuda::synchronizeStream(timer.stream(), timer.device());
  }

  /// Repetition `i`: stage by stage, whole, and as a graph.
  Status measure(unsigned i, bool cold, PipelineTimes &times) {
    unsigned set = i % sets, other = (i + sets - 1) % sets;
    auto before = [&] { return launch(other); };
    if (Status status = timer.lead(before, cold); !status.ok())
      return status;
    std::vector<runtime::LaunchTiming> timings;
    if (Status status = launch(set, &timings); !status.ok())
      return status;
    times.add(timings);
    Result<double> whole = timer.time(
        before, [&] { return launch(set); }, cold);
    if (!whole)
      return whole.status();
    times.total.seconds.push_back(*whole);
    Result<double> asGraph = timer.time(
        before, [&] { return graphs[set].launch(timer.stream()); }, cold);
    if (!asGraph)
      return asGraph.status();
    times.graph.seconds.push_back(*asGraph);
    return {};
  }

  /// Only the whole.
  Result<double> measureWhole() {
    auto run = [&] { return launch(0); };
    return timer.time(run, run, /*cold=*/false);
  }

private:
  Status launch(unsigned set, std::vector<runtime::LaunchTiming> *timings = nullptr) {
    runtime::RunOptions run;
    run.stream = timer.stream();
    run.timings = timings;
    return execution.launch(run, set);
  }

  Execution &execution;
  EventTimer &timer;
  unsigned sets;
  std::vector<Graph> graphs;
};

} // namespace

Status lhc::measureOnCuda(PipelineRun &pipeline, Dense &dense, const MeasureOptions &options,
                          Measurement &measurement) {
  std::optional<runtime::cuda::DeviceInfo> device = findDevice(pipeline.execution->device());
  if (!device)
    return Status(StatusCode::InvalidArgument, "the device is gone");
  Result<EventTimer> timer = EventTimer::create(*device);
  if (!timer)
    return timer.status();
  Result<double> copyRate = measureCopy(*timer, *device, options.repetitions);
  if (!copyRate)
    return copyRate.status();
  measurement.copyRate = *copyRate;
  llvm::errs() << llvm::formatv("[bench] copy within the device: {0:F2} TB/s\n", *copyRate / 1e12);

  CudaMeasurement ours(*pipeline.execution, *timer, options);
  if (Status status = ours.prepare(pipeline.inputs, options.warmups); !status.ok())
    return status;
  std::optional<CudaMeasurement> theirs;
  if (dense.execution) {
    MeasureOptions once;
    theirs.emplace(*dense.execution, *timer, once);
    if (Status status = theirs->prepare(dense.inputs, /*warmups=*/1); !status.ok())
      return status;
  }
  double denseTotal = 0;
  for (unsigned i = 0; i < options.repetitions; ++i) {
    if (Status status = ours.measure(i, /*cold=*/false, measurement.warm); !status.ok())
      return status;
    if (Status status = ours.measure(i, /*cold=*/true, measurement.cold); !status.ok())
      return status;
    if (!theirs || denseTotal > denseSeconds / 2)
      continue;
    Result<double> seconds = theirs->measureWhole();
    if (!seconds)
      return seconds.status();
    measurement.dense.seconds.push_back(*seconds);
    denseTotal += *seconds;
  }
  llvm::errs() << llvm::formatv("[bench] {0} runs of {1:F3} ms\n", options.repetitions,
                                measurement.warm.total.median() * 1e3);
  return pipeline.execution->download();
}
