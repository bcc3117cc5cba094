//===- Cache.cpp - Artifacts on disk, one file per key --------------------===//

#include "lighthouse/runtime/Cache.h"

#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/Sha256.h"

#include "../Support/Warning.h"
#include "CacheDirectory.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>

namespace lighthouse::runtime {

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// `directory` made absolute, so that a later chdir does not move the cache, and without a slash at
/// the end, which would make O_NOFOLLOW follow a link.
static std::string normalDirectory(const std::string &directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(directory, error).lexically_normal();
  if (error)
    return directory;
  if (!path.has_filename())
    path = path.parent_path();
  return path.string();
}

CacheOptions CacheOptions::fromEnvironment() {
  CacheOptions options;
  const auto xdg = environment::xdgCacheHome.get();
  if (auto directory = environment::cacheDir.get())
    options.directory = *directory;
  else if (xdg && xdg->front() == '/') // The XDG specification has relative paths ignored.
    options.directory = *xdg + "/lighthouse";
  else if (auto home = environment::home.get())
    options.directory = *home + "/.cache/lighthouse";
  else
    options.disabledReason = "neither LIGHTHOUSE_CACHE_DIR, XDG_CACHE_HOME nor HOME is set";

  if (auto limit = environment::cacheLimit.get()) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(limit->data(), limit->data() + limit->size(), value);
    if (parsed.ec == std::errc() && parsed.ptr == limit->data() + limit->size())
      options.limitBytes = value;
    else
      warnOnStderr(fmt::format("{} is '{}', expected a number of bytes; {} is used",
                               environment::cacheLimit.name, *limit, options.limitBytes));
  }
  return options;
}

//===----------------------------------------------------------------------===//
// Implementation
//===----------------------------------------------------------------------===//

/// Errors that may be gone at the second try, on network file systems above all.
static bool isTransient(int error) {
  return error == ESTALE || error == EBUSY || error == EIO || error == ENOENT || error == EINTR;
}

/// Does `attempt` once more if its trouble may be transient.
template <typename Attempt> static Trouble retryOnce(Attempt attempt) {
  Trouble trouble = attempt();
  return isTransient(trouble.error) ? attempt() : trouble;
}

static Status checkKey(std::string_view key) {
  if (key.empty() || key.size() > ArtifactLimits::keyBytes)
    return Status(StatusCode::InvalidArgument, fmt::format("a key has 1 to {} bytes, found {}",
                                                           ArtifactLimits::keyBytes, key.size()));
  return {};
}

struct Cache::Impl {
  /// Each kind of warning is given once.
  enum Warning { Bypassed, Broken, Refused, numWarnings };

  CacheOptions options;
  const SystemCalls &sys;
  std::array<std::atomic<bool>, numWarnings> warned = {};
  std::atomic<std::uint64_t> hits = 0, misses = 0, corrupt = 0, refused = 0, published = 0,
                             bypassed = 0, pruned = 0, swept = 0;

  explicit Impl(CacheOptions given)
      : options(std::move(given)),
        sys(options.systemCalls ? *options.systemCalls : SystemCalls::system()) {
    if (!options.directory.empty())
      options.directory = normalDirectory(options.directory);
    if (!options.warn)
      options.warn = warnOnStderr;
  }

  void warnOnce(Warning kind, const std::string &message) {
    if (!warned[kind].exchange(true))
      options.warn(message);
  }

  /// Counts trouble that makes the caller go on without the cache.
  void bypass(const Trouble &trouble) {
    ++bypassed;
    warnOnce(Bypassed, fmt::format("going on without the artifact cache: {}", trouble.what));
  }

  /// Whether there is a directory at all.
  bool isEnabled() {
    if (!options.directory.empty())
      return true;
    ++bypassed;
    if (!options.disabledReason.empty())
      warnOnce(Bypassed, "going on without the artifact cache: " + options.disabledReason);
    return false;
  }

  /// Moves a broken entry aside. That it cannot be moved is no reason to fail: publishing the
  /// entry anew replaces it.
  void quarantine(CacheDirectory &directory, const std::string &digest, std::string_view reason) {
    ++corrupt;
    (void)directory.rename(entryName(digest), quarantineName(digest));
    warnOnce(Broken, fmt::format("the cache entry {}/{} is broken and was moved aside: {}",
                                 options.directory, entryName(digest), reason));
  }

  Trouble lookupOnce(std::string_view key, const std::string &digest,
                     std::optional<Artifact> &found) {
    CacheDirectory directory(sys);
    // Nothing was published yet.
    if (Trouble t = directory.open(options.directory, /*create=*/false))
      return t.error == ENOENT ? Trouble() : t;

    ReadOutcome outcome = ReadOutcome::Absent;
    std::vector<std::uint8_t> bytes;
    if (Trouble t = directory.read(entryName(digest), outcome, bytes))
      return t;
    switch (outcome) {
    case ReadOutcome::Absent:
      return {};
    case ReadOutcome::Unsafe:
      ++refused;
      warnOnce(Refused, fmt::format("the cache entry {}/{} is not a regular file that only this "
                                    "user can write; it is not used",
                                    options.directory, entryName(digest)));
      return {};
    case ReadOutcome::TooLarge:
      quarantine(directory, digest, "it is larger than any artifact");
      return {};
    case ReadOutcome::Read:
      break;
    }
    Result<Artifact> artifact = Artifact::deserialize(bytes);
    if (artifact.status().code() == StatusCode::OutOfMemory)
      return {ENOMEM, fmt::format("{}: {}", entryName(digest), artifact.status().message())};
    if (!artifact)
      quarantine(directory, digest, artifact.status().message());
    else if (artifact->key != key)
      quarantine(directory, digest, "it has another key");
    else
      found = *std::move(artifact);
    return {};
  }

  /// Sweeps the left-overs of dead writers and prunes to `limitBytes`, or removes everything if
  /// there is none. Goes on after a file that cannot be removed; returns the first trouble.
  Trouble pruneOnce(CacheDirectory &directory, std::optional<std::uint64_t> limitBytes,
                    std::uint64_t &removed) {
    std::vector<CacheFile> files;
    if (Trouble t = directory.scan(files))
      return t;
    Trouble first;
    std::uint64_t sweptNow = 0;
    const auto remove = [&](const CacheFile &file, std::uint64_t &counter) {
      bool gone = false;
      Trouble t = directory.remove(file.name, gone);
      counter += gone;
      if (t && !first)
        first = t;
      return !t;
    };

    const auto firstTemporary = std::ranges::partition(files, [](const CacheFile &file) {
                                  return file.kind != CacheFile::Kind::Temporary;
                                }).begin();
    for (auto file = firstTemporary; file != files.end(); ++file)
      if (CacheDirectory::isStale(*file))
        remove(*file, sweptNow);
    swept += sweptNow;
    files.erase(firstTemporary, files.end());

    std::uint64_t total = 0;
    for (const CacheFile &file : files)
      total += file.bytes;
    // Broken entries go first, then those unused for longest.
    std::ranges::sort(files, {}, [](const CacheFile &file) {
      return std::pair(file.kind == CacheFile::Kind::Entry, file.lastUsed);
    });
    for (const CacheFile &file : files) {
      if (limitBytes && total <= *limitBytes)
        break;
      if (remove(file, removed))
        total -= file.bytes;
    }
    return first;
  }

  /// Opens the directory and runs `operation` on it, retried once; trouble becomes a status. A
  /// directory that does not exist is left alone.
  template <typename Operation> Status inDirectory(Operation operation) {
    if (options.directory.empty())
      return Status(StatusCode::NotFound, "there is no artifact cache: " + options.disabledReason);
    const Trouble trouble = retryOnce([&]() -> Trouble {
      CacheDirectory directory(sys);
      if (Trouble t = directory.open(options.directory, /*create=*/false))
        return t.error == ENOENT ? Trouble() : t;
      return operation(directory);
    });
    return trouble ? Status(StatusCode::SystemError, trouble.what) : Status();
  }

  /// Prunes on request, see `pruneOnce`; returns how many entries were removed.
  Result<std::uint64_t> removeEntries(std::optional<std::uint64_t> limitBytes) {
    std::uint64_t removed = 0;
    Status status = inDirectory(
        [&](CacheDirectory &directory) { return pruneOnce(directory, limitBytes, removed); });
    pruned += removed;
    if (!status.ok())
      return status;
    return removed;
  }
};

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

Cache::Cache(CacheOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Cache::~Cache() = default;
Cache::Cache(Cache &&) noexcept = default;
Cache &Cache::operator=(Cache &&) noexcept = default;

const std::string &Cache::path() const { return impl_->options.directory; }

Result<std::optional<Artifact>> Cache::lookup(std::string_view key) {
  if (Status status = checkKey(key); !status.ok())
    return status;
  std::optional<Artifact> found;
  if (impl_->isEnabled()) {
    const std::string digest = toHex(sha256(key));
    if (Trouble t = retryOnce([&] { return impl_->lookupOnce(key, digest, found); }))
      impl_->bypass(t);
  }
  ++(found ? impl_->hits : impl_->misses);
  return found;
}

Status Cache::publish(std::string_view key, std::span<const std::uint8_t> bytes) {
  if (Status status = checkKey(key); !status.ok())
    return status;
  Result<Artifact> artifact = Artifact::deserialize(bytes);
  if (!artifact || artifact->key != key)
    return Status(StatusCode::InvalidArgument,
                  "the bytes to publish are no artifact with this key" +
                      (artifact ? "" : ": " + artifact.status().message()));
  if (!impl_->isEnabled())
    return {};
  if (bytes.size() > impl_->options.limitBytes) {
    impl_->bypass({EFBIG, fmt::format("an artifact of {} bytes is over the limit of {} bytes",
                                      bytes.size(), impl_->options.limitBytes)});
    return {};
  }

  const std::string name = entryName(toHex(sha256(key)));
  Trouble trouble = retryOnce([&]() -> Trouble {
    CacheDirectory directory(impl_->sys);
    if (Trouble t = directory.open(impl_->options.directory, /*create=*/true))
      return t;
    return directory.write(name, bytes);
  });
  if (!trouble) {
    ++impl_->published;
    std::uint64_t removed = 0;
    trouble = retryOnce([&]() -> Trouble {
      CacheDirectory directory(impl_->sys);
      if (Trouble t = directory.open(impl_->options.directory, /*create=*/false))
        return t;
      return impl_->pruneOnce(directory, impl_->options.limitBytes, removed);
    });
    impl_->pruned += removed;
  }
  if (trouble)
    impl_->bypass(trouble);
  return {};
}

Result<std::vector<CacheEntry>> Cache::list() {
  std::vector<CacheFile> files;
  if (Status status =
          impl_->inDirectory([&](CacheDirectory &directory) { return directory.scan(files); });
      !status.ok())
    return status;
  std::ranges::sort(files, std::greater(), &CacheFile::lastUsed);
  std::vector<CacheEntry> entries;
  for (const CacheFile &file : files)
    if (file.kind == CacheFile::Kind::Entry)
      entries.push_back({std::string(digestOf(file)), file.bytes, file.lastUsed});
  return entries;
}

Result<std::uint64_t> Cache::prune(std::optional<std::uint64_t> limitBytes) {
  return impl_->removeEntries(limitBytes.value_or(impl_->options.limitBytes));
}

Result<std::uint64_t> Cache::clear() { return impl_->removeEntries(std::nullopt); }

Result<CacheStats> Cache::stats() {
  std::vector<CacheFile> files;
  if (Status status =
          impl_->inDirectory([&](CacheDirectory &directory) { return directory.scan(files); });
      !status.ok())
    return status;
  CacheStats stats;
  for (const CacheFile &file : files) {
    if (file.kind == CacheFile::Kind::Temporary)
      continue;
    stats.bytes += file.bytes;
    ++(file.kind == CacheFile::Kind::Entry ? stats.entries : stats.quarantined);
  }
  stats.limitBytes = impl_->options.limitBytes;
  stats.counters = counters();
  return stats;
}

CacheCounters Cache::counters() const {
  return {impl_->hits,      impl_->misses,   impl_->corrupt, impl_->refused,
          impl_->published, impl_->bypassed, impl_->pruned,  impl_->swept};
}

} // namespace lighthouse::runtime
