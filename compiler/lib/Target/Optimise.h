//===- Optimise.h - LLVM's optimisation pipeline ----------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_TARGET_OPTIMISE_H
#define LIGHTHOUSE_LIB_TARGET_OPTIMISE_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace lighthouse {

/// Runs the default pipeline of level 3. There is no library to call in our images.
void optimise(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_TARGET_OPTIMISE_H
