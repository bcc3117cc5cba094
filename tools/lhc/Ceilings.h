//===- Ceilings.h - The most that a GPU can do --------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_CEILINGS_H
#define LIGHTHOUSE_TOOLS_LHC_CEILINGS_H

#include "StageWork.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

#include <optional>

namespace lhc {

/// Measured rates that no kernel exceeds by much; 0: unknown.
struct Ceilings {
  /// Bytes read and written per second by a copy within the device.
  double copy = 0;
  /// Flops per second of a large bf16 matrix product.
  double matrix = 0;
  /// Where each comes from: a device of the table, or "given".
  std::string copySource = "unknown", matrixSource = "unknown";

  /// The least seconds for `work`; none if a ceiling that it needs is unknown.
  std::optional<double> floor(const StageWork &work) const;
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
