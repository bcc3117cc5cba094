//===- Files.cpp - Files that are written whole or not at all -------------===//

#include "support/Files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace lighthouse::support {

using runtime::Status;
using runtime::StatusCode;

/// Returns 0 or an errno.
static int writeParts(std::FILE *stream, std::initializer_list<std::string_view> parts) {
  int error = 0;
  for (std::string_view part : parts)
    if (!error && std::fwrite(part.data(), 1, part.size(), stream) != part.size())
      error = errno;
  // What is buffered is written only now.
  if (std::fclose(stream) != 0 && !error)
    error = errno;
  return error;
}

/// Returns 0 or an errno.
static int write(const std::string &path, std::initializer_list<std::string_view> parts) {
  struct stat old;
  const bool exists = ::lstat(path.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) {
    std::FILE *stream = std::fopen(path.c_str(), "wb");
    return stream ? writeParts(stream, parts) : errno;
  }
  // Who may not write a file may not replace it, either.
  if (exists && ::access(path.c_str(), W_OK) != 0)
    return errno;
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  std::FILE *stream = std::fopen(temporary.c_str(), "wbx");
  if (!stream)
    return errno;
  int error = exists && ::fchmod(::fileno(stream), old.st_mode & 07777) != 0 ? errno : 0;
  if (int failed = writeParts(stream, parts))
    error = failed;
  if (!error && std::rename(temporary.c_str(), path.c_str()) != 0)
    error = errno;
  if (error)
    std::remove(temporary.c_str());
  return error;
}

Status writeFile(const std::string &path, std::initializer_list<std::string_view> parts) {
  if (int error = write(path, parts))
    return {StatusCode::SystemError,
            fmt::format("cannot write {}: {}", path, std::strerror(error))};
  return {};
}

} // namespace lighthouse::support
