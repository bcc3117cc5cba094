//===- Instructions.cpp - instructions of the GPU that no other dialect has -------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

Value KernelLowering::inlineAsm(StringRef text, StringRef constraints, Type result,
                                ValueRange operands) {
  auto op = LLVM::InlineAsmOp::create(b, result ? TypeRange(result) : TypeRange(), operands, text,
                                      constraints, /*has_side_effects=*/true,
                                      /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                      LLVM::AsmDialectAttr(), ArrayAttr());
  return result ? op.getResult(0) : Value();
}

Value KernelLowering::opaqueInLoop(Operation *op, Value value) {
  if (!op->getParentOfType<LoopLikeOpInterface>())
    return value;
  bool isWide = value.getType().isInteger(64);
  return inlineAsm(isWide ? "mov.b64 $0, $1;" : "mov.b32 $0, $1;", isWide ? "=l,l" : "=r,r",
                   value.getType(), value);
}

//===------------------------------------------------------------------------------------------===//
// Threads
//===------------------------------------------------------------------------------------------===//

Value KernelLowering::readBlockIndex() {
  return NVVM::BlockIdXOp::create(b, b.getI32Type());
}

Value KernelLowering::readNumBlocks() { return NVVM::GridDimXOp::create(b, b.getI32Type()); }

Value KernelLowering::shuffleLanes(Shuffle shuffle, Value value, Value source) {
  Type type = value.getType();
  NVVM::ShflKind kind = shuffle == Shuffle::Butterfly ? NVVM::ShflKind::bfly
                        : shuffle == Shuffle::Up      ? NVVM::ShflKind::up
                                                      : NVVM::ShflKind::idx;
  // The clamp says that all 32 lanes are one segment; for `up` it is the lowest lane.
  Value clamp = i32(shuffle == Shuffle::Up ? 0 : 31);
  SmallVector<Value> words = toWords(value);
  for (Value &word : words)
    word = NVVM::ShflOp::create(b, b.getI32Type(), i32(-1), word, source, clamp, kind,
                                /*return_value_and_is_valid=*/UnitAttr());
  return fromWords(words, type, 1).front();
}

//===------------------------------------------------------------------------------------------===//
// Matrices
//===------------------------------------------------------------------------------------------===//

Value KernelLowering::roundToTF32(Value x) {
  // Rounded to nearest, as cuBLAS and Triton do.
  return NVVM::ConvertFloatToTF32Op::create(b, b.getI32Type(), x, NVVM::FPRoundingMode::RNA);
}

SmallVector<Value> KernelLowering::multiplyMatrices(ValueRange left, ValueRange right,
                                                    ValueRange sums, Type element) {
  bool isTF32 = element.isF32();
  NVVM::MMATypes type = isTF32            ? NVVM::MMATypes::tf32
                        : element.isF16() ? NVVM::MMATypes::f16
                                          : NVVM::MMATypes::bf16;
  Type result = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                 SmallVector<Type>(sums.size(), b.getF32Type()));
  Value product = NVVM::MmaOp::create(
      b, result, left, right, sums, ArrayRef<int64_t>{16, 8, isTF32 ? 8 : 16},
      /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt, std::array{type, type},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  SmallVector<Value> values;
  for (size_t i = 0; i < sums.size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, product, i));
  return values;
}

SmallVector<Value> KernelLowering::loadMatrices(Value pointer, unsigned count, bool isTransposed) {
  Type word = b.getI32Type();
  Type type = count == 1 ? word
                         : Type(LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                                 SmallVector<Type>(count, word)));
  Value loaded = NVVM::LdMatrixOp::create(
      b, type, pointer, count, isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  if (count == 1)
    return {loaded};
  SmallVector<Value> matrices;
  for (unsigned i = 0; i < count; ++i)
    matrices.push_back(LLVM::ExtractValueOp::create(b, loaded, i));
  return matrices;
}

void KernelLowering::storeMatrices(Value pointer, ValueRange words, bool isTransposed) {
  NVVM::StMatrixOp::create(b, pointer, words,
                           isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
                           NVVM::LdStMatrixEltType::B16);
}

//===------------------------------------------------------------------------------------------===//
// Asynchronous copies
//===------------------------------------------------------------------------------------------===//

void KernelLowering::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(b); }

void KernelLowering::waitForCopies(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(b, int32_t(pending));
}

void KernelLowering::fenceForCopyEngine() {
  NVVM::FenceProxyOp::create(b, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
}

Value KernelLowering::vote(tile::VoteKind kind, Value flag) {
  return NVVM::VoteSyncOp::create(
      b, b.getI1Type(), i32(-1), flag,
      kind == tile::VoteKind::any ? NVVM::VoteSyncKind::any : NVVM::VoteSyncKind::all);
}
