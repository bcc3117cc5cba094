//===- CacheTest.cpp - Entries, pruning, hostile directories --------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Sha256.h"
#include "lighthouse/runtime/SystemCalls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

mode_t modeOf(const std::string &path) {
  struct stat info = {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

/// Sets the time of last use, in seconds before now.
void setAge(const std::string &path, int seconds) {
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(path, now - std::chrono::seconds(seconds));
}

bool isHit(Cache &cache, std::string_view key) {
  Result<std::optional<Artifact>> found = cache.lookup(key);
  EXPECT_TRUE(found) << found.status().toString();
  return found && *found && (*found)->key == key;
}

void publish(Cache &cache, const std::string &key) {
  const Status status = cache.publish(key, serialized(tinyArtifact(key)));
  EXPECT_TRUE(status.ok()) << status.toString();
}

/// A cache in a fresh directory.
class CacheTest : public testing::Test {
protected:
  TempDirectory temp;
  std::string directory = temp / "a/cache";
  std::vector<std::string> warnings;
  Cache cache{cacheOptions(directory, &warnings)};
};

} // namespace

TEST_F(CacheTest, StoresAndFinds) {
  EXPECT_FALSE(isHit(cache, "key"));
  EXPECT_FALSE(std::filesystem::exists(directory)) << "looking up makes nothing";
  ASSERT_TRUE(cache.publish("key", serialized(sampleArtifact("key"))).ok());
  Result<std::optional<Artifact>> found = cache.lookup("key");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, sampleArtifact("key"));
  EXPECT_FALSE(isHit(cache, "kez"));

  const CacheCounters counters = cache.counters();
  EXPECT_EQ(counters.hits, 1u);
  EXPECT_EQ(counters.misses, 2u);
  EXPECT_EQ(counters.published, 1u);
  EXPECT_EQ(counters.bypassed, 0u);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, FilesArePrivate) {
  const mode_t previous = ::umask(0);
  publish(cache, "key");
  ::umask(previous);
  EXPECT_EQ(modeOf(temp / "a"), 0700u);
  EXPECT_EQ(modeOf(directory), 0700u);
  EXPECT_EQ(modeOf(entryPath(directory, "key")), 0600u);
}

TEST_F(CacheTest, InvalidRequestsAreErrors) {
  EXPECT_EQ(cache.lookup("").status().code(), StatusCode::InvalidArgument);
  const std::string longKey(ArtifactLimits::keyBytes + 1, 'x');
  EXPECT_EQ(cache.lookup(longKey).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(cache.publish("", {}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(cache.publish("key", {}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(cache.publish("key", serialized(tinyArtifact("other"))).code(),
            StatusCode::InvalidArgument);
}

TEST_F(CacheTest, CorruptEntriesAreMissesMovedAside) {
  publish(cache, "key");
  const std::string path = entryPath(directory, "key");
  const std::vector<std::uint8_t> good = readBytes(path);

  std::vector<std::uint8_t> flipped = good;
  flipped[flipped.size() / 2] ^= 1;
  const std::vector<std::uint8_t> truncated(good.begin(), good.begin() + 50);
  // The intact entry of another key under this key's name.
  const std::vector<std::uint8_t> swapped = serialized(tinyArtifact("other"));
  std::uint64_t corrupt = 0;
  for (const auto &bad : {flipped, truncated, swapped, std::vector<std::uint8_t>()}) {
    writeBytes(path, bad);
    EXPECT_FALSE(isHit(cache, "key"));
    EXPECT_EQ(cache.counters().corrupt, ++corrupt);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(cache.stats()->quarantined, 1u);
    publish(cache, "key");
    EXPECT_TRUE(isHit(cache, "key"));
  }
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("is broken and was moved aside")));
}

TEST_F(CacheTest, ListStatsAndClear) {
  EXPECT_THAT(*cache.list(), IsEmpty());
  for (const char *key : {"one", "two", "three"})
    publish(cache, key);
  setAge(entryPath(directory, "one"), 100);
  setAge(entryPath(directory, "two"), 300);
  setAge(entryPath(directory, "three"), 200);
  writeBytes(directory + "/notes.txt", {1, 2, 3});

  Result<std::vector<CacheEntry>> entries = cache.list();
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].digest, toHex(sha256("one")));
  EXPECT_EQ((*entries)[2].digest, toHex(sha256("two")));
  EXPECT_EQ((*entries)[0].bytes, serialized(tinyArtifact("one")).size());

  // Use makes an entry the newest.
  EXPECT_TRUE(isHit(cache, "two"));
  EXPECT_EQ(cache.list()->front().digest, toHex(sha256("two")));

  EXPECT_EQ(cache.stats()->entries, 3u);
  EXPECT_EQ(*cache.clear(), 3u);
  EXPECT_EQ(cache.stats()->entries, 0u);
  EXPECT_TRUE(std::filesystem::exists(directory + "/notes.txt")) << "a file that is not ours";
}

TEST_F(CacheTest, PrunesTheLeastRecentlyUsed) {
  for (const char *key : {"1", "2", "3", "4"})
    publish(cache, key);
  for (int i = 1; i <= 4; ++i)
    setAge(entryPath(directory, std::to_string(i)), 100 * (5 - i));
  EXPECT_TRUE(isHit(cache, "1"));

  const std::uint64_t size = serialized(tinyArtifact("1")).size();
  EXPECT_EQ(*cache.prune(2 * size), 2u);
  EXPECT_TRUE(isHit(cache, "1"));
  EXPECT_FALSE(isHit(cache, "2"));
  EXPECT_FALSE(isHit(cache, "3"));
  EXPECT_TRUE(isHit(cache, "4"));
  EXPECT_EQ(cache.counters().pruned, 2u);
}

TEST_F(CacheTest, PublishingKeepsTheLimit) {
  CacheOptions options = cacheOptions(directory, &warnings);
  const std::uint64_t size = serialized(tinyArtifact("00")).size();
  options.limitBytes = 3 * size;
  Cache small(options);
  for (int i = 10; i < 30; ++i) {
    publish(small, std::to_string(i));
    EXPECT_LE(small.stats()->bytes, options.limitBytes);
  }
  EXPECT_EQ(small.stats()->entries, 3u);
  EXPECT_TRUE(isHit(small, "29"));

  options.limitBytes = size - 1;
  Cache tooSmall(options);
  publish(tooSmall, "00");
  EXPECT_EQ(tooSmall.counters().bypassed, 1u);
  EXPECT_FALSE(isHit(small, "00"));
}

TEST_F(CacheTest, SweepsLeftOversOfTheDead) {
  publish(cache, "key");
  // Ours and alive; of an unknown host; of an unknown host and old.
  const std::string host = [] {
    std::array<char, 256> name = {};
    ::gethostname(name.data(), name.size() - 1);
    std::string tag(name.data());
    for (char &c : tag)
      if (!std::isalnum(static_cast<unsigned char>(c)))
        c = '-';
    return tag.substr(0, 64);
  }();
  const std::string alive = directory + "/tmp." + host + "." + std::to_string(::getpid()) + ".1";
  const std::string dead = directory + "/tmp." + host + ".999999999.1";
  const std::string remote = directory + "/tmp.elsewhere.1.1";
  const std::string old = directory + "/tmp.elsewhere.1.2";
  for (const std::string &path : {alive, dead, remote, old})
    writeBytes(path, {1});
  setAge(old, 7200);
  EXPECT_EQ(*cache.prune(), 0u);
  EXPECT_TRUE(std::filesystem::exists(alive));
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(remote));
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_EQ(cache.counters().swept, 2u);
}

TEST_F(CacheTest, ReadersAreUnharmedByPruning) {
  constexpr int keys = 8;
  std::atomic<bool> stop = false;
  std::thread pruner([&] {
    Cache other(cacheOptions(directory, nullptr));
    while (!stop)
      EXPECT_TRUE(other.prune(2000));
  });
  std::vector<std::thread> readers;
  std::atomic<int> hits = 0;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        const std::string key = std::to_string(round % keys);
        if (isHit(cache, key))
          ++hits;
        else
          publish(cache, key);
      }
    });
  for (std::thread &reader : readers)
    reader.join();
  stop = true;
  pruner.join();
  EXPECT_GT(hits, 0) << "nothing was read";
  EXPECT_EQ(cache.counters().corrupt, 0u);
  EXPECT_EQ(cache.counters().bypassed, 0u);
}

//===----------------------------------------------------------------------===//
// Where the cache lies
//===----------------------------------------------------------------------===//

TEST(CacheLocation, FollowsTheEnvironment) {
  ScopedEnvironment home("HOME", "/users/x");
  ScopedEnvironment xdg("XDG_CACHE_HOME", nullptr);
  ScopedEnvironment own("LIGHTHOUSE_CACHE_DIR", nullptr);
  ScopedEnvironment limit("LIGHTHOUSE_CACHE_LIMIT", nullptr);
  EXPECT_EQ(CacheOptions::fromEnvironment().directory, "/users/x/.cache/lighthouse");
  EXPECT_EQ(CacheOptions::fromEnvironment().limitBytes, 1u << 30);
  {
    ScopedEnvironment relative("XDG_CACHE_HOME", "relative");
    EXPECT_EQ(CacheOptions::fromEnvironment().directory, "/users/x/.cache/lighthouse");
  }
  ScopedEnvironment xdgSet("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(CacheOptions::fromEnvironment().directory, "/xdg/lighthouse");
  ScopedEnvironment ownSet("LIGHTHOUSE_CACHE_DIR", "/own/");
  EXPECT_EQ(Cache(CacheOptions::fromEnvironment()).path(), "/own");
  ScopedEnvironment limitSet("LIGHTHOUSE_CACHE_LIMIT", "12345");
  EXPECT_EQ(CacheOptions::fromEnvironment().limitBytes, 12345u);
}

TEST(CacheLocation, WrongLimitIsReportedAndIgnored) {
  ScopedEnvironment limit("LIGHTHOUSE_CACHE_LIMIT", "1 GiB");
  testing::internal::CaptureStderr();
  EXPECT_EQ(CacheOptions::fromEnvironment().limitBytes, 1u << 30);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("LIGHTHOUSE_CACHE_LIMIT is '1 G"));
}

TEST(CacheLocation, NoHomeRunsUncachedWithOneWarning) {
  ScopedEnvironment home("HOME", nullptr);
  ScopedEnvironment xdg("XDG_CACHE_HOME", nullptr);
  ScopedEnvironment own("LIGHTHOUSE_CACHE_DIR", nullptr);
  CacheOptions options = CacheOptions::fromEnvironment();
  std::vector<std::string> warnings;
  options.warn = [&](std::string_view message) { warnings.emplace_back(message); };
  Cache cache(options);
  EXPECT_FALSE(isHit(cache, "key"));
  publish(cache, "key");
  EXPECT_FALSE(isHit(cache, "key"));
  EXPECT_EQ(cache.counters().bypassed, 3u);
  EXPECT_EQ(cache.list().status().code(), StatusCode::NotFound);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("HOME is set")));
}

TEST(CacheLocation, DefaultWarningGoesToStderrOnce) {
  CacheOptions options;
  options.disabledReason = "it is switched off";
  Cache cache(options), other(options);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(isHit(cache, "key"));
  EXPECT_FALSE(isHit(other, "key"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "lighthouse: warning: going on without the artifact cache: it is switched off\n");
}

//===----------------------------------------------------------------------===//
// Hostile directories and entries
//===----------------------------------------------------------------------===//

namespace {

/// Lookups and publishes in `directory` must succeed uncached, with one warning that has `reason`.
void expectBypassed(const CacheOptions &options, std::vector<std::string> &warnings,
                    std::string_view reason) {
  Cache cache(options);
  EXPECT_FALSE(isHit(cache, "key"));
  publish(cache, "key");
  publish(cache, "key");
  EXPECT_FALSE(isHit(cache, "key"));
  EXPECT_EQ(cache.counters().bypassed, 4u);
  EXPECT_EQ(cache.counters().published, 0u);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr(reason)));
  EXPECT_EQ(cache.list().status().code(), StatusCode::SystemError);
}

} // namespace

TEST(CacheHostile, GroupWritableDirectory) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0770), 0);
  expectBypassed(cacheOptions(temp.path(), &warnings), warnings, "may be written by other users");
}

TEST(CacheHostile, LinkedDirectory) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  std::filesystem::create_directory(temp / "real");
  std::filesystem::permissions(temp / "real", std::filesystem::perms::owner_all);
  std::filesystem::create_symlink(temp / "real", temp / "link");
  expectBypassed(cacheOptions(temp / "link", &warnings), warnings, "symbolic link");
  warnings.clear();
  expectBypassed(cacheOptions(temp / "link/", &warnings), warnings, "symbolic link");
}

TEST(CacheHostile, FileInPlaceOfDirectory) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  writeBytes(temp / "file", {1});
  expectBypassed(cacheOptions(temp / "file", &warnings), warnings, "not a directory");
}

TEST(CacheHostile, ForeignDirectory) {
  TempDirectory temp;
  std::vector<std::string> warnings;
  SystemCalls calls = SystemCalls::system();
  calls.geteuid = [] { return ::geteuid() + 1; };
  CacheOptions options = cacheOptions(temp.path(), &warnings);
  options.systemCalls = &calls;
  expectBypassed(options, warnings, "belongs to user");
}

TEST_F(CacheTest, UnsafeEntriesAreRefusedAndReplaced) {
  publish(cache, "key");
  const std::string path = entryPath(directory, "key");
  const std::string elsewhere = temp / "elsewhere";
  std::filesystem::rename(path, elsewhere);

  const std::function<void()> hostile[] = {
      [&] { std::filesystem::create_symlink(elsewhere, path); },
      [&] { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); },
      [&] {
        std::filesystem::copy_file(elsewhere, path);
        ASSERT_EQ(::chmod(path.c_str(), 0620), 0);
      },
      [&] {
        std::filesystem::copy_file(elsewhere, path);
        ASSERT_EQ(::chmod(path.c_str(), 0602), 0);
      },
  };
  std::uint64_t refused = 0;
  for (const auto &place : hostile) {
    std::filesystem::remove(path);
    place();
    EXPECT_FALSE(isHit(cache, "key"));
    EXPECT_EQ(cache.counters().refused, ++refused);
    publish(cache, "key");
    EXPECT_TRUE(isHit(cache, "key"));
    EXPECT_EQ(modeOf(path), 0600u);
  }
  EXPECT_EQ(readBytes(elsewhere), serialized(tinyArtifact("key"))) << "written through the link";
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("is not a regular file that only this user")));
}

TEST_F(CacheTest, DirectoryInPlaceOfEntry) {
  publish(cache, "other");
  std::filesystem::create_directory(entryPath(directory, "key"));
  EXPECT_FALSE(isHit(cache, "key"));
  publish(cache, "key");
  EXPECT_EQ(cache.counters().bypassed, 1u);
  EXPECT_THAT(namesWithPrefix(directory, "tmp."), IsEmpty());
  EXPECT_TRUE(isHit(cache, "other"));
}
