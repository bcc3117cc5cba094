//===- Border.h - What every function of the C interface needs --*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CAPI_BORDER_H
#define LIGHTHOUSE_RUNTIME_LIB_CAPI_BORDER_H

#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/lighthouse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

namespace lighthouse::runtime {

/// The message of the last failure on this thread.
inline std::string &lastError() {
  static thread_local std::string message;
  return message;
}

inline Status invalid(std::string message) {
  return Status(StatusCode::InvalidArgument, std::move(message));
}

/// Runs the body of an interface function. Keeps its message and stops every exception.
template <typename Body> lh_status guarded(const char *function, Body body) noexcept {
  StatusCode code = StatusCode::OutOfMemory;
  const auto run = [&]() -> Status {
    try {
      return body();
    } catch (const std::bad_alloc &) {
      return Status(StatusCode::OutOfMemory, "out of memory");
    } catch (const std::exception &error) {
      return Status(StatusCode::Internal, error.what());
    }
  };
  try {
    lastError().clear();
    const Status status = run();
    code = status.code();
    if (!status.ok())
      lastError() = fmt::format("{}: {}", function, status.message());
  } catch (...) {
    // No memory even for the message; the code has to do.
  }
  return static_cast<lh_status>(code);
}

/// Checks the size field of a caller's structure and copies its fields to `fields`; see the comment
/// at the top of lighthouse.h. `oldestBytes` is the size it had in the first version.
template <typename T>
Status readStruct(std::string_view what, const T *value, std::size_t oldestBytes, T &fields) {
  if (!value)
    return invalid(fmt::format("{} is null", what));
  // A size beyond this is a forgotten initialisation, not a structure of a later version.
  constexpr std::size_t largest = 4096;
  const std::size_t size = value->struct_size;
  if (size < oldestBytes || size > largest)
    return invalid(fmt::format("{}->struct_size is {}; expected {}", what, size, sizeof(T)));
  const auto *bytes = reinterpret_cast<const unsigned char *>(value);
  if (size > sizeof(T) &&
      std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char byte) { return byte != 0; }))
    return invalid(fmt::format("{} uses fields of a later version than this runtime knows", what));
  std::memcpy(&fields, value, std::min(size, sizeof(T)));
  return {};
}

/// Copies `fields` to the caller's structure, as far as the caller knows them.
template <typename T> void writeStruct(const T &fields, T *value) {
  std::memcpy(value, &fields, std::min(fields.struct_size, sizeof(T)));
}

/// Fills `info` from element `index` of `specs`, each with a name, a dtype and, unless it is a scalar,
/// a shape, which `owner` keeps alive.
template <typename Specs>
Status describeElement(std::string_view owner, const Specs &specs, std::size_t index,
                       lh_tensor_info *info) {
  lh_tensor_info fields = {};
  if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
    return status;
  if (index >= specs.size())
    return invalid(fmt::format("index is {}; the {} has {}", index, owner, specs.size()));
  const auto &spec = specs[index];
  fields.name = spec.name.c_str();
  fields.dtype = std::int32_t(spec.dtype);
  fields.rank = 0;
  fields.shape = nullptr;
  if constexpr (requires { spec.shape; }) {
    fields.rank = std::int32_t(spec.shape.size());
    fields.shape = spec.shape.data();
  }
  writeStruct(fields, info);
  return {};
}

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CAPI_BORDER_H
