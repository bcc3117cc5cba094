//===- Ceilings.cpp - The most that a GPU can do ----------------------------------------------===//

#include "Ceilings.h"

#include "lighthouse/Planning/Cards.h"

#include "llvm/Support/FormatVariadic.h"

using namespace lhc;
namespace cl = llvm::cl;

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
  for (const lighthouse::planning::Card &card : lighthouse::planning::knownCards())
    if (device.empty() ? card.arch == arch : card.device == device) {
      static_cast<lighthouse::planning::Rates &>(ceilings) = card.rates;
      ceilings.copySource = ceilings.matrixSource = card.device;
      break;
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
