//===- TuningTest.cpp - What tables of tuned settings do to a compilation ---------------------===//

#include "lighthouse/Pipelines/Compiler.h"

#include "BundledKernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse;
using runtime::DType;
using runtime::StatusCode;
using runtime::TuningTable;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

static constexpr const char *spec = R"(
kernel twice<T: float = f32, BLOCK: int = 1024 in {256, 512, 1024, 2048}>
    (x: T[N]) -> (y: T[N])
    requires BLOCK != 512, "512 is unlucky";
    grid (cdiv(N, BLOCK))
{
  static if BLOCK == 2048 { static_assert(BLOCK != 2048, "2048 does not compile"); }
  let i = program_id(0) * BLOCK;
  store(y[i :+ BLOCK], load(x[i :+ BLOCK]) * 2.0);
}

kernel plain(x: f32[N]) -> (y: f32[N]) grid (N) {
  store(y[program_id(0)], load(x[program_id(0)]));
}

pipeline four(x: f32[N]) -> (y: f32[N]) { return twice(twice(x)); }
pipeline fixed(x: f32[N]) -> (y: f32[N]) { return twice<BLOCK = 1024>(plain(x)); }
)";

static std::shared_ptr<const TuningTable> table(std::string block, std::string kernel = "twice",
                                                std::string shapes = "x=f32[1000]",
                                                std::string name = "BLOCK") {
  auto made = std::make_shared<TuningTable>();
  EXPECT_TRUE(
      made->put({{"x86-64-v2", "", kernel, "T=f32", shapes}, {{name, block}}, 1e-3, ""}).ok());
  return made;
}

namespace {

struct TuningOfCompilers : testing::Test {
  Compiler make(std::vector<std::shared_ptr<const TuningTable>> tables, bool strict = false) {
    CompilerOptions options;
    options.tuning = std::move(tables);
    options.strictTuning = strict;
    options.remark = [this](std::string_view text) { remarks.emplace_back(text); };
    runtime::Result<Compiler> compiler = Compiler::parse("twice.lh", spec, options);
    EXPECT_TRUE(compiler.ok()) << compiler.status().message();
    return *std::move(compiler);
  }

  static Request request(std::string pipeline = "four", std::string level = "x86-64-v2") {
    Request request;
    request.name = std::move(pipeline);
    request.level = std::move(level);
    request.arguments = {{"x", DType::F32, {1000}}};
    return request;
  }

  std::string tile(Compiler &compiler, const Request &wanted = request()) {
    runtime::Result<std::string> text = compiler.emit(wanted, Phase::Tile);
    return text.ok() ? *text : text.status().message();
  }

  std::vector<std::string> remarks;
};

} // namespace

TEST_F(TuningOfCompilers, TheFirstTableThatKnowsTheUseDecides) {
  Compiler defaults = make({});
  EXPECT_THAT(tile(defaults), HasSubstr("@twice_f32_BLOCK1024"));
  Compiler tuned = make({nullptr, table("256", "other"), table("256"), table("1024")});
  EXPECT_THAT(tile(tuned), HasSubstr("@twice_f32_BLOCK256"));
  EXPECT_THAT(tile(tuned, request("four", "x86-64-v3")), HasSubstr("@twice_f32_BLOCK1024"));
  EXPECT_TRUE(remarks.empty());
}

TEST_F(TuningOfCompilers, WhatIsSetStaysSet) {
  Compiler tuned = make({table("256")});
  EXPECT_THAT(tile(tuned, request("fixed")), HasSubstr("@twice_f32_BLOCK1024"));
  Request kernel = request("twice");
  kernel.kind = Request::Kind::Kernel;
  EXPECT_THAT(tile(tuned, kernel), HasSubstr("@twice_f32_BLOCK256"));
  kernel.settings = {{"BLOCK", "1024"}};
  EXPECT_THAT(tile(tuned, kernel), HasSubstr("@twice_f32_BLOCK1024"));
}

TEST_F(TuningOfCompilers, SettingsThatDoNotFitAreIgnoredWithARemark) {
  struct Case {
    std::shared_ptr<const TuningTable> table;
    const char *remark;
  };
  const Case cases[] = {
      {table("17"), "expected one of 256, 512, 1024, 2048 for parameter 'BLOCK', found '17'"},
      {table("512"), "512 is unlucky"},
      {table("256", "twice", "", "T"), "it leaves no parameter 'T' open"},
      {table("256", "twice", "", "COLOUR"), "it leaves no parameter 'COLOUR' open"},
      {table("2048"), "2048 does not compile"},
  };
  for (const Case &c : cases) {
    remarks.clear();
    Compiler compiler = make({c.table});
    EXPECT_THAT(tile(compiler), HasSubstr("@twice_f32_BLOCK1024")) << c.remark;
    ASSERT_FALSE(remarks.empty()) << c.remark;
    EXPECT_THAT(remarks.front(), HasSubstr(c.remark));
    EXPECT_TRUE(compiler.compile(request(), nullptr).ok());

    Compiler strict = make({c.table}, /*strict=*/true);
    runtime::Result<std::string> text = strict.emit(request(), Phase::Tile);
    ASSERT_FALSE(text.ok()) << c.remark;
    EXPECT_EQ(text.status().code(), StatusCode::InvalidArgument);
    EXPECT_THAT(text.status().message(), HasSubstr(c.remark));
  }
}

TEST_F(TuningOfCompilers, TheKeyHoldsWhatMayDecide) {
  std::string key = make({}).key(request());
  std::string tuned = make({table("256")}).key(request());
  EXPECT_NE(tuned, key);
  EXPECT_NE(make({table("512")}).key(request()), tuned);
  EXPECT_EQ(make({nullptr, table("256")}).key(request()), tuned);
  // Neither other kernels, nor kernels without choices, nor other targets.
  EXPECT_EQ(make({table("256", "other")}).key(request()), key);
  EXPECT_EQ(make({table("256", "plain")}).key(request()), key);
  EXPECT_EQ(make({table("256")}).key(request("four", "x86-64-v3")),
            make({}).key(request("four", "x86-64-v3")));
}

TEST_F(TuningOfCompilers, UsesAreListed) {
  Compiler compiler = make({table("256", "twice", "x=f32[77]")});
  runtime::Result<std::vector<frontend::TunableUse>> uses = compiler.tunableUses(request());
  ASSERT_TRUE(uses.ok()) << uses.status().message();
  ASSERT_EQ(uses->size(), 2u);
  const frontend::TunableUse &use = uses->front();
  EXPECT_EQ(use.kernel, "twice");
  EXPECT_EQ(use.instance, "twice_f32_BLOCK256");
  EXPECT_EQ(use.params, "T=f32");
  EXPECT_EQ(use.shapes, "x=f32[1000]");
  ASSERT_EQ(use.open.size(), 1u);
  EXPECT_EQ(use.open[0].name, "BLOCK");
  EXPECT_EQ(use.open[0].value, "256");
  EXPECT_THAT(use.open[0].choices, ElementsAre("256", "512", "1024", "2048"));
  uses = compiler.tunableUses(request("fixed"));
  ASSERT_TRUE(uses.ok()) << uses.status().message();
  EXPECT_TRUE(uses->empty());
}

TEST(BundledTuning, EveryTableIsRead) {
  unsigned tables = 0;
  for (const BundledFile &file : bundledKernels()) {
    if (!file.name.ends_with(".json"))
      continue;
    ++tables;
    runtime::Result<TuningTable> table =
        TuningTable::fromJson({file.text.data(), file.text.size()});
    ASSERT_TRUE(table.ok()) << file.name.str() << ": " << table.status().message();
    for (const runtime::TuningEntry &entry : table->entries())
      EXPECT_NE(bundledTuning()->find(entry.use), nullptr) << file.name.str();
  }
  EXPECT_GE(tables, 1u);
}

/// Its settings are choices of the bundled kernels.
TEST(BundledTuning, FitsTheBundledKernels) {
  CompilerOptions options;
  options.tuning = {bundledTuning()};
  options.strictTuning = true;
  runtime::Result<Compiler> compiler =
      Compiler::parse("bundled.lh", "import \"lighthouse.lh\";", options);
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  for (const runtime::TuningEntry &entry : bundledTuning()->entries()) {
    const auto &definitions = compiler->definitions();
    auto kernel = llvm::find_if(definitions, [&](const frontend::DefinitionInfo &definition) {
      return definition.name == entry.use.kernel;
    });
    ASSERT_NE(kernel, definitions.end()) << entry.use.kernel;
    for (const auto &[name, value] : entry.settings) {
      auto param = llvm::find_if(kernel->params, [&, name = name](const frontend::ParamInfo &info) {
        return info.name == name;
      });
      ASSERT_NE(param, kernel->params.end()) << entry.use.kernel << " " << name;
      EXPECT_TRUE(llvm::is_contained(param->choices, value)) << entry.use.kernel << " " << name;
    }
  }
}
