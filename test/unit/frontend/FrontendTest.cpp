//===- FrontendTest.cpp - The front end as a library ------------------------------------===//
#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse;
using namespace lighthouse::frontend;
using testing::HasSubstr;

namespace {

llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> noFile(llvm::StringRef, llvm::StringRef) {
  return std::make_error_code(std::errc::no_such_file_or_directory);
}

/// A parsed specification with a module to instantiate into.
struct Loaded {
  explicit Loaded(llvm::StringRef text, const ImportResolver &resolver = noFile) {
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "test.lh"),
                               llvm::SMLoc());
    spec = Spec::parse(diagnostics, resolver);
    loadDialects(context);
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  }

  std::string errors() const {
    std::string text;
    llvm::raw_string_ostream out(text);
    diagnostics.print(out);
    return text;
  }
  mlir::Type f32(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, mlir::Float32Type::get(&context));
  }

  llvm::SourceMgr sources;
  frontend::Diagnostics diagnostics{sources};
  std::unique_ptr<Spec> spec;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

constexpr const char *variants = R"(
kernel small<T: float, D: int, CAUSAL: bool = false, BM: int = 16>
    (q: T[B, H, S, D]) -> (o: T[B, H, S, D], scratch: f32[cdiv(S, BM)])
    implements attend(causal = CAUSAL) requires D <= 64, "D is at most 64" grid (cdiv(S, BM), H, B) {}
kernel large<T: float, D: int, CAUSAL: bool = false>
    (q: T[B, H, S, D]) -> (o: T[B, H, S, D])
    implements attend(causal = CAUSAL) requires D > 64, "D is above 64" grid (S, H, B) {}
kernel broken<T: float>(x: T[N]) -> (y: T[N]) implements scatter grid (1) {
  store(y[0], load(x[0]) + zeros(i32[3]));
}
)";

mlir::FailureOr<tile::KernelOp> request(Loaded &loaded, llvm::StringRef stage,
                                        llvm::ArrayRef<int64_t> shape,
                                        llvm::SmallVectorImpl<KernelRefusal> &refusals) {
  mlir::Builder builder(&loaded.context);
  mlir::Type type = loaded.f32(shape);
  StageRequest wanted;
  wanted.stage = stage;
  wanted.params = builder.getDictionaryAttr(
      {builder.getNamedAttr("causal", builder.getBoolAttr(true)),
       // No kernel asks for it: ignored.
       builder.getNamedAttr("levels", builder.getI64IntegerAttr(3))});
  wanted.operands = type;
  wanted.results = type;
  DiagnosticBridge bridge(&loaded.context, loaded.diagnostics);
  return loaded.spec->makeKernelProvider()->getKernel(
      *loaded.module, wanted, mlir::FileLineColLoc::get(&loaded.context, "test.lh", 2, 1), refusals);
}

mlir::FailureOr<tile::KernelOp> request(Loaded &loaded, llvm::StringRef stage,
                                        llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<KernelRefusal> refusals;
  return request(loaded, stage, shape, refusals);
}

TEST(KernelProvider, TakesTheFirstThatFits) {
  Loaded loaded(variants);
  ASSERT_TRUE(loaded.spec) << loaded.errors();
  auto small = request(loaded, "attend", {1, 2, 100, 32});
  ASSERT_TRUE(mlir::succeeded(small)) << loaded.errors();
  EXPECT_EQ(small->getSymName(), "small_f32_D32_CAUSAL_BM16");
  EXPECT_EQ(small->getStage(), "attend");
  auto large = request(loaded, "attend", {1, 2, 100, 128});
  ASSERT_TRUE(mlir::succeeded(large));
  EXPECT_EQ(large->getSymName(), "large_f32_D128_CAUSAL");
  // An equal request finds the instance that is there, whatever the run-time extents.
  EXPECT_EQ(*request(loaded, "attend", {4, 2, 333, 32}), *small);
  EXPECT_FALSE(loaded.diagnostics.hasErrors());
}

TEST(KernelProvider, SaysWhyNoneFits) {
  Loaded loaded(variants);
  llvm::SmallVector<KernelRefusal> refusals;
  auto none = request(loaded, "attend", {2, 100, 32}, refusals);
  ASSERT_TRUE(mlir::succeeded(none)) << loaded.errors();
  EXPECT_FALSE(*none);
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_EQ(refusals[0].kernel, "small");
  EXPECT_EQ(mlir::cast<mlir::FileLineColLoc>(refusals[0].loc).getLine(), 3u);
  EXPECT_THAT(refusals[0].reason, HasSubstr("expected a tensor of rank 4"));
}

TEST(KernelProvider, ErrorsInTheBodyAreErrors) {
  Loaded loaded(variants);
  EXPECT_TRUE(mlir::failed(request(loaded, "scatter", {8})));
  EXPECT_THAT(loaded.errors(),
              HasSubstr("test.lh:9:26: error: '+' expects operands of one element"));
  EXPECT_TRUE(loaded.module->getOps<tile::KernelOp>().empty());
}

TEST(Spec, DescribesItsDefinitions) {
  Loaded loaded(variants);
  ASSERT_EQ(loaded.spec->definitions().size(), 3u);
  const DefinitionInfo &small = loaded.spec->definitions().front();
  EXPECT_EQ(small.kind, DefinitionInfo::Kind::Kernel);
  EXPECT_EQ(small.stage, "attend");
  EXPECT_EQ(small.params[3].name, "BM");
  EXPECT_EQ(small.params[3].defaultValue, "16");
  EXPECT_EQ(small.arguments[0].type, "T[B, H, S, D]");
  EXPECT_EQ(small.results[1].type, "f32[cdiv(S, BM)]");
}

TEST(Spec, FailsWithoutAborting) {
  Loaded loaded("pipeline p(x: f32[N]) -> (y: f32[N]) { return x; }");
  ASSERT_TRUE(loaded.spec);
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiateKernel("p", {}, {}, *loaded.module)));
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiatePipeline("q", {}, {}, *loaded.module)));
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiatePipeline("p", {}, {}, *loaded.module)));
  EXPECT_THAT(loaded.errors(), HasSubstr("there is no kernel 'p'"));
  EXPECT_THAT(loaded.errors(), HasSubstr("there is no pipeline 'q'"));
  EXPECT_THAT(loaded.errors(), HasSubstr("argument 'x' of pipeline 'p' has no shape"));
}

TEST(Spec, FailsAgainWhereTheErrorIsKnown) {
  Loaded loaded("kernel k<A: int = 1>(x: f32[N]) -> (y: f32[N]) grid (1) { store(y[0], 1 == 1); }\n"
                "pipeline p(x: f32[N]) -> (y: f32[N]) { let a = k<A = 2>(x); return x; }");
  ASSERT_TRUE(loaded.spec) << loaded.errors();
  std::vector<NamedType> x{{"x", loaded.f32({8})}};
  // The same message at the same place, so reported once; every instance is refused all the same.
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiateKernel("k", {}, {}, *loaded.module)));
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiateKernel("k", {{"A", "3"}}, {}, *loaded.module)));
  EXPECT_TRUE(mlir::failed(loaded.spec->instantiatePipeline("p", {}, x, *loaded.module)));
  EXPECT_EQ(loaded.diagnostics.numErrors(), 1u);
  EXPECT_TRUE(loaded.module->getBody()->empty());
}

TEST(Imports, ComeFromTheBundledLibraryWhereThereIsNoFile) {
  auto bundled = [](llvm::StringRef path) -> const char * {
    if (path == "a.lh")
      return "import \"sub/b.lh\"; fn a(x) { return b(x); }";
    if (path == "sub/b.lh")
      return "fn b(x) { return x; }";
    return nullptr;
  };
  Loaded loaded("import \"a.lh\"; kernel k(x: f32[N]) -> (y: f32[N]) grid (1) { store(y[0], "
                "a(load(x[0]))); }",
                makeImportResolver(bundled));
  ASSERT_TRUE(loaded.spec) << loaded.errors();
  EXPECT_TRUE(mlir::succeeded(loaded.spec->instantiateKernel("k", {}, {}, *loaded.module)));
}

TEST(Diagnostics, LimitsOrderAndRepetition) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "kernel (\n";
  Loaded loaded(text);
  EXPECT_FALSE(loaded.spec);
  EXPECT_TRUE(loaded.diagnostics.full());
  EXPECT_THAT(loaded.errors(), HasSubstr("too many errors; only the first 20 are shown"));

  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy("first\nsecond\n", "f.lh"),
                             llvm::SMLoc());
  frontend::Diagnostics diagnostics(sources);
  diagnostics.error(diagnostics.locate("f.lh", 2, 3), "later");
  diagnostics.error(diagnostics.locate("f.lh", 1, 1), "earlier").note(llvm::SMLoc(), "no place");
  diagnostics.error(diagnostics.locate("f.lh", 2, 3), "later");
  EXPECT_EQ(diagnostics.numErrors(), 2u);
  EXPECT_FALSE(diagnostics.locate("f.lh", 99, 1).isValid());
  EXPECT_FALSE(diagnostics.locate("g.lh", 1, 1).isValid());
  std::string rendered;
  llvm::raw_string_ostream out(rendered);
  diagnostics.print(out);
  EXPECT_EQ(rendered, "f.lh:1:1: error: earlier\n  first\n  ^\nnote: no place\n"
                      "f.lh:2:3: error: later\n  second\n    ^\n");
}

TEST(Sources, RefusesWhatIsNoFile) {
  EXPECT_EQ(readSource("/dev/zero").getError(), std::errc::invalid_argument);
  EXPECT_EQ(readSource("/").getError(), std::errc::is_a_directory);
  EXPECT_EQ(readSource("/nowhere.lh").getError(), std::errc::no_such_file_or_directory);
}

} // namespace
