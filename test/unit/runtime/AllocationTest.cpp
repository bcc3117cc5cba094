//===- AllocationTest.cpp - Memory that is allocated, or cannot be ---------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Program.h"
#include "lighthouse/runtime/Tuning.h"
#include "lighthouse/runtime/lighthouse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;

namespace {

/// How many allocations this thread made.
thread_local long allocations = 0;

/// Allocations of this thread of at least so many bytes fail.
thread_local std::size_t failFrom = SIZE_MAX;

/// Lets large allocations of this thread fail for a scope.
struct NoMemory {
  explicit NoMemory(std::size_t bytes) { failFrom = bytes; }
  ~NoMemory() { failFrom = SIZE_MAX; }
};

} // namespace

// In place of those of the library, for the whole program.
void *operator new(std::size_t bytes) {
  ++allocations;
  if (bytes < failFrom)
    if (void *memory = std::malloc(bytes == 0 ? 1 : bytes))
      return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

/// An artifact whose image is the largest of its parts.
static Artifact largeArtifact() {
  Artifact artifact = tinyArtifact();
  imageOf(artifact).bytes.resize(std::size_t(1) << 20);
  imageOf(artifact).textBytes = artifact.images[0]->bytes.size();
  return artifact;
}

TEST(Allocation, NoMemoryForAnArtifactIsAStatus) {
  TempDirectory directory;
  const std::string path = directory / "a.lha";
  const Artifact artifact = largeArtifact();
  const std::vector<std::uint8_t> bytes = serialized(artifact);
  writeBytes(path, bytes);
  // The file, then the image.
  for (std::size_t size : {bytes.size(), artifact.images[0]->bytes.size()}) {
    const NoMemory limit(size);
    EXPECT_EQ(Artifact::readFile(path).status().code(), StatusCode::OutOfMemory);
  }
  const NoMemory limit(artifact.images[0]->bytes.size());
  EXPECT_EQ(Artifact::deserialize(bytes).status().code(), StatusCode::OutOfMemory);
}

TEST(Allocation, NoMemoryForAProgramIsAStatus) {
  const Artifact artifact = sampleArtifact();
  const NoMemory limit(sizeof(KernelSpec) * artifact.plans[0].kernels.size());
  EXPECT_EQ(Program::load(artifact).status().code(), StatusCode::OutOfMemory);
}

TEST(Allocation, NoMemoryForATuningTableIsAStatus) {
  TempDirectory directory;
  const std::string path = directory / "tuning.json";
  writeBytes(path, std::vector<std::uint8_t>(1 << 20, ' '));
  const NoMemory limit(1 << 20);
  EXPECT_EQ(TuningTable::load(path).status().code(), StatusCode::OutOfMemory);
}

TEST(Allocation, RunsAllocateNothingAfterTheFirst) {
  Artifact artifact = sampleArtifact();
  artifact.plans[0].launches[1].fills = {{2, 0}};
  const std::vector<std::uint8_t> bytes = serialized(artifact);
  lh_program program = nullptr;
  ASSERT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &program), LH_OK);
  std::vector<float> x(sampleLength), out(sampleLength);
  alignas(64) std::array<std::byte, 4096> workspace;
  const std::int64_t shape[] = {sampleLength};
  const lh_tensor input = {sizeof input, x.data(), LH_F32, LH_HOST, 1, shape, nullptr};
  const lh_tensor output = {sizeof output, out.data(), LH_F32, LH_HOST, 1, shape, nullptr};
  const lh_tensor *inputs[] = {&input, &input}, *outputs[] = {&output};
  const lh_run_args args = {sizeof args,      inputs,           2,       outputs, 1,
                            workspace.data(), workspace.size(), nullptr, nullptr, 0};
  ASSERT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  // A run with fewer tensors in between, which fails.
  lh_run_args fewer = args;
  fewer.num_inputs = 1;
  EXPECT_EQ(lh_program_run(program, &fewer), LH_INVALID_ARGUMENT);
  const long before = allocations;
  for (int run = 0; run < 10; ++run)
    EXPECT_EQ(lh_program_run(program, &args), LH_OK);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(lh_program_release(program), LH_OK);
}

TEST(Allocation, TheCacheGoesOnWithoutMemory) {
  TempDirectory directory;
  std::vector<std::string> warnings;
  Cache cache(cacheOptions(directory.path(), &warnings));
  const Artifact artifact = largeArtifact();
  const std::vector<std::uint8_t> bytes = serialized(artifact);
  ASSERT_TRUE(cache.publish(artifact.key, bytes).ok());
  for (std::size_t size : {bytes.size(), artifact.images[0]->bytes.size()}) {
    const NoMemory limit(size);
    Result<std::optional<Artifact>> found = cache.lookup(artifact.key);
    ASSERT_TRUE(found) << found.status().toString();
    EXPECT_FALSE(*found);
  }
  EXPECT_EQ(cache.counters().bypassed, 2u);
  EXPECT_EQ(cache.counters().corrupt, 0u) << "the entry is not broken";
  EXPECT_TRUE(*cache.lookup(artifact.key));
}
