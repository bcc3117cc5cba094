//===- CompilerApi.cpp - What the tests of the compiler's C interface share -------------------===//

#include "CompilerApi.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

using namespace lighthouse::test;

const char *const lighthouse::test::scaleSpec = R"(
kernel twice<T: float = f32, BLOCK: int = 1024 in {256, 512, 1024}>
    (x: T[N]) -> (y: T[N])
    grid (cdiv(N, BLOCK))
{
  let i = program_id(0) * BLOCK;
  store(y[i :+ BLOCK], load(x[i :+ BLOCK]) * 2.0);
}

pipeline four(x: f32[N]) -> (y: f32[N]) { return twice(twice(x)); }
)";

OwnedRequest &OwnedRequest::argument(const char *argument, lh_dtype dtype,
                                     std::vector<int64_t> shape) {
  shapes.push_back(std::move(shape));
  lh_tensor_info info = sized<lh_tensor_info>();
  info.name = argument;
  info.dtype = dtype;
  arguments.push_back(info);
  return *this;
}

OwnedRequest &OwnedRequest::setting(const char *parameter, const char *value) {
  settings.push_back({parameter, value});
  return *this;
}

lh_request *OwnedRequest::get() {
  pointers.clear();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    arguments[i].rank = int32_t(shapes[i].size());
    arguments[i].shape = shapes[i].data();
    pointers.push_back(&arguments[i]);
  }
  fields.name = name.c_str();
  fields.settings = settings.data();
  fields.num_settings = settings.size();
  fields.arguments = pointers.data();
  fields.num_arguments = pointers.size();
  return &fields;
}

lh_spec lighthouse::test::openScale(lh_spec_options options, const char *tuning) {
  options.struct_size = sizeof options;
  options.tuning = tuning;
  lh_spec spec = nullptr;
  EXPECT_EQ(lh_spec_parse("scale.lh", scaleSpec, std::strlen(scaleSpec), &options, &spec), LH_OK)
      << lh_last_error();
  return spec;
}

OwnedRequest lighthouse::test::four(int64_t n) {
  OwnedRequest request("four");
  request.argument("x", LH_F32, {n});
  return request;
}

void lighthouse::test::expectFour(lh_program program, int64_t n) {
  lh_program_info info = sized<lh_program_info>();
  ASSERT_EQ(lh_program_query(program, &info), LH_OK) << lh_last_error();
  std::vector<float> x(n), y(n);
  for (int64_t i = 0; i < n; ++i)
    x[i] = float(i);
  const lh_tensor in = {sizeof in, x.data(), LH_F32, LH_HOST, 1, &n, nullptr};
  const lh_tensor out = {sizeof out, y.data(), LH_F32, LH_HOST, 1, &n, nullptr};
  const lh_tensor *inputs[] = {&in}, *outputs[] = {&out};
  const std::size_t alignment = info.workspace_alignment;
  std::vector<std::byte> memory(info.workspace_bytes + alignment);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  void *workspace = memory.data() + (alignment - address % alignment) % alignment;
  const lh_run_args args = {sizeof args,          inputs, 1, outputs, 1, workspace,
                            info.workspace_bytes, nullptr};
  ASSERT_EQ(lh_program_run(program, &args), LH_OK) << lh_last_error();
  for (int64_t i = 0; i < n; ++i)
    ASSERT_EQ(y[i], 4 * float(i)) << i;
}

static std::string makeFolder() {
  std::string model = (std::filesystem::temp_directory_path() / "lighthouse-api-XXXXXX").string();
  EXPECT_NE(mkdtemp(model.data()), nullptr);
  return model;
}

TempFolder::TempFolder() : path(makeFolder()) {}

TempFolder::~TempFolder() { std::filesystem::remove_all(path); }

static constexpr const char *cacheVariable = "LIGHTHOUSE_CACHE_DIR";

CacheDirectory::CacheDirectory(const std::string &path) {
  if (const char *value = std::getenv(cacheVariable))
    before = value;
  setenv(cacheVariable, path.c_str(), 1);
}

CacheDirectory::~CacheDirectory() {
  if (before)
    setenv(cacheVariable, before->c_str(), 1);
  else
    unsetenv(cacheVariable);
}

std::string lighthouse::test::writeTable(const TempFolder &folder, const char *block) {
  const std::string path = folder.path / "tuning.json";
  std::ofstream(path) << R"({"version": 1, "entries": [{"target": "x86-64-v2", "device": "",
    "kernel": "twice", "params": "T=f32", "shapes": "x=f32[1000]",
    "settings": {"BLOCK": ")"
                      << block << R"("}, "seconds": 0.001, "when": ""}]})";
  return path;
}
