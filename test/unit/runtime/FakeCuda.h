//===- FakeCuda.h - A CUDA driver without a GPU -----------------*- C++ -*-===//
//
// FakeCuda.cpp is built as a library of its own with every function of Symbols.def, and once more,
// with FAKE_CUDA_IS_OLD, as a driver without the optional ones. The runtime opens it through
// LIGHTHOUSE_CUDA_LIBRARY; tests reach its state through `fakeCuda()`. Memory of a device is memory
// of the host, launches are recorded and not run, and a cubin is an ELF file with one section: a
// line of text, "FAKECUBIN sm_90", and the PTX.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_FAKECUDA_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_FAKECUDA_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

namespace lighthouse::runtime::test {

/// The error that an injected failure gives: CUDA_ERROR_UNKNOWN.
inline constexpr int fakeError = 999;

/// Where the text of a fake cubin begins, behind the header and the table of one section.
inline constexpr std::size_t fakeCubinText = 128;

/// The fake cubin for a device of `arch`, "sm_90". The sizes are written as they lie in the memory
/// of the machines that run the tests.
inline std::string fakeCubin(const std::string &arch, const std::string &ptx) {
  const std::string text = "FAKECUBIN " + arch + "\n" + ptx;
  std::string bytes = "\177ELF\2\1";
  bytes.resize(fakeCubinText);
  const auto put = [&](std::size_t at, auto number) {
    std::memcpy(&bytes[at], &number, sizeof number);
  };
  // The table of sections, the size of one, their number; kind, place and size of the section.
  put(40, std::uint64_t(64));
  put(58, std::uint16_t(64));
  put(60, std::uint16_t(1));
  put(64 + 4, std::uint32_t(1));
  put(64 + 24, std::uint64_t(fakeCubinText));
  put(64 + 32, std::uint64_t(text.size()));
  return bytes + text;
}

/// One call of cuTensorMapEncodeTiled: what it was given, from the innermost dimension on.
struct FakeTensorMap {
  int type = 0;
  void *address = nullptr;
  std::vector<std::uint64_t> extents;
  /// In bytes, of all dimensions but the innermost.
  std::vector<std::uint64_t> strides;
  std::vector<std::uint32_t> box;
  std::vector<std::uint32_t> elementStrides;
  int interleave = 0, swizzle = 0, l2Promotion = 0, fill = 0;
};

/// What the fake driver writes as tensor map number `index`.
inline std::vector<std::int64_t> fakeTensorMapWords(std::size_t index) {
  std::vector<std::int64_t> words;
  for (std::int64_t i = 0; i < 16; ++i)
    words.push_back(0x50414d0000000000 + std::int64_t(index) * 256 + i);
  return words;
}

/// One call of cuLaunchKernel or cuLaunchKernelEx.
struct FakeLaunch {
  std::string kernel;
  int device = 0;
  std::array<unsigned, 3> grid = {};
  std::array<unsigned, 3> block = {};
  unsigned sharedBytes = 0;
  void *stream = nullptr;
  /// All of the parameter.
  std::vector<std::int64_t> words;
  /// Of cuLaunchKernelEx, else zeros.
  std::array<unsigned, 3> cluster = {};
};

/// How many objects of each kind there are.
struct FakeCudaObjects {
  /// Holds on the primary context of each device.
  std::array<int, 2> retained = {};
  int modules = 0, links = 0, streams = 0, events = 0, graphs = 0, allocations = 0;

  bool operator==(const FakeCudaObjects &) const = default;
};

inline void PrintTo(const FakeCudaObjects &o, std::ostream *out) {
  *out << "retained " << o.retained[0] << " and " << o.retained[1] << ", modules " << o.modules
       << ", links " << o.links << ", streams " << o.streams << ", events " << o.events
       << ", graphs " << o.graphs << ", allocations " << o.allocations;
}

/// Settings and records. Everything but `mutex` is guarded by it.
struct FakeCudaState {
  std::mutex mutex;

  // Settings.
  std::array<std::array<int, 2>, 2> capabilities = {{{9, 0}, {8, 0}}};
  int deviceCount = 2;
  int driverVersion = 12040;
  /// Which call fails, counted from 0; a call that destroys or restores something does it all the
  /// same. Negative: none.
  long failAt = -1;
  /// Attributes of every function.
  int maxThreads = 1024;
  int staticSharedBytes = 0;

  // Records.
  /// Names of all calls, but of those for the text of errors.
  std::vector<std::string> calls;
  std::vector<FakeLaunch> launches;
  std::vector<FakeTensorMap> tensorMaps;
  /// The stream of each asynchronous memset.
  std::vector<void *> fillStreams;
  /// Calls that are not allowed while a stream is being captured, and were made then.
  std::vector<std::string> violations;
  bool injected = false;

  // What lives.
  FakeCudaObjects live;
  std::map<std::uint64_t, std::pair<std::size_t, int>> allocations;

  long count(const std::string &name) const {
    long n = 0;
    for (const std::string &call : calls)
      n += call == name;
    return n;
  }
};

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_FAKECUDA_H
