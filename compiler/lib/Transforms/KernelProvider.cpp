//===- KernelProvider.cpp - kernels that a module holds already -------------------------------===//

#include "lighthouse/Transforms/KernelProvider.h"
#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lighthouse;

/// Why `kernel` cannot serve `request`; empty if it can.
static std::string getMismatch(tile::KernelOp kernel, const StageRequest &request) {
  if (DictionaryAttr params = kernel.getStageParamsAttr())
    for (NamedAttribute param : params)
      if (Attribute wanted = request.params.get(param.getName());
          wanted && wanted != param.getValue()) {
        std::string text;
        llvm::raw_string_ostream(text)
            << param.getName().getValue() << " is " << param.getValue() << ", wanted " << wanted;
        return text;
      }

  // The signature is matched by binding it, with any values for the scalars.
  SmallVector<Type> tensors;
  SmallVector<Attribute> scalars;
  Builder builder(kernel.getContext());
  for (Type type : request.operands) {
    if (isa<RankedTensorType>(type))
      tensors.push_back(type);
    else
      scalars.push_back(builder.getZeroAttr(type));
  }
  std::string reason;
  ScopedDiagnosticHandler handler(kernel.getContext(), [&](Diagnostic &diagnostic) {
    reason = diagnostic.str();
    return success();
  });
  if (succeeded(lh::bindKernel(kernel, tensors, request.results, scalars, kernel.getLoc())))
    return {};
  return reason;
}

FailureOr<tile::KernelOp>
ModuleKernelProvider::getKernel(ModuleOp module, const StageRequest &request, Location,
                                SmallVectorImpl<KernelRefusal> &refusals) {
  for (auto kernel : module.getOps<tile::KernelOp>()) {
    if (kernel.getStage() != request.stage)
      continue;
    std::string mismatch = getMismatch(kernel, request);
    if (mismatch.empty())
      return kernel;
    refusals.push_back({kernel.getLoc(), kernel.getSymName().str(), std::move(mismatch)});
  }
  return tile::KernelOp();
}
