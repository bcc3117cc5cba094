//===- CacheProcessTest.cpp - Many processes, one directory ---------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::IsEmpty;

/// Runs `body` in a child process, which exits with what it returns.
template <typename Body> static pid_t spawn(Body body) {
  const pid_t child = ::fork();
  if (child == 0)
    ::_exit(body());
  EXPECT_GT(child, 0);
  return child;
}

static std::string keyNumber(int i) { return "key " + std::to_string(i); }

TEST(CacheProcesses, ColdStartOfManyProcesses) {
  constexpr int processes = 8, rounds = 5, kernels = 8;
  std::vector<std::vector<std::uint8_t>> artifacts;
  for (int kernel = 0; kernel < kernels; ++kernel)
    artifacts.push_back(serialized(sampleArtifact(keyNumber(kernel))));

  for (int round = 0; round < rounds; ++round) {
    TempDirectory temp;
    const std::string directory = temp / "cache";
    std::vector<pid_t> children;
    for (int process = 0; process < processes; ++process)
      children.push_back(spawn([&] {
        std::vector<std::string> warnings;
        Cache cache(cacheOptions(directory, &warnings));
        for (int kernel = 0; kernel < kernels; ++kernel) {
          const std::string key = keyNumber(kernel);
          Result<std::optional<Artifact>> found = cache.lookup(key);
          if (!found || (*found && (*found)->key != key))
            return 1;
          if (!*found && !cache.publish(key, artifacts[kernel]).ok())
            return 2;
          found = cache.lookup(key);
          if (!found || !*found)
            return 3;
        }
        const CacheCounters counters = cache.counters();
        return counters.corrupt + counters.bypassed + warnings.size() == 0 ? 0 : 4;
      }));
    for (pid_t child : children) {
      int status = -1;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << "exit code " << WEXITSTATUS(status);
    }
    EXPECT_THAT(namesWithPrefix(directory, "tmp."), IsEmpty());
    EXPECT_EQ(namesWithPrefix(directory, "").size(), std::size_t(kernels));
  }
}

TEST(CacheProcesses, KilledWritersLeaveNoBadEntry) {
  constexpr int kills = 60, kernels = 4;
  TempDirectory temp;
  const std::string directory = temp / "cache";
  std::mt19937 random(1);
  std::vector<std::vector<std::uint8_t>> artifacts;
  for (int kernel = 0; kernel < kernels; ++kernel) {
    // Large enough that writing takes several pages.
    Artifact artifact = sampleArtifact(keyNumber(kernel));
    imageOf(artifact).bytes.resize(200'000, 0x5a);
    artifacts.push_back(serialized(artifact));
  }

  std::uint64_t hits = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const pid_t child = spawn([&] {
      Cache cache(cacheOptions(directory, nullptr));
      for (;;)
        for (int kernel = 0; kernel < kernels; ++kernel)
          (void)cache.publish(keyNumber(kernel), artifacts[kernel]);
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);

    Cache cache(cacheOptions(directory, nullptr));
    for (int kernel = 0; kernel < kernels; ++kernel) {
      Result<std::optional<Artifact>> found = cache.lookup(keyNumber(kernel));
      ASSERT_TRUE(found) << found.status().toString();
      if (*found)
        EXPECT_EQ(serialized(**found), artifacts[kernel]);
    }
    hits += cache.counters().hits;
    EXPECT_EQ(cache.counters().corrupt, 0u);
    ASSERT_TRUE(cache.prune());
    if (std::filesystem::exists(directory)) {
      EXPECT_THAT(namesWithPrefix(directory, "tmp."), IsEmpty()) << "debris of a dead writer";
    }
  }
  EXPECT_GT(hits, 0u) << "no writer got anything done";
}
