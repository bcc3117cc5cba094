//===- Phases.cpp - The places where a reader can stop and print ------------------------------===//

#include "lighthouse/Pipelines/Phases.h"

using namespace lighthouse;

static constexpr PhaseInfo phases[] = {
    {Phase::Lighthouse, "lighthouse", "mlir", "stages on whole tensors"},
    {Phase::Fused, "fused", "mlir", "stages after fusion"},
    {Phase::Launches, "launches", "mlir", "kernels applied to tensors"},
    {Phase::Plan, "plan", "mlir", "buffers and dispatches over fixed grids"},
    {Phase::Tile, "tile", "mlir", "the kernels, one program per block"},
    {Phase::Host, "host", "mlir", "the kernels as loops over vectors"},
    {Phase::LLVMDialect, "llvm-dialect", "mlir", "the kernels in MLIR's llvm dialect"},
    {Phase::LLVM, "llvm", "ll", "optimised LLVM IR"},
    {Phase::Asm, "asm", "s", "assembly"},
    {Phase::Obj, "obj", "o", "an ELF object"},
    {Phase::Artifact, "artifact", "lha", "plan and native code, ready to run"},
};

llvm::ArrayRef<PhaseInfo> lighthouse::allPhases() { return phases; }

const PhaseInfo &lighthouse::info(Phase phase) { return phases[static_cast<int>(phase)]; }
