//===- Dense.cpp - Dense attention to compare with --------------------------------------------===//

#include "Dense.h"

using namespace lhc;
using namespace lighthouse;
using runtime::TensorView;

static constexpr llvm::StringLiteral denseSpec = R"(
import "attend.lh";
pipeline dense<T: float>(q: T[B, H, S, D], k: T[B, G, S, D], v: T[B, G, S, D])
    -> (o: T[B, H, S, D], lse: f32[B, H, S]) {
  return attend(q, k, v, causal = true);
}
)";

int Dense::prepare(PipelineRun &pipeline, bool useCache) {
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
  const std::pair<const char *, unsigned> roles[] = {
      {"q", known->query}, {"k", known->key}, {"v", known->value}};
  for (const auto &[name, index] : roles) {
    TensorView heads = pipeline.inputs[index];
    if (!headsFirst) {
      // [B, N, H, D] seen as [B, H, N, D].
      std::swap(heads.shape[1], heads.shape[2]);
      std::swap(heads.strides[1], heads.strides[2]);
    }
    request.arguments.push_back({name, heads.dtype, heads.shape});
    inputs.push_back(std::move(heads));
  }
  Result<Compiler> compiler = Compiler::parse("dense.lh", denseSpec.str());
  if (!compiler)
    return failCompile(compiler.status());
  runtime::Cache cache;
  Result<runtime::Artifact> artifact = compiler->compile(request, useCache ? &cache : nullptr);
  if (!artifact)
    return failCompile(artifact.status());
  runtime::LoadOptions load;
  load.device = pipeline.execution->device();
  load.cubinCache = useCache ? &cache : nullptr;
  Result<Execution> created = Execution::create(*artifact, load);
  if (!created)
    return failRun(created.status());
  execution.emplace(*std::move(created));
  return Ok;
}
