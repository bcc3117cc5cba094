//===- SubprocessTest.cpp - Processes that fail in every way ----------------------------------===//

#include "Subprocess.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

using namespace lhc;
using testing::ElementsAre;

/// Runs shell scripts and returns why each failed.
static std::vector<std::string> run(const std::vector<std::string> &scripts, unsigned jobs,
                                    double timeout) {
  llvm::SmallString<128> folder;
  EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("lighthouse-test", folder));
  std::vector<Subprocess> processes;
  for (const std::string &script : scripts)
    processes.push_back({"/bin/sh",
                         {"sh", "-c", script},
                         (folder + "/log" + llvm::Twine(processes.size())).str()});
  std::vector<std::string> reasons(scripts.size(), "not run");
  runAll(processes, jobs, timeout,
         [&](size_t i, const std::string &reason) { reasons[i] = reason; });
  llvm::sys::fs::remove_directories(folder);
  return reasons;
}

TEST(Subprocess, EveryFailureHasAReason) {
  EXPECT_THAT(run({"exit 0", "exit 5", "echo 'a.lh:1:2: error: it is bad' >&2; exit 3",
                   "kill -SEGV $$", "kill -KILL $$", "exec sleep 60"},
                  2, 1),
              ElementsAre("", "ended with exit status 5", "it is bad",
                          "crashed: Segmentation fault", "crashed: Killed",
                          "took more than 1.00 s"));
}

TEST(Subprocess, SideBySide) {
  auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(run({"sleep 0.5", "sleep 0.5", "sleep 0.5", "sleep 0.5"}, 4, 30),
              ElementsAre("", "", "", ""));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1900));
}

TEST(Subprocess, NoLimitIsALongOne) {
  EXPECT_THAT(run({"exit 0"}, 1, std::numeric_limits<double>::infinity()), ElementsAre(""));
}

TEST(Subprocess, AProgramThatIsNotThere) {
  std::string reason;
  runAll(Subprocess{"/nonexistent", {"x"}, "/dev/null"}, 1, 1,
         [&](size_t, const std::string &why) { reason = why; });
  EXPECT_NE(reason, "");
}

TEST(Subprocess, KnowsItsOwnCommandLine) {
  EXPECT_THAT(thisProcess().arguments.front(), testing::HasSubstr("lhc-tests"));
}
