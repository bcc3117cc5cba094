//===- ProgramTrials.cpp - Candidates in this process -----------------------------------------===//

#include "lighthouse/Tuning/ProgramTrials.h"

#include "Memory.h"
#include "RandomNumbers.h"

#include "lighthouse/Tuning/Results.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lighthouse;
using namespace lighthouse::tuning;
using frontend::TunableUse;
using runtime::Artifact;
using runtime::Plan;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;
using runtime::TuningTable;

struct ProgramTrials::Results : OwnedTensors {};

bool tuning::canBeRandom(llvm::ArrayRef<ArgumentType> inputs) {
  return llvm::all_of(inputs,
                      [](const ArgumentType &input) { return isRandomType(input.dtype); });
}

ProgramTrials::ProgramTrials(Compiler &compiler, Request request, ProgramOptions options)
    : compiler(compiler), request(std::move(request)), options(std::move(options)) {
  // Selections must be equal, whatever a pipeline makes of them. Separate passes have them as
  // results.
  this->request.exposeSelections = !this->request.separate;
}

ProgramTrials::~ProgramTrials() = default;

Result<Artifact> ProgramTrials::compileWith(const TuningTable &table) {
  compiler.setTuning({std::make_shared<const TuningTable>(table)}, /*strict=*/true);
  return compiler.compile(request, options.cache);
}

Result<std::vector<TunableUse>> ProgramTrials::uses(const TuningTable &table) {
  compiler.setTuning({std::make_shared<const TuningTable>(table)}, /*strict=*/true);
  Result<std::vector<TunableUse>> uses = compiler.tunableUses(request);
  if (!uses || !request.separate)
    return uses;
  Result<Artifact> artifact = compileWith(table);
  if (!artifact)
    return artifact.status();
  Result<const Plan *> plan = artifact->entryPoint(options.entryPoint);
  if (!plan)
    return plan.status();
  llvm::StringSet<> launched;
  for (const auto &launch : (*plan)->launches)
    launched.insert((*plan)->kernels[launch.kernel].name);
  llvm::erase_if(*uses, [&](const TunableUse &use) { return !launched.contains(use.instance); });
  return uses;
}

void ProgramTrials::compile(llvm::ArrayRef<TuningTable> tables,
                            llvm::function_ref<void(size_t, const Status &)> done) {
  artifacts.assign(tables.size(), std::nullopt);
  for (auto [i, table] : llvm::enumerate(tables)) {
    Result<Artifact> artifact = compileWith(table);
    if (artifact)
      artifacts[i] = *std::move(artifact);
    done(i, artifact.status());
  }
}

Status ProgramTrials::makeInputs(const Plan &plan) {
  if (!options.inputs.empty() || plan.inputs.empty())
    return {};
  const std::optional<int> device = request.isCuda() ? std::optional(options.device) : std::nullopt;
  auto made = std::make_unique<Results>();
  for (auto [i, input] : llvm::enumerate(plan.inputs)) {
    if (!isRandomType(input.dtype))
      return Status(StatusCode::InvalidArgument,
                    "input '" + input.name + "' needs data to be timed with: it is " +
                        runtime::formatTensorType(input.dtype, input.shape));
    OwnedTensors onHost;
    OwnedTensors &filled = device ? onHost : *made;
    if (Status status = filled.add(input.dtype, input.shape, std::nullopt); !status.ok())
      return status;
    fillRandom(filled.views.back(), i + 1);
    if (!device)
      continue;
    if (Status status = made->add(input.dtype, input.shape, device); !status.ok())
      return status;
    if (Status status = runtime::cuda::copy(made->views.back().data, onHost.views.back().data,
                                            onHost.memory.back().size());
        !status.ok())
      return status;
  }
  options.inputs = made->views;
  randomInputs = std::move(made);
  return {};
}

Result<std::vector<LaunchTime>> ProgramTrials::time(size_t index) {
  // It runs once in all.
  const Artifact artifact = *std::exchange(artifacts[index], std::nullopt);
  runtime::LoadOptions load;
  load.entryPoint = options.entryPoint;
  load.device = options.device;
  load.stream = options.stream;
  load.cubinCache = options.cache.get();
  Result<runtime::Program> program = runtime::Program::load(artifact, load);
  if (!program)
    return program.status();
  const Plan &plan = program->plan();
  if (Status status = makeInputs(plan); !status.ok())
    return status;
  const std::optional<int> device = request.isCuda() ? std::optional(options.device) : std::nullopt;
  Result<Memory> workspace = Memory::allocate(size_t(plan.workspaceBytes), device);
  if (!workspace)
    return workspace.status();
  // Of zeros, so that what a program leaves as it is does not differ.
  OwnedTensors outputs;
  for (const runtime::TensorSpec &output : plan.outputs)
    if (Status status = outputs.add(output.dtype, output.shape, device); !status.ok())
      return status;

  Result<std::vector<LaunchTime>> times =
      timeLaunches(plan, options.repeat, [&](runtime::RunOptions run) {
        run.stream = options.stream;
        return program->run(options.inputs, outputs.views, workspace->data(), workspace->size(),
                            run);
      });
  if (!times) {
    // Launches before the refused one may still be under way.
    if (device)
      (void)runtime::cuda::synchronizeStream(options.stream, options.device);
    return times.status();
  }
  Result<OwnedTensors> results = outputs.download();
  if (!results)
    return results.status();
  if (!reference) {
    reference = std::make_unique<Results>(Results{*std::move(results)});
    return times;
  }
  if (Status same = checkResults(reference->views, results->views); !same.ok())
    return same;
  return times;
}
