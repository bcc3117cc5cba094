//===- CompileTest.cpp - Specifications, programs, artifacts and signatures -------------------===//

#include "CompilerApi.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lighthouse::test;
using testing::HasSubstr;

TEST(Compile, CompilesAndRuns) {
  lh_spec spec = openScale();
  lh_program program = nullptr;
  ASSERT_EQ(lh_compile(spec, four(1000).get(), &program), LH_OK) << lh_last_error();
  EXPECT_STREQ(lh_last_error(), "");
  expectFour(program, 1000);
  EXPECT_EQ(lh_spec_release(spec), LH_OK);
  expectFour(program, 1000);
  EXPECT_EQ(lh_program_release(program), LH_OK);
}

TEST(Compile, AKernelIsAProgram) {
  lh_spec spec = openScale();
  OwnedRequest request("twice");
  request.fields.kind = LH_KERNEL;
  request.argument("x", LH_BF16, {3000}).setting("BLOCK", "256");
  lh_program program = nullptr;
  ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
  lh_tensor_info y = sized<lh_tensor_info>();
  ASSERT_EQ(lh_program_output(program, 0, &y), LH_OK);
  EXPECT_EQ(y.dtype, LH_BF16);
  EXPECT_EQ(y.shape[0], 3000);
  lh_program_release(program);
  lh_spec_release(spec);
}

TEST(Spec, DescribesItsDefinitions) {
  const char *text = "import \"dense.lh\";\n"
                     "kernel k<T: float = f32, D: int>(x: T[N, D], a: f32) -> (y: T[N] = 0) grid (1) {}\n"
                     "stage s(x: f32[N]) -> (y: f32[N]);\n"
                     "pipeline p(x: f32[N, D]) -> (y: f32[N]) { return k(x, 1.0); }\n";
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_parse("described.lh", text, std::strlen(text), nullptr, &spec), LH_OK);
  lh_spec_info counts = sized<lh_spec_info>();
  ASSERT_EQ(lh_spec_query(spec, &counts), LH_OK);
  lh_definition_info own = sized<lh_definition_info>();
  ASSERT_GE(counts.num_definitions, 3u);
  ASSERT_EQ(lh_spec_definition(spec, 0, &own), LH_OK);
  EXPECT_TRUE(own.imported);
  ASSERT_EQ(lh_spec_definition(spec, counts.num_definitions - 2, &own), LH_OK);
  EXPECT_STREQ(own.name, "k");
  EXPECT_EQ(own.kind, LH_KERNEL);
  EXPECT_FALSE(own.imported);
  ASSERT_EQ(own.num_parameters, 2u);
  EXPECT_STREQ(own.parameters[0].name, "T");
  EXPECT_STREQ(own.parameters[0].type, "float");
  EXPECT_STREQ(own.parameters[0].value, "f32");
  EXPECT_EQ(own.parameters[1].value, nullptr);
  ASSERT_EQ(own.num_arguments, 2u);
  EXPECT_STREQ(own.arguments[0].type, "T[N, D]");
  EXPECT_STREQ(own.arguments[1].type, "f32");
  ASSERT_EQ(own.num_results, 1u);
  EXPECT_STREQ(own.results[0].name, "y");
  EXPECT_STREQ(own.results[0].value, "0");
  ASSERT_EQ(lh_spec_definition(spec, counts.num_definitions - 1, &own), LH_OK);
  EXPECT_STREQ(own.name, "p") << "stages are not listed: nothing calls them from outside";
  EXPECT_EQ(own.kind, LH_PIPELINE);
  EXPECT_EQ(lh_spec_definition(spec, counts.num_definitions, &own), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("there is no definition number"));
  EXPECT_EQ(lh_spec_query(spec, nullptr), LH_INVALID_ARGUMENT);
  lh_spec_release(spec);
  EXPECT_EQ(lh_spec_query(spec, &counts), LH_INVALID_HANDLE);
}

TEST(Compile, ScalarsOfPipelinesAreSet) {
  const char *text = "import \"attend.lh\";\n"
                     "pipeline p(q: f32[B, H, S, D], scale: f32) -> (o: f32[B, H, S, D]) {\n"
                     "  let (o, lse) = attend(q, q, q, scale = scale);\n  return o;\n}\n";
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_parse("scaled.lh", text, std::strlen(text), nullptr, &spec), LH_OK);
  lh_program program = nullptr;
  OwnedRequest request("p");
  request.argument("q", LH_F32, {1, 1, 4, 16});
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("argument 'scale' of pipeline 'p' is a scalar"));
  request.setting("scale", "0.5");
  ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
  lh_program_release(program);
  lh_spec_release(spec);
}

TEST(Compile, ErrorsAreLocated) {
  const char *text = "kernel k(x: f32[N]) -> (y: f32[N]) grid (1) {\n  let a = b;\n}\n";
  lh_spec spec = openScale();
  lh_program program = reinterpret_cast<lh_program>(&program);
  OwnedRequest missing("fuor");
  EXPECT_EQ(lh_compile(spec, missing.get(), &program), LH_INVALID_ARGUMENT);
  EXPECT_EQ(program, nullptr) << "no stale handle after a failure";
  EXPECT_STREQ(lh_last_error(), "lh_compile: error: there is no pipeline 'fuor'; there are four");
  EXPECT_EQ(lh_compile(spec, four(-1).get(), &program), LH_INVALID_ARGUMENT);
  lh_spec_release(spec);

  EXPECT_EQ(lh_spec_parse("bad.lh", text, std::strlen(text), nullptr, &spec), LH_INVALID_ARGUMENT);
  EXPECT_EQ(spec, nullptr);
  EXPECT_THAT(lh_last_error(), HasSubstr("bad.lh:2:11: error: "));
  EXPECT_THAT(lh_last_error(), HasSubstr("\n    let a = b;\n            ^"));
}

TEST(Compile, OpensFiles) {
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_open(LIGHTHOUSE_KERNELS_DIR "/lighthouse.lh", nullptr, &spec), LH_OK)
      << lh_last_error();
  EXPECT_EQ(lh_spec_release(spec), LH_OK);
  EXPECT_EQ(lh_spec_open("/no/such/file.lh", nullptr, &spec), LH_NOT_FOUND);
  EXPECT_EQ(spec, nullptr);
  EXPECT_THAT(lh_last_error(), HasSubstr("cannot read '/no/such/file.lh'"));
  EXPECT_EQ(lh_spec_open("/", nullptr, &spec), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_open("-", nullptr, &spec), LH_NOT_FOUND) << "not the standard input";
}

TEST(Compile, TheLibraryIsFoundWithoutFiles) {
  TempFolder folder;
  std::ofstream(folder.path / "pool.lh") << "this is no specification";
  std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path);
  lh_spec spec = nullptr;
  EXPECT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, &spec), LH_OK) << lh_last_error();
  std::filesystem::current_path(before);
  EXPECT_EQ(lh_spec_release(spec), LH_OK);
  EXPECT_EQ(lh_spec_bundled("beacon.lh", nullptr, &spec), LH_NOT_FOUND);
  EXPECT_THAT(lh_last_error(), HasSubstr("there is no bundled specification 'beacon.lh'"));
  EXPECT_THAT(lh_last_error(), HasSubstr("pool.lh"));
  EXPECT_EQ(lh_spec_bundled("tuning/attend.json", nullptr, &spec), LH_NOT_FOUND);
}

TEST(Compile, ImportsAreFoundBesideTheName) {
  TempFolder folder;
  std::ofstream(folder.path / "scale.lh") << scaleSpec;
  const std::string text = "import \"scale.lh\";\n"
                           "pipeline again(x: f32[N]) -> (y: f32[N]) { return twice(x); }\n";
  const std::string name = folder.path / "again.lh";
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_parse(name.c_str(), text.data(), text.size(), nullptr, &spec), LH_OK)
      << lh_last_error();
  EXPECT_EQ(lh_spec_release(spec), LH_OK);
  EXPECT_EQ(lh_spec_parse("again.lh", text.data(), text.size(), nullptr, &spec),
            LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("scale.lh"));
}

//===------------------------------------------------------------------------------------------===//
// Artifacts
//===------------------------------------------------------------------------------------------===//

TEST(Artifact, BytesAndFilesLoad) {
  lh_spec spec = openScale();
  lh_artifact artifact = nullptr;
  ASSERT_EQ(lh_compile_artifact(spec, four(100).get(), &artifact), LH_OK) << lh_last_error();
  const void *bytes = nullptr;
  size_t size = 0;
  ASSERT_EQ(lh_artifact_bytes(artifact, &bytes, &size), LH_OK);
  lh_program program = nullptr;
  ASSERT_EQ(lh_program_load_memory(bytes, size, &program), LH_OK) << lh_last_error();
  expectFour(program, 100);
  lh_program_release(program);

  TempFolder folder;
  const std::string path = folder.path / "four.lha";
  ASSERT_EQ(lh_artifact_save(artifact, path.c_str()), LH_OK) << lh_last_error();
  EXPECT_EQ(std::filesystem::file_size(path), size);
  ASSERT_EQ(lh_program_load_file(path.c_str(), &program), LH_OK) << lh_last_error();
  expectFour(program, 100);
  lh_program_release(program);
  EXPECT_EQ(lh_artifact_save(artifact, "/no/such/folder/four.lha"), LH_SYSTEM_ERROR);
  EXPECT_EQ(lh_artifact_release(artifact), LH_OK);
  lh_spec_release(spec);
}

TEST(Artifact, IsMadeForOtherMachines) {
  lh_spec spec = openScale();
  OwnedRequest request = four(100);
  for (const char *target : {"sm_80", "sm_90a", "host:x86-64-v2", "host:v4"}) {
    request.fields.target = target;
    lh_artifact artifact = nullptr;
    EXPECT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
    const void *bytes = nullptr;
    size_t size = 0;
    ASSERT_EQ(lh_artifact_bytes(artifact, &bytes, &size), LH_OK);
    const std::string_view text(static_cast<const char *>(bytes), size);
    EXPECT_NE(text.find(std::string_view(target).substr(0, 2) == "sm"
                            ? "target cuda " + std::string(target)
                            : "target host x86-64-v" + std::string(1, std::string(target).back())),
              text.npos);
    lh_artifact_release(artifact);
  }
  request.fields.target = "sm_90a";
  lh_program program = nullptr;
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("no device to load the program to"));
  lh_spec_release(spec);
}

//===------------------------------------------------------------------------------------------===//
// The cache
//===------------------------------------------------------------------------------------------===//

/// The inodes of the entries in a folder: publishing makes a new file, a hit does not.
static std::vector<ino_t> entries(const std::filesystem::path &folder) {
  std::vector<ino_t> inodes;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    struct stat status;
    if (entry.path().extension() == ".lha" && stat(entry.path().c_str(), &status) == 0)
      inodes.push_back(status.st_ino);
  }
  std::sort(inodes.begin(), inodes.end());
  return inodes;
}

TEST(CompileCache, TheSecondCallTakesWhatTheFirstMade) {
  TempFolder folder;
  CacheDirectory cache(folder.path);
  lh_spec spec = openScale();
  OwnedRequest request = four(1000);
  lh_program program = nullptr;
  ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK);
  EXPECT_TRUE(entries(folder.path).empty()) << "nobody asked for the cache";
  lh_program_release(program);
  // What a specification has made it keeps, and does not ask for again.
  lh_spec_release(spec);
  spec = openScale();

  request.fields.use_cache = 1;
  ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK);
  lh_program_release(program);
  const std::vector<ino_t> first = entries(folder.path);
  ASSERT_EQ(first.size(), 1u);

  lh_spec again = openScale();
  ASSERT_EQ(lh_compile(again, request.get(), &program), LH_OK);
  expectFour(program, 1000);
  lh_program_release(program);
  EXPECT_EQ(entries(folder.path), first);

  OwnedRequest other = four(1001);
  other.fields.use_cache = 1;
  lh_artifact artifact = nullptr;
  ASSERT_EQ(lh_compile_artifact(again, other.get(), &artifact), LH_OK);
  EXPECT_EQ(entries(folder.path), first) << "the same kernel serves another extent";
  lh_artifact_release(artifact);
  lh_spec_release(again);
  lh_spec_release(spec);
}

TEST(CompileCache, WarningsGoToTheCaller) {
  CacheDirectory cache("/proc/no-cache-here");
  std::vector<std::string> remarks;
  lh_spec_options options = {};
  options.remark = [](const char *text, void *context) {
    static_cast<std::vector<std::string> *>(context)->push_back(text);
  };
  options.remark_context = &remarks;
  lh_spec spec = openScale(options);
  OwnedRequest request = four(1000);
  request.fields.use_cache = 1;
  lh_program program = nullptr;
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
  lh_program_release(program);
  ASSERT_FALSE(remarks.empty());
  EXPECT_THAT(remarks.front(), HasSubstr("/proc/no-cache-here"));
  lh_spec_release(spec);
}

//===------------------------------------------------------------------------------------------===//
// Signatures
//===------------------------------------------------------------------------------------------===//

namespace {

/// An input or output without its addresses.
struct Described {
  std::string name;
  int dtype;
  std::vector<int64_t> shape;
  bool operator==(const Described &) const = default;
};

/// All tensors that `describe` tells of.
template <typename Handle>
std::vector<Described> describeAll(Handle handle,
                                   lh_status (*describe)(Handle, size_t, lh_tensor_info *)) {
  std::vector<Described> all;
  lh_tensor_info info = sized<lh_tensor_info>();
  for (size_t i = 0; describe(handle, i, &info) == LH_OK; ++i)
    all.push_back({info.name, info.dtype, {info.shape, info.shape + info.rank}});
  return all;
}

OwnedRequest lighthouseRequest(bool gradient) {
  OwnedRequest request("lighthouse");
  request.fields.gradient = gradient;
  for (const char *name : {"q", "k", "v"})
    request.argument(name, LH_F32, {1, 256, name[0] == 'q' ? 4 : 2, 16});
  request.setting("K", "128");
  return request;
}

} // namespace

TEST(Infer, IsWhatTheProgramHas) {
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, &spec), LH_OK) << lh_last_error();
  for (bool gradient : {false, true}) {
    OwnedRequest request = lighthouseRequest(gradient);
    lh_signature signature = nullptr;
    ASSERT_EQ(lh_infer(spec, request.get(), &signature), LH_OK) << lh_last_error();
    lh_program program = nullptr;
    ASSERT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
    const auto inputs = describeAll(signature, lh_signature_input);
    const auto outputs = describeAll(signature, lh_signature_output);
    EXPECT_EQ(inputs, describeAll(program, lh_program_input));
    EXPECT_EQ(outputs, describeAll(program, lh_program_output));
    EXPECT_EQ(inputs.size(), gradient ? 4u : 3u);
    EXPECT_EQ(outputs.size(), gradient ? 4u : 1u);
    lh_signature_info info = sized<lh_signature_info>();
    ASSERT_EQ(lh_signature_query(signature, &info), LH_OK);
    EXPECT_EQ(info.num_inputs, inputs.size());
    EXPECT_EQ(info.num_outputs, outputs.size());
    lh_program_release(program);
    lh_signature_release(signature);
  }
  lh_spec_release(spec);
}

TEST(Infer, CompilesNoKernel) {
  // Nothing implements the stage.
  const char *text = "pipeline f(q: f32[B, H, N, D]) -> (o: f32[B, H, N, D], l: f32[B, H, N]) {\n"
                     "  return attend(q, q, q, causal = true);\n}\n";
  lh_spec spec = nullptr;
  ASSERT_EQ(lh_spec_parse("open.lh", text, std::strlen(text), nullptr, &spec), LH_OK)
      << lh_last_error();
  OwnedRequest request("f");
  request.argument("q", LH_F32, {1, 2, 64, 16});
  lh_program program = nullptr;
  EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_INVALID_ARGUMENT);
  lh_signature signature = nullptr;
  ASSERT_EQ(lh_infer(spec, request.get(), &signature), LH_OK) << lh_last_error();
  EXPECT_THAT(describeAll(signature, lh_signature_output),
              testing::ElementsAre(Described{"o", LH_F32, {1, 2, 64, 16}},
                                   Described{"l", LH_F32, {1, 2, 64}}));
  lh_signature_release(signature);
  lh_spec_release(spec);
}

TEST(Infer, KernelsNeedTheTypesOfAllArguments) {
  lh_spec spec = openScale();
  OwnedRequest request("twice");
  request.fields.kind = LH_KERNEL;
  lh_signature signature = nullptr;
  EXPECT_EQ(lh_infer(spec, request.get(), &signature), LH_INVALID_ARGUMENT);
  EXPECT_THAT(lh_last_error(), HasSubstr("the results of kernel 'twice' follow from the types"));
  request.argument("x", LH_F16, {10});
  ASSERT_EQ(lh_infer(spec, request.get(), &signature), LH_OK) << lh_last_error();
  EXPECT_THAT(describeAll(signature, lh_signature_output),
              testing::ElementsAre(Described{"y", LH_F16, {10}}));
  lh_signature_release(signature);
  lh_spec_release(spec);
}

TEST(Infer, ArgumentsMayComeFromSignatures) {
  lh_spec spec = openScale();
  lh_signature signature = nullptr;
  ASSERT_EQ(lh_infer(spec, four(50).get(), &signature), LH_OK);
  lh_tensor_info x = sized<lh_tensor_info>();
  ASSERT_EQ(lh_signature_input(signature, 0, &x), LH_OK);
  const lh_tensor_info *arguments[] = {&x};
  lh_request request = sized<lh_request>();
  request.name = "four";
  request.arguments = arguments;
  request.num_arguments = 1;
  lh_program program = nullptr;
  ASSERT_EQ(lh_compile(spec, &request, &program), LH_OK) << lh_last_error();
  expectFour(program, 50);
  lh_program_release(program);
  lh_signature_release(signature);
  lh_spec_release(spec);
}

//===------------------------------------------------------------------------------------------===//
// Devices
//===------------------------------------------------------------------------------------------===//

/// In a process of its own, as a driver is opened once. No device runs anything here.
TEST(CompileDeathTest, ProgramsAreLoadedToTheirDevice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("LIGHTHOUSE_CUDA_LIBRARY", FAKE_CUDA_LIBRARY, 1);
        lh_spec spec = openScale();
        OwnedRequest request = four(1000);
        request.fields.target = "cuda:1";
        lh_program program = nullptr;
        EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_OK) << lh_last_error();
        lh_program_info info = sized<lh_program_info>();
        EXPECT_EQ(lh_program_query(program, &info), LH_OK);
        EXPECT_EQ(info.target, LH_CUDA);
        EXPECT_EQ(info.device, 1);
        EXPECT_THAT(info.arch, testing::StartsWith("sm_"));
        EXPECT_EQ(lh_program_release(program), LH_OK);
        request.fields.target = "cuda:9";
        EXPECT_EQ(lh_compile(spec, request.get(), &program), LH_INVALID_ARGUMENT);
        EXPECT_THAT(lh_last_error(), HasSubstr("there is no CUDA device 9"));
        _exit(HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}
