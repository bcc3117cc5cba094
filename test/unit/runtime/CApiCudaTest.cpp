//===- CApiCudaTest.cpp - The C interface for CUDA and its misuse ---------===//

#include "CudaTest.h"

#include "lighthouse/runtime/lighthouse.h"

#include <gmock/gmock.h>

#include <cstddef>

using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

class CApiCuda : public CudaTest {
protected:
  const std::vector<std::uint8_t> bytes = serialized(cudaSampleArtifact());
  lh_load_options options = {sizeof options, 1, 0, nullptr, nullptr};
  lh_program program = nullptr;

  lh_status load() {
    return lh_program_load_memory_with(bytes.data(), bytes.size(), &options, &program);
  }
};

/// Memory from `lh_device_alloc` for a scope.
struct DeviceMemory {
  explicit DeviceMemory(std::size_t size, int device = 1) {
    EXPECT_EQ(lh_device_alloc(device, size, &data), LH_OK) << lh_last_error();
  }
  ~DeviceMemory() { EXPECT_EQ(lh_device_free(data), LH_OK) << lh_last_error(); }

  void *data = nullptr;
};

} // namespace

TEST_F(CApiCuda, LoadsQueriesAndRuns) {
  ASSERT_EQ(load(), LH_OK) << lh_last_error();
  lh_program_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(lh_program_query(program, &info), LH_OK);
  EXPECT_EQ(info.target, LH_CUDA);
  EXPECT_EQ(info.device, 1);
  EXPECT_STREQ(info.arch, "sm_80");

  const std::size_t size = 4 * sampleLength;
  const DeviceMemory a(size), b(size), out(size), workspace(info.workspace_bytes);
  const std::int64_t shape[1] = {sampleLength};
  const auto tensor = [&](void *data) {
    return lh_tensor{sizeof(lh_tensor), data, LH_F32, LH_CUDA, 1, shape, nullptr};
  };
  const lh_tensor tensors[3] = {tensor(a.data), tensor(b.data), tensor(out.data)};
  const lh_tensor *inputs[2] = {&tensors[0], &tensors[1]};
  const lh_tensor *outputs[1] = {&tensors[2]};
  lh_run_args args = {sizeof args,          inputs,  2,       outputs, 1, workspace.data,
                      info.workspace_bytes, nullptr, nullptr, 0};
  EXPECT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  // A caller of version 1000, whose structure ends before the stream.
  args.struct_size = offsetof(lh_run_args, stream);
  args.stream = &args;
  EXPECT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  EXPECT_EQ(fake().launches.size(), 4u);
  EXPECT_EQ(fake().launches.back().device, 1);
  EXPECT_EQ(fake().launches.back().stream, nullptr);
  args.struct_size = sizeof args;
  EXPECT_EQ(lh_program_run(program, &args), LH_DRIVER_ERROR);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_program_run: stage 'first', kernel 'add': "));
  EXPECT_EQ(lh_stream_synchronize(1, nullptr), LH_OK);
  EXPECT_EQ(lh_program_release(program), LH_OK);
}

TEST_F(CApiCuda, OlderStructuresAreServed) {
  ASSERT_EQ(load(), LH_OK);
  lh_program_info info = {};
  info.struct_size = offsetof(lh_program_info, target);
  info.target = 77;
  ASSERT_EQ(lh_program_query(program, &info), LH_OK) << lh_last_error();
  EXPECT_STREQ(info.name, "cuda_sample");
  EXPECT_EQ(info.target, 77) << "what the caller does not know is not written";
  EXPECT_EQ(lh_program_release(program), LH_OK);
}

TEST_F(CApiCuda, LoadsAnEntryPoint) {
  const std::vector<std::uint8_t> two = serialized(withScaled(cudaSampleArtifact()));
  options.entry_point = "scaled";
  ASSERT_EQ(lh_program_load_memory_with(two.data(), two.size(), &options, &program), LH_OK)
      << lh_last_error();
  lh_program_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(lh_program_query(program, &info), LH_OK);
  EXPECT_STREQ(info.name, "scaled");
  EXPECT_EQ(info.num_parameters, 1u);
  EXPECT_EQ(lh_program_release(program), LH_OK);
}

TEST_F(CApiCuda, LoadMisuse) {
  options.struct_size = 3;
  EXPECT_EQ(load(), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("options->struct_size is 3"));
  options.struct_size = sizeof options;
  options.device = 7;
  EXPECT_EQ(load(), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("there is no CUDA device 7"));
  EXPECT_EQ(program, nullptr);

  const lh_load_options *none = nullptr;
  EXPECT_EQ(lh_program_load_memory_with(nullptr, 1, none, &program), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_memory_with(bytes.data(), 1, none, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_memory_with(bytes.data(), 1, none, &program), LH_CORRUPT);
  EXPECT_EQ(lh_program_load_file_with(nullptr, none, &program), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_file_with("/no/such", none, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_file_with("/no/such", none, &program), LH_NOT_FOUND);
}

TEST_F(CApiCuda, LoadDuringCapture) {
  options.device = 0;
  void *stream = options.stream = makeBlockingStream();
  beginCapture(stream, 0);
  EXPECT_EQ(load(), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_program_load_file or lh_program_load_memory) first"));
  endCapture(stream);
  destroyStream(stream);
}

TEST_F(CApiCuda, UsesTheCacheIfAsked) {
  TempDirectory directory;
  const ScopedEnvironment cache("LIGHTHOUSE_CACHE_DIR", directory.path().c_str());
  for (int useCache : {0, 1, 1}) {
    options.use_cache = useCache;
    ASSERT_EQ(load(), LH_OK) << lh_last_error();
    EXPECT_EQ(lh_program_release(program), LH_OK);
    EXPECT_EQ(namesWithPrefix(directory.path(), "").size(), std::size_t(useCache));
  }
  EXPECT_EQ(fake().count("cuLinkComplete"), 2);
}

TEST_F(CApiCuda, MemoryMisuse) {
  void *memory = &memory;
  EXPECT_EQ(lh_device_alloc(0, 8, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_device_alloc(5, 8, &memory), LH_INVALID_ARGUMENT);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(lh_device_alloc(0, 0, &memory), LH_OK);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(lh_device_free(nullptr), LH_OK);

  ASSERT_EQ(lh_device_alloc(0, 8, &memory), LH_OK);
  double value = 0;
  EXPECT_EQ(lh_copy(nullptr, memory, 8), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_copy: destination is null"));
  EXPECT_EQ(lh_copy(memory, nullptr, 8), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_copy(&value, &value, 8), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_copy(nullptr, nullptr, 0), LH_OK);
  EXPECT_EQ(lh_copy(&value, memory, 8), LH_OK);
  EXPECT_EQ(lh_device_free(&value), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_device_free(memory), LH_OK);
  EXPECT_EQ(lh_device_free(memory), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("not from lh_device_alloc, or was freed"));
  EXPECT_EQ(lh_stream_synchronize(9, nullptr), LH_INVALID_ARGUMENT);
}
