//===- Driver.cpp - The CUDA driver library, opened at run time -----------===//

#include "Driver.h"

#include "lighthouse/runtime/Environment.h"

#include <fmt/format.h>

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>

namespace lighthouse::runtime {

/// The driver of this process. Never destroyed: threads may still use it while the process exits.
static std::atomic<const Driver *> opened = nullptr;

/// The process that opened or is opening the driver, else 0. It is its own lock, so that a child
/// forked in the middle sees at once that it is not the owner, instead of waiting for ever.
static std::atomic<pid_t> owner = 0;

static Status forkedStatus() {
  return Status(StatusCode::Unsupported,
                "this process was forked from one that uses the CUDA driver, which does not "
                "survive a fork; start it with exec, or use CUDA only after the fork (in Python: "
                "multiprocessing with 'spawn')");
}

std::string formatDriverVersion(int version) {
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

Status Driver::status(CUresult result, const char *function, std::source_location place) const {
  if (result == CUDA_SUCCESS)
    return {};
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName.raw(result, &name);
  cuGetErrorString.raw(result, &text);
  // The path without what lies above the project, which differs from build to build.
  std::string_view file = place.file_name();
  if (const std::size_t at = file.rfind("runtime/lib/"); at != std::string_view::npos)
    file.remove_prefix(at);
  return Status(result == CUDA_ERROR_OUT_OF_MEMORY ? StatusCode::OutOfMemory
                                                   : StatusCode::DriverError,
                fmt::format("{}: {} ({}): {} [{}:{}]", function, name ? name : "unknown error",
                            result, text ? text : "no description", file, place.line()));
}

Status Driver::missing(const char *function, int since) const {
  return Status(StatusCode::Unsupported,
                fmt::format("the CUDA driver {} ({}) lacks the function {}; a driver for {} or "
                            "later is needed",
                            path, formatDriverVersion(version), function,
                            formatDriverVersion(since)));
}

Status Driver::checkProcess() const { return owner == ::getpid() ? Status() : forkedStatus(); }

Status Driver::open(const std::string &library) {
  // Never closed, whatever happens: a driver that has started threads must stay.
  void *handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Status(StatusCode::Unsupported, fmt::format("no CUDA driver: {}", ::dlerror()));
  path = library;
  const char *lacking = nullptr;
#define CUDA_SYMBOL(function, parameters)                                                          \
  function.driver = this;                                                                          \
  function.name = #function;                                                                       \
  function.pointer = reinterpret_cast<CUresult(*) parameters>(::dlsym(handle, #function));         \
  if (!function.pointer && function.since == 0 && !lacking)                                        \
    lacking = #function;
#define CUDA_OPTIONAL_SYMBOL(function, parameters, version)                                        \
  function.since = version;                                                                        \
  CUDA_SYMBOL(function, parameters)
#include "Symbols.def"

  if (Dl_info info;
      cuInit.pointer && ::dladdr(reinterpret_cast<void *>(cuInit.pointer), &info) != 0)
    path = info.dli_fname;
  // The version is only that of CUDA, which many builds share. The links to the library end in a
  // file that is named after its build; the size is for files that are not.
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(path, error);
  const std::uintmax_t bytes = std::filesystem::file_size(file, error);
  if (!error)
    build = fmt::format("{}, {} bytes", file.filename().string(), bytes);
  if (cuDriverGetVersion.pointer)
    cuDriverGetVersion.raw(&version);
  return lacking ? missing(lacking, /*since=*/11040) : Status();
}

Result<const Driver *> Driver::get() {
  const pid_t process = ::getpid();
  while (true) {
    pid_t current = owner;
    if (current != 0 && current != process)
      return forkedStatus();
    if (const Driver *driver = opened)
      return driver;
    if (current != 0 || !owner.compare_exchange_strong(current, process)) {
      // Another thread is opening it, which takes a moment.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }

    // Also if memory runs out, so that the others do not wait for ever.
    const struct GiveBack {
      ~GiveBack() {
        if (!opened)
          owner = 0;
      }
    } giveBack = {};
    std::unique_ptr<Driver> driver(new Driver());
    Status status;
    if (auto library = environment::cudaLibrary.get()) {
      status = driver->open(*library);
    } else {
      status = driver->open("libcuda.so.1");
      // If there is neither, the message is about the usual name.
      if (!status.ok() && driver->path.empty())
        if (Status other = driver->open("libcuda.so"); !driver->path.empty())
          status = other;
    }
    if (status.ok())
      status = driver->cuInit(0);
    if (!status.ok())
      return status;
    opened = driver.release();
  }
}

} // namespace lighthouse::runtime
