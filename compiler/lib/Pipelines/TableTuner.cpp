//===- TableTuner.cpp - Open parameters from tables of measured settings ----------------------===//

#include "TableTuner.h"

#include "BundledKernels.h"

#include "lighthouse/runtime/Sha256.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using frontend::ParamSetting;
using frontend::TunableUse;

runtime::TuningQuery lighthouse::tuningQuery(const Request &request, const TunableUse &use) {
  return {request.targetName(), request.device, use.kernel, use.params, use.shapes};
}

std::vector<ParamSetting> TableTuner::choose(const TunableUse &use) {
  if (givenUp)
    return {};
  runtime::TuningQuery query = tuningQuery(request, use);
  for (const std::shared_ptr<const runtime::TuningTable> &table : options.tuning) {
    const runtime::TuningEntry *entry = table ? table->find(query) : nullptr;
    if (!entry)
      continue;
    std::vector<ParamSetting> settings;
    for (const auto &[name, value] : entry->settings)
      settings.push_back({name, value});
    applied = true;
    return settings;
  }
  return {};
}

void TableTuner::refused(const TunableUse &use, llvm::StringRef reason) {
  if (!options.strictTuning)
    remark("tuned settings of kernel '" + use.kernel + "' are ignored: " + reason);
  else if (firstMisfit.empty())
    firstMisfit = ("tuned settings of kernel '" + use.kernel + "' do not fit: " + reason).str();
}

void TableTuner::giveUp(llvm::StringRef errors) {
  remark("tuned settings are ignored, as they do not compile: " + errors.split('\n').first);
  givenUp = true;
  uses.clear();
}

void TableTuner::remark(const llvm::Twine &message) const {
  if (options.remark)
    options.remark(message.str());
  else
    llvm::errs() << "lighthouse: remark: " << message << "\n";
}

std::string lighthouse::relevantTuning(const CompilerOptions &options, const Request &request,
                                       llvm::ArrayRef<frontend::DefinitionInfo> definitions) {
  auto isWanted = [&](std::string_view kernel) {
    return llvm::any_of(definitions, [&](const frontend::DefinitionInfo &definition) {
      return definition.kind == frontend::DefinitionInfo::Kind::Kernel &&
             definition.name == kernel &&
             llvm::any_of(definition.params,
                          [](const frontend::ParamInfo &param) { return !param.choices.empty(); });
    });
  };
  std::string text;
  for (const std::shared_ptr<const runtime::TuningTable> &table : options.tuning)
    if (table)
      if (std::string part = table->relevantText(request.targetName(), request.device, isWanted);
          !part.empty())
        text += "table\n" + part;
  return text;
}

std::shared_ptr<const runtime::TuningTable> lighthouse::bundledTuning() {
  static const std::shared_ptr<const runtime::TuningTable> all = [] {
    auto merged = std::make_shared<runtime::TuningTable>();
    for (const BundledFile &file : bundledKernels()) {
      if (!file.name.ends_with(".json"))
        continue;
      // The tests read every bundled table: one that is broken here is left out.
      runtime::Result<runtime::TuningTable> table =
          runtime::TuningTable::fromJson({file.text.data(), file.text.size()});
      if (table)
        for (const runtime::TuningEntry &entry : table->entries())
          (void)merged->put(entry);
    }
    return merged;
  }();
  return all;
}

std::vector<std::shared_ptr<const runtime::TuningTable>>
lighthouse::defaultTuning(const std::string &userPath) {
  return {runtime::loadTuning(userPath), bundledTuning()};
}
