//===- Status.h - Error values of the runtime -------------------*- C++ -*-===//
//
// The runtime reports every failure as a value: `Status` is a code and a message, `Result<T>` is
// a value or a failed status. No exception leaves the C interface. None but std::bad_alloc leaves
// the C++ interface, and that only for small objects: no memory for what a file or an artifact
// holds is the status `OutOfMemory`.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_STATUS_H
#define LIGHTHOUSE_RUNTIME_STATUS_H

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lighthouse::runtime {

/// Why an operation failed. The values are those of `lh_status` in the C API.
enum class StatusCode : int {
  Ok = 0,
  /// The request itself is wrong; repeating it fails again.
  InvalidArgument = 1,
  /// A handle that was never given out, or was released.
  InvalidHandle = 2,
  /// A file or an entry does not exist.
  NotFound = 3,
  /// Bytes that are not what a checksum, a bound or a format says they must be.
  Corrupt = 4,
  /// Well formed, but not for this machine or this version.
  Unsupported = 5,
  /// The operating system refused (I/O, permissions, mapping memory).
  SystemError = 6,
  /// Memory could not be had.
  OutOfMemory = 7,
  /// A broken invariant of the runtime: a bug to report.
  Internal = 8,
  /// The CUDA driver reported an error.
  DriverError = 9,
};

/// The name of a code as printed in messages, for example "invalid argument".
std::string_view statusCodeName(StatusCode code);

/// Success, or a code with a message for people.
class [[nodiscard]] Status {
public:
  /// Success.
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::Ok; }
  StatusCode code() const { return code_; }
  const std::string &message() const { return message_; }

  /// "<code name>: <message>", or "ok".
  std::string toString() const;

  /// The same failure with "<context>: " in front of its message; success is unchanged.
  Status withContext(std::string_view context) &&;

private:
  StatusCode code_ = StatusCode::Ok;
  std::string message_;
};

/// A `T`, or the status that says why there is none. Check `ok()` before using the value.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value_(std::move(value)) {}
  /// Precondition: `!status.ok()`. A successful status without a value becomes an internal error.
  Result(Status status) : status_(std::move(status)) {
    if (status_.ok())
      status_ = Status(StatusCode::Internal, "a result without a value");
  }

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  /// Success, or the failure.
  const Status &status() const { return status_; }

  T &operator*() & { return *value_; }
  const T &operator*() const & { return *value_; }
  T &&operator*() && { return std::move(*value_); }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

private:
  std::optional<T> value_;
  Status status_;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_STATUS_H
