//===- Status.cpp - Error values of the runtime ---------------------------===//

#include "lighthouse/runtime/Status.h"

namespace lighthouse::runtime {

std::string_view statusCodeName(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "ok";
  case StatusCode::InvalidArgument:
    return "invalid argument";
  case StatusCode::InvalidHandle:
    return "invalid handle";
  case StatusCode::NotFound:
    return "not found";
  case StatusCode::Corrupt:
    return "corrupt data";
  case StatusCode::Unsupported:
    return "unsupported";
  case StatusCode::SystemError:
    return "system error";
  case StatusCode::OutOfMemory:
    return "out of memory";
  case StatusCode::Internal:
    return "internal error";
  case StatusCode::DriverError:
    return "driver error";
  }
  return "unknown status";
}

std::string Status::toString() const {
  std::string text(statusCodeName(code_));
  if (!message_.empty())
    text.append(": ").append(message_);
  return text;
}

Status Status::withContext(std::string_view context) && {
  if (!ok())
    message_.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

} // namespace lighthouse::runtime
