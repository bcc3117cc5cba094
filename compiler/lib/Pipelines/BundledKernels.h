//===- BundledKernels.h - The files that every compiler carries ---------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_BUNDLEDKERNELS_H
#define LIGHTHOUSE_LIB_PIPELINES_BUNDLEDKERNELS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lighthouse {

struct BundledFile {
  llvm::StringLiteral name; ///< As in `import "name";`.
  llvm::StringRef text;
};

/// The specifications and tables of tuned settings in the folder kernels/, subfolders included,
/// sorted by name.
llvm::ArrayRef<BundledFile> bundledKernels();

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_BUNDLEDKERNELS_H
