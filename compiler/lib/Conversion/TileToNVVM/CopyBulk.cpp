//===- CopyBulk.cpp - copies by the copy engine -----------------------------------------------===//
//
// The engine moves a box of a tensor: as many bytes of each row as the swizzle spans. A wider buffer
// lies in panels of that width, each of which is a copy of its own.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelLowering.h"

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

/// Coordinates of a box as PTX lists them, the last dim first.
static SmallVector<Value> coordinatesOf(OperandRange indices,
                                        llvm::function_ref<Value(Value)> scalar) {
  SmallVector<Value> coordinates;
  for (Value index : llvm::reverse(indices)) {
    auto range = index.getDefiningOp<tile::RangeOp>();
    coordinates.push_back(scalar(range ? range.getStart() : index));
  }
  return coordinates;
}

void KernelLowering::forEachPanel(
    tile::BufferType buffer, Value offset, OperandRange indices,
    llvm::function_ref<void(Value address, ValueRange coordinates)> copy) {
  SmallVector<Value> coordinates =
      coordinatesOf(indices, [&](Value value) { return scalars.lookup(value); });
  Value column = coordinates.front();
  int64_t panel = buffer.getPanelBytes(), rows = buffer.getBytes() / buffer.getRowBytes();
  for (int64_t byte = 0; byte < buffer.getRowBytes(); byte += panel) {
    coordinates.front() =
        add(column, i32(byte / tile::getMemoryBytes(buffer.getElementType())));
    copy(sharedAddress(add(offset, i32(byte * rows))), coordinates);
  }
}

/// "{$2, $3, $4}"
static std::string operandList(unsigned first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

void KernelLowering::byOneThread(llvm::function_ref<void()> body) {
  OpBuilder::InsertionGuard guard(b);
  if (!group.isOneThread)
    b.setInsertionPointToStart(
        scf::IfOp::create(b, isZero(group.thread), /*withElseRegion=*/false).thenBlock());
  body();
}

void KernelLowering::lowerCopyBulk(tile::CopyBulkOp op) {
  tile::BufferType buffer = op.getBuffer().getType();
  Value map = tensorMapFor(op.getView(), op.getIndices(), buffer);
  Value barrier = ringUse(op.getBarrier(), op.getIndex()).first;
  byOneThread([&] {
    inlineAsm("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", "r,r,~{memory}", {},
              {barrier, i32(buffer.getBytes())});
    forEachPanel(buffer, buffers.lookup(op.getBuffer()), op.getIndices(),
                 [&](Value address, ValueRange coordinates) {
                   // NVVM's op for a block of its own needs PTX 8.6, this form 8.0.
                   size_t rank = coordinates.size();
                   std::string text =
                       "cp.async.bulk.tensor." + std::to_string(rank) +
                       "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [$0], [$1, " +
                       operandList(3, rank) + "], [$2];";
                   std::string constraints = "r,l,r";
                   SmallVector<Value> operands{address, map, barrier};
                   for (Value coordinate : coordinates) {
                     constraints += ",r";
                     operands.push_back(coordinate);
                   }
                   inlineAsm(text, constraints + ",~{memory}", {}, operands);
                 });
  });
}

/// How PTX calls a combination in memory.
static StringRef reductionName(tile::CombiningKind kind) {
  return kind == tile::CombiningKind::add ? "add" : kind == tile::CombiningKind::max ? "max" : "min";
}

void KernelLowering::lowerStoreBulk(tile::StoreBulkOp op) {
  tile::BufferType buffer = op.getBuffer().getType();
  Value map = tensorMapFor(op.getView(), op.getIndices(), buffer);
  byOneThread([&] {
    forEachPanel(buffer, buffers.lookup(op.getBuffer()), op.getIndices(),
                 [&](Value address, ValueRange coordinates) {
                   size_t rank = coordinates.size();
                   std::string dims = std::to_string(rank) + "d.global.shared::cta.";
                   std::string text =
                       op.getCombine() ? "cp.reduce.async.bulk.tensor." + dims +
                                             reductionName(*op.getCombine()).str() + ".tile"
                                       : "cp.async.bulk.tensor." + dims + "tile";
                   text += ".bulk_group [$0, " + operandList(2, rank) + "], [$1];";
                   std::string constraints = "l,r";
                   SmallVector<Value> operands{map, address};
                   for (Value coordinate : coordinates) {
                     constraints += ",r";
                     operands.push_back(coordinate);
                   }
                   inlineAsm(text, constraints + ",~{memory}", {}, operands);
                 });
    NVVM::CpAsyncBulkCommitGroupOp::create(b);
  });
}

void KernelLowering::waitForBulkStores(int64_t pending, bool written) {
  byOneThread([&] {
    NVVM::CpAsyncBulkWaitGroupOp::create(b, b.getI32IntegerAttr(pending),
                                         written ? UnitAttr() : b.getUnitAttr());
  });
}
