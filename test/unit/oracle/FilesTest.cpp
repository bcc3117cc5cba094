//===- FilesTest.cpp - Files that are written whole or not at all ---------===//

#include "support/Files.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

using lighthouse::support::writeFile;
namespace fs = std::filesystem;

namespace {

class Files : public testing::Test {
protected:
  Files() {
    folder = testing::TempDir() + "lighthouse-files-" +
             testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder);
    fs::create_directories(folder);
    path = folder + "/file";
  }
  ~Files() override { fs::remove_all(folder); }

  std::string content() const {
    std::ifstream stream(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(stream)), {});
  }
  /// The files that are there, temporary ones among them.
  long count() const { return std::distance(fs::directory_iterator(folder), {}); }

  std::string folder, path;
};

TEST_F(Files, ReplaceWhatIsThereAndKeepItsMode) {
  ASSERT_TRUE(writeFile(path, {"long", "er"}).ok());
  EXPECT_EQ(content(), "longer");
  fs::permissions(path, fs::perms(0600));
  ASSERT_TRUE(writeFile(path, {"new"}).ok());
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
  EXPECT_EQ(count(), 1);
}

TEST_F(Files, AFailureLeavesWhatWasThere) {
  ASSERT_TRUE(writeFile(path, {"old"}).ok());
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  auto *handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = {1 << 16, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  lighthouse::runtime::Status status = writeFile(path, {std::string(1 << 20, 'x')});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(status.message().find("cannot write " + path + ": File too large"), std::string::npos)
      << status.message();
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(count(), 1);
}

TEST_F(Files, DevicesAndLinksAreWrittenInPlace) {
  fs::create_symlink("/dev/full", path);
  EXPECT_FALSE(writeFile(path, {"x"}).ok());
  EXPECT_TRUE(fs::is_symlink(path));
  fs::remove(path);
  fs::create_symlink(folder + "/target", path);
  ASSERT_TRUE(writeFile(path, {"y"}).ok());
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_EQ(content(), "y");
  EXPECT_FALSE(writeFile(folder, {"x"}).ok());
}

} // namespace
