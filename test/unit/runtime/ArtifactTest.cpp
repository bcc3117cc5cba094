//===- ArtifactTest.cpp - The bytes of artifacts --------------------------===//

#include "CudaSample.h"
#include "FakeCuda.h"

#include "lighthouse/runtime/Sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

/// Makes the checksum right again after a change of the bytes before it.
static void seal(std::vector<std::uint8_t> &bytes) {
  const std::size_t content = bytes.size() - sizeof(Sha256Digest);
  std::ranges::copy(sha256(std::span(bytes).first(content)),
                    bytes.begin() + std::ptrdiff_t(content));
}

TEST(Artifact, RoundTrips) {
  for (const Artifact &artifact : {sampleArtifact(), tinyArtifact(), cudaSampleArtifact()}) {
    Result<Artifact> read = Artifact::deserialize(serialized(artifact));
    ASSERT_TRUE(read) << read.status().toString();
    EXPECT_EQ(*read, artifact);
  }
}

TEST(Artifact, SameArtifactSameBytes) {
  EXPECT_EQ(serialized(sampleArtifact()), serialized(sampleArtifact()));
}

TEST(Artifact, EveryTruncationIsFound) {
  const std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Result<Artifact> read = Artifact::deserialize(std::span(bytes).first(size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.status().code(), StatusCode::Corrupt) << size;
  }
}

TEST(Artifact, EverySingleBitFlipIsFound) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = std::uint8_t(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    ASSERT_FALSE(Artifact::deserialize(bytes)) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
  EXPECT_TRUE(Artifact::deserialize(bytes));
}

TEST(Artifact, BytesAfterTheEndAreFound) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  bytes.push_back(0);
  Result<Artifact> read = Artifact::deserialize(bytes);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.status().message(), HasSubstr("byte 16: the header says"));
}

TEST(Artifact, HostileHeadersWithRightChecksums) {
  const std::vector<std::uint8_t> good = serialized(tinyArtifact());
  // Each of the five sizes, replaced by values that overflow, exceed limits or miss the sum.
  for (std::size_t field = 16; field < 56; field += 8)
    for (std::uint64_t value : {std::uint64_t(0), std::uint64_t(2), std::uint64_t(1) << 20,
                                std::uint64_t(1) << 40, UINT64_MAX, UINT64_MAX - 87}) {
      std::vector<std::uint8_t> bytes = good;
      for (std::size_t i = 0; i < 8; ++i)
        bytes[field + i] = std::uint8_t(value >> (8 * i));
      seal(bytes);
      // An image of one byte without any text is valid, as no kernel needs it.
      const bool stillValid = field == 48 && value == 0;
      EXPECT_EQ(Artifact::deserialize(bytes).ok(), stillValid) << field << " " << value;
    }
}

TEST(Artifact, OtherVersionsAreUnsupported) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  ++bytes[8];
  seal(bytes);
  EXPECT_EQ(Artifact::deserialize(bytes).status().code(), StatusCode::Unsupported);
}

TEST(Artifact, BadPlanWithRightChecksumIsFound) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  const std::string_view field = "\"host\"";
  const auto at = std::ranges::search(bytes, field).begin();
  ASSERT_NE(at, bytes.end());
  std::ranges::copy(std::string_view("\"moon\""), at);
  seal(bytes);
  Result<Artifact> read = Artifact::deserialize(bytes);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.status().message(), HasSubstr("plan: /target: expected 'host' or 'cuda'"));
}

TEST(Artifact, VerifyRefuses) {
  Artifact noKey = tinyArtifact("");
  EXPECT_THAT(noKey.verify().message(), HasSubstr("a key has 1 to"));
  EXPECT_FALSE(noKey.serialize());

  Artifact entry = sampleArtifact();
  entry.plans[0].kernels[1].entry = std::int64_t(entry.images[0].textBytes);
  EXPECT_THAT(entry.verify().message(), HasSubstr("kernel 'scale': entry 4096 is outside"));

  Artifact unaligned = sampleArtifact();
  unaligned.images[0].textBytes = 200;
  EXPECT_THAT(unaligned.verify().message(), HasSubstr("must be a multiple of 4096"));

  Artifact longText = sampleArtifact();
  longText.images[0].textBytes = longText.images[0].bytes.size() + 1;
  EXPECT_THAT(longText.verify().message(), HasSubstr("longer than the image"));
}

TEST(Artifact, KindsOfImages) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  for (std::uint8_t kind : {1, 2, 3, 255}) {
    bytes[12] = kind;
    seal(bytes);
    const Status status = Artifact::deserialize(bytes).status();
    EXPECT_EQ(status.code(), StatusCode::Corrupt);
    EXPECT_THAT(status.message(), HasSubstr(kind > 2 ? "byte 12: there is no kind of image"
                                                     : "a plan for 'host' with a "));
  }

  Artifact native = cudaSampleArtifact();
  native.images[0].kind = CodeImage::Kind::Native;
  EXPECT_THAT(native.verify().message(), HasSubstr("a plan for 'cuda' with a native image"));
  Artifact text = cudaSampleArtifact();
  text.images[0].textBytes = 1;
  EXPECT_THAT(text.verify().message(), HasSubstr("PTX has no text of native code"));
  Artifact empty = cudaSampleArtifact();
  empty.images[0].bytes.clear();
  EXPECT_THAT(empty.verify().message(), HasSubstr("the PTX is empty"));
  Artifact null = cudaSampleArtifact();
  null.images[0].bytes.push_back(0);
  EXPECT_THAT(null.verify().message(), HasSubstr("PTX is text, found a null byte"));
}

TEST(Artifact, CubinsAreWholeElfFiles) {
  Artifact artifact = cudaSampleArtifact();
  artifact.images[0].kind = CodeImage::Kind::Cubin;
  EXPECT_THAT(artifact.verify().message(), HasSubstr("the cubin is no ELF file"));
  const std::string cubin = fakeCubin("sm_80", "the code");
  artifact.images[0].bytes.assign(cubin.begin(), cubin.end());
  ASSERT_TRUE(artifact.verify().ok()) << artifact.verify().message();
  for (std::size_t size = 1; size < cubin.size(); ++size) {
    artifact.images[0].bytes.assign(cubin.begin(), cubin.begin() + std::ptrdiff_t(size));
    EXPECT_FALSE(artifact.verify().ok()) << size;
  }
  // Magic, class and order of bytes; the tables of the program and of sections; the section.
  for (std::size_t at : {0, 4, 5, 33, 39, 40, 41, 47, 58, 60, 61, 88 + 1, 88 + 7, 96 + 1, 96 + 7}) {
    artifact.images[0].bytes.assign(cubin.begin(), cubin.end());
    artifact.images[0].bytes[at] = 0xff;
    EXPECT_FALSE(artifact.verify().ok()) << at;
  }
  // A section without bytes in the file may have any size.
  artifact.images[0].bytes.assign(cubin.begin(), cubin.end());
  artifact.images[0].bytes[64 + 4] = 8;
  artifact.images[0].bytes[96 + 7] = 0x7f;
  EXPECT_TRUE(artifact.verify().ok());
}

TEST(Artifact, Files) {
  TempDirectory directory;
  const std::string path = directory / "a.lha";
  ASSERT_TRUE(sampleArtifact().writeFile(path).ok());
  Result<Artifact> read = Artifact::readFile(path);
  ASSERT_TRUE(read) << read.status().toString();
  EXPECT_EQ(*read, sampleArtifact());
  EXPECT_EQ(namesWithPrefix(directory.path(), "a.lha").size(), 1u) << "no temporary file is left";

  EXPECT_EQ(Artifact::readFile(directory / "none").status().code(), StatusCode::NotFound);
  EXPECT_EQ(Artifact::readFile(directory.path()).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(sampleArtifact().writeFile(directory / "no/such/dir").code(), StatusCode::SystemError);
}
