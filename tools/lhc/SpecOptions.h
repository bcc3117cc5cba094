//===- SpecOptions.h - Options of the commands that compile -------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_SPECOPTIONS_H
#define LIGHTHOUSE_TOOLS_LHC_SPECOPTIONS_H

#include "Command.h"
#include "Inputs.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Pipelines/TargetName.h"

#include <vector>

namespace lhc {

/// Whether a file begins like an artifact.
bool isArtifact(const std::string &path);

/// What the commands that take a specification have in common.
class SpecOptions {
public:
  explicit SpecOptions(llvm::cl::SubCommand &sub);

  /// Opens the specification; errors are rendered.
  Result<lighthouse::Compiler> open() const;
  /// The request without argument types; errors are the user's.
  Result<lighthouse::Request> request() const;
  /// What the arguments are; the names of `extents` may stand for numbers in their types.
  Result<std::vector<ArgumentSource>> sources(const Extents &extents = {}) const;
  /// The types of the arguments, for `command`, which takes no files.
  Result<std::vector<lighthouse::ArgumentType>> types(llvm::StringRef command) const;
  /// What --target names; without it the first GPU, else this processor.
  Result<lighthouse::CompileTarget> chooseTarget() const;
  /// Whether --kernel or --pipeline was given.
  bool namesDefinition() const { return !kernel.empty() || !pipeline.empty(); }
  /// The user's table of tuned settings.
  std::string tuningPath() const {
    return tuning.empty() ? lighthouse::runtime::userTuningPath() : tuning.getValue();
  }
  /// Empty: nothing is dumped.
  const std::string &dumpDirectory() const { return dumpDir; }
  /// The cache, null if it is not wanted.
  std::shared_ptr<lighthouse::runtime::Cache> cache() const {
    return noCache || !dumpDir.empty() ? nullptr : std::make_shared<lighthouse::runtime::Cache>();
  }

  llvm::cl::opt<std::string> spec;
  llvm::cl::opt<std::string> pipeline;
  llvm::cl::opt<std::string> kernel;
  llvm::cl::list<std::string> settings;
  llvm::cl::list<std::string> arguments;
  llvm::cl::opt<std::string> target;

private:
  llvm::cl::opt<bool> grad;
  llvm::cl::opt<bool> deterministic;
  llvm::cl::opt<bool> separate;
  llvm::cl::opt<unsigned> alignment;
  llvm::cl::opt<std::string> dumpDir;
  llvm::cl::opt<std::string> reproducerDir;
  llvm::cl::opt<bool> verifyEach;
  llvm::cl::opt<double> timeLimit;
  llvm::cl::opt<bool> noCache;
  llvm::cl::opt<std::string> tuning;
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_SPECOPTIONS_H
