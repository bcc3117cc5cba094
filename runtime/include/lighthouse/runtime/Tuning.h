//===- Tuning.h - Measured settings of kernels ------------------*- C++ -*-===//
//
// A table says which of a kernel's choices were the fastest where they were measured. It is a JSON
// file of text and numbers: nothing in it is code or names a file, and the compiler takes from it
// only values that the kernel itself declares as choices.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_TUNING_H
#define LIGHTHOUSE_RUNTIME_TUNING_H

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Status.h"

#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lighthouse::runtime {

/// Limits a table must keep; a decoder refuses more before it allocates anything for it.
struct TuningLimits {
  static constexpr std::size_t fileBytes = std::size_t(16) << 20;
  /// Numbers, texts, lists, ... of the JSON form, together.
  static constexpr std::size_t jsonValues = std::size_t(1) << 20;
  static constexpr std::size_t entries = 16384;
  static constexpr std::size_t textBytes = 4096;
  static constexpr std::size_t settings = 32;
};

/// A use of a kernel for which settings are wanted.
struct TuningQuery {
  /// "x86-64-v3", "sm_90a", ...
  std::string target;
  /// Name of the device, "NVIDIA H200"; empty: any.
  std::string device;
  std::string kernel;
  /// The parameters that are not tuned: "T=bf16, D=128, CAUSAL=true".
  std::string params;
  /// The tensors: "q=bf16[1, 8, 4096, 128], k=bf16[1, 2, 4096, 128]".
  std::string shapes;

  auto operator<=>(const TuningQuery &) const = default;
};

/// What was measured to be the fastest for one use.
struct TuningEntry {
  TuningQuery use;
  /// Parameters and their values as written in a specification.
  std::vector<std::pair<std::string, std::string>> settings;
  /// How long the kernel took with them.
  double seconds = 0;
  /// When that was, for people.
  std::string when;

  bool operator==(const TuningEntry &) const = default;
};

/// Measured settings, at most one entry for a use.
class TuningTable {
public:
  /// The entry for exactly this use, else the one with the most similar shapes for the same kernel,
  /// target and params; null if there is none. An entry of a device serves that device, and those
  /// who name none.
  const TuningEntry *find(const TuningQuery &query) const;

  /// Whether `find` gives an entry that was measured on similar shapes: as many extents, each at
  /// most four times as large or as small.
  bool covers(const TuningQuery &query) const;

  /// Adds an entry in place of the one for the same use. `InvalidArgument` if it or the table
  /// passes a limit.
  Status put(TuningEntry entry);

  const std::vector<TuningEntry> &entries() const { return list; }

  /// All that may decide about kernels for which `isWanted` holds on a target and a device, as text;
  /// times left out. Empty if there is nothing.
  std::string relevantText(std::string_view target, std::string_view device,
                           const std::function<bool(std::string_view)> &isWanted) const;

  std::string toJson() const;

  /// Reads what `toJson` wrote. Unknown, missing, repeated and mistyped fields and a second entry
  /// for the same use are `Corrupt`, with the line and column or the JSON pointer of the place;
  /// another version is `Unsupported`.
  static Result<TuningTable> fromJson(std::string_view text);

  /// Reads a regular file. Errors besides those of `fromJson`: `NotFound`, `InvalidArgument` if it
  /// is no regular file, `OutOfMemory`, `SystemError`.
  static Result<TuningTable> load(const std::string &path);

  /// The same, an empty table if there is no such file.
  static Result<TuningTable> loadIfAny(const std::string &path);

  /// Replaces the file by rename, with mode 0600; makes missing folders. `InvalidArgument` if the
  /// text has more bytes than `load` reads.
  Status save(const std::string &path) const;

private:
  std::vector<TuningEntry> list;
};

/// Keeps other processes and threads that ask for the same lock from a table while it lives: one
/// measures, or changes what is there, and the others find what it saved. Readers need no lock.
class TuningLock {
public:
  /// Waits until the lock of the table at `path` is free: the file `path`.lock, which stays. Makes
  /// missing folders. `SystemError` if that cannot be.
  static Result<TuningLock> acquire(const std::string &path);
  ~TuningLock();
  TuningLock(TuningLock &&other) noexcept : file(std::exchange(other.file, -1)) {}
  TuningLock &operator=(TuningLock &&other) noexcept {
    std::swap(file, other.file);
    return *this;
  }

private:
  explicit TuningLock(int file) : file(file) {}
  int file;
};

/// Where the user's table lies: LIGHTHOUSE_TUNING, else tuning.json in the directory of the cache;
/// empty if there is no such directory.
std::string userTuningPath();

/// The table at `path`; null if there is none or, after a warning, if it cannot be read. An unset
/// `warn` writes to stderr, the same warning only once in a process.
std::shared_ptr<const TuningTable> loadTuning(const std::string &path, WarningHandler warn = {});

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_TUNING_H
