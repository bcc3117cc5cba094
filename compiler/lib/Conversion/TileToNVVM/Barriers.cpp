//===- Barriers.cpp - barriers that count, and named ones -------------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

static constexpr int64_t mbarrierBytes = 8, numHardwareBarriers = 16;

//===------------------------------------------------------------------------------------------===//
// Barriers of a group, and named ones
//===------------------------------------------------------------------------------------------===//

int64_t KernelLowering::takeBarriers(int64_t count) {
  if (nextBarrier + count > numHardwareBarriers)
    report("needs more than the 16 barriers of a block: one for the block, one for each instance of "
           "a role whose warps meet, and the named ones");
  nextBarrier += count;
  return nextBarrier - count;
}

void KernelLowering::barrier() {
  group.viewsRead.clear();
  if (group.isOneThread)
    return;
  if (group.numDivergences > 0)
    report("all warps must meet here, and a vote may have sent them different ways");
  if (!group.role) {
    NVVM::BarrierOp::create(b);
    return;
  }
  if (group.numWarps == 1) {
    NVVM::SyncWarpOp::create(b, i32(-1));
    return;
  }
  if (group.barrier < 0)
    group.barrier = takeBarriers(group.role.getInstances());
  synchronise(add(i32(group.barrier), group.instance), 32 * group.numWarps);
}

void KernelLowering::synchronise(Value barrier, int64_t threads) {
  NVVM::BarrierOp::create(b, TypeRange(), barrier, i32(threads), NVVM::BarrierReductionAttr(),
                          Value());
}

void KernelLowering::lowerNamedSync(tile::NamedSyncOp op) {
  group.viewsRead.clear();
  auto &[first, threads] = namedBarriers.find(op.getBarrier())->second;
  synchronise(add(i32(first), scalars.lookup(op.getIndex())), threads);
}

void KernelLowering::lowerNamedArrive(tile::NamedArriveOp op) {
  auto &[first, threads] = namedBarriers.find(op.getBarrier())->second;
  // The op of NVVM is inline text, which LLVM might move into a branch.
  LLVM::CallIntrinsicOp::create(
      b, b.getStringAttr("llvm.nvvm.barrier.cta.arrive.aligned.count"),
      ValueRange{add(i32(first), scalars.lookup(op.getIndex())), i32(threads)});
}

//===------------------------------------------------------------------------------------------===//
// Barriers that count
//===------------------------------------------------------------------------------------------===//

void KernelLowering::lowerAllocMBarrier(tile::AllocMBarrierOp op) {
  int64_t offset = shared.offsetOf(op), count = op.getType().getCount();
  buffers[op] = i32(offset);
  byOneThread([&] {
    for (int64_t i = 0; i < count; ++i)
      NVVM::MBarrierInitOp::create(b, sharedPointer(i32(offset + i * mbarrierBytes)),
                                   i32(op.getArrivals()), /*predicate=*/Value());
  });
  hasNewBarriers = true;
}

void KernelLowering::openBarriers() {
  if (!hasNewBarriers)
    return;
  hasNewBarriers = false;
  // For the copy engine, too.
  NVVM::FenceMbarrierInitOp::create(b);
  barrier();
}

/// The place of a use of a ring, and the parity of its phase.
std::pair<Value, Value> KernelLowering::ringUse(Value ring, Value index) {
  int64_t count = cast<tile::MBarrierType>(ring.getType()).getCount();
  Value slot, phase, use = scalars.lookup(index);
  if (llvm::isPowerOf2_64(count)) {
    slot = arith::AndIOp::create(b, use, i32(count - 1));
    phase = arith::ShRUIOp::create(b, use, i32(llvm::Log2_64(count)));
  } else {
    // Two rounds more, as the index may be negative by one.
    use = add(use, i32(2 * count));
    phase = arith::DivUIOp::create(b, use, i32(count));
    slot = arith::SubIOp::create(b, use, mul(phase, i32(count)));
  }
  Value place = add(buffers.lookup(ring), mul(slot, i32(mbarrierBytes)));
  return {sharedAddress(place), arith::AndIOp::create(b, phase, i32(1))};
}

void KernelLowering::lowerMBarrierWait(tile::MBarrierWaitOp op) {
  auto [address, parity] = ringUse(op.getBarrier(), op.getIndex());
  inlineAsm("{ .reg .pred done; again: mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1; "
            "@done bra end; bra again; end: }",
            "r,r,~{memory}", {}, {address, parity});
}

void KernelLowering::lowerMBarrierArrive(tile::MBarrierArriveOp op) {
  Value address = ringUse(op.getBarrier(), op.getIndex()).first;
  // One lane speaks for its warp: the others must be done, too.
  NVVM::SyncWarpOp::create(b, i32(-1));
  inlineAsm("@$1 mbarrier.arrive.shared::cta.b64 _, [$0];", "r,b,~{memory}", {},
            {address, isZero(group.lane)});
}
