//===- NpyTest.cpp - Arrays in numpy's .npy format ------------------------===//

#include "support/Npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

using namespace lighthouse;
using namespace lighthouse::support;

namespace {

class Npy : public testing::Test {
protected:
  Npy() {
    const auto *test = testing::UnitTest::GetInstance()->current_test_info();
    path = testing::TempDir() + "lighthouse-npy-" + test->name() + ".npy";
  }
  ~Npy() override { std::filesystem::remove(path); }

  void writeFile(const std::string &bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
  }

  /// A file of version `major` with the given header text and bytes of data.
  void writeFile(const std::string &header, std::size_t dataBytes, char major = 1) {
    std::string bytes = std::string("\x93NUMPY") + major + '\0';
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
      bytes += static_cast<char>(header.size() >> (8 * i));
    writeFile(bytes + header + std::string(dataBytes, '\x01'));
  }

  std::string failure(uint64_t maxBytes = kDefaultArrayLimit) {
    Result<Array> array = readNpy(path, maxBytes);
    if (array)
      return "no failure";
    EXPECT_EQ(array.status().message().find(path), 0u);
    return array.status().message();
  }

  std::string path;
};

#define EXPECT_FAILURE(text) EXPECT_NE(failure().find(text), std::string::npos) << failure()

TEST_F(Npy, RoundTripOfEveryType) {
  for (int type = 0; type < runtime::numDTypes; ++type) {
    Result<Array> array = Array::create(DType(type), {3, 5}, kDefaultArrayLimit);
    ASSERT_TRUE(array.ok());
    for (std::size_t i = 0; i < array->bytes().size(); ++i)
      array->bytes()[i] = std::byte(i % 2);
    ASSERT_TRUE(writeNpy(path, *array).ok());
    Result<Array> back = readNpy(path);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(back->dtype(), array->dtype());
    EXPECT_EQ(back->shape(), array->shape());
    EXPECT_TRUE(std::ranges::equal(back->bytes(), array->bytes()));
  }
}

TEST_F(Npy, ShapesOfEveryRank) {
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{}, {7}, {0}, {2, 0, 3}, {1, 2, 1, 2, 1, 2, 1, 2}}) {
    Result<Array> array = Array::create(DType::I32, shape, kDefaultArrayLimit);
    ASSERT_TRUE(array.ok());
    std::ranges::fill(array->as<int32_t>(), 3);
    ASSERT_TRUE(writeNpy(path, *array).ok());
    EXPECT_EQ((std::filesystem::file_size(path) - array->bytes().size()) % 64, 0u);
    Result<Array> back = readNpy(path);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(back->shape(), shape);
  }
}

TEST_F(Npy, HeadersThatNumpyWrites) {
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 24);
  EXPECT_TRUE(readNpy(path).ok());
  writeFile("{\"shape\":(3,),\"descr\":\"<f2\",\"fortran_order\":False}\n", 6, 2);
  EXPECT_TRUE(readNpy(path).ok());
  writeFile("{'descr': '<i8', 'fortran_order': False, 'shape': ()}", 8, 3);
  EXPECT_TRUE(readNpy(path).ok());
}

TEST_F(Npy, UnsupportedFiles) {
  writeFile("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24);
  EXPECT_FAILURE("Fortran order");
  writeFile("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24);
  EXPECT_FAILURE("element type '>f4' is not supported");
  writeFile("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", 24);
  EXPECT_FAILURE("structured element types");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4);
  EXPECT_FAILURE("more than 8 dimensions");
  writeFile("{}", 0, 4);
  EXPECT_FAILURE("version 4.0 is not supported");
}

TEST_F(Npy, CorruptFiles) {
  EXPECT_FAILURE("no such file");
  writeFile("");
  EXPECT_FAILURE("not an .npy file");
  writeFile("\x93NUMPX\x01");
  EXPECT_FAILURE("not an .npy file");
  writeFile(std::string("\x93NUMPY\x01\x00\xff\x7f{", 11));
  EXPECT_FAILURE("ends inside the header");
  writeFile(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12));
  EXPECT_FAILURE("the header has 4294967295 bytes");
  writeFile("'descr'", 0);
  EXPECT_FAILURE("does not begin with '{'");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", 24);
  EXPECT_FAILURE("expected ',' or '}'");
  writeFile("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 24);
  EXPECT_FAILURE("unexpected or repeated header key 'descr'");
  writeFile("{'descr': '<f4', 'shape': (2, 3)}", 24);
  EXPECT_FAILURE("lacks one of");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", 24);
  EXPECT_FAILURE("text after");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}", 24);
  EXPECT_FAILURE("no whole number");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 24);
  EXPECT_FAILURE("no whole number");
  writeFile("{'descr': '<f4', 'fortran_order': maybe, 'shape': (2, 3)}", 24);
  EXPECT_FAILURE("neither True nor False");
  // Sizes are checked before memory is taken: an overflowing product, a short and a long file.
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 16)}", 0);
  EXPECT_FAILURE("but 0 bytes of data follow");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 23);
  EXPECT_FAILURE("f32[2, 3], but 23 bytes of data follow");
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 25);
  EXPECT_FAILURE("f32[2, 3], but 25 bytes of data follow");
}

TEST_F(Npy, MemoryLimit) {
  writeFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 24);
  EXPECT_TRUE(readNpy(path, 24).ok());
  EXPECT_NE(failure(23).find("takes 24 bytes, over the limit of 23"), std::string::npos);
}

TEST_F(Npy, EveryPrefixOfAFileFails) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}";
  writeFile(header, 24);
  std::ifstream stream(path, std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(stream)), {});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    writeFile(whole.substr(0, length));
    EXPECT_FALSE(readNpy(path).ok()) << length;
  }
}

TEST_F(Npy, WritingFails) {
  std::array<float, 3> values = {};
  EXPECT_EQ(writeNpy(path, DType::F32, std::array<int64_t, 1>{4}, std::as_bytes(std::span(values)))
                .code(),
            runtime::StatusCode::InvalidArgument);
  Status status = writeNpy("/no/such/folder/x.npy", DType::F32, std::array<int64_t, 1>{3},
                           std::as_bytes(std::span(values)));
  EXPECT_EQ(status.code(), runtime::StatusCode::SystemError);
  EXPECT_NE(status.message().find("/no/such/folder/x.npy: No such file"), std::string::npos);
}

TEST(Array, FloatConversions) {
  std::vector<float> values = {0.0f, 1.0f, -2.5f, 1.0f / 3};
  for (DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    Result<Array> array = Array::fromFloat(dtype, {2, 2}, values);
    ASSERT_TRUE(array.ok());
    std::vector<float> back = *array->toFloat();
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(back[i], values[i], dtype == DType::F32 ? 0 : 1e-2);
  }
  EXPECT_FALSE(Array::fromFloat(DType::F32, {3}, values).ok());
  EXPECT_FALSE(Array::fromFloat(DType::I32, {4}, values).ok());
  EXPECT_FALSE(Array::create(DType::I32, {4}, kDefaultArrayLimit)->toFloat().ok());
  EXPECT_FALSE(Array::create(DType::F32, {-1}, kDefaultArrayLimit).ok());
}

} // namespace
