//===- Math.cpp - functions of one register ---------------------------------------------------===//
//
// A GPU has units for powers of two, logarithms to that base and inverse roots, of f32. What may be
// approximate (`afn`) is made of them; the rest is left to polynomials, or to what is rounded
// correctly.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

namespace {

/// Functions of an f32, with instructions for which NVVM has no ops.
class Units {
public:
  explicit Units(ImplicitLocOpBuilder &b) : b(b) {}

  /// Denormal results become zero if `flushes`.
  Value exp2(Value x, bool flushes) const {
    return call(flushes ? "llvm.nvvm.ex2.approx.ftz.f32" : "llvm.nvvm.ex2.approx.f32", x);
  }
  Value log2(Value x) const { return call("llvm.nvvm.lg2.approx.f", x); }
  Value rsqrt(Value x) const { return call("llvm.nvvm.rsqrt.approx.f", x); }
  Value scale(Value x, float factor) const { return arith::MulFOp::create(b, x, constant(factor)); }
  Value inverse(Value x) const { return arith::DivFOp::create(b, constant(1.0f), x); }

private:
  Value call(StringRef name, Value operand) const {
    return LLVM::CallIntrinsicOp::create(b, operand.getType(), b.getStringAttr(name), operand)
        .getResult(0);
  }
  Value constant(float value) const {
    return arith::ConstantFloatOp::create(b, b.getF32Type(), APFloat(value));
  }

  ImplicitLocOpBuilder &b;
};

} // namespace

/// The function `op` of `x` by the units; null if they do not have it.
static Value approximate(ImplicitLocOpBuilder &b, Operation *op, Value x) {
  Units units(b);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::ExpOp) {
        return units.exp2(units.scale(x, llvm::numbers::log2ef), /*flushes=*/true);
      })
      .Case([&](math::Exp2Op) { return units.exp2(x, /*flushes=*/true); })
      .Case([&](math::LogOp) { return units.scale(units.log2(x), llvm::numbers::ln2f); })
      .Case([&](math::Log2Op) { return units.log2(x); })
      .Case([&](math::RsqrtOp) { return units.rsqrt(x); })
      .Default(Value());
}

/// The accurate form of `op` where no polynomial is needed for it; null for others.
static Value accurate(ImplicitLocOpBuilder &b, Operation *op, Value x) {
  Units units(b);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::Exp2Op) { return units.exp2(x, /*flushes=*/false); })
      .Case([&](math::RsqrtOp) { return units.inverse(math::SqrtOp::create(b, x)); })
      .Default(Value());
}

/// Through f32 for 16-bit floats.
Value KernelLowering::lowerMath(Operation *op, ValueRange operands) {
  Type type = operands.front().getType();
  bool isHalf = type.isF16() || type.isBF16();
  SmallVector<Value> arguments(operands);
  if (isHalf)
    for (Value &argument : arguments)
      argument = arith::ExtFOp::create(b, b.getF32Type(), argument);
  Type computed = arguments.front().getType();
  auto flagged = dyn_cast<arith::ArithFastMathInterface>(op);
  bool mayApproximate =
      flagged && arith::bitEnumContainsAll(flagged.getFastMathFlagsAttr().getValue(),
                                           arith::FastMathFlags::afn);
  Value result;
  if (computed.isF32())
    result =
        mayApproximate ? approximate(b, op, arguments.front()) : accurate(b, op, arguments.front());
  if (!result)
    result = b.create(b.getLoc(), op->getName().getIdentifier(), arguments, TypeRange(computed),
                      op->getAttrDictionary().getValue())
                 ->getResult(0);
  return isHalf ? arith::TruncFOp::create(b, type, result).getResult() : result;
}
