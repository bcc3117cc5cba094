//===- HostImageTest.cpp - From objects to images that need nothing else ----------------------===//

#include "lighthouse/Target/Host.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse;
using testing::ElementsAre;
using testing::HasSubstr;

static const tile::TargetInfo &level(llvm::StringRef name) { return *tile::findTarget(name); }

/// The object of a module of LLVM IR.
static std::string compile(llvm::StringRef ir) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(ir, problem, context);
  if (!module) {
    ADD_FAILURE() << problem.getMessage().str();
    return "";
  }
  llvm::Expected<std::string> object = emitHostObject(*module, level("x86-64-v2"));
  if (!object) {
    ADD_FAILURE() << llvm::toString(object.takeError());
    return "";
  }
  return *object;
}

static std::string errorOf(llvm::StringRef object) {
  llvm::Expected<HostImage> image = linkHostImage(object);
  return image ? "" : llvm::toString(image.takeError());
}

/// Left to itself, LLVM would print the message and exit.
TEST(HostObject, ErrorsOfTheCodeGeneratorAreReturned) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(
      "define double @f(double %x) \"target-features\"=\"-sse2\" {\n ret double %x\n}", problem,
      context);
  ASSERT_TRUE(module);
  llvm::Expected<std::string> object = emitHostObject(*module, level("x86-64-v2"));
  ASSERT_FALSE(bool(object));
  EXPECT_THAT(llvm::toString(object.takeError()), HasSubstr("SSE2 disabled"));
}

TEST(HostImage, HoldsTextThenReadOnlyData) {
  llvm::Expected<HostImage> image = linkHostImage(compile(R"(
    @table = internal constant [4 x i32] [i32 11, i32 22, i32 33, i32 44]
    define void @first(ptr %p, i64 %i) {
      %e = getelementptr i32, ptr @table, i64 %i
      %v = load i32, ptr %e
      store i32 %v, ptr %p
      ret void
    }
    define void @second(ptr %p) {
      %a = alloca [64 x i64], align 64
      store volatile i64 0, ptr %a
      ret void
    })"));
  ASSERT_TRUE(bool(image)) << llvm::toString(image.takeError());
  EXPECT_EQ(image->textBytes, 4096u);
  ASSERT_GE(image->bytes.size(), 4096u + 16u);
  int32_t table[4];
  std::memcpy(table, image->bytes.data() + 4096, sizeof(table));
  EXPECT_THAT(table, ElementsAre(11, 22, 33, 44));
  ASSERT_EQ(image->kernels.size(), 2u);
  EXPECT_EQ(image->kernels[0].name, "first");
  EXPECT_EQ(image->kernels[0].entry, 0u);
  EXPECT_EQ(image->kernels[0].stackBytes, 8u); // The return address.
  EXPECT_EQ(image->kernels[1].name, "second");
  EXPECT_GT(image->kernels[1].entry, 0u);
  EXPECT_GE(image->kernels[1].stackBytes, 512u);
  EXPECT_LT(image->kernels[1].stackBytes, 1024u);
}

TEST(HostImage, HelpersAreNoKernelsAndCountAsStack) {
  llvm::Expected<HostImage> image = linkHostImage(compile(R"(
    define internal void @helper(ptr %p) noinline {
      %a = alloca [128 x i64], align 64
      store volatile i64 0, ptr %a
      ret void
    }
    define void @kernel(ptr %p) {
      call void @helper(ptr %p)
      ret void
    })"));
  ASSERT_TRUE(bool(image)) << llvm::toString(image.takeError());
  ASSERT_EQ(image->kernels.size(), 1u);
  EXPECT_EQ(image->kernels[0].name, "kernel");
  EXPECT_GE(image->kernels[0].stackBytes, 1024u);
}

TEST(HostImage, RefusesSymbolsFromOutsideByName) {
  EXPECT_EQ(errorOf(compile(R"(
    declare float @expf(float)
    define void @kernel(ptr %p) {
      %v = load float, ptr %p
      %w = call float @expf(float %v)
      store float %w, ptr %p
      ret void
    })")),
            "the code refers to 'expf', which is not part of it");
}

TEST(HostImage, RefusesDataThatCanBeWritten) {
  EXPECT_THAT(errorOf(compile(R"(
    @counter = internal global i32 7
    define void @kernel() {
      %v = load i32, ptr @counter
      %w = add i32 %v, 1
      store i32 %w, ptr @counter
      ret void
    })")),
              HasSubstr("the code has mutable data in section '.data"));
  // A table of addresses would need the loader.
  EXPECT_THAT(errorOf(compile(R"(
    @table = internal constant [2 x ptr] [ptr @kernel, ptr @other]
    define void @kernel(i64 %i, ptr %p) {
      %e = getelementptr ptr, ptr @table, i64 %i
      %v = load ptr, ptr %e
      store ptr %v, ptr %p
      ret void
    }
    define void @other() {
      ret void
    })")),
              HasSubstr("mutable data in section '.data.rel.ro"));
}

TEST(HostImage, RefusesWhatIsNoObject) {
  EXPECT_NE(errorOf(""), "");
  EXPECT_NE(errorOf("not an object"), "");
  std::string object = compile("define void @kernel() { ret void }");
  EXPECT_EQ(errorOf(object), "");
  EXPECT_NE(errorOf(llvm::StringRef(object).take_front(40)), "");
  object[4] = 1; // 32 bits.
  EXPECT_NE(errorOf(object), "");
}

namespace {
class HostLLVM : public testing::Test {
protected:
  HostLLVM() { context.loadDialect<mlir::LLVM::LLVMDialect>(); }

  /// The text of the optimised module, or the error.
  std::string emit(llvm::StringRef text, const tile::TargetInfo &target) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    llvm::LLVMContext llvmContext;
    auto result = emitHostLLVM(*module, llvmContext, target);
    if (!result)
      return "error: " + llvm::toString(result.takeError());
    std::string printed;
    llvm::raw_string_ostream(printed) << **result;
    return printed;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};
} // namespace

static constexpr const char *fusedSource = R"(
llvm.func @kernel(%p: !llvm.ptr, %q: !llvm.ptr, %x: vector<4xf32>) {
  %v = llvm.load %p : !llvm.ptr -> vector<4xf32>
  %f = llvm.intr.fma(%v, %x, %v) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  %o = llvm.load %q : !llvm.ptr -> !llvm.ptr
  llvm.store %f, %o : vector<4xf32>, !llvm.ptr
  llvm.return
})";

TEST_F(HostLLVM, FusesWhereTheProcessorDoes) {
  EXPECT_THAT(emit(fusedSource, level("x86-64-v3")), HasSubstr("@llvm.fma.v4f32"));
  std::string old = emit(fusedSource, level("x86-64-v2"));
  EXPECT_THAT(old, HasSubstr("@llvm.fmuladd.v4f32"));
  EXPECT_THAT(old, testing::Not(HasSubstr("@llvm.fma.")));
}

TEST_F(HostLLVM, NoLibraryIsKnown) {
  // A loop that copies bytes stays one.
  std::string text = emit(R"(
llvm.func @kernel(%a: !llvm.ptr, %g: !llvm.ptr, %p: !llvm.ptr {llvm.noalias}, %q: !llvm.ptr {llvm.noalias}, %n: i64) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  llvm.br ^loop(%zero : i64)
^loop(%i: i64):
  %from = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
  %to = llvm.getelementptr %q[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
  %v = llvm.load %from : !llvm.ptr -> i8
  llvm.store %v, %to : i8, !llvm.ptr
  %next = llvm.add %i, %one : i64
  %go = llvm.icmp "ult" %next, %n : i64
  llvm.cond_br %go, ^loop(%next : i64), ^end
^end:
  llvm.return
})",
                          level("x86-64-v3"));
  EXPECT_THAT(text, HasSubstr("\"no-builtins\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("memcpy")));
}
