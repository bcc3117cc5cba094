//===- FakeCuda.cpp - A CUDA driver without a GPU -------------------------===//

#include "FakeCuda.h"

#include "CudaTypes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <thread>

// Functions of the table have C linkage and default visibility; declaring them from it makes a
// wrong signature an error.
#define CUDA_SYMBOL(name, parameters)                                                              \
  extern "C" __attribute__((visibility("default"))) lighthouse::runtime::CUresult name parameters;
#ifdef FAKE_CUDA_IS_OLD
#define CUDA_OPTIONAL_SYMBOL(name, parameters, version)
#endif
namespace lighthouse::runtime {
#include "Symbols.def"
}

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;

namespace {

constexpr std::size_t memoryBytes = std::size_t(80) << 30;
constexpr int sharedBytesPerBlock = 227 << 10;

constexpr CUresult invalidValue = 1, invalidDevice = 101, invalidImage = 200, invalidContext = 201,
                   noBinary = 209, invalidPtx = 218, invalidHandle = 400, notFound = 500,
                   captureUnsupported = 900, invalidClusterSize = 912;

struct Context {
  int device;
};
Context contexts[2] = {{0}, {1}};

struct Function {
  std::string name;
  std::size_t words;
  int device;
  int maxDynamicShared = 48 << 10;
  bool hasLargeClusters = false;
};

struct Module {
  std::map<std::string, Function> functions;
};

struct StreamState {
  int device;
  bool blocking;
  bool capturing = false;
  int mode = 0;
  std::thread::id thread = {};
};

struct LinkState {
  std::string ptx, cubin;
  char *errorLog = nullptr;
  std::size_t errorBytes = 0;
  /// Where the driver puts the sizes of the logs at the end.
  std::vector<void **> sizes;
};

FakeCudaState state;
std::set<StreamState *> streams;
thread_local std::vector<Context *> stack;
thread_local int captureMode = 0;

/// Records the call. Nonzero: it is to fail.
CUresult enter(const char *name) {
  std::lock_guard lock(state.mutex);
  const bool fails = long(state.calls.size()) == state.failAt;
  state.calls.emplace_back(name);
  state.injected |= fails;
  return fails ? fakeError : CUDA_SUCCESS;
}

/// `enter` of a call that needs a context, and that, if `unsafe`, must not be made during a capture
/// that this thread may disturb.
CUresult enterContext(const char *name, bool unsafe) {
  if (CUresult r = enter(name))
    return r;
  if (stack.empty())
    return invalidContext;
  std::lock_guard lock(state.mutex);
  if (unsafe && captureMode != CU_STREAM_CAPTURE_MODE_RELAXED)
    for (const StreamState *stream : streams)
      if (stream->capturing &&
          (stream->mode == 0 || stream->thread == std::this_thread::get_id())) {
        state.violations.emplace_back(name);
        return captureUnsupported;
      }
  return CUDA_SUCCESS;
}

int current() { return stack.back()->device; }

std::string archName(int device) {
  return "sm_" + std::to_string(10 * state.capabilities[device][0] + state.capabilities[device][1]);
}

/// Reads lines like ".visible .entry add(.param .align 8 .b8 add_args[104])".
std::map<std::string, Function> parseKernels(std::string_view ptx, int device) {
  std::map<std::string, Function> result;
  constexpr std::string_view entry = ".entry ";
  for (std::size_t at = ptx.find(entry); at != ptx.npos; at = ptx.find(entry, at + 1)) {
    std::string_view rest = ptx.substr(at + entry.size());
    std::string name(rest.substr(0, rest.find('(')));
    const std::string bytes(rest.substr(rest.find('[') + 1, 8));
    result[name] = {name, std::size_t(std::atoi(bytes.c_str())) / 8, device};
  }
  return result;
}

/// Sets `height` rows of `width` words, `pitch` bytes apart.
template <typename Word>
CUresult set(const char *name, CUdeviceptr address, std::size_t pitch, Word value,
             std::size_t width, std::size_t height, CUstream stream) {
  if (CUresult r = enterContext(name, false))
    return r;
  std::lock_guard lock(state.mutex);
  state.fillStreams.push_back(stream);
  if (address % sizeof(Word) != 0 || width == 0 || height == 0 ||
      (height > 1 && (pitch % sizeof(Word) != 0 || pitch < width * sizeof(Word))))
    return invalidValue;
  for (std::size_t row = 0; row < height; ++row)
    std::fill_n(reinterpret_cast<Word *>(address + row * pitch), width, value);
  return CUDA_SUCCESS;
}

StreamState *find(CUstream stream) {
  auto *found = reinterpret_cast<StreamState *>(stream);
  return streams.contains(found) ? found : nullptr;
}

/// Records a launch in clusters of `cluster` blocks, zeros for none.
CUresult launch(CUfunction function, std::array<unsigned, 3> grid, std::array<unsigned, 3> block,
                unsigned sharedBytes, CUstream stream, void **parameters, void **extra,
                std::array<unsigned, 3> cluster) {
  std::lock_guard lock(state.mutex);
  const auto &called = *reinterpret_cast<Function *>(function);
  if (called.device != current())
    return invalidContext;
  if (extra || grid[0] == 0 || block[0] == 0 || int(sharedBytes) > called.maxDynamicShared)
    return invalidValue;
  if (stream && (!find(stream) || find(stream)->device != current()))
    return invalidHandle;
  const auto *words = static_cast<const std::int64_t *>(parameters[0]);
  state.launches.push_back({called.name,
                            current(),
                            grid,
                            block,
                            sharedBytes,
                            stream,
                            {words, words + called.words},
                            cluster});
  return CUDA_SUCCESS;
}

} // namespace

extern "C" __attribute__((visibility("default"))) FakeCudaState *fakeCuda() { return &state; }

namespace lighthouse::runtime {

CUresult cuGetErrorName(CUresult error, const char **text) {
  *text = error == fakeError ? "CUDA_ERROR_UNKNOWN" : "CUDA_ERROR_OTHER";
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = error == fakeError ? "unknown error" : "another error";
  return CUDA_SUCCESS;
}
CUresult cuDriverGetVersion(int *version) {
#ifdef FAKE_CUDA_IS_OLD
  state.driverVersion = 11040;
#endif
  *version = state.driverVersion;
  return CUDA_SUCCESS;
}
CUresult cuInit(unsigned) { return enter("cuInit"); }

CUresult cuDeviceGetCount(int *count) {
  *count = state.deviceCount;
  return enter("cuDeviceGetCount");
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal;
  return enter("cuDeviceGet");
}
CUresult cuDeviceGetName(char *name, int bytes, CUdevice device) {
  std::strncpy(name, device == 0 ? "Fake H100" : "Fake A100", std::size_t(bytes));
  return enter("cuDeviceGetName");
}
CUresult cuDeviceTotalMem_v2(std::size_t *bytes, CUdevice) {
  *bytes = memoryBytes;
  return enter("cuDeviceTotalMem_v2");
}
CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = state.capabilities[std::size_t(device)][0];
    break;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = state.capabilities[std::size_t(device)][1];
    break;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    *value = sharedBytesPerBlock;
    break;
  default:
    *value = 1000 + attribute;
  }
  return enter("cuDeviceGetAttribute");
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  if (CUresult r = enter("cuDevicePrimaryCtxRetain"))
    return r;
  if (device < 0 || device > 1)
    return invalidDevice;
  std::lock_guard lock(state.mutex);
  ++state.live.retained[std::size_t(device)];
  *context = reinterpret_cast<CUcontext>(&contexts[device]);
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  {
    std::lock_guard lock(state.mutex);
    --state.live.retained[std::size_t(device)];
  }
  return enter("cuDevicePrimaryCtxRelease_v2");
}
CUresult cuCtxPushCurrent_v2(CUcontext context) {
  if (CUresult r = enter("cuCtxPushCurrent_v2"))
    return r;
  stack.push_back(reinterpret_cast<Context *>(context));
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (stack.empty())
    return invalidContext;
  *context = reinterpret_cast<CUcontext>(stack.back());
  stack.pop_back();
  return enter("cuCtxPopCurrent_v2");
}
CUresult cuCtxSynchronize() { return enterContext("cuCtxSynchronize", true); }

CUresult cuLinkCreate_v2(unsigned count, int *options, void **values, CUlinkState *link) {
  if (CUresult r = enterContext("cuLinkCreate_v2", false))
    return r;
  auto created = std::make_unique<LinkState>();
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
      created->errorLog = static_cast<char *>(values[i]);
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
      created->errorBytes = reinterpret_cast<std::size_t>(values[i]);
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES ||
        options[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
      created->sizes.push_back(&values[i]);
  }
  std::lock_guard lock(state.mutex);
  ++state.live.links;
  *link = reinterpret_cast<CUlinkState>(created.release());
  return CUDA_SUCCESS;
}
CUresult cuLinkAddData_v2(CUlinkState link, int type, void *data, std::size_t bytes, const char *,
                          unsigned, int *, void **) {
  if (CUresult r = enterContext("cuLinkAddData_v2", false))
    return r;
  auto *to = reinterpret_cast<LinkState *>(link);
  const std::string_view text(static_cast<char *>(data), bytes);
  if (type != CU_JIT_INPUT_PTX || text.find('\0') != bytes - 1)
    return invalidValue;
  to->ptx = text;
  if (text.find(".version") == text.npos) {
    std::strncpy(to->errorLog, "ptxas application ptx input, line 1; fatal: Missing .version\n",
                 to->errorBytes);
    return invalidPtx;
  }
  return CUDA_SUCCESS;
}
CUresult cuLinkComplete(CUlinkState link, void **cubin, std::size_t *bytes) {
  if (CUresult r = enterContext("cuLinkComplete", false))
    return r;
  auto *to = reinterpret_cast<LinkState *>(link);
  to->cubin = fakeCubin(archName(current()), to->ptx);
  *cubin = to->cubin.data();
  *bytes = to->cubin.size();
  return CUDA_SUCCESS;
}
CUresult cuLinkDestroy(CUlinkState link) {
  const std::unique_ptr<LinkState> destroyed(reinterpret_cast<LinkState *>(link));
  for (void **size : destroyed->sizes)
    *size = nullptr;
  {
    std::lock_guard lock(state.mutex);
    --state.live.links;
  }
  return enter("cuLinkDestroy");
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  if (CUresult r = enterContext("cuModuleLoadData", true))
    return r;
  const auto *bytes = static_cast<const char *>(image);
  std::uint64_t size = 0;
  std::memcpy(&size, bytes + 64 + 32, sizeof size);
  const std::string_view text(bytes + fakeCubinText, size);
  if (!text.starts_with("FAKECUBIN "))
    return invalidImage;
  if (!text.substr(10).starts_with(archName(current())))
    return noBinary;
  std::lock_guard lock(state.mutex);
  ++state.live.modules;
  *module = reinterpret_cast<CUmodule>(new Module{parseKernels(text, current())});
  return CUDA_SUCCESS;
}
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, int *options,
                            void **values) {
  if (CUresult r = enterContext("cuModuleLoadDataEx", true))
    return r;
  const std::string_view ptx(static_cast<const char *>(image));
  if (ptx.find(".version") == ptx.npos) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
        std::strcpy(static_cast<char *>(values[i]), "ptxas fatal: Missing .version\n");
    return invalidPtx;
  }
  std::lock_guard lock(state.mutex);
  ++state.live.modules;
  *module = reinterpret_cast<CUmodule>(new Module{parseKernels(ptx, current())});
  return CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule module) {
  delete reinterpret_cast<Module *>(module);
  {
    std::lock_guard lock(state.mutex);
    --state.live.modules;
  }
  return enterContext("cuModuleUnload", true);
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  if (CUresult r = enterContext("cuModuleGetFunction", false))
    return r;
  auto &functions = reinterpret_cast<Module *>(module)->functions;
  const auto found = functions.find(name);
  if (found == functions.end())
    return notFound;
  *function = reinterpret_cast<CUfunction>(&found->second);
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction) {
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    *value = state.maxThreads;
    break;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    *value = state.staticSharedBytes;
    break;
  default:
    *value = 10 * attribute;
  }
  return enterContext("cuFuncGetAttribute", false);
}
CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  if (CUresult r = enterContext("cuFuncSetAttribute", false))
    return r;
  std::lock_guard lock(state.mutex);
  auto &changed = *reinterpret_cast<Function *>(function);
  if (attribute == CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED) {
    changed.hasLargeClusters = value != 0;
    return CUDA_SUCCESS;
  }
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ||
      value + state.staticSharedBytes > sharedBytesPerBlock)
    return invalidValue;
  changed.maxDynamicShared = value;
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction, int threads,
                                                     std::size_t) {
  *blocks = 2048 / threads;
  return enterContext("cuOccupancyMaxActiveBlocksPerMultiprocessor", false);
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                        unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,
                        CUstream stream, void **parameters, void **extra) {
  if (CUresult r = enterContext("cuLaunchKernel", false))
    return r;
  return launch(function, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, stream,
                parameters, extra, {});
}

#ifndef FAKE_CUDA_IS_OLD
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters,
                          void **extra) {
  if (CUresult r = enterContext("cuLaunchKernelEx", false))
    return r;
  if (config->numAttrs != 1 || config->attrs->id != CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
    return invalidValue;
  const auto &[x, y, z] = config->attrs->value.clusterDim;
  const unsigned most = reinterpret_cast<Function *>(function)->hasLargeClusters ? 16 : 8;
  if (x == 0 || x > most || y != 1 || z != 1 || config->gridDimX % x != 0)
    return invalidClusterSize;
  return launch(function, {config->gridDimX, config->gridDimY, config->gridDimZ},
                {config->blockDimX, config->blockDimY, config->blockDimZ}, config->sharedMemBytes,
                config->hStream, parameters, extra, {x, y, z});
}

CUresult cuTensorMapEncodeTiled(void *map, int type, std::uint32_t rank, void *address,
                                const std::uint64_t *extents, const std::uint64_t *strides,
                                const std::uint32_t *box, const std::uint32_t *elementStrides,
                                int interleave, int swizzle, int l2Promotion, int fill) {
  if (CUresult r = enter("cuTensorMapEncodeTiled"))
    return r;
  const auto isMultiple = [](const void *pointer, std::uintptr_t of) {
    return reinterpret_cast<std::uintptr_t>(pointer) % of == 0;
  };
  if (!isMultiple(map, 64) || !isMultiple(address, 16) || !address || rank < 1 || rank > 5)
    return invalidValue;
  for (std::uint32_t i = 0; i < rank; ++i)
    if (extents[i] == 0 || box[i] == 0 || box[i] > 256 || elementStrides[i] != 1 ||
        (i + 1 < rank && (strides[i] % 16 != 0 || strides[i] >= std::uint64_t(1) << 40)))
      return invalidValue;
  std::lock_guard lock(state.mutex);
  const std::vector<std::int64_t> words = fakeTensorMapWords(state.tensorMaps.size());
  std::memcpy(map, words.data(), 128);
  state.tensorMaps.push_back({type,
                              address,
                              {extents, extents + rank},
                              {strides, strides + rank - 1},
                              {box, box + rank},
                              {elementStrides, elementStrides + rank},
                              interleave,
                              swizzle,
                              l2Promotion,
                              fill});
  return CUDA_SUCCESS;
}
#endif

CUresult cuMemAlloc_v2(CUdeviceptr *address, std::size_t bytes) {
  if (CUresult r = enterContext("cuMemAlloc_v2", true))
    return r;
  if (bytes > memoryBytes)
    return CUDA_ERROR_OUT_OF_MEMORY;
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(memory, 0, bytes);
  *address = reinterpret_cast<CUdeviceptr>(memory);
  std::lock_guard lock(state.mutex);
  state.allocations[*address] = {bytes, current()};
  ++state.live.allocations;
  return CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
  {
    std::lock_guard lock(state.mutex);
    if (state.allocations.erase(address) == 0)
      return invalidValue;
    --state.live.allocations;
  }
  std::free(reinterpret_cast<void *>(address));
  return enterContext("cuMemFree_v2", true);
}
CUresult cuMemcpy(CUdeviceptr destination, CUdeviceptr source, std::size_t bytes) {
  if (CUresult r = enterContext("cuMemcpy", true))
    return r;
  std::memcpy(reinterpret_cast<void *>(destination), reinterpret_cast<void *>(source), bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, std::size_t bytes) {
  if (CUresult r = enterContext("cuMemsetD8_v2", true))
    return r;
  std::memset(reinterpret_cast<void *>(address), value, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, std::size_t bytes,
                              CUstream) {
  if (CUresult r = enterContext("cuMemcpyDtoDAsync_v2", false))
    return r;
  std::memcpy(reinterpret_cast<void *>(destination), reinterpret_cast<void *>(source), bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, std::size_t bytes,
                         CUstream stream) {
  return set("cuMemsetD8Async", address, 0, value, bytes, 1, stream);
}
CUresult cuMemsetD16Async(CUdeviceptr address, unsigned short value, std::size_t count,
                          CUstream stream) {
  return set("cuMemsetD16Async", address, 0, value, count, 1, stream);
}
CUresult cuMemsetD32Async(CUdeviceptr address, unsigned value, std::size_t count, CUstream stream) {
  return set("cuMemsetD32Async", address, 0, value, count, 1, stream);
}
CUresult cuMemsetD2D8Async(CUdeviceptr address, std::size_t pitch, unsigned char value,
                           std::size_t width, std::size_t height, CUstream stream) {
  return set("cuMemsetD2D8Async", address, pitch, value, width, height, stream);
}
CUresult cuMemsetD2D16Async(CUdeviceptr address, std::size_t pitch, unsigned short value,
                            std::size_t width, std::size_t height, CUstream stream) {
  return set("cuMemsetD2D16Async", address, pitch, value, width, height, stream);
}
CUresult cuMemsetD2D32Async(CUdeviceptr address, std::size_t pitch, unsigned value,
                            std::size_t width, std::size_t height, CUstream stream) {
  return set("cuMemsetD2D32Async", address, pitch, value, width, height, stream);
}
CUresult cuPointerGetAttributes(unsigned count, int *attributes, void **values,
                                CUdeviceptr address) {
  if (CUresult r = enter("cuPointerGetAttributes"))
    return r;
  std::lock_guard lock(state.mutex);
  auto found = state.allocations.upper_bound(address);
  const bool known =
      found != state.allocations.begin() && (--found, address < found->first + found->second.first);
  for (unsigned i = 0; i < count; ++i)
    switch (attributes[i]) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      *static_cast<unsigned *>(values[i]) = known ? CU_MEMORYTYPE_DEVICE : 0;
      break;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
      *static_cast<unsigned char *>(values[i]) = 0;
      break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      *static_cast<int *>(values[i]) = known ? found->second.second : -2;
      break;
    default:
      return invalidValue;
    }
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  if (CUresult r = enterContext("cuStreamCreate", false))
    return r;
  auto *created = new StreamState{current(), flags != CU_STREAM_NON_BLOCKING};
  std::lock_guard lock(state.mutex);
  streams.insert(created);
  ++state.live.streams;
  *stream = reinterpret_cast<CUstream>(created);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy_v2(CUstream stream) {
  {
    std::lock_guard lock(state.mutex);
    StreamState *found = find(stream);
    if (!found)
      return invalidHandle;
    streams.erase(found);
    delete found;
    --state.live.streams;
  }
  return enter("cuStreamDestroy_v2");
}
CUresult cuStreamSynchronize(CUstream) { return enterContext("cuStreamSynchronize", true); }

CUresult cuEventCreate(CUevent *event, unsigned) {
  if (CUresult r = enterContext("cuEventCreate", false))
    return r;
  std::lock_guard lock(state.mutex);
  ++state.live.events;
  *event = reinterpret_cast<CUevent>(new int(0));
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent event) {
  delete reinterpret_cast<int *>(event);
  {
    std::lock_guard lock(state.mutex);
    --state.live.events;
  }
  return enter("cuEventDestroy_v2");
}
CUresult cuEventRecord(CUevent, CUstream) { return enterContext("cuEventRecord", false); }
CUresult cuEventSynchronize(CUevent) { return enterContext("cuEventSynchronize", true); }
CUresult cuEventElapsedTime(float *milliseconds, CUevent, CUevent) {
  *milliseconds = 0.5f;
  return enterContext("cuEventElapsedTime", true);
}

CUresult cuThreadExchangeStreamCaptureMode(int *mode) {
  std::swap(*mode, captureMode);
  const CUresult result = enter("cuThreadExchangeStreamCaptureMode");
  if (result != CUDA_SUCCESS && captureMode == CU_STREAM_CAPTURE_MODE_RELAXED)
    std::swap(*mode, captureMode);
  return result;
}
CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  if (CUresult r = enterContext("cuStreamIsCapturing", false))
    return r;
  std::lock_guard lock(state.mutex);
  if (!stream) {
    for (const StreamState *other : streams)
      if (other->capturing && other->blocking && other->device == current())
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    *status = 0;
    return CUDA_SUCCESS;
  }
  const StreamState *found = find(stream);
  if (!found)
    return invalidHandle;
  *status = found->capturing;
  return CUDA_SUCCESS;
}
CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
  if (CUresult r = enterContext("cuStreamBeginCapture_v2", false))
    return r;
  std::lock_guard lock(state.mutex);
  StreamState *found = find(stream);
  if (!found)
    return captureUnsupported;
  found->capturing = true;
  found->mode = mode;
  found->thread = std::this_thread::get_id();
  return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  {
    std::lock_guard lock(state.mutex);
    find(stream)->capturing = false;
  }
  if (CUresult r = enterContext("cuStreamEndCapture", false))
    return r;
  std::lock_guard lock(state.mutex);
  ++state.live.graphs;
  *graph = reinterpret_cast<CUgraph>(&state);
  return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph, unsigned long long) {
  if (CUresult r = enterContext("cuGraphInstantiateWithFlags", false))
    return r;
  std::lock_guard lock(state.mutex);
  ++state.live.graphs;
  *exec = reinterpret_cast<CUgraphExec>(&state);
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph) {
  {
    std::lock_guard lock(state.mutex);
    --state.live.graphs;
  }
  return enter("cuGraphDestroy");
}
CUresult cuGraphLaunch(CUgraphExec, CUstream) { return enterContext("cuGraphLaunch", false); }
CUresult cuGraphExecDestroy(CUgraphExec) {
  {
    std::lock_guard lock(state.mutex);
    --state.live.graphs;
  }
  return enter("cuGraphExecDestroy");
}

} // namespace lighthouse::runtime
