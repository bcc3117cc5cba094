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

int Dense::prepare(const PipelineRun &pipeline, bool useCache) {
  if (pipeline.inputs.size() != 3 ||
      llvm::any_of(pipeline.inputs, [](const TensorView &v) { return v.shape.size() != 4; })) {
    printError("--dense needs a pipeline over q, k and v of rank 4");
    return InvalidInput;
  }
  Request request;
  request.name = "dense";
  request.level = pipeline.request.level;
  request.arch = pipeline.request.arch;
  request.alignment = pipeline.request.alignment;
  constexpr llvm::StringLiteral names[] = {"q", "k", "v"};
  for (auto [name, view] : llvm::zip(names, pipeline.inputs)) {
    // [B, N, H, D] seen as [B, H, N, D].
    TensorView heads = view;
    std::swap(heads.shape[1], heads.shape[2]);
    std::swap(heads.strides[1], heads.strides[2]);
    request.arguments.push_back({name.str(), heads.dtype, heads.shape});
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
