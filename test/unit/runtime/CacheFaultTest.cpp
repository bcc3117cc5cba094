//===- CacheFaultTest.cpp - Every system call fails once ------------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/SystemCalls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <string>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

/// Which calls fail. The table holds plain functions, so that this is global.
struct Injection {
  /// Calls number `first` to `last`, counted from 0, fail with `error`.
  int first = INT_MAX;
  int last = -1;
  int error = 0;
  int calls = 0;

  bool strikes() {
    const int call = calls++;
    if (call < first || call > last)
      return false;
    errno = error;
    return true;
  }
} injection;

/// The table whose calls fail as `injection` says. A failing close still closes and a failing
/// closedir too, as on Linux.
const SystemCalls &faultyCalls() {
  static const SystemCalls &real = SystemCalls::system();
  static const SystemCalls calls = {
      .mkdir = [](const char *path,
                  mode_t mode) { return injection.strikes() ? -1 : real.mkdir(path, mode); },
      .openat =
          [](int directory, const char *name, int flags, mode_t mode) {
            return injection.strikes() ? -1 : real.openat(directory, name, flags, mode);
          },
      .fstat = [](int file,
                  struct stat *info) { return injection.strikes() ? -1 : real.fstat(file, info); },
      .fstatat =
          [](int directory, const char *name, struct stat *info, int flags) {
            return injection.strikes() ? -1 : real.fstatat(directory, name, info, flags);
          },
      .read = [](int file, void *buffer,
                 size_t size) { return injection.strikes() ? -1 : real.read(file, buffer, size); },
      .write =
          [](int file, const void *buffer, size_t size) {
            return injection.strikes() ? -1 : real.write(file, buffer, size);
          },
      .fsync = [](int file) { return injection.strikes() ? -1 : real.fsync(file); },
      .close =
          [](int file) {
            real.close(file);
            return injection.strikes() ? -1 : 0;
          },
      .renameat =
          [](int from, const char *oldName, int to, const char *newName) {
            return injection.strikes() ? -1 : real.renameat(from, oldName, to, newName);
          },
      .unlinkat =
          [](int directory, const char *name, int flags) {
            return injection.strikes() ? -1 : real.unlinkat(directory, name, flags);
          },
      .futimens =
          [](int file, const struct timespec *times) {
            return injection.strikes() ? -1 : real.futimens(file, times);
          },
      .fdopendir = [](int file) { return injection.strikes() ? nullptr : real.fdopendir(file); },
      .readdir = [](DIR *stream) { return injection.strikes() ? nullptr : real.readdir(stream); },
      .closedir =
          [](DIR *stream) {
            real.closedir(stream);
            return injection.strikes() ? -1 : 0;
          },
      .geteuid = real.geteuid,
  };
  return calls;
}

/// Names in /proc/self/fd: a leaked descriptor shows as a difference.
std::size_t openFiles() { return namesWithPrefix("/proc/self/fd", "").size(); }

/// A miss, a publish and a hit with the faulty calls. Whatever fails, the requests succeed, a found
/// artifact is right, at most one warning is given and no descriptor is leaked. Afterwards the
/// directory works. Returns how many calls were made.
int exercise(Injection faults) {
  TempDirectory temp;
  const std::string directory = temp / "cache";
  const std::string key = "key";
  const std::vector<std::uint8_t> bytes = serialized(tinyArtifact(key));
  std::vector<std::string> warnings;
  CacheOptions options = cacheOptions(directory, &warnings);
  options.systemCalls = &faultyCalls();
  const std::size_t filesBefore = openFiles();

  injection = faults;
  {
    Cache cache(options);
    for (int round = 0; round < 2; ++round) {
      Result<std::optional<Artifact>> found = cache.lookup(key);
      EXPECT_TRUE(found) << found.status().toString();
      if (found && *found)
        EXPECT_EQ((*found)->key, key);
      else
        EXPECT_TRUE(cache.publish(key, bytes).ok());
    }
    EXPECT_EQ(cache.counters().corrupt, 0u);
    EXPECT_EQ(cache.counters().bypassed > 0, !warnings.empty());
  }
  const int calls = injection.calls;
  injection = {};

  EXPECT_EQ(openFiles(), filesBefore);
  EXPECT_LE(warnings.size(), 1u);

  Cache after(cacheOptions(directory, &warnings));
  EXPECT_TRUE(after.publish(key, bytes).ok());
  Result<std::optional<Artifact>> found = after.lookup(key);
  EXPECT_TRUE(found && *found);
  EXPECT_EQ(after.counters().bypassed, 0u);
  return calls;
}

} // namespace

TEST(CacheFaults, WithoutFaultsThereIsNoTrouble) { EXPECT_GT(exercise({}), 20); }

TEST(CacheFaults, EveryCallFailsOnce) {
  for (int error : {ESTALE, EBUSY, EIO, ENOENT, EINTR, ENOSPC, EROFS, EACCES, EMFILE, EDQUOT})
    for (int call = 0;; ++call) {
      SCOPED_TRACE(testing::Message() << "call " << call << ", errno " << error);
      if (exercise({call, call, error, 0}) <= call)
        break;
    }
}

TEST(CacheFaults, EveryCallFailsFromTheNthOn) {
  for (int error : {ESTALE, EIO, EINTR, ENOSPC, EROFS, ENOENT})
    for (int call = 0;; ++call) {
      SCOPED_TRACE(testing::Message() << "from call " << call << ", errno " << error);
      if (exercise({call, INT_MAX, error, 0}) <= call)
        break;
    }
}

TEST(CacheFaults, TransientTroubleIsRetried) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  CacheOptions options = cacheOptions(temp.path(), &warnings);
  options.systemCalls = &faultyCalls();
  Cache cache(options);
  injection = {0, 0, ESTALE, 0};
  EXPECT_TRUE(cache.publish("key", serialized(tinyArtifact("key"))).ok());
  EXPECT_EQ(cache.counters().published, 1u);
  for (int error : {ESTALE, EBUSY, EIO, EINTR}) {
    injection = {0, 0, error, 0};
    Result<std::optional<Artifact>> found = cache.lookup("key");
    EXPECT_TRUE(found && *found) << error;
  }
  injection = {};
  EXPECT_EQ(cache.counters().bypassed, 0u);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(CacheFaults, LastingTroubleIsBypassedWithOneWarning) {
  for (int error : {ENOSPC, EROFS, EDQUOT, ESTALE}) {
    TempDirectory temp;
    std::vector<std::string> warnings;
    static int failure;
    failure = error;
    SystemCalls calls = SystemCalls::system();
    calls.write = [](int, const void *, size_t) -> ssize_t {
      errno = failure;
      return -1;
    };
    CacheOptions options = cacheOptions(temp.path(), &warnings);
    options.systemCalls = &calls;
    Cache cache(options);
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(cache.publish("key", serialized(tinyArtifact("key"))).ok());
    EXPECT_EQ(cache.counters().bypassed, 3u);
    EXPECT_THAT(warnings, SizeIs(1));
    EXPECT_THAT(namesWithPrefix(temp.path(), "tmp."), IsEmpty()) << "half-written files are left";
  }
}

TEST(CacheFaults, AFileThatCannotBeRemovedDoesNotStopPruning) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  static std::string stuck, stuckTemporary;
  stuck = entryPath(temp.path(), "0").substr(temp.path().size() + 1);
  stuckTemporary = "tmp.elsewhere.1.1";
  SystemCalls calls = SystemCalls::system();
  calls.unlinkat = [](int directory, const char *name, int flags) {
    if (name != stuck && name != stuckTemporary)
      return SystemCalls::system().unlinkat(directory, name, flags);
    errno = EPERM;
    return -1;
  };
  CacheOptions options = cacheOptions(temp.path(), &warnings);
  options.systemCalls = &calls;
  const std::uint64_t size = serialized(tinyArtifact("0")).size();
  options.limitBytes = 3 * size;
  Cache cache(options);
  const auto setOld = [&](const std::string &path, int seconds) {
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() -
                                               std::chrono::seconds(seconds));
  };
  // The oldest of their kinds.
  writeBytes(temp / stuckTemporary, {1});
  setOld(temp / stuckTemporary, 9000);
  writeBytes(temp / "tmp.elsewhere.1.2", {1});
  setOld(temp / "tmp.elsewhere.1.2", 8000);
  for (int i = 0; i < 6; ++i) {
    const std::string key = std::to_string(i);
    EXPECT_TRUE(cache.publish(key, serialized(tinyArtifact(key))).ok());
    setOld(entryPath(temp.path(), key), 100 - i);
  }
  EXPECT_EQ(cache.counters().swept, 1u);
  EXPECT_EQ(cache.counters().pruned, 3u);
  EXPECT_EQ(cache.stats()->bytes, options.limitBytes);
  EXPECT_THAT(warnings, SizeIs(1)) << "the trouble is told";
  EXPECT_EQ(cache.clear().status().code(), StatusCode::SystemError);
  EXPECT_THAT(namesWithPrefix(temp.path(), ""), SizeIs(2)) << "all else is gone";
}

TEST(CacheFaults, ShortReadsAndWritesAreContinued) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  SystemCalls calls = SystemCalls::system();
  calls.read = [](int file, void *buffer, size_t size) {
    return SystemCalls::system().read(file, buffer, std::min<size_t>(size, 7));
  };
  calls.write = [](int file, const void *buffer, size_t size) {
    return SystemCalls::system().write(file, buffer, std::min<size_t>(size, 5));
  };
  CacheOptions options = cacheOptions(temp.path(), &warnings);
  options.systemCalls = &calls;
  Cache cache(options);
  EXPECT_TRUE(cache.publish("key", serialized(sampleArtifact("key"))).ok());
  Result<std::optional<Artifact>> found = cache.lookup("key");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, sampleArtifact("key"));
}
