//===- Autotuner.cpp - Tables of settings that grow while a program runs ----------------------===//

#include "lighthouse/Tuning/Autotuner.h"

#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Environment.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using namespace lighthouse::tuning;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;
using runtime::TuningLock;
using runtime::TuningTable;

Result<Policy> tuning::policyFromEnvironment() {
  const runtime::EnvironmentVariable &variable = runtime::environment::tuningPolicy;
  const std::string text = variable.get().value_or("tables");
  auto policy = llvm::StringSwitch<std::optional<Policy>>(text)
                    .Case("never", Policy::Never)
                    .Case("tables", Policy::Tables)
                    .Case("first_use", Policy::FirstUse)
                    .Default(std::nullopt);
  if (policy)
    return *policy;
  return Status(StatusCode::InvalidArgument,
                std::string(variable.name) + " is '" + text +
                    "'; allowed are never, tables and first_use");
}

Autotuner::Autotuner(AutotunerOptions given) : options(std::move(given)) {
  if (hasFile() && options.policy != Policy::Never)
    table = runtime::loadTuning(options.path, options.remark);
}

std::vector<std::shared_ptr<const TuningTable>> Autotuner::tables() const {
  if (options.policy == Policy::Never)
    return {};
  if (options.path == "none")
    return {table};
  return {table, bundledTuning()};
}

void Autotuner::remark(const std::string &text) const {
  if (options.remark)
    options.remark(text);
  else
    llvm::errs() << "lighthouse: remark: " << text << "\n";
}

/// Puts all entries of `more` into `table`.
static Status putAll(TuningTable &table, const TuningTable &more) {
  for (const runtime::TuningEntry &entry : more.entries())
    if (Status status = table.put(entry); !status.ok())
      return status;
  return {};
}

Status Autotuner::learn(Compiler &compiler, const TuningTable &more) {
  auto merged = table ? std::make_shared<TuningTable>(*table) : std::make_shared<TuningTable>();
  if (Status status = putAll(*merged, more); !status.ok())
    return status;
  table = std::move(merged);
  compiler.setTuning(tables(), /*strict=*/false);
  return {};
}

Result<std::optional<TuningLock>> Autotuner::lock(Compiler &compiler) {
  if (!hasFile())
    return std::optional<TuningLock>();
  Result<TuningLock> lock = TuningLock::acquire(options.path);
  if (!lock)
    return lock.status();
  if (std::shared_ptr<const TuningTable> saved = runtime::loadTuning(options.path, options.remark))
    if (Status status = learn(compiler, *saved); !status.ok())
      return status;
  return std::optional(*std::move(lock));
}

/// Adds `winners` to the table at `path`, unless it is broken: that is not written over.
static Status saveTo(const std::string &path, const TuningTable &winners) {
  Result<TuningTable> saved = TuningTable::loadIfAny(path);
  if (!saved)
    return saved.status();
  Status status = putAll(*saved, winners);
  return status.ok() ? saved->save(path) : status;
}

/// What a kernel that cannot be timed is remembered by.
static std::string nameOf(const Request &request, const frontend::TunableUse &use) {
  return request.targetName() + " " + use.kernel + "(" + use.params + ")";
}

bool Autotuner::isNew(const Request &request, const Use &use) const {
  const runtime::TuningQuery query = tuningQuery(request, use);
  return !failed.contains(nameOf(request, use)) &&
         llvm::none_of(tables(), [&](const std::shared_ptr<const TuningTable> &known) {
           return known && known->covers(query);
         });
}

Result<Report> Autotuner::measure(Compiler &compiler, const Work &work, const std::string &kernel,
                                  llvm::function_ref<bool(const Use &)> isWanted) {
  llvm::scope_exit restore([&] { compiler.setTuning(tables(), /*strict=*/false); });
  ProgramTrials trials(compiler, work.request, work.program);
  Result<std::vector<Use>> uses = trials.uses(TuningTable());
  if (!uses)
    return uses.status();
  llvm::erase_if(*uses, [&](const Use &use) { return !isWanted(use); });
  Report report;
  Result<std::vector<Group>> groups = makeGroups(*uses, kernel);
  if (!groups)
    return groups.status();
  report.groups = *std::move(groups);
  if (report.groups.empty())
    return report;
  if (Status status = search(report.groups, work.request, trials, /*progress=*/nullptr);
      !status.ok())
    return status;

  TuningTable winners;
  for (const Group &group : report.groups) {
    remark("timed " + group.title() + ": " + group.summary());
    if (Status status = group.addTo(winners, work.request, group.candidates[group.best]);
        !status.ok())
      return status;
  }
  if (Status status = learn(compiler, winners); !status.ok())
    return status;
  if (hasFile()) {
    // What is in memory may be more than the user's own table, which gets what was measured here.
    Status status = saveTo(options.path, winners);
    report.saved = status.ok();
    if (!status.ok())
      remark("measured settings are not saved: " + status.message());
  }
  return report;
}

Result<Report> Autotuner::tune(Compiler &compiler, const Work &work, const std::string &kernel) {
  Result<std::optional<TuningLock>> held = lock(compiler);
  if (!held)
    return held.status();
  return measure(compiler, work, kernel, [](const Use &) { return true; });
}

void Autotuner::beforeUse(Compiler &compiler, const Work &work) {
  if (options.policy != Policy::FirstUse)
    return;
  auto isNewUse = [&](const Use &use) { return isNew(work.request, use); };
  // What does not compile is reported by who compiles it.
  Result<std::vector<Use>> uses = compiler.tunableUses(work.request);
  if (!uses || llvm::none_of(*uses, isNewUse))
    return;
  if (work.program.inputs.empty()) {
    Result<Signature> signature = compiler.infer(work.request, work.program.entryPoint);
    if (!signature || !canBeRandom(signature->inputs))
      return;
  }
  if (work.request.isCuda())
    if (Result<bool> capturing =
            runtime::cuda::isCapturing(work.program.stream, work.program.device);
        !capturing || *capturing)
      return;
  Result<std::optional<TuningLock>> held = lock(compiler);
  if (!held)
    remark("measured settings will not be saved: " + held.status().message());
  // Another process may have been first.
  Result<Report> report = measure(compiler, work, /*kernel=*/"", isNewUse);
  if (report)
    return;
  remark("kernels of '" + work.request.name + "' are not timed: " + report.status().message());
  for (const Use &use : *uses)
    if (isNewUse(use))
      failed.insert(nameOf(work.request, use));
}

Status Autotuner::add(Compiler &compiler, std::string_view json) {
  Result<TuningTable> given = TuningTable::fromJson(json);
  return given ? learn(compiler, *given) : given.status();
}

std::string Autotuner::json() const { return table ? table->toJson() : TuningTable().toJson(); }
