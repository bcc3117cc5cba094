//===- TableTuner.h - Open parameters from tables of measured settings --------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_TABLETUNER_H
#define LIGHTHOUSE_LIB_PIPELINES_TABLETUNER_H

#include "lighthouse/Pipelines/Compiler.h"

namespace lighthouse {

/// Looks up the uses of one request, and records them.
class TableTuner : public frontend::Tuner {
public:
  TableTuner(const CompilerOptions &options, const Request &request)
      : options(options), request(request) {}

  std::vector<frontend::ParamSetting> choose(const frontend::TunableUse &use) override;
  void refused(const frontend::TunableUse &use, llvm::StringRef reason) override;
  void decided(const frontend::TunableUse &use) override { uses.push_back(use); }

  /// Whether settings of a table were used, so that a failure may be theirs, not the
  /// specification's.
  bool mayBeBlamed() const { return applied && !options.strictTuning; }
  /// Says that what the tables hold does not compile, and from now on leaves all defaults.
  void giveUp(llvm::StringRef errors);
  /// The first settings that do not fit, where that is an error; else empty.
  const std::string &misfit() const { return firstMisfit; }

  std::vector<frontend::TunableUse> uses;

private:
  void remark(const llvm::Twine &message) const;

  const CompilerOptions &options;
  const Request &request;
  bool applied = false, givenUp = false;
  std::string firstMisfit;
};

/// All that the tables may contribute to `request`, for its key; empty if that is nothing.
std::string relevantTuning(const CompilerOptions &options, const Request &request,
                           llvm::ArrayRef<frontend::DefinitionInfo> definitions);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_TABLETUNER_H
