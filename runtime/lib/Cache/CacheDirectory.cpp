//===- CacheDirectory.cpp - A checked directory and its files -------------===//

#include "CacheDirectory.h"

#include "lighthouse/runtime/Artifact.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

namespace lighthouse::runtime {

static constexpr std::string_view entrySuffix = ".lha";
static constexpr std::string_view quarantineSuffix = ".corrupt";
static constexpr std::string_view temporaryPrefix = "tmp.";
static constexpr std::size_t digestDigits = 64;
static constexpr std::int64_t staleSeconds = 3600;

std::string entryName(std::string_view digest) { return std::string(digest).append(entrySuffix); }

std::string quarantineName(std::string_view digest) {
  return std::string(digest).append(quarantineSuffix);
}

std::string_view digestOf(const CacheFile &file) {
  return std::string_view(file.name).substr(0, digestDigits);
}

/// Which kind of file has this name, if it is one of ours.
static std::optional<CacheFile::Kind> kindOf(std::string_view name) {
  if (name.starts_with(temporaryPrefix))
    return CacheFile::Kind::Temporary;
  const auto isHex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (name.size() < digestDigits || !std::ranges::all_of(name.substr(0, digestDigits), isHex))
    return std::nullopt;
  const std::string_view suffix = name.substr(digestDigits);
  if (suffix == entrySuffix)
    return CacheFile::Kind::Entry;
  if (suffix == quarantineSuffix)
    return CacheFile::Kind::Quarantined;
  return std::nullopt;
}

static Trouble trouble(std::string_view action, std::string_view name, int error = errno) {
  return {error, fmt::format("cannot {} {}: {}", action, name, errorText(error))};
}

/// Whether only this user can have written it.
static bool isPrivate(const SystemCalls &sys, const struct stat &info) {
  return info.st_uid == sys.geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Trouble CacheDirectory::open(const std::string &path, bool create) {
  const auto tryOpen = [&] {
    directory = FileDescriptor(sys, sys.openat(AT_FDCWD, path.c_str(),
                                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
    return bool(directory);
  };
  if (!tryOpen()) {
    if (errno == ENOTDIR || errno == ELOOP)
      return {errno, path + " is a symbolic link, or not a directory"};
    if (errno != ENOENT || !create)
      return trouble("open", path);
    if (int error = makeDirectories(sys, path))
      return trouble("make the directory", path, error);
    if (!tryOpen())
      return trouble("open", path);
  }

  struct stat info;
  if (sys.fstat(directory.get(), &info) != 0)
    return trouble("examine", path);
  if (info.st_uid != sys.geteuid())
    return {EPERM, fmt::format("{} belongs to user {}, not to this one", path, info.st_uid)};
  if (!isPrivate(sys, info))
    return {EPERM, fmt::format("{} may be written by other users (mode {:o}); chmod go-w allows it",
                               path, info.st_mode & 07777)};
  return {};
}

Trouble CacheDirectory::read(const std::string &name, ReadOutcome &outcome,
                             std::vector<std::uint8_t> &bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  FileDescriptor file(sys, sys.openat(directory.get(), name.c_str(),
                                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0));
  if (!file) {
    if (errno == ENOENT || errno == ELOOP || errno == ENXIO) {
      outcome = errno == ENOENT ? ReadOutcome::Absent : ReadOutcome::Unsafe;
      return {};
    }
    return trouble("open", name);
  }
  struct stat info;
  if (sys.fstat(file.get(), &info) != 0)
    return trouble("examine", name);
  if (!S_ISREG(info.st_mode) || !isPrivate(sys, info)) {
    outcome = ReadOutcome::Unsafe;
    return {};
  }
  const int error =
      readToEnd(sys, file.get(), std::uint64_t(info.st_size), ArtifactLimits::fileBytes, bytes);
  if (error != 0 && error != EFBIG)
    return trouble("read", name, error);
  outcome = error == EFBIG ? ReadOutcome::TooLarge : ReadOutcome::Read;
  // The clock of the pruning order. Failing to set it costs at most an early removal.
  sys.futimens(file.get(), nullptr);
  return {};
}

Trouble CacheDirectory::write(const std::string &name, std::span<const std::uint8_t> bytes) {
  const std::string temporary = std::string(temporaryPrefix) + uniqueSuffix();
  if (int error = writeAtomically(sys, directory.get(), temporary, name, 0600, bytes))
    return trouble("write", name, error);
  return {};
}

Trouble CacheDirectory::rename(const std::string &from, const std::string &to) {
  if (sys.renameat(directory.get(), from.c_str(), directory.get(), to.c_str()) != 0)
    return trouble("rename", from);
  return {};
}

Trouble CacheDirectory::remove(const std::string &name, bool &removed) {
  removed = sys.unlinkat(directory.get(), name.c_str(), 0) == 0;
  if (!removed && errno != ENOENT)
    return trouble("remove", name);
  return {};
}

Trouble CacheDirectory::scan(std::vector<CacheFile> &files) {
  files.clear();
  // A descriptor of its own, because closedir closes it.
  FileDescriptor copy(
      sys, sys.openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!copy)
    return trouble("list", "the cache");
  const auto close = [this](DIR *stream) { sys.closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(sys.fdopendir(copy.get()), close);
  if (!stream)
    return trouble("list", "the cache");
  copy.release();

  for (;;) {
    errno = 0;
    const struct dirent *item = sys.readdir(stream.get());
    if (!item)
      return errno == 0 ? Trouble() : trouble("list", "the cache");
    const std::string name = item->d_name;
    const std::optional<CacheFile::Kind> kind = kindOf(name);
    if (!kind)
      continue;
    struct stat info;
    if (sys.fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      // Renamed or removed by another process meanwhile.
      if (errno == ENOENT)
        continue;
      return trouble("examine", name);
    }
    if (S_ISREG(info.st_mode))
      files.push_back({name, *kind, std::uint64_t(info.st_size),
                       std::int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec});
  }
}

bool CacheDirectory::isStale(const CacheFile &temporary) {
  // tmp.<host>.<pid>.<random>
  const std::string ours = fmt::format("{}{}.", temporaryPrefix, hostTag());
  if (temporary.name.starts_with(ours)) {
    const char *begin = temporary.name.data() + ours.size();
    int pid = 0;
    const auto parsed = std::from_chars(begin, temporary.name.data() + temporary.name.size(), pid);
    if (parsed.ec == std::errc() && pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
      return true;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t age = std::chrono::nanoseconds(now).count() - temporary.lastUsed;
  return age > staleSeconds * 1'000'000'000;
}

} // namespace lighthouse::runtime
