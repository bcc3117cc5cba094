//===- Cache.h - Artifacts on disk, one file per key ------------*- C++ -*-===//
//
// The cache may save work but is never needed for correctness: any trouble with it means that the
// caller compiles in memory, with one warning. No locks; the rules are in runtime/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_CACHE_H
#define LIGHTHOUSE_RUNTIME_CACHE_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse::runtime {

struct SystemCalls;

/// Receives a warning, one line without an end of line. May be called from any thread.
using WarningHandler = std::function<void(std::string_view)>;

/// How a cache is set up.
struct CacheOptions {
  /// The directory; created with mode 0700 when first needed. Empty: there is no cache, every
  /// lookup is a miss.
  std::string directory;
  /// Why `directory` is empty, for the warning; an empty reason gives no warning.
  std::string disabledReason;
  /// Entries are pruned, least recently used first, when they take more bytes than this.
  std::uint64_t limitBytes = std::uint64_t(1) << 30;
  /// Unset: one line on stderr, the same line only once in a process.
  WarningHandler warn;
  /// The table of system calls; null: those of the operating system. Tests inject failures here.
  const SystemCalls *systemCalls = nullptr;

  /// From LIGHTHOUSE_CACHE_DIR, else $XDG_CACHE_HOME/lighthouse, else $HOME/.cache/lighthouse, and
  /// LIGHTHOUSE_CACHE_LIMIT.
  static CacheOptions fromEnvironment();
};

/// What this object did since it was made.
struct CacheCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  /// Entries found broken and moved aside. Each is a miss too.
  std::uint64_t corrupt = 0;
  /// Entries not read because of their owner, mode or file type. Each is a miss too.
  std::uint64_t refused = 0;
  std::uint64_t published = 0;
  /// Lookups and publishes given up because of a system error or an unsafe directory.
  std::uint64_t bypassed = 0;
  /// Entries removed to keep within the limit.
  std::uint64_t pruned = 0;
  /// Left-overs of writers that died, removed.
  std::uint64_t swept = 0;
};

/// One entry of the directory.
struct CacheEntry {
  /// SHA-256 of the key, hexadecimal.
  std::string digest;
  std::uint64_t bytes = 0;
  /// When it was last used, in nanoseconds since the epoch.
  std::int64_t lastUsed = 0;
};

/// State of the directory and counters of this object.
struct CacheStats {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  /// Broken entries that were moved aside and not pruned yet.
  std::uint64_t quarantined = 0;
  std::uint64_t limitBytes = 0;
  CacheCounters counters;
};

/// A directory of artifacts. All functions may be called from several threads, and many processes
/// may use one directory. Making one touches nothing on disk.
class Cache {
public:
  explicit Cache(CacheOptions options = CacheOptions::fromEnvironment());
  ~Cache();
  Cache(Cache &&) noexcept;
  Cache &operator=(Cache &&) noexcept;

  /// The artifact of exactly this key, or none. Trouble with the cache is a miss; the only errors
  /// are an empty key and one over `ArtifactLimits::keyBytes`.
  Result<std::optional<Artifact>> lookup(std::string_view key);

  /// Stores `bytes`, a serialised artifact with this key, and prunes if the limit is passed.
  /// Trouble with the cache is success (see `CacheCounters::bypassed`); errors are a bad key and
  /// bytes that do not decode to an artifact with this key.
  Status publish(std::string_view key, std::span<const std::uint8_t> bytes);

  /// The directory, empty if there is none.
  const std::string &path() const;

  /// All entries, most recently used first. A directory that does not exist yet has none.
  Result<std::vector<CacheEntry>> list();

  /// Sweeps left-overs and removes the least recently used entries until at most `limitBytes`
  /// remain (default: the limit of the options). Returns how many entries were removed.
  Result<std::uint64_t> prune(std::optional<std::uint64_t> limitBytes = std::nullopt);

  /// Removes every entry and every left-over that no live writer owns; files that are not ours
  /// stay. Returns how many entries were removed.
  Result<std::uint64_t> clear();

  Result<CacheStats> stats();
  CacheCounters counters() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_CACHE_H
