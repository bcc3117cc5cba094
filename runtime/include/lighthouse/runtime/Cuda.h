//===- Cuda.h - Devices, memory, streams and graphs of CUDA -----*- C++ -*-===//
//
// What a program that has no CUDA library of its own needs to run artifacts on a GPU: tests,
// benchmarks, tools. Everything goes through the driver, which is opened at the first use. Streams
// are `void *` that hold a CUstream, so that those of any other library can be passed; null is the
// legacy default stream. The context of the calling thread is always as it was before.
//
// Errors of every function: `Unsupported` if there is no driver, `InvalidArgument` if there is no
// such device, `OutOfMemory` if the driver could not get memory, `DriverError` for anything else
// that it reported; these two have the name, text and place of what it said.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_CUDA_H
#define LIGHTHOUSE_RUNTIME_CUDA_H

#include "lighthouse/runtime/Program.h"
#include "lighthouse/runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lighthouse::runtime::cuda {

//===----------------------------------------------------------------------===//
// Driver and devices
//===----------------------------------------------------------------------===//

/// The driver that was opened.
struct DriverInfo {
  /// The CUDA version it supports: 12040 for 12.4.
  int version = 0;
  /// Path of its library.
  std::string path;
  /// What tells it from others of the same version: name, without links, and size of its file, as
  /// in "libcuda.so.550.54.15, 28712096 bytes"; empty if the file cannot be found.
  std::string build;
};

/// One device.
struct DeviceInfo {
  int ordinal = 0;
  std::string name;
  /// Compute capability.
  int major = 0;
  int minor = 0;
  std::uint64_t memoryBytes = 0;
  int multiprocessors = 0;
  /// The most shared memory of a block that asks for it.
  int sharedBytesPerBlock = 0;
  int sharedBytesPerMultiprocessor = 0;
  int registersPerMultiprocessor = 0;
  int threadsPerMultiprocessor = 0;
  int l2Bytes = 0;
  int clockKHz = 0;
  int memoryClockKHz = 0;
  int memoryBusBits = 0;
};

/// Whether there are a driver and a device.
bool isAvailable();

/// The driver, or why there is none.
Result<DriverInfo> driver();

/// All devices, by ordinal; there may be none.
Result<std::vector<DeviceInfo>> devices();

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Memory of a device, freed at the end of its scope. Aligned to 256 bytes.
class DeviceBuffer {
public:
  static Result<DeviceBuffer> allocate(std::size_t bytes, int device = 0);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer &&) noexcept;
  DeviceBuffer &operator=(DeviceBuffer &&) noexcept;

  /// The address on the device; null if `size()` is 0.
  void *data() const;
  std::size_t size() const;

private:
  struct Impl;
  explicit DeviceBuffer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Copies between host and device, either way, or within a device, in the order of the legacy
/// default stream; returns when it is done. One of the two must be memory of a device.
Status copy(void *destination, const void *source, std::size_t bytes);

/// Sets device memory to copies of `value`, in the same order; returns when it is done.
Status fill(void *destination, std::uint8_t value, std::size_t bytes);

/// Enqueues a copy within `device` on `stream`.
Status copyAsync(void *destination, const void *source, std::size_t bytes, void *stream,
                 int device = 0);

/// Enqueues, on `stream`, setting memory of `device` to copies of `value`.
Status fillAsync(void *destination, std::uint8_t value, std::size_t bytes, void *stream,
                 int device = 0);

//===----------------------------------------------------------------------===//
// Streams, events, graphs
//===----------------------------------------------------------------------===//

/// Waits for all work of a device.
Status synchronize(int device = 0);

/// Waits for the work of a stream of `device`.
Status synchronizeStream(void *stream, int device = 0);

/// Whether a stream of `device` is being captured, or waits for one that is.
Result<bool> isCapturing(void *stream, int device = 0);

/// A stream of its own, which does not wait for the legacy default stream.
class Stream {
public:
  static Result<Stream> create(int device = 0);
  ~Stream();
  Stream(Stream &&) noexcept;
  Stream &operator=(Stream &&) noexcept;

  /// The CUstream.
  void *handle() const;
  Status synchronize() const;

private:
  struct Impl;
  explicit Stream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A point in the work of a stream.
class Event {
public:
  static Result<Event> create(int device = 0);
  ~Event();
  Event(Event &&) noexcept;
  Event &operator=(Event &&) noexcept;

  /// Places the event behind the work that `stream` has now.
  Status record(void *stream);

  /// Waits for this event, then gives the seconds since `start`, to about half a microsecond.
  Result<double> secondsSince(const Event &start) const;

private:
  struct Impl;
  explicit Event(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Captured work that can be launched again and again, without the cost of each launch. It has the
/// addresses of code and memory in it: the programs whose runs it captured, their tensors and their
/// workspaces must live until it is destroyed and its launches are done.
class Graph {
public:
  /// Captures what `body` enqueues on the stream it is given; nothing runs yet. If `body` fails its
  /// status is returned.
  static Result<Graph> capture(const std::function<Status(void *stream)> &body, int device = 0);
  ~Graph();
  Graph(Graph &&) noexcept;
  Graph &operator=(Graph &&) noexcept;

  Status launch(void *stream) const;

private:
  struct Impl;
  explicit Graph(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// What the compiled form of a kernel uses.
struct KernelResources {
  std::string name;
  /// Of each thread.
  int registers = 0;
  /// Of each thread, in local memory: spilled registers and arrays. 0 is what one wants.
  int localBytes = 0;
  /// Of each block, besides the plan's dynamic shared memory.
  int staticSharedBytes = 0;
  /// The most threads a block of it may have.
  int maxThreads = 0;
  /// Blocks that fit a multiprocessor at once, with the plan's threads and dynamic shared memory.
  int blocksPerMultiprocessor = 0;
};

/// The resources of each kernel of a CUDA program, in the order of its plan. Another program is an
/// `InvalidArgument`.
Result<std::vector<KernelResources>> kernelResources(const Program &program);

} // namespace lighthouse::runtime::cuda

#endif // LIGHTHOUSE_RUNTIME_CUDA_H
