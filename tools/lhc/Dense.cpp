//===- Dense.cpp - Dense attention to compare with --------------------------------------------===//

#include "Dense.h"

using namespace lhc;
using namespace lighthouse;
using runtime::TensorView;

static constexpr llvm::StringLiteral denseSpec = R"(
import "dense.lh";
)";

/// A view [B, N, H, D] as [B, H, N, D].
static TensorView withHeadsFirst(TensorView view) {
  std::swap(view.shape[1], view.shape[2]);
  std::swap(view.strides[1], view.strides[2]);
  return view;
}

int Dense::prepare(PipelineRun &pipeline, std::shared_ptr<runtime::Cache> cache) {
  using Kind = ResultMeaning::Kind;
  Result<std::vector<ResultMeaning>> meanings = pipeline.compiler->describe(pipeline.request);
  if (!meanings)
    return failCompile(meanings.status());
  auto known = llvm::find_if(*meanings, [](const ResultMeaning &meaning) {
    return meaning.kind != Kind::Unknown;
  });
  if (known == meanings->end()) {
    printError("--dense needs a pipeline whose q, k and v are known");
    return InvalidInput;
  }
  bool headsFirst = known->kind == Kind::Dense || known->kind == Kind::DenseLse;
  Request request;
  request.name = "dense";
  request.level = pipeline.request.level;
  request.arch = pipeline.request.arch;
  request.alignment = pipeline.request.alignment;
  request.gradient = pipeline.request.gradient;
  request.deterministic = pipeline.request.deterministic;
  llvm::SmallVector<std::pair<const char *, unsigned>> roles = {
      {"q", known->query}, {"k", known->key}, {"v", known->value}};
  if (request.gradient) {
    auto gradient = llvm::find_if(*meanings, [](const ResultMeaning &meaning) {
      return meaning.gradient && meaning.kind != Kind::Unknown;
    });
    if (gradient == meanings->end()) {
      printError("--dense --grad needs a pipeline whose one float result is its output");
      return InvalidInput;
    }
    roles.push_back({"do", gradient->cotangent});
  }
  for (const auto &[name, index] : roles) {
    TensorView heads =
        headsFirst ? pipeline.inputs[index] : withHeadsFirst(pipeline.inputs[index]);
    request.arguments.push_back({name, heads.dtype, heads.shape});
    inputs.push_back(std::move(heads));
  }
  CompilerOptions options;
  options.crashRecovery = true;
  Result<Compiler> compiler = Compiler::parse("dense.lh", denseSpec.str(), std::move(options));
  if (!compiler)
    return failCompile(compiler.status());
  Result<runtime::Artifact> artifact = compiler->compile(request, cache);
  if (!artifact)
    return failCompile(artifact.status());
  runtime::LoadOptions load;
  load.device = pipeline.execution->device();
  load.cubinCache = cache.get();
  Result<Execution> created = Execution::create(*artifact, load);
  if (!created)
    return failRun(created.status());
  execution.emplace(*std::move(created));
  return Ok;
}
