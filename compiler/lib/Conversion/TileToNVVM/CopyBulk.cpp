//===- CopyBulk.cpp - copies by the copy engine -----------------------------------------------===//
//
// The engine moves a box of a tensor: as many bytes of each row as the swizzle spans. A wider buffer
// lies in panels of that width, each of which is a copy of its own.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

Value KernelLowering::tensorMapFor(Value view, OperandRange indices, tile::BufferType buffer) {
  auto found = llvm::find(maps, tensorMapOf(view, indices, buffer));
  assert(found != maps.end() && "the kernel lists all maps that it takes");
  return LLVM::GEPOp::create(b, parameters.getType(), b.getI8Type(), parameters,
                             ArrayRef<LLVM::GEPArg>{int32_t((found - maps.begin()) * mapBytes)});
}

void KernelLowering::byOneThread(llvm::function_ref<void()> body) {
  OpBuilder::InsertionGuard guard(b);
  if (!group.isOneThread)
    b.setInsertionPointToStart(
        scf::IfOp::create(b, isZero(group.thread), /*withElseRegion=*/false).thenBlock());
  body();
}

void KernelLowering::movePanels(StringRef instruction, Value view, OperandRange indices,
                                TypedValue<tile::BufferType> buffer, Value barrier) {
  tile::BufferType type = buffer.getType();
  SmallVector<Value> coordinates; // the last dim first
  for (Value index : llvm::reverse(indices))
    coordinates.push_back(scalars.lookup(tile::startOf(index)));
  size_t rank = coordinates.size();
  auto [before, after] = instruction.split('#');
  std::string tensor = "[$1, " + operandList(barrier ? 3 : 2, rank) + "]";
  std::string text = (before + Twine(rank) + after).str() +
                     (barrier ? " [$0], " + tensor + ", [$2];" : " " + tensor + ", [$0];");
  std::string constraints = barrier ? "r,l,r" : "r,l";
  for (size_t i = 0; i < rank; ++i)
    constraints += ",r";

  Value map = tensorMapFor(view, indices, type), column = coordinates.front();
  int64_t panel = type.getPanelBytes(), rows = type.getBytes() / type.getRowBytes();
  for (int64_t byte = 0; byte < type.getRowBytes(); byte += panel) {
    coordinates.front() = add(column, i32(byte / tile::getMemoryBytes(type.getElementType())));
    SmallVector<Value> operands{sharedAddress(add(buffers.lookup(buffer), i32(byte * rows))), map};
    if (barrier)
      operands.push_back(barrier);
    llvm::append_range(operands, coordinates);
    inlineAsm(text, constraints + ",~{memory}", {}, operands);
  }
}

void KernelLowering::lowerCopyBulk(tile::CopyBulkOp op) {
  Value barrier = ringUse(op.getBarrier(), op.getIndex()).first;
  byOneThread([&] {
    inlineAsm("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", "r,r,~{memory}", {},
              {barrier, i32(op.getBuffer().getType().getBytes())});
    // NVVM's op for a block of its own needs PTX 8.6, this form 8.0.
    movePanels("cp.async.bulk.tensor.#d.shared::cluster.global.tile.mbarrier::complete_tx::bytes",
               op.getView(), op.getIndices(), op.getBuffer(), barrier);
  });
}

/// How PTX calls a combination in memory.
static StringRef reductionName(tile::CombiningKind kind) {
  return kind == tile::CombiningKind::add ? "add" : kind == tile::CombiningKind::max ? "max" : "min";
}

void KernelLowering::lowerStoreBulk(tile::StoreBulkOp op) {
  std::string instruction =
      op.getCombine() ? "cp.reduce.async.bulk.tensor.#d.global.shared::cta." +
                            reductionName(*op.getCombine()).str() + ".tile.bulk_group"
                      : "cp.async.bulk.tensor.#d.global.shared::cta.tile.bulk_group";
  byOneThread([&] {
    movePanels(instruction, op.getView(), op.getIndices(), op.getBuffer(), /*barrier=*/{});
    NVVM::CpAsyncBulkCommitGroupOp::create(b);
  });
}

void KernelLowering::waitForBulkStores(int64_t pending, bool written) {
  byOneThread([&] {
    NVVM::CpAsyncBulkWaitGroupOp::create(b, b.getI32IntegerAttr(pending),
                                         written ? UnitAttr() : b.getUnitAttr());
  });
}
