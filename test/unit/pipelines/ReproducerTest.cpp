//===- ReproducerTest.cpp - What a failing pass leaves behind ---------------------------------===//

#include "Reproducer.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using testing::HasSubstr;

namespace {

/// Fails, or crashes, on every module.
struct BrokenPass : PassWrapper<BrokenPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BrokenPass)
  explicit BrokenPass(bool crash) : crash(crash) {}
  StringRef getArgument() const override { return "broken"; }
  void runOnOperation() override {
    if (crash)
      std::raise(SIGSEGV);
    signalPassFailure();
  }
  bool crash;
};

class ReproducerTest : public testing::TestWithParam<bool> {};

TEST_P(ReproducerTest, HoldsTheModuleAndTheFailingPass) {
  llvm::SmallString<128> directory;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("lighthouse-test", directory));
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(directory); });
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context), StringRef("subject"));
  ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });

  PassManager pm(&context);
  std::shared_ptr<std::string> path = lighthouse::enableReproducer(pm, directory);
  pm.addPass(createCSEPass());
  pm.addPass(std::make_unique<BrokenPass>(GetParam()));
  EXPECT_TRUE(failed(pm.run(*module)));
  ASSERT_FALSE(path->empty());
  auto buffer = llvm::MemoryBuffer::getFile(*path);
  ASSERT_TRUE(bool(buffer));
  std::string text = (*buffer)->getBuffer().str();
  EXPECT_THAT(text, HasSubstr("module @subject"));
  EXPECT_THAT(text, HasSubstr("mlir_reproducer"));
  EXPECT_THAT(text, HasSubstr("builtin.module(broken)"));
}

INSTANTIATE_TEST_SUITE_P(Cases, ReproducerTest, testing::Bool(),
                         [](const auto &info) { return info.param ? "crash" : "failure"; });

TEST(ReproducerFileTest, SuccessLeavesNothing) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  PassManager pm(&context);
  std::shared_ptr<std::string> path = lighthouse::enableReproducer(pm, "");
  pm.addPass(createCSEPass());
  EXPECT_TRUE(succeeded(pm.run(*module)));
  EXPECT_TRUE(path->empty());
}

} // namespace
