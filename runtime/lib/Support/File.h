//===- File.h - Whole files through a table of system calls -----*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_SUPPORT_FILE_H
#define LIGHTHOUSE_RUNTIME_LIB_SUPPORT_FILE_H

#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/SystemCalls.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lighthouse::runtime {

/// A file descriptor that is closed at the end of its scope.
class FileDescriptor {
public:
  explicit FileDescriptor(const SystemCalls &sys, int file = -1) : sys(&sys), file(file) {}
  FileDescriptor(FileDescriptor &&other) noexcept
      : sys(other.sys), file(std::exchange(other.file, -1)) {}
  FileDescriptor &operator=(FileDescriptor &&other) noexcept {
    std::swap(sys, other.sys);
    std::swap(file, other.file);
    return *this;
  }
  ~FileDescriptor() {
    if (file >= 0)
      sys->close(file);
  }

  explicit operator bool() const { return file >= 0; }
  int get() const { return file; }
  int release() { return std::exchange(file, -1); }

private:
  const SystemCalls *sys;
  int file;
};

/// Reads until the end of the file, but at most `limit` bytes. Returns 0 or an errno: EFBIG if
/// there are more, ENOMEM if there is no memory for them.
int readToEnd(const SystemCalls &sys, int file, std::uint64_t sizeHint, std::uint64_t limit,
              std::vector<std::uint8_t> &bytes);

/// Reads a regular file of the caller's choice. Errors: `NotFound` if there is none,
/// `InvalidArgument` if it is something else, `Corrupt` if it has more than `limit` bytes,
/// `OutOfMemory`, and `SystemError`.
Result<std::vector<std::uint8_t>> readRegularFile(const std::string &path, std::uint64_t limit);

/// Makes the directory `path` and its missing parents, with mode 0700. Returns 0 or an errno.
int makeDirectories(const SystemCalls &sys, const std::string &path);

/// Writes `bytes` to a new file `temporary` in `directory`, makes them durable, and renames it to
/// `name`. On failure the temporary file is removed. Returns 0 or an errno.
int writeAtomically(const SystemCalls &sys, int directory, const std::string &temporary,
                    const std::string &name, mode_t mode, std::span<const std::uint8_t> bytes);

/// "<host>.<pid>.<random>": unique among all writers that share a file system. The host has only
/// letters, digits and '-'.
std::string uniqueSuffix();

/// This host as it appears in `uniqueSuffix`.
std::string hostTag();

/// "No such file or directory".
std::string errorText(int error);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_SUPPORT_FILE_H
