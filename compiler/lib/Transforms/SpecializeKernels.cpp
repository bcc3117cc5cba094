//===- SpecializeKernels.cpp - kernels for what their dispatches have in common ---------------===//

#include "lighthouse/Transforms/KernelSpecialization.h"
#include "lighthouse/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

namespace lighthouse {
#define GEN_PASS_DEF_SPECIALIZEKERNELSPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

/// The dispatches of a kernel that allow the same assumptions.
struct Variant {
  KernelSpecialization specialization;
  SmallVector<lh::DispatchOp> dispatches;
};

struct SpecializeKernelsPass
    : lighthouse::impl::SpecializeKernelsPassBase<SpecializeKernelsPass> {
  using SpecializeKernelsPassBase::SpecializeKernelsPassBase;

  void runOnOperation() override {
    if (alignment < 1 || alignment > 16 || !llvm::isPowerOf2_64(alignment)) {
      getOperation().emitError("lighthouse-specialize-kernels: alignment must be 1, 2, 4, 8 or 16");
      return signalPassFailure();
    }
    SymbolTable symbols(getOperation());
    llvm::DenseMap<tile::KernelOp, DimUses> uses;
    llvm::MapVector<tile::KernelOp, SmallVector<Variant>> kernels;
    for (lh::PlanOp plan : getOperation().getOps<lh::PlanOp>())
      for (auto dispatch : plan.getBody().getOps<lh::DispatchOp>()) {
        auto kernel = symbols.lookup<tile::KernelOp>(dispatch.getKernelAttr().getAttr());
        auto known = uses.find(kernel);
        if (known == uses.end())
          known = uses.try_emplace(kernel, DimUses::of(kernel)).first;
        auto specialization =
            KernelSpecialization::of(kernel, known->second, dispatch, alignment);
        SmallVector<Variant> &variants = kernels[kernel];
        auto found = llvm::find_if(variants, [&](const Variant &variant) {
          return variant.specialization == specialization;
        });
        if (found == variants.end())
          found = variants.insert(variants.end(), {specialization, {}});
        found->dispatches.push_back(dispatch);
      }
    for (auto &[kernel, variants] : kernels) {
      // The kernel becomes its first variant; the others are copies of it.
      for (const Variant &variant : llvm::drop_begin(variants)) {
        tile::KernelOp copy = kernel.clone();
        symbols.insert(copy, std::next(Block::iterator(kernel)));
        variant.specialization.apply(copy);
        for (lh::DispatchOp dispatch : variant.dispatches)
          dispatch.setKernel(copy.getSymName());
      }
      variants.front().specialization.apply(kernel);
      numSpecialized += variants.size();
    }
  }
};

} // namespace
