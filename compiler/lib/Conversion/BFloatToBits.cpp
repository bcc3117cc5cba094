//===- BFloatToBits.cpp - bf16 values as 16-bit integers
//------------------------------------------===//

#include "lighthouse/Conversion/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace lighthouse {
#define GEN_PASS_DEF_BFLOATTOBITS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;

namespace {

struct BFloatToBitsPass : lighthouse::impl::BFloatToBitsBase<BFloatToBitsPass> {
  void runOnOperation() override {
    Type bits = IntegerType::get(&getContext(), 16);
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](BFloat16Type) { return bits; });
    replacer.addReplacement([&](FloatAttr attr) -> std::optional<Attribute> {
      if (!attr.getType().isBF16())
        return std::nullopt;
      return IntegerAttr::get(bits, attr.getValue().bitcastToAPInt());
    });
    replacer.addReplacement([&](DenseElementsAttr attr) -> std::optional<Attribute> {
      if (!attr.getElementType().isBF16())
        return std::nullopt;
      return DenseElementsAttr::getFromRawBuffer(attr.getType().clone(bits), attr.getRawData());
    });
    replacer.recursivelyReplaceElementsIn(getOperation(), /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false, /*replaceTypes=*/true);
  }
};

} // namespace
