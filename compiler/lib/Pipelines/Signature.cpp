//===- Signature.cpp - The inputs and outputs of a pipeline -----------------------------------===//

#include "Signature.h"

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Target/PlanExport.h"

using namespace mlir;
using namespace lighthouse;

static std::optional<ArgumentType> argumentType(StringAttr name, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!name || !tensor || !tensor.hasStaticShape())
    return std::nullopt;
  std::optional<runtime::DType> dtype = dtypeOf(tensor.getElementType());
  if (!dtype)
    return std::nullopt;
  return ArgumentType{name.str(), *dtype, tensor.getShape().vec()};
}

std::optional<Signature> lighthouse::signatureOf(func::FuncOp pipeline) {
  StringRef attribute = lh::LighthouseDialect::getNameAttrName();
  Signature signature;
  for (auto [i, type] : llvm::enumerate(pipeline.getArgumentTypes())) {
    auto input = argumentType(pipeline.getArgAttrOfType<StringAttr>(i, attribute), type);
    if (!input)
      return std::nullopt;
    signature.inputs.push_back(*std::move(input));
  }
  for (auto [i, type] : llvm::enumerate(pipeline.getResultTypes())) {
    auto output = argumentType(pipeline.getResultAttrOfType<StringAttr>(i, attribute), type);
    if (!output)
      return std::nullopt;
    signature.outputs.push_back(*std::move(output));
  }
  return signature;
}
