//===- Driver.h - The CUDA driver library, opened at run time ---*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_DRIVER_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_DRIVER_H

#include "lighthouse/runtime/Status.h"

#include "CudaTypes.h"

#include <source_location>
#include <string>

namespace lighthouse::runtime {

class Driver;

/// A function of the driver. Calling it gives a `Status` whose message has the error's name and
/// text, the function's name, and the place of the call.
template <typename Signature> class DriverFunction;
template <typename... Args> class DriverFunction<CUresult(Args...)> {
public:
  Status operator()(Args... args,
                    std::source_location place = std::source_location::current()) const {
    return pointer ? status(pointer(args...), place) : missing();
  }

  /// Fails, as a call would, if the driver lacks this function.
  Status available() const { return pointer ? Status() : missing(); }

  /// The call without the status, for callers to whom some errors are answers.
  CUresult raw(Args... args) const { return pointer(args...); }

  /// The status of a result of `raw`.
  Status status(CUresult result,
                std::source_location place = std::source_location::current()) const;

private:
  friend class Driver;
  /// The status of a call of a function that only later drivers have.
  Status missing() const;

  const Driver *driver = nullptr;
  const char *name = nullptr;
  /// Optional functions: the first version of CUDA that has them.
  int since = 0;
  CUresult (*pointer)(Args...) = nullptr;
};

/// The driver of this process: opened and initialised at the first use, never closed.
class Driver {
public:
  /// Opens LIGHTHOUSE_CUDA_LIBRARY, else libcuda.so.1, else libcuda.so, and calls cuInit. After a
  /// failure the next call tries again.
  ///
  /// Errors: `Unsupported` without a driver, with one that is too old, and in a process that was
  /// forked from one that uses the driver, where no call of it may be made; `DriverError` if it
  /// does not start.
  static Result<const Driver *> get();

  /// The status of what `function` returned; success for `CUDA_SUCCESS`.
  Status status(CUresult result, const char *function, std::source_location place) const;

  /// The status of calling a function that this driver lacks.
  Status missing(const char *function, int since) const;

  /// Fails in a process that was forked from the one that opened this driver.
  Status checkProcess() const;

  /// 12040 for CUDA 12.4.
  int version = 0;
  /// Of the library file.
  std::string path;
  /// See `cuda::DriverInfo`.
  std::string build;

#define CUDA_SYMBOL(name, parameters) DriverFunction<CUresult parameters> name;
#include "Symbols.def"

private:
  Driver() = default;
  /// Opens the library and resolves all functions.
  Status open(const std::string &library);
};

/// "CUDA 12.4".
std::string formatDriverVersion(int version);

template <typename... Args>
Status DriverFunction<CUresult(Args...)>::status(CUresult result,
                                                 std::source_location place) const {
  return driver->status(result, name, place);
}

template <typename... Args> Status DriverFunction<CUresult(Args...)>::missing() const {
  return driver->missing(name, since);
}

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_DRIVER_H
