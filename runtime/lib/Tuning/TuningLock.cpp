//===- TuningLock.cpp - One process at a time changes a table -------------===//

#include "lighthouse/runtime/Tuning.h"

#include "../Support/File.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace lighthouse::runtime {

Result<TuningLock> TuningLock::acquire(const std::string &path) {
  const std::string name = path + ".lock";
  const auto fail = [&](int error) {
    return Status(StatusCode::SystemError,
                  fmt::format("cannot lock {}: {}", name, errorText(error)));
  };
  const std::filesystem::path folder = std::filesystem::path(name).parent_path();
  if (!folder.empty())
    if (int error = makeDirectories(SystemCalls::system(), folder.string()))
      return fail(error);
  const int file = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(errno);
  TuningLock lock(file);
  // It belongs to the open file, so that threads of one process exclude each other, too.
  while (flock(file, LOCK_EX) != 0)
    if (errno != EINTR)
      return fail(errno);
  return lock;
}

TuningLock::~TuningLock() {
  if (file >= 0)
    close(file);
}

} // namespace lighthouse::runtime
