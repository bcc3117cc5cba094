//===- ExpandFloats.cpp - Float operations without instructions on x86-64 ---------------------===//

#include "lighthouse/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace lighthouse {
#define GEN_PASS_DEF_EXPANDFLOATS
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;

static bool isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16;
}

static bool isDouble(Type type) { return getElementTypeOrSelf(type).isF64(); }

/// `type` with the elements replaced.
static Type like(Type type, Type element) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? Type(shaped.clone(element)) : element;
}

/// The f64 `x` as f32: itself if it is exact, else the neighbour with an odd significand.
static Value roundToOdd(ImplicitLocOpBuilder &b, Value x) {
  Type single = like(x.getType(), b.getF32Type()), word = like(x.getType(), b.getI32Type());
  Value one = arith::ConstantOp::create(
      b, isa<ShapedType>(word)
             ? TypedAttr(DenseElementsAttr::get(cast<ShapedType>(word), b.getI32IntegerAttr(1)))
             : TypedAttr(b.getI32IntegerAttr(1)));
  Value nearest = arith::TruncFOp::create(b, single, x);
  Value back = arith::ExtFOp::create(b, x.getType(), nearest);
  Value inexact = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, back, x);
  Value tooLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT,
                                         math::AbsFOp::create(b, back), math::AbsFOp::create(b, x));
  Value bits = arith::BitcastOp::create(b, word, nearest);
  Value towardsZero =
      arith::SelectOp::create(b, tooLarge, arith::SubIOp::create(b, bits, one), bits);
  Value odd = arith::SelectOp::create(b, inexact, arith::OrIOp::create(b, towardsZero, one), bits);
  return arith::BitcastOp::create(b, single, odd);
}

namespace {

struct ExpandFloatsPass : lighthouse::impl::ExpandFloatsBase<ExpandFloatsPass> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      ImplicitLocOpBuilder b(op->getLoc(), op);
      auto widened = [&](Value x) -> Value {
        return arith::ExtFOp::create(b, like(x.getType(), b.getF32Type()), x);
      };
      if (auto narrow = dyn_cast<arith::TruncFOp>(op)) {
        if (isDouble(narrow.getIn().getType()) && isHalf(narrow.getType()))
          narrow.getInMutable().assign(roundToOdd(b, narrow.getIn()));
      } else if (auto widen = dyn_cast<arith::ExtFOp>(op)) {
        if (isHalf(widen.getIn().getType()) && isDouble(widen.getType()))
          widen.getInMutable().assign(widened(widen.getIn()));
      } else if (auto fma = dyn_cast<math::FmaOp>(op); fma && isHalf(fma.getType())) {
        Value sum =
            math::FmaOp::create(b, widened(fma.getA()), widened(fma.getB()), widened(fma.getC()));
        fma.replaceAllUsesWith(arith::TruncFOp::create(b, fma.getType(), sum).getResult());
        fma.erase();
      }
    });
  }
};

} // namespace
