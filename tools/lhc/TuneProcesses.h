//===- TuneProcesses.h - Candidates in processes of their own -----------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_TUNEPROCESSES_H
#define LIGHTHOUSE_TOOLS_LHC_TUNEPROCESSES_H

#include "SpecOptions.h"
#include "Subprocess.h"

#include "lighthouse/Tuning/Search.h"

namespace lhc {

/// The kernels that `table` may decide about; by a compiler of its own, as the limit on time is for
/// all that one does.
Result<std::vector<lighthouse::frontend::TunableUse>>
findUses(const SpecOptions &options, const lighthouse::Request &request,
         const lighthouse::runtime::TuningTable &table);

/// Starts this program again for each compilation and each run; see TuneWorker.h.
class ProcessTrials : public lighthouse::tuning::Trials {
public:
  /// `root` is the folder of temporary files, with the arguments in it. `jobs` are compiled at the
  /// same time, and everything is given up after `timeoutSeconds`. `options` must outlive this.
  ProcessTrials(const SpecOptions &options, lighthouse::Request request, std::string root,
                unsigned jobs, double timeoutSeconds)
      : options(options), request(std::move(request)), root(std::move(root)), jobs(jobs),
        timeoutSeconds(timeoutSeconds) {}

  Result<std::vector<lighthouse::frontend::TunableUse>>
  uses(const lighthouse::runtime::TuningTable &table) override {
    return findUses(options, request, table);
  }
  void compile(llvm::ArrayRef<lighthouse::runtime::TuningTable> tables,
               llvm::function_ref<void(size_t, const Status &)> done) override;
  Result<std::vector<lighthouse::tuning::LaunchTime>> time(size_t index) override;
  bool isCancelled() const override { return wasInterrupted(); }

private:
  Result<std::string> addFolder(const lighthouse::runtime::TuningTable &table);
  Subprocess processFor(llvm::StringRef role, const std::string &folder) const;

  const SpecOptions &options;
  lighthouse::Request request;
  std::string root;
  unsigned jobs;
  double timeoutSeconds;
  size_t numFolders = 0;
  /// Of what was compiled last.
  std::vector<std::string> folders;
  /// The results of the first run.
  std::optional<std::vector<lighthouse::support::Array>> reference;
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_TUNEPROCESSES_H
