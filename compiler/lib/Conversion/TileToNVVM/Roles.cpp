//===- Roles.cpp - different programs for the warps of a block --------------------------------===//

#include "KernelLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

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
  Value warp = group.warp;
  ThreadGroup block = std::move(group);
  OpBuilder::InsertionGuard guard(b);
  // Goes on with code for the warps before `end`; null if there are no others up to `last`.
  auto branchTo = [&](int64_t end, int64_t last) -> scf::IfOp {
    if (end == last)
      return {};
    Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, warp, i32(end));
    auto branch = scf::IfOp::create(b, isMine, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    return branch;
  };
  auto endOf = [](tile::RoleOp role, int64_t first) {
    return first + int64_t(role.getWarps() * role.getInstances());
  };

  int64_t firstWarp = 0;
  auto roles = llvm::to_vector(op.getBody().getOps<tile::RoleOp>());
  for (ArrayRef<tile::RoleOp> rest = roles; !rest.empty();) {
    // A budget is given to a warpgroup by one instruction, whichever roles share it.
    size_t count = 1;
    tile::RoleOp first = rest.front();
    int64_t end = endOf(first, firstWarp);
    while (first.getRegisters() && end % 4 != 0)
      end = endOf(rest[count++], end);
    scf::IfOp others = branchTo(end, op.getNumWarps());
    b.setLoc(first.getLoc());
    setRegisterBudget(first);
    for (tile::RoleOp role : rest.take_front(count)) {
      int64_t next = endOf(role, firstWarp);
      scf::IfOp following = branchTo(next, end);
      b.setLoc(role.getLoc());
      group = ThreadGroup(b.getContext(), role, firstWarp, role.getWarps());
      if (failed(lowerRole(role)))
        return failure();
      if (following)
        b.setInsertionPointToStart(following.elseBlock());
      firstWarp = next;
    }
    if (others)
      b.setInsertionPointToStart(others.elseBlock());
    rest = rest.drop_front(count);
  }
  group = std::move(block);
  return success();
}

void KernelLowering::setRegisterBudget(tile::RoleOp role) {
  int64_t atFirst = cast<tile::RolesOp>(role->getParentOp()).getRegistersAtFirst();
  std::optional<uint64_t> registers = role.getRegisters();
  if (registers && int64_t(*registers) != atFirst)
    NVVM::SetMaxRegisterOp::create(b, *registers,
                                   int64_t(*registers) > atFirst
                                       ? NVVM::SetMaxRegisterAction::increase
                                       : NVVM::SetMaxRegisterAction::decrease);
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
