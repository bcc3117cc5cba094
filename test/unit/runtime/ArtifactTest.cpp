//===- ArtifactTest.cpp - The bytes of artifacts --------------------------===//

#include "CudaSample.h"
#include "FakeCuda.h"
#include "HopperSample.h"

#include "lighthouse/runtime/Sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

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
  Artifact twoImages = withScaled(sampleArtifact());
  twoImages.images.push_back(
      std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Native, {0xc3, 0x90}, 2}));
  twoImages.plans[1].kernels[0].image = 1;
  twoImages.plans[1].kernels[0].entry = 1;
  Artifact noImages = tinyArtifact();
  noImages.images.clear();
  for (const Artifact &artifact :
       {sampleArtifact(), tinyArtifact(), cudaSampleArtifact(), withScaled(sampleArtifact()),
        withScaled(cudaSampleArtifact()), hopperArtifact(), twoImages, noImages}) {
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
  // Each number of 8 bytes, of the header and of the image, replaced by values that overflow,
  // exceed limits or miss the sum.
  for (std::size_t field = 16; field < 64; field += 8)
    for (std::uint64_t value : {std::uint64_t(0), std::uint64_t(2), std::uint64_t(1) << 20,
                                std::uint64_t(1) << 40, UINT64_MAX, UINT64_MAX - 87}) {
      std::vector<std::uint8_t> bytes = good;
      for (std::size_t i = 0; i < 8; ++i)
        bytes[field + i] = std::uint8_t(value >> (8 * i));
      seal(bytes);
      // The kind is that of native code; an image of one byte without any text is valid, as no
      // kernel needs it.
      const bool stillValid = (field == 40 || field == 56) && value == 0;
      EXPECT_EQ(Artifact::deserialize(bytes).ok(), stillValid) << field << " " << value;
    }
}

TEST(Artifact, HostileHeadersAreNamed) {
  const std::vector<std::uint8_t> good = serialized(tinyArtifact());
  struct Case {
    std::size_t at;
    std::uint64_t value;
    std::string_view message;
  };
  const Case cases[] = {
      {12, 0, "byte 12: the parts do not add up to "},
      {12, 2, "byte 12: the parts do not add up to "},
      {12, 4096, "byte 12: the parts do not add up to "},
      {12, 4097, "byte 12: 4097 images are over the limit"},
      {12, UINT32_MAX, "byte 12: 4294967295 images are over the limit"},
      {16, 7, "byte 16: the header says 7 bytes, found "},
      {24, (1 << 20) + 1, "byte 24: key of 1048577 or plans of "},
      {32, (64 << 20) + 1, "or plans of 67108865 bytes are over the limit"},
      {40, 3, "byte 40: there is no kind of image 3"},
      {40, std::uint64_t(1) << 32, "byte 40: there is no kind of image 4294967296"},
      {48, (256 << 20) + 1, "byte 48: an image of 268435457 bytes is over the limit"},
      {48, 2, "byte 12: the parts do not add up to "},
      {56, 2, "image 0: the text of 2 bytes is longer than the image of 1 bytes"},
  };
  for (const Case &c : cases) {
    std::vector<std::uint8_t> bytes = good;
    // The number of images has 4 bytes.
    for (std::size_t i = 0; i < (c.at == 12 ? 4 : 8); ++i)
      bytes[c.at + i] = std::uint8_t(c.value >> (8 * i));
    seal(bytes);
    const Status status = Artifact::deserialize(bytes).status();
    EXPECT_EQ(status.code(), StatusCode::Corrupt) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
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
  EXPECT_THAT(read.status().message(), HasSubstr("plans: /0/target: expected 'host' or 'cuda'"));
}

TEST(Artifact, OtherVersionsOfPlansAreUnsupported) {
  std::vector<std::uint8_t> bytes = serialized(withScaled(sampleArtifact()));
  const std::string_view field = "\"version\": 6";
  const auto first = std::ranges::search(bytes, field);
  const auto second = std::ranges::search(first.end(), bytes.end(), field.begin(), field.end());
  ASSERT_FALSE(second.empty());
  second.back() = '3';
  seal(bytes);
  const Status status = Artifact::deserialize(bytes).status();
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_THAT(status.message(),
              HasSubstr("plans: /1/version: this runtime reads plans of version 6, found 3"));
}

TEST(Artifact, EntryPoints) {
  const auto name = [](const Artifact &artifact, std::string_view asked) {
    Result<const Plan *> plan = artifact.entryPoint(asked);
    return plan ? (*plan)->name : plan.status().message();
  };
  const Artifact one = sampleArtifact(), two = withScaled(sampleArtifact());
  EXPECT_EQ(name(one, ""), "sample");
  EXPECT_EQ(name(one, "sample"), "sample");
  EXPECT_EQ(name(one, "scaled"), "the artifact has no entry point 'scaled'; it has sample");
  EXPECT_EQ(name(two, "sample"), "sample");
  EXPECT_EQ(name(two, "scaled"), "scaled");
  EXPECT_EQ(name(two, "scale"), "the artifact has no entry point 'scale'; it has sample, scaled");
  EXPECT_EQ(name(two, ""), "the artifact has several entry points, name one: sample, scaled");
  EXPECT_EQ(two.entryPoint("scale").status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(*two.entryPoint("scaled"), &two.plans[1]);
}

TEST(Artifact, VerifyRefuses) {
  Artifact noKey = tinyArtifact("");
  EXPECT_THAT(noKey.verify().message(), HasSubstr("a key has 1 to"));
  EXPECT_FALSE(noKey.serialize());

  Artifact entry = sampleArtifact();
  entry.plans[0].kernels[1].entry = std::int64_t(entry.images[0]->textBytes);
  EXPECT_THAT(entry.verify().message(), HasSubstr("kernel 'scale': entry 4096 is outside"));

  Artifact unaligned = sampleArtifact();
  imageOf(unaligned).textBytes = 200;
  EXPECT_THAT(unaligned.verify().message(), HasSubstr("must be a multiple of 4096"));

  Artifact longText = sampleArtifact();
  imageOf(longText).textBytes = longText.images[0]->bytes.size() + 1;
  EXPECT_THAT(longText.verify().message(), HasSubstr("longer than the image"));
}

TEST(Artifact, VerifyRefusesPlansThatDoNotBelongTogether) {
  struct Case {
    std::function<void(Artifact &)> change;
    std::string_view message;
  };
  const Case cases[] = {
      {[](Artifact &a) { a.plans.clear(); }, "an artifact has 1 to 256 entry points, found 0"},
      {[](Artifact &a) { a.plans.resize(257); }, "1 to 256 entry points, found 257"},
      {[](Artifact &a) { a.images.back() = nullptr; }, "image 0 is missing"},
      {[](Artifact &a) { a.images.resize(4097); }, "at most 4096 images, found 4097"},
      {[](Artifact &a) { a.plans[1].name = "sample"; }, "two entry points are called 'sample'"},
      {[](Artifact &a) { a.plans[1].cpuLevel = "x86-64-v3"; },
       "plan 'scaled': its target is not that of 'sample'"},
      {[](Artifact &a) { a.plans[1] = cudaSampleArtifact().plans[0]; },
       "plan 'cuda_sample': its target is not that of 'sample'"},
      {[](Artifact &a) {
         a = withScaled(cudaSampleArtifact());
         a.plans[1].arch = "sm_90";
       },
       "plan 'scaled': its target is not that of 'cuda_sample'"},
      {[](Artifact &a) { a.plans[1].workspaceBytes = -1; }, "plan 'scaled': /workspace_bytes"},
      {[](Artifact &a) { a.plans[1].kernels[0].image = 1; },
       "plan 'scaled': kernel 'scale': there is no image 1; the artifact has 1"},
      {[](Artifact &a) { a.plans[1].kernels[0].image = -1; },
       "plan 'scaled': /kernels/0/image: expected 0 to 4095, found -1"},
      {[](Artifact &a) { a.images.clear(); },
       "plan 'sample': kernel 'add': there is no image 0; the artifact has 0"},
      {[](Artifact &a) {
         a.images.push_back(
             std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Native, {0xc3}, 1}));
         a.plans[1].kernels[0].image = 1;
       },
       "plan 'scaled': kernel 'scale': entry 128 is outside the text of 1 bytes"},
      {[](Artifact &a) {
         a.images.push_back(
             std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Ptx, {'x'}, 0}));
       },
       "image 1: a PTX image with a plan for 'host'"},
      {[](Artifact &a) {
         a.images.push_back(
             std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Native, {0xc3}, 2}));
       },
       "image 1: the text of 2 bytes is longer"},
  };
  ASSERT_TRUE(withScaled(sampleArtifact()).verify().ok());
  for (const Case &c : cases) {
    Artifact artifact = withScaled(sampleArtifact());
    c.change(artifact);
    const Status status = artifact.verify();
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
    EXPECT_FALSE(artifact.serialize()) << c.message;
  }
}

TEST(Artifact, KindsOfImages) {
  std::vector<std::uint8_t> bytes = serialized(tinyArtifact());
  for (std::uint8_t kind : {1, 2, 3, 255}) {
    bytes[40] = kind;
    seal(bytes);
    const Status status = Artifact::deserialize(bytes).status();
    EXPECT_EQ(status.code(), StatusCode::Corrupt);
    EXPECT_THAT(status.message(), HasSubstr(kind > 2    ? "byte 40: there is no kind of image"
                                            : kind == 1 ? "image 0: a PTX image with a plan for"
                                                        : "image 0: a cubin image with a plan"));
  }

  Artifact native = cudaSampleArtifact();
  imageOf(native).kind = CodeImage::Kind::Native;
  EXPECT_THAT(native.verify().message(), HasSubstr("a native image with a plan for 'cuda'"));
  Artifact text = cudaSampleArtifact();
  imageOf(text).textBytes = 1;
  EXPECT_THAT(text.verify().message(), HasSubstr("PTX has no text of native code"));
  Artifact empty = cudaSampleArtifact();
  imageOf(empty).bytes.clear();
  EXPECT_THAT(empty.verify().message(), HasSubstr("the PTX is empty"));
  Artifact null = cudaSampleArtifact();
  imageOf(null).bytes.push_back(0);
  EXPECT_THAT(null.verify().message(), HasSubstr("PTX is text, found a null byte"));
}

TEST(Artifact, CubinsAreWholeElfFiles) {
  Artifact artifact = cudaSampleArtifact();
  imageOf(artifact).kind = CodeImage::Kind::Cubin;
  EXPECT_THAT(artifact.verify().message(), HasSubstr("the cubin is no ELF file"));
  const std::string cubin = fakeCubin("sm_80", "the code");
  imageOf(artifact).bytes.assign(cubin.begin(), cubin.end());
  ASSERT_TRUE(artifact.verify().ok()) << artifact.verify().message();
  for (std::size_t size = 1; size < cubin.size(); ++size) {
    imageOf(artifact).bytes.assign(cubin.begin(), cubin.begin() + std::ptrdiff_t(size));
    EXPECT_FALSE(artifact.verify().ok()) << size;
  }
  // Magic, class and order of bytes; the tables of the program and of sections; the section.
  for (std::size_t at : {0, 4, 5, 33, 39, 40, 41, 47, 58, 60, 61, 88 + 1, 88 + 7, 96 + 1, 96 + 7}) {
    imageOf(artifact).bytes.assign(cubin.begin(), cubin.end());
    imageOf(artifact).bytes[at] = 0xff;
    EXPECT_FALSE(artifact.verify().ok()) << at;
  }
  // A section without bytes in the file may have any size.
  imageOf(artifact).bytes.assign(cubin.begin(), cubin.end());
  imageOf(artifact).bytes[64 + 4] = 8;
  imageOf(artifact).bytes[96 + 7] = 0x7f;
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
