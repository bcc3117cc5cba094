//===- CacheDirectory.h - A checked directory and its files -----*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CACHE_CACHEDIRECTORY_H
#define LIGHTHOUSE_RUNTIME_LIB_CACHE_CACHEDIRECTORY_H

#include "../Support/File.h"

#include "lighthouse/runtime/SystemCalls.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse::runtime {

/// Trouble with the cache: an errno and what was being done. No trouble has the error 0.
struct Trouble {
  int error = 0;
  std::string what;

  explicit operator bool() const { return error != 0; }
};

/// What reading a file of the cache gave.
enum class ReadOutcome {
  Read,
  /// There is no such file.
  Absent,
  /// A link, a FIFO, another's file, or one that others may write: nothing was read.
  Unsafe,
  /// More bytes than an artifact may have.
  TooLarge,
};

/// A file that the cache made.
struct CacheFile {
  enum class Kind { Entry, Quarantined, Temporary };

  std::string name;
  Kind kind;
  std::uint64_t bytes;
  /// Modification time, in nanoseconds since the epoch; set anew at each use of an entry.
  std::int64_t lastUsed;
};

/// File names of the entry with this digest.
std::string entryName(std::string_view digest);
std::string quarantineName(std::string_view digest);

/// The digest in the name of an entry.
std::string_view digestOf(const CacheFile &file);

/// An open directory that belongs to this user and that nobody else can write to. Held open for one
/// operation only, so that a directory that is removed or replaced is noticed.
class CacheDirectory {
public:
  explicit CacheDirectory(const SystemCalls &sys) : sys(sys), directory(sys) {}

  /// Opens and checks `path`; makes it and its parents, with mode 0700, if `create` is set.
  /// A missing directory is the trouble ENOENT, an unsafe one EPERM.
  Trouble open(const std::string &path, bool create);

  /// Reads the whole file, never following a link and never waiting for a FIFO, and notes its use.
  Trouble read(const std::string &name, ReadOutcome &outcome, std::vector<std::uint8_t> &bytes);

  /// Publishes a file with mode 0600: readers see all of it or nothing.
  Trouble write(const std::string &name, std::span<const std::uint8_t> bytes);

  Trouble rename(const std::string &from, const std::string &to);

  /// Removes a file; `removed` is false if another process was faster.
  Trouble remove(const std::string &name, bool &removed);

  /// All files of the cache. Files of other names, and anything but regular files, are left out.
  Trouble scan(std::vector<CacheFile> &files);

  /// Whether the writer of a temporary file is gone: its process, where it was on this host, or
  /// else any that has not written for an hour.
  static bool isStale(const CacheFile &temporary);

private:
  const SystemCalls &sys;
  FileDescriptor directory;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CACHE_CACHEDIRECTORY_H
