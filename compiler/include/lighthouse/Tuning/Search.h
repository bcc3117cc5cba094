//===- Search.h - The fastest of all candidates -------------------------------------*- C++ -*-===//
//
// The search decides what is tried and who wins; `Trials` compile and run it: in processes of their
// own for `lhc tune`, in this one for programs that embed the compiler.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TUNING_SEARCH_H
#define LIGHTHOUSE_TUNING_SEARCH_H

#include "lighthouse/Tuning/Space.h"
#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Program.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <functional>

namespace lighthouse::tuning {

/// What a launch took: the instance of a kernel, and seconds.
struct LaunchTime {
  std::string kernel;
  double seconds;
};

/// Runs `launch` to warm up, once or, on a GPU, for 0.4 s, and `repeat` times with timings. The
/// median of each launch of `plan`.
runtime::Result<std::vector<LaunchTime>>
timeLaunches(const runtime::Plan &plan, unsigned repeat,
             llvm::function_ref<runtime::Status(const runtime::RunOptions &)> launch);

/// Compiles and runs one request with settings.
class Trials {
public:
  virtual ~Trials();

  /// The kernels that the settings in `table` may decide about, in order, once for each use.
  /// Settings that do not fit are an error.
  virtual runtime::Result<std::vector<frontend::TunableUse>>
  uses(const runtime::TuningTable &table) = 0;

  /// Compiles the request with each of `tables`; settings that do not fit are an error. `done` is
  /// told the number of each, and what became of it.
  virtual void compile(llvm::ArrayRef<runtime::TuningTable> tables,
                       llvm::function_ref<void(size_t, const runtime::Status &)> done) = 0;

  /// Runs, once in all, what the last `compile` made of table number `index`. An error if its
  /// results are not those of the first that was ever run; see `compareResults`.
  virtual runtime::Result<std::vector<LaunchTime>> time(size_t index) = 0;

  /// Whether to give up.
  virtual bool isCancelled() const { return false; }
};

/// Hears how far the work is, in a line without an end of line.
using ProgressHandler = std::function<void(const std::string &)>;

/// Tries all candidates of `groups` with all else as by default, and notes times, who was rejected
/// and who is the fastest; the defaults give way to a gain of at least 1%. Errors are those of the
/// defaults, or that winners fail together; `SystemError` if it was cancelled.
runtime::Status search(std::vector<Group> &groups, const Request &request, Trials &trials,
                       const ProgressHandler &progress);

} // namespace lighthouse::tuning

#endif // LIGHTHOUSE_TUNING_SEARCH_H
