//===- Streams.cpp - Streams, events and graphs ---------------------------===//

#include "lighthouse/runtime/Cuda.h"

#include "Owned.h"

namespace lighthouse::runtime::cuda {

static CUstream streamOf(void *handle) { return static_cast<CUstream>(handle); }

Status synchronize(int device) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  return context->run([&] { return context->driver().cuCtxSynchronize(); });
}

Status synchronizeStream(void *stream, int device) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  return context->run([&] { return context->driver().cuStreamSynchronize(streamOf(stream)); });
}

Result<bool> isCapturing(void *stream, int device) {
  Result<PrimaryContext> context = PrimaryContext::retain(device);
  if (!context)
    return context.status();
  Result<bool> capturing = false;
  Status status = context->run([&]() -> Status {
    capturing = runtime::isCapturing(context->driver(), streamOf(stream));
    return capturing.status();
  });
  return status.ok() ? capturing : status;
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

struct Stream::Impl : Owned<CUstream> {
  using Owned::Owned;
};

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;
Stream::Stream(Stream &&) noexcept = default;
Stream &Stream::operator=(Stream &&) noexcept = default;

Result<Stream> Stream::create(int device) {
  auto impl =
      makeOwned<Impl>(device, &Driver::cuStreamDestroy_v2, [](const Driver &driver, CUstream &s) {
        return driver.cuStreamCreate(&s, CU_STREAM_NON_BLOCKING);
      });
  if (!impl)
    return impl.status();
  return Stream(*std::move(impl));
}

void *Stream::handle() const { return impl_->handle; }

Status Stream::synchronize() const {
  return impl_->context.run(
      [&] { return impl_->context.driver().cuStreamSynchronize(impl_->handle); });
}

//===----------------------------------------------------------------------===//
// Event
//===----------------------------------------------------------------------===//

struct Event::Impl : Owned<CUevent> {
  using Owned::Owned;
};

Event::Event(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Event::~Event() = default;
Event::Event(Event &&) noexcept = default;
Event &Event::operator=(Event &&) noexcept = default;

Result<Event> Event::create(int device) {
  auto impl =
      makeOwned<Impl>(device, &Driver::cuEventDestroy_v2,
                      [](const Driver &driver, CUevent &e) { return driver.cuEventCreate(&e, 0); });
  if (!impl)
    return impl.status();
  return Event(*std::move(impl));
}

Status Event::record(void *stream) {
  return impl_->context.run(
      [&] { return impl_->context.driver().cuEventRecord(impl_->handle, streamOf(stream)); });
}

Result<double> Event::secondsSince(const Event &start) const {
  float milliseconds = 0;
  const Driver &driver = impl_->context.driver();
  Status status = impl_->context.run([&]() -> Status {
    if (Status s = driver.cuEventSynchronize(impl_->handle); !s.ok())
      return s;
    return driver.cuEventElapsedTime(&milliseconds, start.impl_->handle, impl_->handle);
  });
  if (!status.ok())
    return status;
  return milliseconds * 1e-3;
}

//===----------------------------------------------------------------------===//
// Graph
//===----------------------------------------------------------------------===//

struct Graph::Impl : Owned<CUgraphExec> {
  using Owned::Owned;
};

Graph::Graph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Graph::~Graph() = default;
Graph::Graph(Graph &&) noexcept = default;
Graph &Graph::operator=(Graph &&) noexcept = default;

Result<Graph> Graph::capture(const std::function<Status(void *stream)> &body, int device) {
  Result<Stream> stream = Stream::create(device);
  if (!stream)
    return stream.status();
  const CUstream handle = streamOf(stream->handle());
  const auto make = [&](const Driver &driver, CUgraphExec &exec) -> Status {
    // Of this thread only: what other threads do meanwhile neither fails nor spoils the capture.
    if (Status s = driver.cuStreamBeginCapture_v2(handle, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
        !s.ok())
      return s;
    Status status = body(handle);
    CUgraph graph = nullptr;
    Status ended = driver.cuStreamEndCapture(handle, &graph);
    if (status.ok())
      status = ended;
    if (status.ok())
      status = driver.cuGraphInstantiateWithFlags(&exec, graph, 0);
    if (graph)
      (void)driver.cuGraphDestroy(graph);
    return status;
  };
  auto impl = makeOwned<Impl>(device, &Driver::cuGraphExecDestroy, make);
  if (!impl)
    return impl.status();
  return Graph(*std::move(impl));
}

Status Graph::launch(void *stream) const {
  return impl_->context.run(
      [&] { return impl_->context.driver().cuGraphLaunch(impl_->handle, streamOf(stream)); });
}

} // namespace lighthouse::runtime::cuda
