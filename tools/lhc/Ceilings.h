//===- Ceilings.h - The most that a GPU can do --------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_CEILINGS_H
#define LIGHTHOUSE_TOOLS_LHC_CEILINGS_H

#include "lighthouse/Planning/StageWork.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace lhc {

using lighthouse::planning::StageWork;
using lighthouse::planning::workOf;

/// Measured rates, and where they come from.
struct Ceilings : lighthouse::planning::Rates {
  /// A device of the table, or "given".
  std::string copySource = "unknown", matrixSource = "unknown";

  /// "copy 4.27 TB/s (NVIDIA H200), bf16 matrix product 785 TFLOP/s (NVIDIA H200)".
  std::string text() const;
  llvm::json::Object json() const;
};

/// --copy-bandwidth and --matrix-rate.
class CeilingOptions {
public:
  explicit CeilingOptions(llvm::cl::SubCommand &sub);

  /// The given ceilings, else those of the table for a device of that name. Without a name those of
  /// a usual device for `arch`.
  Ceilings resolve(llvm::StringRef device, llvm::StringRef arch) const;

private:
  llvm::cl::opt<double> copyBandwidth;
  llvm::cl::opt<double> matrixRate;
};

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_CEILINGS_H
