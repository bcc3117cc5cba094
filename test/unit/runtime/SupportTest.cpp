//===- SupportTest.cpp - Statuses, types, checksum, environment -----------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/Sha256.h"
#include "lighthouse/runtime/Tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Status, CarriesCodeAndMessage) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().toString(), "ok");
  Status failed(StatusCode::Corrupt, "byte 3");
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(failed.toString(), "corrupt data: byte 3");
  EXPECT_EQ(std::move(failed).withContext("plan").message(), "plan: byte 3");
  EXPECT_TRUE(Status().withContext("plan").ok());
}

TEST(Status, EveryCodeHasAName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= int(StatusCode::DriverError); ++code) {
    EXPECT_TRUE(names.insert(statusCodeName(StatusCode(code))).second);
    EXPECT_NE(statusCodeName(StatusCode(code)), "unknown status") << code;
  }
  EXPECT_EQ(statusCodeName(StatusCode(int(StatusCode::DriverError) + 1)), "unknown status")
      << "a code that is not tested";
}

TEST(Result, HoldsAValueOrAStatus) {
  Result<std::string> value = std::string("text");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, "text");
  EXPECT_EQ(value->size(), 4u);
  EXPECT_TRUE(value.status().ok());
  EXPECT_EQ(*std::move(value), "text");

  Result<std::string> failed = Status(StatusCode::NotFound, "gone");
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.status().code(), StatusCode::NotFound);
  // A success without a value is a bug, not an empty optional to trip over.
  EXPECT_EQ(Result<int>(Status()).status().code(), StatusCode::Internal);
}

TEST(DType, NamesAndSizes) {
  const std::pair<const char *, std::size_t> expected[] = {{"f32", 4}, {"f16", 2}, {"bf16", 2},
                                                           {"f64", 8}, {"i8", 1},  {"i32", 4},
                                                           {"i64", 8}, {"bool", 1}};
  for (int i = 0; i < numDTypes; ++i) {
    EXPECT_EQ(dtypeName(DType(i)), expected[i].first);
    EXPECT_EQ(dtypeBytes(DType(i)), expected[i].second);
    EXPECT_EQ(parseDType(expected[i].first), DType(i));
  }
  EXPECT_EQ(parseDType("f8"), std::nullopt);
  EXPECT_EQ(parseDType(""), std::nullopt);
}

TEST(Tensor, ShapesAndStrides) {
  EXPECT_THAT(contiguousStrides(std::vector<std::int64_t>{2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(contiguousStrides(std::vector<std::int64_t>{2, 0, 4}), ElementsAre(4, 4, 1));
  EXPECT_EQ(elementCount(std::vector<std::int64_t>{}), 1);
  EXPECT_EQ(elementCount(std::vector<std::int64_t>{5, 0}), 0);
  EXPECT_EQ(elementCount(std::vector<std::int64_t>{5, -1}), std::nullopt);
  const std::int64_t big = std::int64_t(1) << 32;
  EXPECT_EQ(elementCount(std::vector<std::int64_t>{big, big}), std::nullopt);
  // An empty tensor whose other dims overflow has no meaningful strides either.
  EXPECT_EQ(elementCount(std::vector<std::int64_t>{0, big, big}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::F64, std::vector<std::int64_t>{big, big / 8}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::BF16, std::vector<std::int64_t>{3, 5}), 30);
  EXPECT_EQ(formatTensorType(DType::F16, std::vector<std::int64_t>{2, 64}), "f16[2, 64]");
  EXPECT_EQ(formatDims(std::vector<std::int64_t>{}), "[]");
}

TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(toHex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(toHex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(toHex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(toHex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PaddingBoundaries) {
  // Lengths around one block have one or two padded blocks; all digests must differ.
  std::set<std::string> digests;
  for (std::size_t length = 0; length <= 130; ++length)
    digests.insert(toHex(sha256(std::string(length, 'x'))));
  EXPECT_EQ(digests.size(), 131u);
}

TEST(Environment, RegistryIsComplete) {
  std::set<std::string_view> names;
  for (const EnvironmentVariable *variable : environmentVariables()) {
    EXPECT_TRUE(names.insert(variable->name).second);
    EXPECT_FALSE(variable->doc.empty());
    EXPECT_FALSE(variable->defaultValue.empty());
  }
  for (const EnvironmentVariable *variable :
       {&environment::cacheDir, &environment::cacheLimit, &environment::numThreads,
        &environment::hostLevel, &environment::cudaLibrary, &environment::tuning,
        &environment::tuningPolicy, &environment::xdgCacheHome, &environment::home})
    EXPECT_EQ(names.erase(variable->name), 1u) << variable->name;
  EXPECT_THAT(names, testing::IsEmpty()) << "variables that are not tested";
  EXPECT_TRUE(environment::hostLevel.cacheRelevant);
  EXPECT_FALSE(environment::numThreads.cacheRelevant);
}

TEST(Environment, EmptyMeansUnset) {
  ScopedEnvironment empty("LIGHTHOUSE_CACHE_DIR", "");
  EXPECT_EQ(environment::cacheDir.get(), std::nullopt);
  ScopedEnvironment set("LIGHTHOUSE_CACHE_DIR", "/x");
  EXPECT_EQ(environment::cacheDir.get(), "/x");
}

TEST(Cpu, NamesRoundTrip) {
  for (CpuLevel level : {CpuLevel::V2, CpuLevel::V3, CpuLevel::V4})
    EXPECT_EQ(parseCpuLevel(cpuLevelName(level)), level);
  EXPECT_EQ(parseCpuLevel("none"), std::nullopt);
  EXPECT_EQ(parseCpuLevel("x86-64-v5"), std::nullopt);
}

TEST(Cpu, AgreesWithTheCompilersRuntime) {
  const CpuLevel level = detectCpuLevel();
  EXPECT_EQ(level >= CpuLevel::V3, bool(__builtin_cpu_supports("avx2")) &&
                                       bool(__builtin_cpu_supports("fma")) &&
                                       bool(__builtin_cpu_supports("bmi2")));
  EXPECT_EQ(
      level >= CpuLevel::V4,
      level >= CpuLevel::V3 && bool(__builtin_cpu_supports("avx512f")) &&
          bool(__builtin_cpu_supports("avx512bw")) && bool(__builtin_cpu_supports("avx512dq")) &&
          bool(__builtin_cpu_supports("avx512cd")) && bool(__builtin_cpu_supports("avx512vl")));
}

TEST(Cpu, Override) {
  {
    ScopedEnvironment unset("LIGHTHOUSE_HOST_LEVEL", nullptr);
    Result<CpuLevel> level = hostCpuLevel();
    ASSERT_TRUE(level) << level.status().toString();
    EXPECT_EQ(*level, detectCpuLevel());
  }
  {
    ScopedEnvironment lower("LIGHTHOUSE_HOST_LEVEL", "x86-64-v2");
    Result<CpuLevel> level = hostCpuLevel();
    ASSERT_TRUE(level);
    EXPECT_EQ(*level, CpuLevel::V2);
  }
  {
    ScopedEnvironment wrong("LIGHTHOUSE_HOST_LEVEL", "pentium");
    Result<CpuLevel> level = hostCpuLevel();
    ASSERT_FALSE(level);
    EXPECT_EQ(level.status().code(), StatusCode::InvalidArgument);
    EXPECT_THAT(level.status().message(), HasSubstr("'pentium'; allowed are x86-64-v2"));
  }
  if (detectCpuLevel() < CpuLevel::V4) {
    ScopedEnvironment higher("LIGHTHOUSE_HOST_LEVEL", "x86-64-v4");
    EXPECT_EQ(hostCpuLevel().status().code(), StatusCode::Unsupported);
  }
}
