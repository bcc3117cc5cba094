//===- Ptxas.h - NVIDIA's assembler, where there is one -----------------------------*- C++ -*-===//
//
// Nothing needs it: the driver compiles PTX. It says what kernels use where there is no driver.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TOOLS_LHC_PTXAS_H
#define LIGHTHOUSE_TOOLS_LHC_PTXAS_H

#include "lighthouse/runtime/Status.h"

#include "llvm/ADT/StringMap.h"

#include <optional>
#include <string>

namespace lhc {

/// What the assembler says about a kernel.
struct PtxasKernel {
  int registers = 0;
  int stackBytes = 0, spillStoreBytes = 0, spillLoadBytes = 0;
  int staticSharedBytes = 0;
};

/// Its path: in PATH, else where the CUDA toolkit is installed by default.
std::optional<std::string> findPtxas();

/// Its release, like "release 13.0, V13.0.88"; empty if it does not say.
std::string ptxasVersion(const std::string &path);

/// Reads what `ptxas -v` prints, by names of kernels.
llvm::StringMap<PtxasKernel> parsePtxasLog(llvm::StringRef log);

/// Assembles each of `sources` for `arch`, several at the same time, and returns what it says about
/// all their kernels. Fails with the log of one that fails.
lighthouse::runtime::Result<llvm::StringMap<PtxasKernel>>
runPtxas(const std::string &path, llvm::ArrayRef<llvm::StringRef> sources, llvm::StringRef arch);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_PTXAS_H
