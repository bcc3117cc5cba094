//===- DotAsync.cpp - asynchronous matrix products --------------------------------------------===//
//
// `wgmma` (PTX ISA, "Asynchronous warpgroup level matrix instructions"): a warpgroup multiplies 64 rows
// of a, from shared memory or registers, by up to 256 columns of b, from shared memory, 16 elements of
// K at a time, or 8 of tf32. Several warpgroups share out the rows, or then the columns.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/MatrixProduct.h"

#include "mlir/IR/Matchers.h"

#include <map>

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

namespace {

using Limits = AsyncProductLimits;

/// How `wgmma` finds an operand in a buffer: a descriptor without its start address, and what is added
/// to it for each step along K, in units of 16 bytes. `alongRows` says that K goes along the rows of
/// the buffer, so that the elements of a row are those of M or N (they are "MN-major").
struct OperandForm {
  int64_t descriptor;
  int64_t elementBytes, panelBytes, panelStride;
  bool alongRows;

  OperandForm(tile::BufferType buffer, bool alongRows)
      : elementBytes(tile::getMemoryBytes(buffer.getElementType())),
        panelBytes(buffer.getPanelBytes()),
        panelStride(buffer.getShape().front() * buffer.getPanelBytes()), alongRows(alongRows) {
    // Eight rows are a unit; what lies side by side in MN-major operands is a panel.
    int64_t stride = 8 * panelBytes, leading = alongRows ? panelStride : 16;
    int64_t swizzle = panelBytes == 128 ? 1 : panelBytes == 64 ? 2 : 3;
    descriptor = (leading >> 4) << 16 | (stride >> 4) << 32 | int64_t(uint64_t(swizzle) << 62);
  }

  int64_t depthOffset(int64_t depth) const {
    int64_t byte = elementBytes * depth;
    int64_t offset =
        alongRows ? depth * panelBytes : byte / panelBytes * panelStride + byte % panelBytes;
    return offset >> 4;
  }
  /// Of a row of a, or a column of b.
  int64_t outerOffset(int64_t outer) const {
    int64_t byte = elementBytes * outer;
    return (alongRows ? byte / panelBytes * panelStride : outer * panelBytes) >> 4;
  }
};

} // namespace

/// The descriptor of an operand that begins at `offset`, i64.
static Value descriptorOf(ImplicitLocOpBuilder &b, Value address, const OperandForm &form) {
  auto constant = [&](int64_t value, Type type) {
    return arith::ConstantIntOp::create(b, type, value);
  };
  Value start = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, address, constant(4, b.getI32Type())),
      constant(0x3fff, b.getI32Type()));
  return arith::OrIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), start),
                              constant(form.descriptor, b.getI64Type()));
}

LogicalResult KernelLowering::lowerDotAsync(tile::DotAsyncOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getAcc().getType());
  if (!type)
    return op.emitOpError("accumulates in tensor memory, which this target does not have");
  bool isTile = isa<RankedTensorType>(op.getA().getType());
  tile::BufferType right = op.getB().getType();
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1),
          depth = right.getShape()[op.getTransposeB() ? 1 : 0],
          step = Limits::depthBytes / tile::getMemoryBytes(right.getElementType());
  if (group.numWarps % Limits::warps != 0 || rows % Limits::rows != 0 || columns % Limits::columns != 0 ||
      depth % step != 0)
    return op.emitOpError() << "expected 4 warps or a multiple, and a multiple of 64 rows, of 8 columns "
                               "and of "
                            << step << " elements to sum, found a product of " << rows << " x " << depth
                            << " by " << depth << " x " << columns << " for " << group.numWarps
                            << " warps";

  OperandForm rightForm(right, /*alongRows=*/!op.getTransposeB());
  // What a warpgroup has of the result: its first row and column follow from its number.
  Layout layout = layoutOf(op.getAcc());
  ArrayRef<tile::Basis> warpgroups = ArrayRef(layout.warps).drop_front(2);
  int64_t rowsAtOnce = Limits::rows, groupColumns = columns;
  for (tile::Basis basis : warpgroups) {
    // Columns that lie side by side in a row of the buffer are found by whole panels.
    bool isPart = basis.dim == 0 ||
                  (llvm::isPowerOf2_64(columns) &&
                   (op.getTransposeB() ||
                    rightForm.elementBytes * basis.stride % rightForm.panelBytes == 0));
    if (basis.isZero() || !isPart)
      return op.emitOpError() << "does not fit " << group.numWarps / Limits::warps << " warpgroups: " << rows
                              << " x " << columns
                              << " elements have no part of 64 rows, or of a power of two columns in "
                                 "whole panels, for each";
    if (basis.dim == 0)
      rowsAtOnce *= 2;
    else
      groupColumns /= 2;
  }
  auto startOf = [&](TypedValue<tile::BufferType> buffer, const OperandForm &form, int64_t dim) {
    Value offset = buffers.lookup(buffer);
    for (auto [i, basis] : llvm::enumerate(warpgroups)) {
      if (basis.dim != dim)
        continue;
      Value bit = arith::AndIOp::create(b, arith::ShRUIOp::create(b, group.warp, i32(2 + i)), i32(1));
      offset = add(offset, mul(bit, i32(form.outerOffset(basis.stride) << 4)));
    }
    return offset;
  };

  auto index = registerIndex(layout, type.getShape());
  Value rightDescriptor =
      descriptorOf(b, sharedAddress(startOf(op.getB(), rightForm, 1)), rightForm);
  std::optional<OperandForm> leftForm;
  Value leftDescriptor;
  RunningProduct running{op, {}};
  std::map<Coordinates, unsigned> leftIndex;
  if (isTile) {
    leftIndex = registerIndex(layoutOf(op.getA()), shapeOf(op.getA()));
  } else {
    auto left = cast<TypedValue<tile::BufferType>>(op.getA());
    leftForm.emplace(left.getType(), /*alongRows=*/op.getTransposeA());
    leftDescriptor = descriptorOf(b, sharedAddress(startOf(left, *leftForm, 0)), *leftForm);
  }

  // A sum that begins at zero needs no registers that hold zeros.
  bool startsAtZero = matchPattern(op.getAcc(), m_AnyZeroFloat());
  Registers sums = registersOf(op.getAcc());
  Type element = right.getElementType();
  int64_t pack = elementsPerRegister(element);
  StringRef name = element.isBF16() ? "bf16" : element.isF16() ? "f16" : "tf32";
  std::string shape = "k" + std::to_string(step) + ".f32." + (name + "." + name + " ").str();
  for (int64_t row = 0; row < rows; row += rowsAtOnce)
    for (int64_t column = 0; column < groupColumns; column += Limits::mostColumns) {
      int64_t width = std::min<int64_t>(Limits::mostColumns, groupColumns - column), count = width / 2;
      // The registers of a thread in the order of the instruction.
      SmallVector<unsigned> places;
      for (int64_t c = column; c < column + width; c += 8)
        for (int64_t r : {0, 8})
          for (int64_t e : {0, 1})
            places.push_back(index.at({row + r, c + e}));
      std::string outputs, ties;
      SmallVector<Value> operands;
      for (auto [i, reg] : llvm::enumerate(places)) {
        outputs += i ? ",=f" : "=f";
        ties += "," + std::to_string(i);
        operands.push_back(startsAtZero ? Value(LLVM::UndefOp::create(b, b.getF32Type())) : sums[reg]);
      }
      std::string constraints = outputs + ties;
      auto operand = [&](Value value, StringRef constraint) {
        constraints += "," + constraint.str();
        operands.push_back(value);
        return unsigned(count + operands.size() - 1);
      };
      std::string b0 = "$" + std::to_string(operand(rightDescriptor, "l"));
      std::string a0 = isTile ? "" : "$" + std::to_string(operand(leftDescriptor, "l"));
      std::string text = "{ .reg .b64 a, b; .reg .pred first, others; setp.ne.b32 first, " +
                         std::string(startsAtZero ? "0" : "1") +
                         ", 0; setp.ne.b32 others, 1, 0; wgmma.fence.sync.aligned; ";
      for (int64_t k = 0; k < depth; k += step) {
        std::string left = "a";
        if (isTile) {
          // Fragments as of `mma.sync`.
          int64_t first[4][2] = {{0, 0}, {8, 0}, {0, step / 2}, {8, step / 2}};
          unsigned start = 0;
          for (auto [i, at] : llvm::enumerate(first)) {
            SmallVector<Value> packed;
            for (int64_t e = 0; e < pack; ++e)
              packed.push_back(registersOf(op.getA())[leftIndex.at({row + at[0], k + at[1] + e})]);
            Value word = pack == 1 ? roundToTF32(packed.front()) : toWords(packed).front();
            running.operands.push_back(word);
            unsigned number = operand(word, "r");
            start = i == 0 ? number : start;
          }
          left = operandList(start, 4);
        } else {
          text += "add.s64 a, " + a0 + ", " +
                  std::to_string(leftForm->outerOffset(row) + leftForm->depthOffset(k)) + "; ";
        }
        text += "add.s64 b, " + b0 + ", " +
                std::to_string(rightForm.outerOffset(column) + rightForm.depthOffset(k)) + "; ";
        text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(width) + shape +
                operandList(0, count) + ", " + left + ", b, " + (k == 0 ? "first" : "others") + ", 1, 1";
        // Operands of 16 bits alone may go along M or N.
        if (!element.isF32())
          text += std::string(isTile ? "" : leftForm->alongRows ? ", 1" : ", 0") +
                  (rightForm.alongRows ? ", 1" : ", 0");
        text += "; ";
      }
      bool isLast = row + rowsAtOnce >= rows && column + Limits::mostColumns >= groupColumns;
      text += isLast ? "wgmma.commit_group.sync.aligned; }" : "}";
      Type result = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                     SmallVector<Type>(count, b.getF32Type()));
      Value product = inlineAsm(text, constraints + ",~{memory}", result, operands);
      for (auto [i, reg] : llvm::enumerate(places))
        sums[reg] = LLVM::ExtractValueOp::create(b, product, i);
    }
  tiles[op.getResult()] = sums;
  group.running.push_back(std::move(running));
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Products from one iteration of a loop to the next
//===------------------------------------------------------------------------------------------===//

/// The products of `loop` that read registers and whose results it carries on.
static SmallVector<tile::DotAsyncOp> carriedProducts(scf::ForOp loop) {
  SmallVector<tile::DotAsyncOp> products;
  for (auto product : loop.getBody()->getOps<tile::DotAsyncOp>())
    if (isa<RankedTensorType>(product.getA().getType()) && product.getResult() &&
        llvm::is_contained(product.getResult().getUsers(), loop.getBody()->getTerminator()))
      products.push_back(product);
  return products;
}

size_t KernelLowering::numOperandWords(tile::DotAsyncOp product) {
  return layoutOf(product.getA()).numRegisters(shapeOf(product.getA())) /
         elementsPerRegister(getElementTypeOrSelf(product.getA().getType()));
}

void KernelLowering::beginCarriedProducts(scf::ForOp loop, SmallVectorImpl<Value> &inits) {
  // Before the first iteration there is none, and the wait for it takes any value.
  for (tile::DotAsyncOp product : carriedProducts(loop))
    inits.append(numOperandWords(product), i32(0));
}

void KernelLowering::enterCarriedProducts(scf::ForOp loop, ValueRange words) {
  for (tile::DotAsyncOp product : carriedProducts(loop)) {
    size_t count = numOperandWords(product);
    group.running.push_back({product, llvm::to_vector(words.take_front(count))});
    words = words.drop_front(count);
  }
}

LogicalResult KernelLowering::leaveCarriedProducts(scf::ForOp loop, SmallVectorImpl<Value> &yielded,
                                                   ValueRange results) {
  for (tile::DotAsyncOp product : carriedProducts(loop)) {
    size_t count = numOperandWords(product);
    auto isIt = [&](const RunningProduct &running) { return running.op == product; };
    if (llvm::count_if(group.running, isIt) > 1)
      return product.emitOpError("reads registers, and has no wait before the next iteration's begins");
    auto running = llvm::find_if(group.running, isIt);
    if (running == group.running.end()) {
      yielded.append(count, i32(0)); // a wait without its result has ended it
    } else {
      llvm::append_range(yielded, running->operands);
      running->operands = llvm::to_vector(results.take_front(count));
    }
    results = results.drop_front(count);
  }
  return success();
}

LogicalResult KernelLowering::checkEnded(Operation *op) {
  auto loop = dyn_cast<scf::ForOp>(op);
  SmallVector<tile::DotAsyncOp> carried = loop ? carriedProducts(loop) : SmallVector<tile::DotAsyncOp>();
  for (RunningProduct &product : group.running) {
    if (!op->isProperAncestor(product.op) || llvm::is_contained(carried, product.op))
      continue;
    if (isa<tile::KernelOp, tile::RoleOp>(op))
      return product.op.emitOpError("has no wait before its program ends");
    if (!product.operands.empty())
      return product.op.emitOpError("reads registers, and has no wait before the loop or branch "
                                    "around it ends");
  }
  return success();
}

void KernelLowering::lowerDotWait(tile::DotWaitOp op) {
  // LLVM moves arithmetic above a wait that it does not depend on: all values go through it.
  std::string outputs, ties;
  SmallVector<Value> operands;
  SmallVector<Type> types;
  for (Value tile : op.getValues()) {
    for (Value value : registersOf(tile)) {
      Type type = value.getType();
      StringRef letter = type.isF32() ? "f" : type.isF64() ? "d" : type.isInteger(64) ? "l" : "r";
      bool isNarrow = type.getIntOrFloatBitWidth() < 32;
      outputs += (types.empty() ? "=" : ",=") + letter.str();
      ties += "," + std::to_string(types.size());
      types.push_back(isNarrow ? b.getI32Type() : type);
      operands.push_back(isNarrow ? toWords(value).front() : value);
    }
  }
  std::string constraints = outputs + ties;
  // Registers that an ended product has read may change only now.
  size_t numEnded = group.running.size() - std::min<size_t>(group.running.size(), op.getPending());
  for (const RunningProduct &product : ArrayRef(group.running).take_front(numEnded))
    for (Value word : product.operands) {
      constraints += ",r";
      operands.push_back(word);
    }
  group.running.erase(group.running.begin(), group.running.begin() + numEnded);
  StringRef separator = constraints.empty() ? "" : ",";
  if (StringRef(constraints).starts_with(","))
    constraints.erase(0, 1);
  Type result = types.empty() ? Type()
                : types.size() == 1
                    ? types.front()
                    : Type(LLVM::LLVMStructType::getLiteral(b.getContext(), types));
  Value waited = inlineAsm("wgmma.wait_group.sync.aligned " + std::to_string(op.getPending()) + ";",
                           constraints + separator.str() + "~{memory}", result, operands);
  unsigned next = 0;
  for (auto [value, tile] : llvm::zip_equal(op.getValues(), op.getResults())) {
    Registers registers;
    for (Value before : registersOf(value)) {
      Value after = types.size() == 1 ? waited
                                      : LLVM::ExtractValueOp::create(b, waited, next).getResult();
      ++next;
      registers.push_back(before.getType().getIntOrFloatBitWidth() < 32
                              ? fromWords(after, before.getType(), 1).front()
                              : after);
    }
    tiles[tile] = registers;
  }
}
