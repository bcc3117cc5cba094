//===- CApiTest.cpp - The C interface and its misuse ----------------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/lighthouse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <thread>

using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

/// A loaded sample program and right arguments for it.
class CApi : public testing::Test {
protected:
  std::vector<std::uint8_t> bytes = serialized(sampleArtifact());
  lh_program program = nullptr;

  std::vector<float> a = std::vector<float>(sampleLength, 4.0f);
  std::vector<float> b = std::vector<float>(sampleLength, 2.0f);
  std::vector<float> out = std::vector<float>(sampleLength, -1.0f);
  alignas(64) std::array<std::byte, 4096> workspace = {};
  const std::int64_t shape[1] = {sampleLength};
  lh_tensor tensors[3] = {tensor(a), tensor(b), tensor(out)};
  const lh_tensor *inputs[2] = {&tensors[0], &tensors[1]};
  const lh_tensor *outputs[1] = {&tensors[2]};
  lh_run_args args = {sizeof args,      inputs,           2,       outputs, 1,
                      workspace.data(), workspace.size(), nullptr, nullptr, 0};

  lh_tensor tensor(std::vector<float> &data) const {
    return {sizeof(lh_tensor), data.data(), LH_F32, LH_HOST, 1, shape, nullptr};
  }

  void SetUp() override {
    ASSERT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &program), LH_OK)
        << lh_last_error();
  }
  void TearDown() override { EXPECT_EQ(lh_program_release(program), LH_OK); }

  /// Runs and expects a failure whose message has `text`.
  void expectRefused(lh_status status, const char *text) {
    EXPECT_EQ(lh_program_run(program, &args), status) << text;
    EXPECT_THAT(lh_last_error(), HasSubstr(text));
  }
};

} // namespace

TEST_F(CApi, Describes) {
  lh_program_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(lh_program_query(program, &info), LH_OK);
  EXPECT_STREQ(info.name, "sample");
  EXPECT_EQ(info.num_inputs, 2u);
  EXPECT_EQ(info.num_outputs, 1u);
  EXPECT_EQ(info.workspace_bytes, 4096u);
  EXPECT_EQ(info.workspace_alignment, 64u);
  EXPECT_EQ(info.num_parameters, 0u);

  lh_tensor_info input = {};
  input.struct_size = sizeof input;
  ASSERT_EQ(lh_program_input(program, 1, &input), LH_OK);
  EXPECT_STREQ(input.name, "b");
  EXPECT_EQ(input.dtype, LH_F32);
  ASSERT_EQ(input.rank, 1);
  EXPECT_EQ(input.shape[0], sampleLength);
  ASSERT_EQ(lh_program_output(program, 0, &input), LH_OK);
  EXPECT_STREQ(input.name, "out");
}

TEST_F(CApi, Runs) {
  ASSERT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  EXPECT_STREQ(lh_last_error(), "");
  EXPECT_THAT(out, testing::Each(4.0f));

  const std::int64_t broadcast[1] = {0};
  tensors[0].strides = broadcast;
  EXPECT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
}

TEST_F(CApi, EntryPointsAndParameters) {
  const std::vector<std::uint8_t> two = serialized(withScaled(sampleArtifact()));
  lh_load_options options = {};
  options.struct_size = sizeof options;
  lh_program scaled = nullptr;
  const auto load = [&](const char *name) {
    options.entry_point = name;
    return lh_program_load_memory_with(two.data(), two.size(), &options, &scaled);
  };
  for (const char *name : {static_cast<const char *>(nullptr), "", "neither"}) {
    EXPECT_EQ(load(name), LH_INVALID_ARGUMENT);
    EXPECT_THAT(lh_last_error(), HasSubstr("sample, scaled"));
    EXPECT_EQ(scaled, nullptr);
  }
  ASSERT_EQ(load("scaled"), LH_OK) << lh_last_error();

  lh_program_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(lh_program_query(scaled, &info), LH_OK);
  EXPECT_STREQ(info.name, "scaled");
  EXPECT_EQ(info.num_parameters, 1u);
  lh_tensor_info parameter = {};
  parameter.struct_size = sizeof parameter;
  parameter.shape = shape;
  ASSERT_EQ(lh_program_parameter(scaled, 0, &parameter), LH_OK) << lh_last_error();
  EXPECT_STREQ(parameter.name, "factor");
  EXPECT_EQ(parameter.dtype, LH_F32);
  EXPECT_EQ(parameter.rank, 0);
  EXPECT_EQ(parameter.shape, nullptr);
  EXPECT_EQ(lh_program_parameter(scaled, 1, &parameter), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("index is 1; the program has 1"));
  EXPECT_EQ(lh_program_parameter(scaled, 0, nullptr), LH_INVALID_ARGUMENT);

  const std::uint64_t bits[] = {std::bit_cast<std::uint32_t>(3.0f)};
  args.num_inputs = 1;
  args.parameters = bits;
  args.num_parameters = 1;
  ASSERT_EQ(lh_program_run(scaled, &args), LH_OK) << lh_last_error();
  EXPECT_THAT(out, testing::Each(4.0f * 3.0f + 1.0f));
  args.parameters = nullptr;
  EXPECT_EQ(lh_program_run(scaled, &args), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_program_run: args->parameters is null"));
  args.parameters = bits;
  args.num_parameters = SIZE_MAX;
  EXPECT_EQ(lh_program_run(scaled, &args), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("parameters were passed; the program has 1"));
  // A caller whose structure has no parameters yet.
  args.num_parameters = 1;
  args.struct_size = offsetof(lh_run_args, parameters);
  EXPECT_EQ(lh_program_run(scaled, &args), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("0 parameters were passed; the program has 1"));
  EXPECT_EQ(lh_program_release(scaled), LH_OK);
}

TEST_F(CApi, OlderStructuresAreServed) {
  // What lies behind the end of a structure is neither read nor written.
  const auto wild = reinterpret_cast<const char *>(std::uintptr_t(16));
  lh_load_options options = {};
  options.struct_size = offsetof(lh_load_options, entry_point);
  options.entry_point = wild;
  lh_program older = nullptr;
  ASSERT_EQ(lh_program_load_memory_with(bytes.data(), bytes.size(), &options, &older), LH_OK)
      << lh_last_error();
  EXPECT_EQ(lh_program_release(older), LH_OK);

  lh_program_info info = {};
  info.struct_size = offsetof(lh_program_info, num_parameters);
  info.num_parameters = 77;
  ASSERT_EQ(lh_program_query(program, &info), LH_OK) << lh_last_error();
  EXPECT_STREQ(info.arch, "x86-64-v2");
  EXPECT_EQ(info.num_parameters, 77u);

  args.struct_size = offsetof(lh_run_args, parameters);
  args.parameters = reinterpret_cast<const std::uint64_t *>(wild);
  args.num_parameters = 5;
  ASSERT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  EXPECT_THAT(out, testing::Each(4.0f));
}

TEST_F(CApi, Names) {
  EXPECT_EQ(lh_api_version(), unsigned(LH_API_VERSION));
  EXPECT_STREQ(lh_status_name(LH_OK), "ok");
  EXPECT_STREQ(lh_status_name(LH_CORRUPT), "corrupt data");
  EXPECT_STREQ(lh_status_name(-1), "unknown status");
  EXPECT_STREQ(lh_status_name(1000), "unknown status");
}

TEST_F(CApi, LoadMisuse) {
  lh_program other = program;
  EXPECT_EQ(lh_program_load_file(nullptr, &other), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("lh_program_load_file: path is null"));
  EXPECT_EQ(lh_program_load_file("/x", nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_file("/no/such/file", &other), LH_NOT_FOUND);
  EXPECT_EQ(other, nullptr) << "no stale handle after a failure";
  EXPECT_EQ(lh_program_load_file("/", &other), LH_INVALID_ARGUMENT);

  EXPECT_EQ(lh_program_load_memory(nullptr, 10, &other), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_load_memory(bytes.data(), 0, &other), LH_CORRUPT);
  EXPECT_EQ(lh_program_load_memory(bytes.data(), bytes.size() - 1, &other), LH_CORRUPT);
  bytes[8] ^= 4;
  EXPECT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &other), LH_UNSUPPORTED);
  EXPECT_THAT(lh_last_error(), HasSubstr("this runtime reads artifacts of version 5"));
}

TEST_F(CApi, HandleMisuse) {
  lh_program_info info = {};
  info.struct_size = sizeof info;
  lh_tensor_info tensorInfo = {};
  tensorInfo.struct_size = sizeof tensorInfo;
  lh_program released = nullptr;
  ASSERT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &released), LH_OK);
  ASSERT_EQ(lh_program_release(released), LH_OK);

  const auto never = reinterpret_cast<lh_program>(&info);
  const std::pair<lh_program, lh_status> handles[] = {
      {nullptr, LH_INVALID_ARGUMENT}, {released, LH_INVALID_HANDLE}, {never, LH_INVALID_HANDLE}};
  for (auto [handle, expected] : handles) {
    EXPECT_EQ(lh_program_query(handle, &info), expected);
    EXPECT_EQ(lh_program_input(handle, 0, &tensorInfo), expected);
    EXPECT_EQ(lh_program_output(handle, 0, &tensorInfo), expected);
    EXPECT_EQ(lh_program_parameter(handle, 0, &tensorInfo), expected);
    EXPECT_EQ(lh_program_run(handle, &args), expected);
    EXPECT_EQ(lh_program_release(handle), expected);
    EXPECT_THAT(lh_last_error(), HasSubstr("lh_program_release: program is"));
  }
  // A handle is never given out twice.
  lh_program next = nullptr;
  ASSERT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &next), LH_OK);
  EXPECT_NE(next, released);
  EXPECT_EQ(lh_program_release(next), LH_OK);
}

TEST_F(CApi, QueryMisuse) {
  EXPECT_EQ(lh_program_query(program, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_input(program, 0, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_program_output(program, 0, nullptr), LH_INVALID_ARGUMENT);

  lh_program_info info = {};
  lh_tensor_info tensorInfo = {};
  for (std::size_t size :
       {std::size_t(0), offsetof(lh_program_info, target) - 1, std::size_t(1) << 60}) {
    info.struct_size = size;
    EXPECT_EQ(lh_program_query(program, &info), LH_INVALID_ARGUMENT);
    EXPECT_THAT(lh_last_error(), HasSubstr("info->struct_size is"));
  }
  for (std::size_t size : {std::size_t(0), sizeof tensorInfo - 1, std::size_t(1) << 60}) {
    tensorInfo.struct_size = size;
    EXPECT_EQ(lh_program_input(program, 0, &tensorInfo), LH_INVALID_ARGUMENT);
    EXPECT_EQ(lh_program_output(program, 0, &tensorInfo), LH_INVALID_ARGUMENT);
  }
  tensorInfo.struct_size = sizeof tensorInfo;
  EXPECT_EQ(lh_program_input(program, 2, &tensorInfo), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("index is 2; the program has 2"));
  EXPECT_EQ(lh_program_output(program, SIZE_MAX, &tensorInfo), LH_INVALID_ARGUMENT);
}

TEST_F(CApi, LaterStructuresAreServedIfTheirNewFieldsAreZero) {
  struct {
    lh_program_info info;
    std::uint64_t later;
  } extended = {};
  extended.info.struct_size = sizeof extended;
  EXPECT_EQ(lh_program_query(program, &extended.info), LH_OK);
  extended.later = 1;
  EXPECT_EQ(lh_program_query(program, &extended.info), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("fields of a later version"));
}

TEST_F(CApi, RunMisuse) {
  EXPECT_EQ(lh_program_run(program, nullptr), LH_INVALID_ARGUMENT);
  const lh_run_args right = args;
  const lh_tensor rightTensor = tensors[0];
  const auto reset = [&] {
    args = right;
    tensors[0] = rightTensor;
    inputs[0] = &tensors[0];
  };

  args.struct_size = 3;
  expectRefused(LH_INVALID_ARGUMENT, "args->struct_size is 3");
  reset();
  args.inputs = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs is null");
  reset();
  args.outputs = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "args->outputs is null");
  reset();
  args.num_inputs = 1;
  expectRefused(LH_INVALID_ARGUMENT, "1 inputs were passed; the program has 2");
  reset();
  args.num_inputs = SIZE_MAX;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs has");
  reset();
  inputs[0] = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0] is null");
  reset();
  tensors[0].struct_size = 0;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->struct_size is 0");
  reset();
  tensors[0].dtype = 77;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->dtype is 77");
  reset();
  tensors[0].dtype = LH_I32;
  expectRefused(LH_INVALID_ARGUMENT, "dtype i32 was passed; f32 is needed");
  reset();
  tensors[0].device = -1;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->device is -1");
  reset();
  tensors[0].device = LH_CUDA;
  expectRefused(LH_INVALID_ARGUMENT, "on device 'cuda'");
  reset();
  for (std::int32_t rank : {-1, 9, INT32_MAX}) {
    tensors[0].rank = rank;
    expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->rank is");
  }
  reset();
  tensors[0].shape = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->shape is null");
  reset();
  const std::int64_t negative[1] = {-5};
  tensors[0].shape = negative;
  expectRefused(LH_INVALID_ARGUMENT, "args->inputs[0]->shape is [-5]");
  reset();
  tensors[0].data = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "a null pointer was passed");
  reset();
  args.workspace = nullptr;
  expectRefused(LH_INVALID_ARGUMENT, "workspace: a null pointer");
  reset();
  EXPECT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
}

TEST_F(CApi, ErrorsBelongToTheirThread) {
  EXPECT_EQ(lh_program_release(nullptr), LH_INVALID_ARGUMENT);
  std::thread([] { EXPECT_STREQ(lh_last_error(), ""); }).join();
  EXPECT_THAT(lh_last_error(), HasSubstr("program is null"));
}

TEST_F(CApi, ReleaseDuringRuns) {
  lh_program shared = nullptr;
  ASSERT_EQ(lh_program_load_memory(bytes.data(), bytes.size(), &shared), LH_OK);
  std::atomic<bool> stopped = false;
  std::atomic<int> successes = 0;
  std::thread runner([&] {
    lh_status status = LH_OK;
    while ((status = lh_program_run(shared, &args)) == LH_OK)
      ++successes;
    EXPECT_EQ(status, LH_INVALID_HANDLE) << lh_last_error();
    stopped = true;
  });
  while (successes == 0 && !stopped)
    std::this_thread::yield();
  EXPECT_GT(successes, 0);
  EXPECT_EQ(lh_program_release(shared), LH_OK);
  runner.join();
}

TEST_F(CApi, ExamplePrograms) {
  TempDirectory directory;
  const std::string path = directory / "sample.lha";
  writeBytes(path, bytes);
  for (const char *program : {RUN_ARTIFACT_PROGRAM, RUN_ARTIFACT_CPP_PROGRAM}) {
    const std::string command = std::string(program) + " '";
    // (i + i) * 0.5 + 1
    EXPECT_EQ(outputOf(command + path + "'"), "out [1000] 1 2 3 4 5 6 7 8\n");
    EXPECT_THAT(outputOf(command + (directory / "none") + "'"),
                HasSubstr("No such file or directory"));
  }
}

TEST_F(CApi, ExampleProgramsWithAnEntryPoint) {
  TempDirectory directory;
  const std::string path = directory / "two.lha";
  writeBytes(path, serialized(withScaled(sampleArtifact())));
  for (const char *program : {RUN_ARTIFACT_PROGRAM, RUN_ARTIFACT_CPP_PROGRAM}) {
    const std::string command = std::string(program) + " '" + path + "'";
    // i * 1 + 1, as parameters are 1.
    EXPECT_EQ(outputOf(command + " scaled"), "out [1000] 1 2 3 4 5 6 7 8\n");
    EXPECT_EQ(outputOf(command + " sample"), "out [1000] 1 2 3 4 5 6 7 8\n");
    EXPECT_THAT(outputOf(command), HasSubstr("name one: sample, scaled"));
  }
}
