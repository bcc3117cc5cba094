//===- Phases.cpp - The places where a reader can stop and print ------------------------------===//

#include "lighthouse/Pipelines/Phases.h"

using namespace lighthouse;

static constexpr PhaseInfo phases[] = {
    {Phase::Lighthouse, "lighthouse", "mlir", "stages on whole tensors", true, true},
    {Phase::Gradient, "gradient", "mlir", "stages of the forward and backward pass", true, true},
    {Phase::Fused, "fused", "mlir", "stages after fusion", true, true},
    {Phase::Launches, "launches", "mlir", "kernels applied to tensors", true, true},
    {Phase::Plan, "plan", "mlir", "buffers and dispatches over fixed grids", true, true},
    {Phase::Tile, "tile", "mlir", "the kernels, one program per block", true, true},
    {Phase::Host, "host", "mlir", "the kernels as loops over vectors", true, false},
    {Phase::Layouts, "layouts", "mlir", "the kernels, with layouts of their tiles", false, true},
    {Phase::LLVMDialect, "llvm-dialect", "mlir", "the kernels in MLIR's llvm dialect", true, true},
    {Phase::LLVM, "llvm", "ll", "optimised LLVM IR", true, true},
    {Phase::Asm, "asm", "s", "assembly", true, false},
    {Phase::Obj, "obj", "o", "an ELF object", true, false},
    {Phase::Ptx, "ptx", "ptx", "PTX", false, true},
    {Phase::Artifact, "artifact", "lha", "plan and code, ready to run", true, true},
};

llvm::ArrayRef<PhaseInfo> lighthouse::allPhases() { return phases; }

const PhaseInfo &lighthouse::info(Phase phase) { return phases[static_cast<int>(phase)]; }
