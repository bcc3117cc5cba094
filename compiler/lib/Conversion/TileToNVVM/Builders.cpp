//===- Builders.cpp - small pieces of code for a GPU thread -----------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/Access.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

Value KernelLowering::both(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(b, x, y);
}

Value KernelLowering::isZero(Value value) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, value, i32(0));
}

//===------------------------------------------------------------------------------------------===//
// Bits
//===------------------------------------------------------------------------------------------===//

Type KernelLowering::memoryType(Type elementType) {
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

Value KernelLowering::toMemory(Value value) {
  return value.getType().isInteger(1) ? arith::ExtUIOp::create(b, b.getI8Type(), value).getResult()
                                      : value;
}

Value KernelLowering::fromMemory(Value value, Type elementType) {
  return elementType.isInteger(1) && !value.getType().isInteger(1)
             ? arith::TruncIOp::create(b, elementType, value).getResult()
             : value;
}

/// The words of 32 bits that registers of a type fill; narrow ones leave the rest of one word zero.
SmallVector<Value> KernelLowering::toWords(ArrayRef<Value> values) {
  Type element = memoryType(values.front().getType());
  int64_t bits = element.getIntOrFloatBitWidth() * values.size();
  if (bits == 32 && values.size() == 1)
    return {LLVM::BitcastOp::create(b, b.getI32Type(), values.front())};
  if (bits < 32 && values.size() == 1) {
    Value narrow = LLVM::BitcastOp::create(b, b.getIntegerType(bits), toMemory(values.front()));
    return {arith::ExtUIOp::create(b, b.getI32Type(), narrow)};
  }
  Value vector = LLVM::UndefOp::create(b, VectorType::get(values.size(), element));
  for (auto [i, value] : llvm::enumerate(values))
    vector = LLVM::InsertElementOp::create(b, vector, toMemory(value), i32(i));
  if (bits < 32) {
    Value narrow = LLVM::BitcastOp::create(b, b.getIntegerType(bits), vector);
    return {arith::ExtUIOp::create(b, b.getI32Type(), narrow)};
  }
  if (bits == 32)
    return {LLVM::BitcastOp::create(b, b.getI32Type(), vector)};
  Value words = LLVM::BitcastOp::create(b, VectorType::get(bits / 32, b.getI32Type()), vector);
  SmallVector<Value> result;
  for (int64_t i = 0; i < bits / 32; ++i)
    result.push_back(LLVM::ExtractElementOp::create(b, words, i32(i)));
  return result;
}

KernelLowering::Registers KernelLowering::fromWords(ArrayRef<Value> words, Type elementType,
                                                    int64_t width) {
  Type element = memoryType(elementType);
  int64_t bits = element.getIntOrFloatBitWidth() * width;
  Value whole = words.front();
  if (bits < 32)
    whole = arith::TruncIOp::create(b, b.getIntegerType(bits), whole);
  else if (bits > 32) {
    whole = LLVM::UndefOp::create(b, VectorType::get(words.size(), b.getI32Type()));
    for (auto [i, word] : llvm::enumerate(words))
      whole = LLVM::InsertElementOp::create(b, whole, word, i32(i));
  }
  if (width == 1)
    return {fromMemory(LLVM::BitcastOp::create(b, element, whole), elementType)};
  Value vector = LLVM::BitcastOp::create(b, VectorType::get(width, element), whole);
  Registers result;
  for (int64_t i = 0; i < width; ++i)
    result.push_back(fromMemory(LLVM::ExtractElementOp::create(b, vector, i32(i)), elementType));
  return result;
}

//===------------------------------------------------------------------------------------------===//
// Pointers
//===------------------------------------------------------------------------------------------===//

Value KernelLowering::behind(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  LLVM::GEPArg offset = llvm::isInt<32>(bytes) ? LLVM::GEPArg(int32_t(bytes)) : i64(bytes);
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer, offset);
}

std::string KernelLowering::operandList(unsigned first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

std::string KernelLowering::addressText(Value pointer, SmallVectorImpl<Value> &operands,
                                        unsigned firstOperand) {
  int64_t bytes = 0;
  auto gep = pointer.getDefiningOp<LLVM::GEPOp>();
  if (gep && gep.getDynamicIndices().empty()) {
    bytes = gep.getRawConstantIndices().front();
    pointer = gep.getBase();
  }
  operands.push_back(pointer);
  std::string text = "[$" + std::to_string(firstOperand + operands.size() - 1);
  return text + (bytes ? "+" + std::to_string(bytes) + "]" : "]");
}

//===------------------------------------------------------------------------------------------===//
// Shared memory
//===------------------------------------------------------------------------------------------===//

Value KernelLowering::sharedPointer(Value offset, int64_t constant) {
  auto type = LLVM::LLVMPointerType::get(b.getContext(), /*addressSpace=*/3);
  Value base = LLVM::AddressOfOp::create(b, type, "lighthouse_shared");
  Value pointer =
      LLVM::GEPOp::create(b, type, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset});
  return behind(pointer, constant);
}

Value KernelLowering::sharedAddress(Value offset) {
  auto type = LLVM::LLVMPointerType::get(b.getContext(), /*addressSpace=*/3);
  Value base = LLVM::AddressOfOp::create(b, type, "lighthouse_shared");
  return add(LLVM::PtrToIntOp::create(b, b.getI32Type(), base), offset);
}

Value KernelLowering::scratchOf(Operation *op) {
  Value offset = i32(shared.offsetOf(op));
  return group.role ? add(offset, mul(group.instance, i32(shared.instanceBytes(op)))) : offset;
}

KernelLowering::Registers KernelLowering::loadShared(Value pointer, Type elementType,
                                                     int64_t width) {
  Type element = memoryType(elementType);
  int64_t bytes = width * tile::getMemoryBytes(elementType);
  Type type = width == 1 ? element : VectorType::get(width, element);
  Value loaded = LLVM::LoadOp::create(b, type, pointer, /*alignment=*/bytes);
  if (width == 1)
    return {fromMemory(loaded, elementType)};
  Registers result;
  for (int64_t i = 0; i < width; ++i)
    result.push_back(fromMemory(LLVM::ExtractElementOp::create(b, loaded, i32(i)), elementType));
  return result;
}

void KernelLowering::storeShared(Value pointer, ArrayRef<Value> values) {
  Type element = memoryType(values.front().getType());
  int64_t bytes = values.size() * tile::getMemoryBytes(element);
  Value stored = toMemory(values.front());
  if (values.size() > 1) {
    stored = LLVM::UndefOp::create(b, VectorType::get(values.size(), element));
    for (auto [i, value] : llvm::enumerate(values))
      stored = LLVM::InsertElementOp::create(b, stored, toMemory(value), i32(i));
  }
  LLVM::StoreOp::create(b, stored, pointer, /*alignment=*/bytes);
}
