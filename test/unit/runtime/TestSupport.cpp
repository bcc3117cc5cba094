//===- TestSupport.cpp - Samples for the tests of the runtime -------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Sha256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

namespace lighthouse::runtime::test {

// One element per program instance: out[id] = a[id] + b[id].
//
//   mov r8,[rdi]       mov r9,[rdi+8]     mov r10,[rdi+16]
//   mov r11,[rdi+24]   mov rsi,[rdi+32]   mov rdi,[rdi+40]
//   loop: cmp rdx,rcx  jge done
//   mov rax,rdx        imul rax,r9        movss xmm0,[r8+rax*4]
//   mov rax,rdx        imul rax,r11       addss xmm0,[r10+rax*4]
//   mov rax,rdx        imul rax,rdi       movss [rsi+rax*4],xmm0
//   inc rdx            jmp loop
//   done: ret
static constexpr std::uint8_t addCode[] = {
    0x4c, 0x8b, 0x07, 0x4c, 0x8b, 0x4f, 0x08, 0x4c, 0x8b, 0x57, 0x10, 0x4c, 0x8b, 0x5f, 0x18,
    0x48, 0x8b, 0x77, 0x20, 0x48, 0x8b, 0x7f, 0x28, 0x48, 0x39, 0xca, 0x7d, 0x2b, 0x48, 0x89,
    0xd0, 0x49, 0x0f, 0xaf, 0xc1, 0xf3, 0x41, 0x0f, 0x10, 0x04, 0x80, 0x48, 0x89, 0xd0, 0x49,
    0x0f, 0xaf, 0xc3, 0xf3, 0x41, 0x0f, 0x58, 0x04, 0x82, 0x48, 0x89, 0xd0, 0x48, 0x0f, 0xaf,
    0xc7, 0xf3, 0x0f, 0x11, 0x04, 0x86, 0x48, 0xff, 0xc2, 0xeb, 0xd0, 0xc3};

// out[id] = in[id] * factor + constant, the factor a scalar argument, the constant at offset 4096.
//
//   mov r8,[rdi]       mov r9,[rdi+8]     movss xmm1,[rdi+16]
//   mov rsi,[rdi+24]   mov r10,[rdi+32]   movss xmm2,[rip+constant]
//   loop: cmp rdx,rcx  jge done
//   mov rax,rdx        imul rax,r9        movss xmm0,[r8+rax*4]
//   mulss xmm0,xmm1    addss xmm0,xmm2
//   mov rax,rdx        imul rax,r10       movss [rsi+rax*4],xmm0
//   inc rdx            jmp loop
//   done: ret
static constexpr std::size_t scaleEntry = 128;
static constexpr std::uint8_t scaleCode[] = {
    0x4c, 0x8b, 0x07, 0x4c, 0x8b, 0x4f, 0x08, 0xf3, 0x0f, 0x10, 0x4f, 0x10, 0x48, 0x8b, 0x77,
    0x18, 0x4c, 0x8b, 0x57, 0x20, 0xf3, 0x0f, 0x10, 0x15, 0x64, 0x0f, 0x00, 0x00, 0x48, 0x39,
    0xca, 0x7d, 0x26, 0x48, 0x89, 0xd0, 0x49, 0x0f, 0xaf, 0xc1, 0xf3, 0x41, 0x0f, 0x10, 0x04,
    0x80, 0xf3, 0x0f, 0x59, 0xc1, 0xf3, 0x0f, 0x58, 0xc2, 0x48, 0x89, 0xd0, 0x49, 0x0f, 0xaf,
    0xc2, 0xf3, 0x0f, 0x11, 0x04, 0x86, 0x48, 0xff, 0xc2, 0xeb, 0xd5, 0xc3};

static std::shared_ptr<const CodeImage> sampleImage() {
  CodeImage image;
  image.textBytes = imagePageBytes;
  image.bytes.assign(imagePageBytes + sizeof(float), 0xcc);
  std::ranges::copy(addCode, image.bytes.begin());
  std::ranges::copy(scaleCode, image.bytes.begin() + scaleEntry);
  const float constant = 1.0f;
  std::memcpy(image.bytes.data() + imagePageBytes, &constant, sizeof constant);
  return std::make_shared<const CodeImage>(std::move(image));
}

Artifact sampleArtifact(std::string key) {
  const KernelArg tensor = {KernelArg::Kind::Tensor, DType::F32, 1, false};
  const KernelArg scalar = {KernelArg::Kind::Scalar, DType::F32, 0, false};
  const auto grid = std::array<std::int32_t, 3>{10, 20, 5};
  Plan plan;
  plan.name = "sample";
  plan.cpuLevel = "x86-64-v2";
  plan.inputs = {{"a", DType::F32, {sampleLength}}, {"b", DType::F32, {sampleLength}}};
  plan.outputs = {{"out", DType::F32, {sampleLength}}};
  plan.workspaceBytes = 4096;
  plan.buffers = {{64, DType::F32, {sampleLength}}};
  plan.kernels = {{"add", 0, 0, 0, {tensor, tensor, tensor}, {"N"}},
                  {"scale", 0, scaleEntry, 0, {tensor, scalar, tensor}, {}}};
  plan.launches = {{0,
                    "first",
                    grid,
                    {LaunchArg::input(0), LaunchArg::input(1), LaunchArg::buffer(0)},
                    {sampleLength}},
                   {1,
                    "second",
                    grid,
                    {LaunchArg::buffer(0), LaunchArg::scalar(std::bit_cast<std::uint32_t>(0.5f)),
                     LaunchArg::output(0)},
                    {}}};
  return {std::move(key), {std::move(plan)}, {sampleImage()}};
}

Artifact withScaled(Artifact sample) {
  Plan plan = sample.plans[0];
  plan.name = "scaled";
  plan.inputs = {{"x", DType::F32, {sampleLength}}};
  plan.parameters = {{"factor", DType::F32}};
  plan.workspaceBytes = 0;
  plan.buffers.clear();
  plan.kernels.erase(plan.kernels.begin());
  plan.launches.erase(plan.launches.begin());
  plan.launches[0].kernel = 0;
  plan.launches[0].args = {LaunchArg::input(0), LaunchArg::parameter(0), LaunchArg::output(0)};
  sample.plans.push_back(std::move(plan));
  return sample;
}

Artifact tinyArtifact(std::string key) {
  Plan plan;
  plan.name = "tiny";
  plan.cpuLevel = "x86-64-v2";
  return {std::move(key),
          {std::move(plan)},
          {std::make_shared<const CodeImage>(CodeImage{CodeImage::Kind::Native, {0xc3}, 1})}};
}

CodeImage &imageOf(Artifact &artifact, std::size_t index) {
  auto own = std::make_shared<CodeImage>(*artifact.images[index]);
  CodeImage &image = *own;
  artifact.images[index] = std::move(own);
  return image;
}

std::vector<std::uint8_t> serialized(const Artifact &artifact) {
  Result<std::vector<std::uint8_t>> bytes = artifact.serialize();
  if (!bytes) {
    ADD_FAILURE() << bytes.status().toString();
    return {};
  }
  return *std::move(bytes);
}

TempDirectory::TempDirectory() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "lighthouse-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    ADD_FAILURE() << "cannot make a temporary directory";
  directory = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ignored);
  std::filesystem::remove_all(directory, ignored);
}

std::string TempDirectory::operator/(std::string_view name) const {
  return directory + "/" + std::string(name);
}

ScopedEnvironment::ScopedEnvironment(const char *name, const char *value) : name(name) {
  const char *old = std::getenv(name);
  wasSet = old != nullptr;
  previous = old ? old : "";
  if (value)
    ::setenv(name, value, 1);
  else
    ::unsetenv(name);
}

ScopedEnvironment::~ScopedEnvironment() {
  if (wasSet)
    ::setenv(name.c_str(), previous.c_str(), 1);
  else
    ::unsetenv(name.c_str());
}

CacheOptions cacheOptions(const std::string &directory, std::vector<std::string> *warnings) {
  CacheOptions options;
  options.directory = directory;
  options.warn = [warnings](std::string_view message) {
    if (warnings)
      warnings->emplace_back(message);
  };
  return options;
}

std::string entryPath(const std::string &directory, std::string_view key) {
  return directory + "/" + toHex(sha256(key)) + ".lha";
}

std::vector<std::uint8_t> readBytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void writeBytes(const std::string &path, const std::vector<std::uint8_t> &bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
}

std::string outputOf(const std::string &command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE *)> pipe(
      ::popen((command + " 2>&1").c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 256> chunk;
  while (pipe && std::fgets(chunk.data(), chunk.size(), pipe.get()))
    text += chunk.data();
  return text;
}

std::vector<std::string> namesWithPrefix(const std::string &directory, std::string_view prefix) {
  std::vector<std::string> names;
  for (const auto &item : std::filesystem::directory_iterator(directory))
    if (std::string name = item.path().filename().string(); name.starts_with(prefix))
      names.push_back(std::move(name));
  return names;
}

} // namespace lighthouse::runtime::test
