//===- Ceilings.cpp - The most that a GPU can do ----------------------------------------------===//

#include "Ceilings.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace lhc;
namespace cl = llvm::cl;

namespace {

/// Measured with a copy of 1 GiB and a product of 8192 x 8192 matrices.
struct KnownDevice {
  llvm::StringLiteral name;
  /// Stands for all devices of this architecture, if not empty.
  llvm::StringLiteral arch;
  double copy, matrix;
};

constexpr KnownDevice knownDevices[] = {
    {"NVIDIA H200", "sm_90a", 4.27e12, 785e12},
    {"NVIDIA H100 80GB HBM3", "", 3.0e12, 798e12},
};

} // namespace

std::optional<double> Ceilings::floor(const StageWork &work) const {
  if ((work.bytes() > 0 && copy <= 0) || (work.flops > 0 && matrix <= 0))
    return std::nullopt;
  double moving = work.bytes() > 0 ? double(work.bytes()) / copy : 0;
  double computing = work.flops > 0 ? work.flops / matrix : 0;
  return std::max(moving, computing);
}

std::string Ceilings::text() const {
  std::string copyText =
      copy > 0 ? llvm::formatv("{0:F2} TB/s ({1})", copy / 1e12, copySource).str() : "unknown";
  std::string matrixText =
      matrix > 0 ? llvm::formatv("{0:F0} TFLOP/s ({1})", matrix / 1e12, matrixSource).str()
                 : "unknown";
  return "copy " + copyText + ", bf16 matrix product " + matrixText;
}

llvm::json::Object Ceilings::json() const {
  return llvm::json::Object{{"copy_bytes_per_second", copy},
                            {"copy_source", copySource},
                            {"matrix_flops_per_second", matrix},
                            {"matrix_source", matrixSource}};
}

CeilingOptions::CeilingOptions(cl::SubCommand &sub)
    : copyBandwidth("copy-bandwidth",
                    cl::desc("GPU: bytes that a copy reads and writes, for floors (default: known "
                             "for H100 and H200)"),
                    cl::value_desc("TB/s"), cl::init(0), cl::sub(sub)),
      matrixRate("matrix-rate",
                 cl::desc("GPU: rate of a bf16 matrix product, for floors (default: the same)"),
                 cl::value_desc("TFLOP/s"), cl::init(0), cl::sub(sub)) {}

Ceilings CeilingOptions::resolve(llvm::StringRef device, llvm::StringRef arch) const {
  Ceilings ceilings;
  for (const KnownDevice &known : knownDevices) {
    bool fits = device.empty() ? !known.arch.empty() && known.arch == arch : known.name == device;
    if (!fits)
      continue;
    ceilings.copy = known.copy;
    ceilings.matrix = known.matrix;
    ceilings.copySource = ceilings.matrixSource = known.name.str();
  }
  if (copyBandwidth > 0) {
    ceilings.copy = copyBandwidth * 1e12;
    ceilings.copySource = "given";
  }
  if (matrixRate > 0) {
    ceilings.matrix = matrixRate * 1e12;
    ceilings.matrixSource = "given";
  }
  return ceilings;
}
