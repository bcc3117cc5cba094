//===- File.cpp - Whole files through a table of system calls -------------===//

#include "File.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <new>
#include <system_error>

namespace lighthouse::runtime {

int readToEnd(const SystemCalls &sys, int file, std::uint64_t sizeHint, std::uint64_t limit,
              std::vector<std::uint8_t> &bytes) try {
  // One byte more than expected, so that the usual file ends in the second call.
  bytes.resize(std::min(sizeHint, limit) + 1);
  std::size_t used = 0;
  for (;;) {
    if (used > limit)
      return EFBIG;
    if (used == bytes.size())
      bytes.resize(std::min<std::uint64_t>(2 * bytes.size(), limit + 1));
    const ssize_t count = sys.read(file, bytes.data() + used, bytes.size() - used);
    if (count < 0)
      return errno;
    if (count == 0)
      break;
    used += std::size_t(count);
  }
  bytes.resize(used);
  return 0;
} catch (const std::bad_alloc &) {
  return ENOMEM;
}

Result<std::vector<std::uint8_t>> readRegularFile(const std::string &path, std::uint64_t limit) {
  const auto fail = [&](StatusCode code, std::string_view reason) {
    return Status(code, fmt::format("{}: {}", path, reason));
  };
  const SystemCalls &sys = SystemCalls::system();
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  FileDescriptor file(sys,
                      sys.openat(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  if (!file)
    return fail(errno == ENOENT || errno == ENOTDIR ? StatusCode::NotFound
                                                    : StatusCode::SystemError,
                errorText(errno));
  struct stat info;
  if (sys.fstat(file.get(), &info) != 0)
    return fail(StatusCode::SystemError, errorText(errno));
  if (!S_ISREG(info.st_mode))
    return fail(StatusCode::InvalidArgument, "not a regular file");
  std::vector<std::uint8_t> bytes;
  switch (int error = readToEnd(sys, file.get(), std::uint64_t(info.st_size), limit, bytes)) {
  case 0:
    return bytes;
  case EFBIG:
    return fail(StatusCode::Corrupt, fmt::format("more than {} bytes", limit));
  case ENOMEM:
    return fail(StatusCode::OutOfMemory, errorText(error));
  default:
    return fail(StatusCode::SystemError, errorText(error));
  }
}

int makeDirectories(const SystemCalls &sys, const std::string &path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (sys.mkdir(path.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST)
      return errno;
    if (end == std::string::npos)
      return 0;
  }
}

static int writeAll(const SystemCalls &sys, int file, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = sys.write(file, bytes.data(), bytes.size());
    if (count < 0)
      return errno;
    if (count == 0)
      return EIO;
    bytes = bytes.subspan(std::size_t(count));
  }
  return 0;
}

int writeAtomically(const SystemCalls &sys, int directory, const std::string &temporary,
                    const std::string &name, mode_t mode, std::span<const std::uint8_t> bytes) {
  FileDescriptor file(sys, sys.openat(directory, temporary.c_str(),
                                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file)
    return errno;
  int error = writeAll(sys, file.get(), bytes);
  // Durable before it is visible: a rename may survive a crash that loses the data.
  if (error == 0 && sys.fsync(file.get()) != 0)
    error = errno;
  // A network file system may report a failed write only here.
  if (sys.close(file.release()) != 0 && error == 0)
    error = errno;
  if (error == 0 && sys.renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    error = errno;
  if (error != 0)
    sys.unlinkat(directory, temporary.c_str(), 0);
  return error;
}

std::string hostTag() {
  std::array<char, 256> name = {};
  if (::gethostname(name.data(), name.size() - 1) != 0)
    return "unknown";
  std::string tag(name.data());
  tag.resize(std::min<std::size_t>(tag.size(), 64));
  for (char &c : tag)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
      c = '-';
  return tag.empty() ? "unknown" : tag;
}

std::string uniqueSuffix() {
  static std::atomic<std::uint64_t> counter = 0;
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != ssize_t(sizeof random))
    random = std::uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
  return fmt::format("{}.{}.{:016x}", hostTag(), ::getpid(), random + counter++);
}

std::string errorText(int error) { return std::generic_category().message(error); }

} // namespace lighthouse::runtime
