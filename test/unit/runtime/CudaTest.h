//===- CudaTest.h - The fixture of tests with the fake driver ---*- C++ -*-===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDATEST_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDATEST_H

#include "CudaSample.h"
#include "FakeCuda.h"

#include <gtest/gtest.h>

#include <functional>

namespace lighthouse::runtime::test {

/// Resets the fake driver before each test, and expects afterwards that nothing is left in it and
/// nothing forbidden was called. The calling thread has a context of its own, of device 1.
class CudaTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

  static FakeCudaState &fake();

  /// Starts recording anew; what lives stays.
  static void forgetCalls();

  /// Whether this thread's context is the one of `SetUp`, and no other is below it.
  static bool contextIsRestored();

  /// Starts or ends a capture of `stream`, in mode 0 (global), 1 (thread) or 2 (relaxed).
  static void beginCapture(void *stream, int mode);
  static void endCapture(void *stream);

  /// A stream of device 0 that waits for the legacy default stream.
  static void *makeBlockingStream();
  static void destroyStream(void *stream);

  /// Loads the sample.
  static Program load(const LoadOptions &options = {});

  /// Runs `body` with call 0, 1, ... failing, until no more is reached. Each time it must give a
  /// status that names the failed call, unless that call is of the cleaning kind, and leave nothing
  /// behind. Where a destructor cannot enter the context, its object is lost with that.
  void failEveryCall(const std::function<Status()> &body);

private:
  /// What lives outside the test.
  FakeCudaObjects before;
  bool objectsLost = false;
};

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_CUDATEST_H
