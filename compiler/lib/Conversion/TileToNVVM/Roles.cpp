//===- Roles.cpp - different programs for the warps of a block --------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

static constexpr int64_t registersOfMultiprocessor = 65536;

/// Whether nothing in a role needs a second thread: it issues bulk copies and waits.
static bool needsOneThread(tile::RoleOp role) {
  WalkResult walked = role.getBody().walk([](Operation *op) {
    if (isa<tile::CopyBulkOp, tile::MBarrierWaitOp, tile::SlotOp, tile::RangeOp, tile::EndRoleOp,
            scf::ForOp, scf::IfOp, scf::WhileOp, scf::YieldOp, scf::ConditionOp>(op))
      return WalkResult::advance();
    bool isScalar = llvm::none_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
    return isScalar && isMemoryEffectFree(op) ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !walked.wasInterrupted();
}

LogicalResult KernelLowering::lowerRoles(tile::RolesOp op) {
  openBarriers();
  // As many registers as fit are given to each thread at first; then roles give and take.
  int64_t threads = 32 * op.getNumWarps(), given = registersOfMultiprocessor / threads / 8 * 8;
  Value warp = group.warp;
  ThreadGroup block = std::move(group);
  int64_t firstWarp = 0;
  OpBuilder::InsertionGuard guard(b);
  for (auto role : op.getBody().getOps<tile::RoleOp>()) {
    b.setLoc(role.getLoc());
    int64_t next = firstWarp + role.getWarps() * role.getInstances();
    scf::IfOp branch;
    if (next != op.getNumWarps()) {
      Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, warp, i32(next));
      branch = scf::IfOp::create(b, isMine, /*withElseRegion=*/true);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    if (std::optional<uint64_t> registers = role.getRegisters(); registers && *registers != given)
      NVVM::SetMaxRegisterOp::create(b, *registers,
                                     int64_t(*registers) > given
                                         ? NVVM::SetMaxRegisterAction::increase
                                         : NVVM::SetMaxRegisterAction::decrease);
    group = ThreadGroup(b.getContext(), role, firstWarp, role.getWarps());
    if (failed(lowerRole(role)))
      return failure();
    if (branch)
      b.setInsertionPointToStart(branch.elseBlock());
    firstWarp = next;
  }
  group = std::move(block);
  return success();
}

LogicalResult KernelLowering::lowerRole(tile::RoleOp role) {
  identifyThread();
  scalars.map(role.getBody().getArgument(0), group.instance);
  OpBuilder::InsertionGuard guard(b);
  if (needsOneThread(role)) {
    group.isOneThread = true;
    b.setInsertionPointToStart(
        scf::IfOp::create(b, isZero(group.thread), /*withElseRegion=*/false).thenBlock());
  }
  if (failed(lowerBlock(role.getBody().front())))
    return failure();
  if (failed(checkEnded(role)))
    return failure();
  // What a bulk store reads must be there until it has read it.
  WalkResult walked =
      role.getBody().walk([](tile::StoreBulkOp) { return WalkResult::interrupt(); });
  if (walked.wasInterrupted())
    waitForBulkStores(/*pending=*/0, /*written=*/false);
  return success();
}
