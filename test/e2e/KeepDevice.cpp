//===- KeepDevice.cpp - one context of the GPU for all tests of a program ---------------------===//

#include "lighthouse/runtime/Cuda.h"

#include <gtest/gtest.h>
#include <optional>

using lighthouse::runtime::cuda::DeviceBuffer;

namespace {

/// Has memory on the GPU from the first test to the last: the context ends with the last that a
/// program has there, and to make another one for each test takes longer than the tests.
class KeepDevice : public testing::Environment {
public:
  void SetUp() override {
    if (auto allocated = DeviceBuffer::allocate(1))
      buffer = std::move(*allocated);
  }
  void TearDown() override { buffer.reset(); }

private:
  std::optional<DeviceBuffer> buffer;
};

} // namespace

[[maybe_unused]] static const auto *const keepDevice =
    testing::AddGlobalTestEnvironment(new KeepDevice);
