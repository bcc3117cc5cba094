//===- PipelineRun.cpp - What run, check and bench do alike -----------------------------------===//

#include "PipelineRun.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;
using namespace lighthouse;

int PipelineRun::prepare(const SpecOptions &options, uint64_t seed, bool exposeSelections,
                         const Extents &extents) {
  double begin = secondsNow();
  Result<Request> parsed = options.request();
  if (!parsed) {
    printError(parsed.status().message());
    return Usage;
  }
  if (!options.namesDefinition()) {
    printError("say what to run: --pipeline NAME or --kernel NAME");
    return Usage;
  }
  Result<std::vector<ArgumentSource>> sources = options.sources(extents);
  if (!sources) {
    printError(sources.status().message());
    return Usage;
  }
  request = *std::move(parsed);
  CompileTarget target = *options.chooseTarget();
  std::optional<runtime::cuda::DeviceBuffer> context;
  if (request.isCuda()) {
    if (!target.device) {
      printError("--target " + options.target + " compiles only; to run, say cuda or cuda:ORDINAL");
      return Usage;
    }
    // Something in it keeps the context until the program does.
    Result<runtime::cuda::DeviceBuffer> first =
        runtime::cuda::DeviceBuffer::allocate(1, *target.device);
    if (!first)
      return failRun(first.status());
    context.emplace(*std::move(first));
    start.device = secondsNow() - begin;
  }
  request.exposeSelections = exposeSelections;

  begin = secondsNow();
  Result<Compiler> opened = options.open();
  if (!opened)
    return failCompile(opened.status());
  compiler = *std::move(opened);
  start.compile = secondsNow() - begin;
  Result<std::vector<NamedArray>> made = makeArrays(*sources, seed);
  if (!made)
    return failInput(made.status());
  arrays = *std::move(made);
  request.arguments = typesOf(arrays);

  std::shared_ptr<runtime::Cache> cache = options.cache();
  begin = secondsNow();
  Result<runtime::Artifact> artifact = compiler->compile(request, cache);
  if (!artifact)
    return failCompile(artifact.status());
  start.compile += secondsNow() - begin;
  runtime::LoadOptions load;
  load.device = target.device.value_or(0);
  load.cubinCache = cache.get();
  Result<Execution> created = Execution::create(*artifact, load);
  if (!created)
    return failRun(created.status());
  execution.emplace(*std::move(created));
  start.load = execution->loadSeconds();
  Result<std::vector<runtime::TensorView>> ordered = orderInputs(execution->plan(), arrays);
  if (!ordered)
    return failRun(ordered.status());
  inputs = *std::move(ordered);
  return Ok;
}

int PipelineRun::verify(int64_t rows, std::vector<Verdict> &verdicts) {
  Result<std::vector<ResultMeaning>> meanings = compiler->describe(request);
  if (!meanings)
    return failCompile(meanings.status());
  Result<std::vector<Verdict>> checked = lhc::verify(*meanings, inputs, execution->outputs, rows);
  if (!checked)
    return failRun(checked.status());
  verdicts = *std::move(checked);
  return Ok;
}

std::string lhc::describeArrays(const std::vector<NamedArray> &arrays) {
  std::string text;
  for (const NamedArray &named : arrays)
    text += (text.empty() ? "" : ", ") + named.name + " " +
            runtime::formatTensorType(named.array.dtype(), named.array.shape());
  return text;
}

int lhc::exitCode(const std::vector<Verdict> &verdicts) {
  bool any = false;
  for (const Verdict &verdict : verdicts) {
    if (verdict.checked && !verdict.passed)
      return CheckFailed;
    any |= verdict.checked;
  }
  return any ? Ok : CheckFailed;
}

void lhc::printVerdicts(const std::vector<Verdict> &verdicts) {
  for (const Verdict &verdict : verdicts)
    llvm::outs() << "check " << verdict.result << ": "
                 << (!verdict.checked ? "not checked"
                     : verdict.passed ? "passed"
                                      : "FAILED")
                 << ": " << verdict.text << "\n";
}

llvm::json::Array lhc::toJson(const std::vector<Verdict> &verdicts) {
  llvm::json::Array list;
  for (const Verdict &verdict : verdicts)
    list.push_back(llvm::json::Object{{"result", verdict.result},
                                      {"checked", verdict.checked},
                                      {"passed", verdict.passed},
                                      {"max_error", verdict.maxError},
                                      {"mean_error", verdict.meanError},
                                      {"allowed_max", verdict.allowedMax},
                                      {"allowed_mean", verdict.allowedMean},
                                      {"indices", verdict.indices},
                                      {"differing_indices", verdict.differing},
                                      {"text", verdict.text}});
  return list;
}
