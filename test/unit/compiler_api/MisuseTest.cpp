//===- MisuseTest.cpp - Wrong uses of the compiler's C interface ------------------------------===//

#include "CompilerApi.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse::test;
using testing::HasSubstr;

namespace {

/// A live handle of each kind, and right arguments.
class Misuse : public testing::Test {
protected:
  void SetUp() override {
    spec = openScale();
    ASSERT_EQ(lh_infer(spec, request.get(), &signature), LH_OK) << lh_last_error();
    ASSERT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK) << lh_last_error();
  }
  void TearDown() override {
    EXPECT_EQ(lh_spec_release(spec), LH_OK);
    EXPECT_EQ(lh_signature_release(signature), LH_OK);
    EXPECT_EQ(lh_artifact_release(artifact), LH_OK);
  }

  /// All three functions that take a request refuse `wrong` with a message that has `text`.
  void expectRefused(const lh_request *wrong, const char *text) {
    lh_program program = nullptr;
    lh_artifact otherArtifact = nullptr;
    lh_signature otherSignature = nullptr;
    EXPECT_EQ(lh_compile(spec, wrong, &program), LH_INVALID_ARGUMENT) << text;
    EXPECT_THAT(lh_last_error(), HasSubstr(text));
    EXPECT_EQ(lh_compile_artifact(spec, wrong, &otherArtifact), LH_INVALID_ARGUMENT) << text;
    EXPECT_THAT(lh_last_error(), HasSubstr(text));
    EXPECT_EQ(lh_infer(spec, wrong, &otherSignature), LH_INVALID_ARGUMENT) << text;
    EXPECT_THAT(lh_last_error(), HasSubstr(text));
    EXPECT_TRUE(!program && !otherArtifact && !otherSignature);
  }

  OwnedRequest request = four(10);
  lh_spec spec = nullptr;
  lh_signature signature = nullptr;
  lh_artifact artifact = nullptr;
};

} // namespace

TEST_F(Misuse, Null) {
  lh_spec other = spec;
  EXPECT_EQ(lh_spec_open(nullptr, nullptr, &other), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_spec_open: path is null");
  EXPECT_EQ(lh_spec_open("x.lh", nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_parse(nullptr, "", 0, nullptr, &other), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_parse("x.lh", nullptr, 0, nullptr, &other), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_parse("x.lh", "", 0, nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_bundled(nullptr, nullptr, &other), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_bundled("lighthouse.lh", nullptr, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_spec_release(nullptr), LH_INVALID_ARGUMENT);

  lh_program program = nullptr;
  EXPECT_EQ(lh_compile(nullptr, request.get(), &program), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_compile: spec is null");
  EXPECT_EQ(lh_compile(spec, request.get(), nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_compile_artifact(nullptr, request.get(), &artifact), LH_INVALID_ARGUMENT);
  EXPECT_EQ(artifact, nullptr);
  ASSERT_EQ(lh_compile_artifact(spec, request.get(), &artifact), LH_OK);
  EXPECT_EQ(lh_compile_artifact(spec, request.get(), nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_infer(spec, request.get(), nullptr), LH_INVALID_ARGUMENT);
  expectRefused(nullptr, "request is null");

  const void *bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(lh_artifact_bytes(nullptr, &bytes, &size), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_artifact_bytes(artifact, nullptr, &size), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_artifact_bytes(artifact, &bytes, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_artifact_save(nullptr, "/tmp/x"), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_artifact_save(artifact, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_artifact_release(nullptr), LH_INVALID_ARGUMENT);

  lh_tensor_info tensor = sized<lh_tensor_info>();
  lh_signature_info info = sized<lh_signature_info>();
  EXPECT_EQ(lh_signature_query(nullptr, &info), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_query(signature, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_input(nullptr, 0, &tensor), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_input(signature, 0, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_output(nullptr, 0, &tensor), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_output(signature, 0, nullptr), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_release(nullptr), LH_INVALID_ARGUMENT);
}

TEST_F(Misuse, StructSizes) {
  lh_spec_options options = {};
  lh_spec other = nullptr;
  for (size_t size : {size_t(0), offsetof(lh_spec_options, tuning_policy) - 1, size_t(100000)}) {
    options.struct_size = size;
    EXPECT_EQ(lh_spec_bundled("lighthouse.lh", &options, &other), LH_INVALID_ARGUMENT) << size;
    EXPECT_EQ(lh_spec_open("x.lh", &options, &other), LH_INVALID_ARGUMENT) << size;
    EXPECT_EQ(lh_spec_parse("x.lh", "", 0, &options, &other), LH_INVALID_ARGUMENT) << size;
    EXPECT_THAT(lh_last_error(), HasSubstr("options->struct_size is"));
  }
  request.fields.struct_size = 8;
  expectRefused(request.get(), "request->struct_size is 8");
  lh_tensor_info tensor = {};
  EXPECT_EQ(lh_signature_input(signature, 0, &tensor), LH_INVALID_ARGUMENT);
  EXPECT_EQ(lh_signature_output(signature, 0, &tensor), LH_INVALID_ARGUMENT);
  lh_signature_info info = {};
  EXPECT_EQ(lh_signature_query(signature, &info), LH_INVALID_ARGUMENT);

  // A later caller's structure, with fields that this library does not know.
  struct {
    lh_request request;
    size_t more;
  } later = {*four(10).get(), 0};
  OwnedRequest source = four(10);
  later.request = *source.get();
  later.request.struct_size = sizeof later;
  lh_signature inferred = nullptr;
  EXPECT_EQ(lh_infer(spec, &later.request, &inferred), LH_OK) << lh_last_error();
  EXPECT_EQ(lh_signature_release(inferred), LH_OK);
  later.more = 1;
  expectRefused(&later.request, "fields of a later version");
}

TEST_F(Misuse, StaleAndForeignHandles) {
  lh_spec stale = openScale();
  ASSERT_EQ(lh_spec_release(stale), LH_OK);
  EXPECT_EQ(lh_spec_release(stale), LH_INVALID_HANDLE);
  EXPECT_THAT(lh_last_error(), HasSubstr("spec is no live handle"));
  lh_program program = nullptr;
  lh_signature inferred = nullptr;
  lh_artifact compiled = nullptr;
  EXPECT_EQ(lh_compile(stale, request.get(), &program), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_compile_artifact(stale, request.get(), &compiled), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_infer(stale, request.get(), &inferred), LH_INVALID_HANDLE);

  // Languages without types may confuse them.
  const auto asArtifact = reinterpret_cast<lh_artifact>(spec);
  const void *bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(lh_artifact_bytes(asArtifact, &bytes, &size), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_artifact_save(asArtifact, "/no/such/folder/x"), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_artifact_release(asArtifact), LH_INVALID_HANDLE);
  const auto asSignature = reinterpret_cast<lh_signature>(artifact);
  lh_signature_info info = sized<lh_signature_info>();
  lh_tensor_info tensor = sized<lh_tensor_info>();
  EXPECT_EQ(lh_signature_query(asSignature, &info), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_signature_input(asSignature, 0, &tensor), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_signature_output(asSignature, 0, &tensor), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_signature_release(asSignature), LH_INVALID_HANDLE);
  EXPECT_EQ(lh_program_release(reinterpret_cast<lh_program>(spec)), LH_INVALID_HANDLE);
}

TEST_F(Misuse, Requests) {
  const lh_request good = *request.get();
  const auto refused = [&](const char *text, auto change) {
    lh_request wrong = good;
    change(wrong);
    expectRefused(&wrong, text);
  };
  refused("request->kind is 7", [](lh_request &r) { r.kind = 7; });
  refused("request->name is null", [](lh_request &r) { r.name = nullptr; });
  refused("no pipeline or kernel is named", [](lh_request &r) { r.name = ""; });
  refused("request->alignment is 3", [](lh_request &r) { r.alignment = 3; });
  refused("request->alignment is -1", [](lh_request &r) { r.alignment = -1; });
  refused("request->alignment is 32", [](lh_request &r) { r.alignment = 32; });
  refused("for gradients alone", [](lh_request &r) { r.deterministic = 1; });
  refused("unknown target 'gpu'", [](lh_request &r) { r.target = "gpu"; });
  refused("unknown processor level 'v9'", [](lh_request &r) { r.target = "host:v9"; });
  refused("expected cuda or cuda:ORDINAL", [](lh_request &r) { r.target = "cuda:one"; });
  refused("request->settings is null", [](lh_request &r) {
    r.settings = nullptr;
    r.num_settings = 1;
  });
  refused("request->arguments is null", [](lh_request &r) { r.arguments = nullptr; });
  refused("request->num_arguments is", [](lh_request &r) { r.num_arguments = ~size_t(0); });

  lh_setting setting = {"L", nullptr};
  const auto set = [&](lh_request &r) {
    r.settings = &setting;
    r.num_settings = 1;
  };
  refused("request->settings[0].value is null", set);
  refused("request->num_settings is", [&](lh_request &r) {
    r.settings = &setting;
    r.num_settings = ~size_t(0);
  });
  setting = {nullptr, "3"};
  refused("request->settings[0].name is null", set);
  setting = {"COLOUR", "3"};
  refused("COLOUR", set);

  const int64_t shape[1] = {10};
  lh_tensor_info info = {sizeof info, "x", LH_F32, 1, shape};
  const lh_tensor_info *pointer = nullptr;
  const auto argument = [&](lh_request &r) {
    r.arguments = &pointer;
    r.num_arguments = 1;
  };
  refused("request->arguments[0] is null", argument);
  pointer = &info;
  info.struct_size = 3;
  refused("request->arguments[0]->struct_size is 3", argument);
  info = {sizeof info, nullptr, LH_F32, 1, shape};
  refused("request->arguments[0]->name is null", argument);
  info = {sizeof info, "x", 99, 1, shape};
  refused("request->arguments[0]->dtype is 99", argument);
  info = {sizeof info, "x", LH_F32, -1, shape};
  refused("request->arguments[0]->rank is -1", argument);
  info = {sizeof info, "x", LH_F32, 1000, shape};
  refused("request->arguments[0]->rank is 1000", argument);
  info = {sizeof info, "x", LH_F32, 1, nullptr};
  refused("request->arguments[0]->shape is null", argument);
  info = {sizeof info, "z", LH_F32, 1, shape};
  refused("z", argument);
}

TEST_F(Misuse, Options) {
  lh_spec_options options = sized<lh_spec_options>();
  lh_spec other = nullptr;
  for (double limit : {-1.0, double(NAN)}) {
    options.time_limit = limit;
    EXPECT_EQ(lh_spec_bundled("lighthouse.lh", &options, &other), LH_INVALID_ARGUMENT);
    EXPECT_THAT(lh_last_error(), HasSubstr("time_limit"));
  }
}

TEST_F(Misuse, Indices) {
  lh_tensor_info tensor = sized<lh_tensor_info>();
  EXPECT_EQ(lh_signature_input(signature, 1, &tensor), LH_INVALID_ARGUMENT);
  EXPECT_STREQ(lh_last_error(), "lh_signature_input: index is 1; the signature has 1");
  EXPECT_EQ(lh_signature_output(signature, ~size_t(0), &tensor), LH_INVALID_ARGUMENT);
}

TEST(Version, IsNamed) {
  EXPECT_THAT(lh_compiler_version(), testing::MatchesRegex("[0-9.]+ .LLVM 22[0-9.]*.*"));
}
