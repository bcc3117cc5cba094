//===- TuneWorker.cpp - One candidate of lhc tune, in a process of its own --------------------===//

#include "TuneWorker.h"

#include "Execution.h"
#include "support/Files.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace lhc;
using namespace lighthouse;
using tuning::LaunchTime;

std::string lhc::argumentFile(const std::string &root, size_t index) {
  return root + "/arg-" + std::to_string(index) + ".npy";
}
std::string lhc::outputFile(const std::string &folder, size_t index) {
  return folder + "/out-" + std::to_string(index) + ".npy";
}
std::string lhc::cubinFolder(const std::string &root) { return root + "/cubins"; }
std::string lhc::folderOf(const std::string &root, size_t candidate) {
  return root + "/" + std::to_string(candidate);
}

static std::string programFile(const std::string &folder) { return folder + "/program.lha"; }
static std::string timesFile(const std::string &folder) { return folder + "/times.json"; }

/// Loads a program with what a sibling may have left of the driver's work.
static Result<Execution> load(const SpecOptions &options, const std::string &root,
                              const runtime::Artifact &artifact) {
  Result<CompileTarget> target = options.chooseTarget();
  if (!target)
    return target.status();
  runtime::CacheOptions cacheOptions;
  cacheOptions.directory = cubinFolder(root);
  runtime::Cache cubins(cacheOptions);
  runtime::LoadOptions load;
  load.device = target->device.value_or(0);
  load.cubinCache = &cubins;
  return Execution::create(artifact, load);
}

int lhc::compileCandidate(const SpecOptions &options, Request request, const std::string &root,
                          const std::string &folder) {
  Result<runtime::TuningTable> table = runtime::TuningTable::load(folder + "/table.json");
  if (!table)
    return failRun(table.status());
  Result<Compiler> compiler = options.open();
  if (!compiler)
    return failCompile(compiler.status());
  compiler->setTuning({std::make_shared<const runtime::TuningTable>(*std::move(table))},
                      /*strict=*/true);
  Result<runtime::Artifact> artifact = compiler->compile(request, /*cache=*/nullptr);
  if (!artifact)
    return failCompile(artifact.status());
  Result<std::vector<uint8_t>> bytes = artifact->serialize();
  if (!bytes)
    return failRun(bytes.status());
  if (Status status = support::writeFile(
          programFile(folder), {{reinterpret_cast<const char *>(bytes->data()), bytes->size()}});
      !status.ok())
    return failRun(status);
  // The driver's part of compiling happens here, where candidates are compiled side by side.
  if (request.isCuda())
    if (Result<Execution> execution = load(options, root, *artifact); !execution)
      return failRun(execution.status());
  return Ok;
}

int lhc::timeCandidate(const SpecOptions &options, const std::string &root,
                       const std::string &folder, unsigned repeat) {
  Result<runtime::Artifact> artifact = runtime::Artifact::readFile(programFile(folder));
  if (!artifact)
    return failRun(artifact.status());
  Result<std::vector<ArgumentSource>> sources = options.sources();
  if (!sources)
    return failRun(sources.status());
  std::vector<NamedArray> arrays;
  for (auto [i, source] : llvm::enumerate(*sources)) {
    Result<support::Array> array = support::readNpy(argumentFile(root, i));
    if (!array)
      return failRun(array.status());
    arrays.push_back({source.name, *std::move(array)});
  }
  Result<Execution> execution = load(options, root, *artifact);
  if (!execution)
    return failRun(execution.status());
  Result<std::vector<runtime::TensorView>> inputs = orderInputs(execution->plan(), arrays);
  if (!inputs)
    return failRun(inputs.status());
  if (Status status = execution->upload(*inputs); !status.ok())
    return failRun(status);

  Result<std::vector<LaunchTime>> times =
      tuning::timeLaunches(execution->plan(), repeat, [&](const runtime::RunOptions &run) {
        return execution->launch(run);
      });
  if (!times)
    return failRun(times.status());
  if (Status status = execution->download(); !status.ok())
    return failRun(status);
  for (auto [i, output] : llvm::enumerate(execution->outputs))
    if (Status status = support::writeNpy(outputFile(folder, i), output.array); !status.ok())
      return failRun(status);

  llvm::json::Array launches;
  for (const LaunchTime &time : *times)
    launches.push_back(llvm::json::Object{{"kernel", time.kernel}, {"seconds", time.seconds}});
  Status status = support::writeFile(
      timesFile(folder), {llvm::formatv("{0}\n", llvm::json::Value(std::move(launches))).str()});
  return status.ok() ? Ok : failRun(status);
}

Result<std::vector<LaunchTime>> lhc::readTimes(const std::string &folder) {
  auto buffer = llvm::MemoryBuffer::getFile(timesFile(folder));
  if (!buffer)
    return Status(StatusCode::NotFound, "it left no times");
  llvm::Expected<llvm::json::Value> value = llvm::json::parse((*buffer)->getBuffer());
  if (!value) {
    llvm::consumeError(value.takeError());
    return Status(StatusCode::Corrupt, "its times are not JSON");
  }
  std::vector<LaunchTime> times;
  if (const llvm::json::Array *launches = value->getAsArray())
    for (const llvm::json::Value &launch : *launches) {
      const llvm::json::Object *object = launch.getAsObject();
      auto kernel = object ? object->getString("kernel") : std::nullopt;
      auto seconds = object ? object->getNumber("seconds") : std::nullopt;
      if (!kernel || !seconds)
        return Status(StatusCode::Corrupt, "its times are incomplete");
      times.push_back({kernel->str(), *seconds});
    }
  return times;
}
