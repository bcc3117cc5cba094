//===- TuningTest.cpp - Tables of tuned settings, their files and lookups -===//

#include "TestSupport.h"

#include "lighthouse/runtime/Tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <random>
#include <thread>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

static TuningEntry entry(std::string shapes, std::string value, std::string device = "") {
  return {{"sm_90a", std::move(device), "attend", "T=bf16, D=128", std::move(shapes)},
          {{"BM", std::move(value)}, {"BN", "64"}},
          1.25e-3,
          "2026-11-24T12:00:00Z"};
}

static TuningTable sample() {
  TuningTable table;
  EXPECT_TRUE(table.put(entry("q=bf16[1, 8, 1024, 128]", "64")).ok());
  EXPECT_TRUE(table.put(entry("q=bf16[1, 8, 65536, 128]", "128", "NVIDIA H200")).ok());
  return table;
}

/// BM of the entry for `shapes`, or "" if there is none.
static std::string found(const TuningTable &table, TuningQuery query) {
  const TuningEntry *entry = table.find(query);
  return entry ? entry->settings.front().second : "";
}

static TuningQuery query(std::string shapes, std::string device = "") {
  return {"sm_90a", std::move(device), "attend", "T=bf16, D=128", std::move(shapes)};
}

TEST(Tuning, RoundTrips) {
  TuningTable table = sample();
  TuningEntry strange = entry("quotes \" and \\ backslashes \n \xc3\xa4", "1");
  strange.seconds = 0.1 + 0.2;
  ASSERT_TRUE(table.put(strange).ok());
  Result<TuningTable> read = TuningTable::fromJson(table.toJson());
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(read->entries(), table.entries());
  EXPECT_EQ(read->toJson(), table.toJson());
  Result<TuningTable> empty = TuningTable::fromJson(TuningTable().toJson());
  ASSERT_TRUE(empty) << empty.status().toString();
  EXPECT_TRUE(empty->entries().empty());
}

TEST(Tuning, PutReplacesTheSameUse) {
  TuningTable table = sample();
  ASSERT_TRUE(table.put(entry("q=bf16[1, 8, 1024, 128]", "32")).ok());
  EXPECT_EQ(table.entries().size(), 2u);
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 1024, 128]")), "32");
}

TEST(Tuning, TakesExactThenNearestShapes) {
  const TuningTable table = sample();
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 1024, 128]")), "64");
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 65536, 128]")), "128");
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 2048, 128]")), "64");
  EXPECT_EQ(found(table, query("q=bf16[2, 8, 32768, 128]")), "128");
  EXPECT_NE(found(table, query("")), "");
  TuningQuery other = query("q=bf16[1, 8, 1024, 128]");
  other.params = "T=f16, D=128";
  EXPECT_EQ(found(table, other), "");
  other = query("q=bf16[1, 8, 1024, 128]");
  other.kernel = "attend_ring";
  EXPECT_EQ(found(table, other), "");
  other = query("q=bf16[1, 8, 1024, 128]");
  other.target = "sm_80";
  EXPECT_EQ(found(table, other), "");
}

TEST(Tuning, KeepsDevicesApart) {
  TuningTable table = sample();
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 65536, 128]", "NVIDIA H200")), "128");
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 65536, 128]", "NVIDIA H100")), "64");
  ASSERT_TRUE(table.put(entry("q=bf16[1, 8, 1024, 128]", "256", "NVIDIA H100")).ok());
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 1024, 128]", "NVIDIA H100")), "256");
  EXPECT_EQ(found(table, query("q=bf16[1, 8, 1024, 128]", "NVIDIA H200")), "64");
}

TEST(Tuning, RelevantTextIsOfSettingsAlone) {
  const auto all = [](std::string_view) { return true; };
  const auto none = [](std::string_view) { return false; };
  TuningTable table = sample();
  const std::string text = table.relevantText("sm_90a", "", all);
  EXPECT_NE(text, "");
  EXPECT_EQ(table.relevantText("sm_90a", "", none), "");
  EXPECT_EQ(table.relevantText("sm_80", "", all), "");
  EXPECT_NE(table.relevantText("sm_90a", "NVIDIA H100", all), text);
  EXPECT_EQ(table.relevantText("sm_90a", "NVIDIA H200", all), text);
  TuningEntry later = table.entries().front();
  later.seconds = 7;
  later.when = "later";
  ASSERT_TRUE(table.put(later).ok());
  EXPECT_EQ(table.relevantText("sm_90a", "", all), text);
  later.settings.front().second = "32";
  ASSERT_TRUE(table.put(later).ok());
  EXPECT_NE(table.relevantText("sm_90a", "", all), text);
}

TEST(Tuning, LimitsHold) {
  const auto putFails = [](const TuningEntry &bad) {
    TuningTable table;
    return table.put(bad).code() == StatusCode::InvalidArgument;
  };
  TuningEntry bad = entry("", "1");
  bad.use.params = std::string(TuningLimits::textBytes, 'x');
  EXPECT_FALSE(putFails(bad));
  bad.use.params += "x";
  EXPECT_TRUE(putFails(bad));
  bad = entry("", "1");
  bad.settings.clear();
  EXPECT_TRUE(putFails(bad));
  for (std::size_t i = 0; i < TuningLimits::settings; ++i)
    bad.settings.emplace_back("P" + std::to_string(i), "1");
  EXPECT_FALSE(putFails(bad));
  bad.settings.emplace_back("Q", "1");
  EXPECT_TRUE(putFails(bad));
  bad = entry("", "1");
  bad.seconds = NAN;
  EXPECT_TRUE(putFails(bad));
  bad.seconds = -1;
  EXPECT_TRUE(putFails(bad));
  bad = entry("", "");
  EXPECT_TRUE(putFails(bad));

  const Result<TuningTable> large =
      TuningTable::fromJson(std::string(TuningLimits::fileBytes + 1, ' '));
  EXPECT_EQ(large.status().code(), StatusCode::Corrupt);
  const Result<TuningTable> deep = TuningTable::fromJson(std::string(100000, '['));
  EXPECT_THAT(deep.status().message(), HasSubstr("nested"));
  std::string many(TuningLimits::fileBytes, '[');
  for (std::size_t i = 1; i < many.size(); ++i)
    many[i] = i % 2 == 1 ? '0' : ',';
  const Result<TuningTable> manyValues = TuningTable::fromJson(many);
  EXPECT_THAT(manyValues.status().message(), HasSubstr("more than 1048576 values"));
}

TEST(Tuning, WhatCannotBeReadIsNotSaved) {
  TempDirectory directory;
  const std::string path = directory / "tuning.json";
  ASSERT_TRUE(sample().save(path).ok());
  TuningTable large;
  TuningEntry big = entry("", "1");
  for (std::string *text : {&big.use.params, &big.use.shapes})
    text->assign(TuningLimits::textBytes - 8, 'x');
  for (int i = 0; i < 2100; ++i) {
    TuningEntry next = big;
    next.use.shapes += std::to_string(i);
    ASSERT_TRUE(large.put(next).ok());
  }
  const Status status = large.save(path);
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("has at most 16777216 bytes"));
  EXPECT_EQ(TuningTable::load(path)->entries(), sample().entries()) << "the file is as it was";
}

TEST(Tuning, JsonErrorsHaveAPlace) {
  TuningTable table = sample();
  ASSERT_TRUE(table.put(entry("q=bf16[1, 8, 65536, 128]", "64")).ok());
  const std::string good = table.toJson();
  struct Case {
    std::string_view from, to, message;
  };
  const Case cases[] = {
      {"\"version\": 1", "\"version\": 2", "/version: this runtime reads tables of version 1"},
      {"\"version\": 1,", "", "the field 'version' is missing"},
      {"\"kernel\": \"attend\"", "\"kernel\": \"attend\", \"x\": 1", "/entries/0: unknown field"},
      {"\"kernel\": \"attend\"", "\"kernel\": 1", "/entries/0/kernel: expected a string"},
      {"\"BM\": \"64\"", "\"BM\": 64", "/entries/0/settings/BM: expected a string"},
      {"\"BM\": \"64\"", "\"BM\": \"64\", \"BM\": \"32\"", "'BM' is repeated"},
      {"\"seconds\": 0.00125", "\"seconds\": \"fast\"", "/entries/0/seconds: expected a number"},
      {"\"seconds\": 0.00125", "\"seconds\": -1", "seconds is not a time"},
      {"\"seconds\": 0.00125", "\"seconds\": 1e999", "number overflow"},
      {"\"NVIDIA H200\"", "\"\"", "/entries/2: there is an entry for the same use before"},
      {"\"entries\": [", "\"entries\": 3, \"rest\": [", "'rest'"},
  };
  for (const Case &c : cases) {
    std::string text = good;
    const std::size_t at = text.find(c.from);
    ASSERT_NE(at, std::string::npos) << c.from;
    text.replace(at, c.from.size(), c.to);
    const Result<TuningTable> read = TuningTable::fromJson(text);
    ASSERT_FALSE(read) << c.to;
    EXPECT_THAT(read.status().message(), HasSubstr(std::string(c.message)));
  }
}

TEST(Tuning, EveryTruncationIsAnError) {
  std::string text = sample().toJson();
  // The end of line at the end is not needed.
  for (std::size_t size = 0; size + 1 < text.size(); ++size)
    EXPECT_FALSE(TuningTable::fromJson(std::string_view(text).substr(0, size))) << size;
}

TEST(Tuning, DamageIsAnErrorOrAnotherTable) {
  const std::string good = sample().toJson();
  std::mt19937 random(1);
  int errors = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (unsigned flips = 1 + random() % 4; flips; --flips)
      text[random() % text.size()] ^= char(1u << random() % 8);
    const Result<TuningTable> read = TuningTable::fromJson(text);
    errors += !read.ok();
    if (read.ok()) {
      (void)read->find(query("q=bf16[1, 8, 2048, 128]"));
      EXPECT_TRUE(TuningTable::fromJson(read->toJson())) << text;
    }
  }
  EXPECT_GT(errors, 10000);
}

TEST(Tuning, CoversSimilarShapes) {
  TuningTable table;
  EXPECT_FALSE(table.covers(query("q=bf16[1, 8, 2048, 128]")));
  ASSERT_TRUE(table.put({query("q=bf16[1, 8, 2048, 128]"), {{"BM", "64"}}, 1e-3, ""}).ok());
  EXPECT_TRUE(table.covers(query("q=bf16[1, 8, 2048, 128]")));
  EXPECT_TRUE(table.covers(query("q=bf16[4, 8, 8192, 128]")));
  EXPECT_TRUE(table.covers(query("q=bf16[1, 2, 512, 128]")));
  EXPECT_FALSE(table.covers(query("q=bf16[1, 8, 8193, 128]")));
  EXPECT_FALSE(table.covers(query("q=bf16[1, 8, 511, 128]")));
  EXPECT_FALSE(table.covers(query("q=bf16[8, 2048, 128]")));
  TuningQuery other = query("q=bf16[1, 8, 2048, 128]");
  other.kernel = "other";
  EXPECT_FALSE(table.covers(other));
}

TEST(Tuning, OneAtATimeHoldsTheLock) {
  TempDirectory directory;
  const std::string path = directory / "a/tuning.json";
  Result<TuningLock> first = TuningLock::acquire(path);
  ASSERT_TRUE(first) << first.status().toString();
  std::atomic<bool> released = false;
  std::thread other([&] {
    Result<TuningLock> second = TuningLock::acquire(path);
    EXPECT_TRUE(second);
    EXPECT_TRUE(released);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  released = true;
  { const TuningLock gone = *std::move(first); }
  other.join();
  EXPECT_EQ(TuningLock::acquire("/dev/null/tuning.json").status().code(), StatusCode::SystemError);
}

TEST(Tuning, FilesArePrivateAndReplacedByRename) {
  TempDirectory directory;
  const std::string path = directory / "a/b/tuning.json";
  EXPECT_EQ(TuningTable::load(path).status().code(), StatusCode::NotFound);
  ASSERT_TRUE(sample().save(path).ok());
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  ASSERT_TRUE(TuningTable().save(path).ok());
  Result<TuningTable> read = TuningTable::load(path);
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_TRUE(read->entries().empty());
  EXPECT_EQ(TuningTable().save("/dev/null/tuning.json").code(), StatusCode::SystemError);
}

TEST(Tuning, OnlyRegularFilesAreRead) {
  TempDirectory directory;
  EXPECT_EQ(TuningTable::load(directory.path()).status().code(), StatusCode::InvalidArgument);
  const std::string fifo = directory / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(TuningTable::load(fifo).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(TuningTable::load("/dev/zero").status().code(), StatusCode::InvalidArgument);
}

TEST(Tuning, ABrokenTableIsIgnoredWithAWarning) {
  TempDirectory directory;
  std::vector<std::string> warnings;
  const auto warn = [&](std::string_view text) { warnings.emplace_back(text); };
  const std::string path = directory / "tuning.json";
  EXPECT_EQ(loadTuning(path, warn), nullptr);
  EXPECT_TRUE(warnings.empty());
  std::ofstream(path) << "{";
  EXPECT_EQ(loadTuning(path, warn), nullptr);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings.front(), HasSubstr(path));
  testing::internal::CaptureStderr();
  for (int load = 0; load < 2; ++load)
    EXPECT_EQ(loadTuning(path), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "lighthouse: warning: " + warnings.front() + "\n");
  ASSERT_TRUE(sample().save(path).ok());
  ASSERT_NE(loadTuning(path, warn), nullptr);
}

TEST(Tuning, LiesBesideTheCacheByDefault) {
  ScopedEnvironment cache("LIGHTHOUSE_CACHE_DIR", "/somewhere");
  ScopedEnvironment unset("LIGHTHOUSE_TUNING", nullptr);
  EXPECT_EQ(userTuningPath(), "/somewhere/tuning.json");
  ScopedEnvironment set("LIGHTHOUSE_TUNING", "/else/mine.json");
  EXPECT_EQ(userTuningPath(), "/else/mine.json");
}
