//===- Reproducer.h - What a failing pass leaves behind -----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_PIPELINES_REPRODUCER_H
#define LIGHTHOUSE_LIB_PIPELINES_REPRODUCER_H

#include "mlir/Pass/PassManager.h"

#include <memory>
#include <string>

namespace lighthouse {

/// Makes `pm` write the IR before a failing pass, with that pass's name and options, to a new file
/// in `directory` (empty: the one for temporary files). The path appears in the returned string
/// when that has happened.
std::shared_ptr<std::string> enableReproducer(mlir::PassManager &pm, llvm::StringRef directory);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_PIPELINES_REPRODUCER_H
