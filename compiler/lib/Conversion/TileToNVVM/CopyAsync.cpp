//===- CopyAsync.cpp - asynchronous copies ----------------------------------------------------===//

#include "KernelLowering.h"

#include "../TileLayouts/Access.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

void KernelLowering::lowerCopy(tile::CopyAsyncOp op) {
  group.viewsRead.insert(op.getView());
  tile::BufferType buffer = op.getBuffer().getType();
  Type element = buffer.getElementType();
  Layout layout = copyLayout(op);
  Access access = prepare(op.getView(), op.getIndices(), Value(), op.getInBounds(), layout,
                          buffer.getShape());
  Argument hidden = hideStrides(op, access);
  access.argument = &hidden;
  BufferPlaces to = placesIn(buffers.lookup(op.getBuffer()), buffer, layout);
  Value owner = isOwner(layout);
  int64_t width = access.isWhole ? access.vector : 1, bytes = width * tile::getMemoryBytes(element);
  for (size_t i = 0; i < access.coordinates.size(); i += width) {
    Place from = place(access, i);
    Value pointer = pointerIn(to, access.coordinates[i]);
    if (bytes < 4) {
      // Too narrow for the copy engine: the copy happens at once.
      Registers loaded = loadVector(from, element, width, Value());
      OpBuilder::InsertionGuard guard(b);
      if (owner)
        b.setInsertionPointToStart(
            scf::IfOp::create(b, owner, /*withElseRegion=*/false).thenBlock());
      storeShared(pointer, loaded);
      continue;
    }
    SmallVector<Value> operands;
    std::string target = addressText(pointer, operands);
    std::string source = addressText(from.pointer, operands);
    operands.front() = LLVM::PtrToIntOp::create(b, b.getI32Type(), operands.front());
    std::string text = owner ? "@$2 " : "";
    text += bytes == 16 ? "cp.async.cg.shared.global " : "cp.async.ca.shared.global ";
    text += target + ", " + source + ", " + std::to_string(bytes);
    std::string constraints = "r,l";
    if (owner) {
      constraints += ",b";
      operands.push_back(owner);
    }
    if (from.inside) {
      // What is outside becomes zero.
      text += ", $" + std::to_string(operands.size());
      constraints += ",r";
      operands.push_back(arith::SelectOp::create(b, from.inside, i32(bytes), i32(0)));
    }
    inlineAsm(text + ";", constraints + ",~{memory}", {}, operands);
  }
}
