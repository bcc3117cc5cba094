//===- Host.h - native code for the host target -----------------------------------------*- C++ -*-===//
//
// From a module of host functions in the LLVM dialect to native x86-64 code: LLVM IR, assembly, an
// ELF object, and the flat position-independent image that the runtime maps (see the runtime's
// README for the image's layout and the kernels' calling convention).
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TARGET_HOST_H
#define LIGHTHOUSE_TARGET_HOST_H

#include "lighthouse/Dialect/Tile/IR/Target.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lighthouse {

/// Machine code of all kernels of a module.
struct HostImage {
  struct Kernel {
    std::string name;
    uint64_t entry;      ///< Offset of the first instruction in `bytes`.
    uint64_t stackBytes; ///< Size of the stack frame, for the runtime's limit.
  };
  std::string bytes;      ///< Text, padded to a page, then read-only data.
  uint64_t textBytes = 0; ///< Size of the executable part, a multiple of 4096.
  std::vector<Kernel> kernels;
};

/// LLVM IR of `module` (LLVM dialect), optimised for `target`, a level of the host. Fails if the
/// module cannot be translated.
llvm::Expected<std::unique_ptr<llvm::Module>>
emitHostLLVM(mlir::ModuleOp module, llvm::LLVMContext &context, const tile::TargetInfo &target);

/// Assembly text or the bytes of an ELF object of an optimised module.
llvm::Expected<std::string> emitHostAssembly(llvm::Module &module, const tile::TargetInfo &target);
llvm::Expected<std::string> emitHostObject(llvm::Module &module, const tile::TargetInfo &target);

/// Lays the sections of an ELF object out as one image and applies its relocations. Fails, naming
/// the symbol, if the code refers to anything outside of itself.
llvm::Expected<HostImage> linkHostImage(llvm::StringRef object);

} // namespace lighthouse

#endif // LIGHTHOUSE_TARGET_HOST_H
