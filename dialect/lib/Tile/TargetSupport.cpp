//===- TargetSupport.cpp - constructs that a target has no unit for ---------------------------===//

#include "lighthouse/Dialect/Tile/IR/TargetSupport.h"

#include "lighthouse/Dialect/Tile/IR/Target.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse::tile;

static StringRef nameOf(StoreBulkOp store) {
  if (!store.getCombine())
    return "store_bulk";
  CombiningKind kind = *store.getCombine();
  return kind == CombiningKind::add ? "add_bulk" : kind == CombiningKind::max ? "max_bulk" : "min_bulk";
}

/// What the language calls the construct of `op`, and whether `target` has the unit for it; an
/// empty name for what all targets have. Uses of barriers come after those that make them.
static std::pair<StringRef, bool> findConstruct(Operation *op, const TargetInfo &target) {
  using Construct = std::pair<StringRef, bool>;
  bool hasProducts = target.matrixUnit >= TargetInfo::MatrixUnit::Wgmma;
  return llvm::TypeSwitch<Operation *, Construct>(op)
      .Case([&](RolesOp) { return Construct("roles", target.isCuda()); })
      .Case([&](RoleOp role) {
        return Construct("registers", !role.getRegisters() || target.registerBudgets);
      })
      .Case([&](AllocNamedBarrierOp) { return Construct("named_barrier", target.isCuda()); })
      .Case([&](WaitUntilOp) { return Construct("wait_until", target.isCuda()); })
      .Case([&](StoreReleaseOp) { return Construct("store_release", target.isCuda()); })
      .Case([&](AllocMBarrierOp) { return Construct("mbarrier", target.bulkCopies); })
      .Case([&](StoreBulkOp store) { return Construct(nameOf(store), target.bulkCopies); })
      .Case([&](WaitBulkOp) { return Construct("wait_bulk", target.bulkCopies); })
      .Case([&](DotAsyncOp) { return Construct("dot_async", hasProducts); })
      .Case([&](DotWaitOp) { return Construct("dot_wait", hasProducts); })
      .Default(Construct("", true));
}

LogicalResult lighthouse::tile::checkTargetSupport(KernelOp kernel, const TargetInfo &target) {
  WalkResult walked = kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto [construct, isSupported] = findConstruct(op, target);
    if (isSupported)
      return WalkResult::advance();
    // A fault of the kernel: the message does not begin with an op, as those about the compiler's
    // own faults do.
    StringRef name = target.isHost() ? "the host" : StringRef(target.name);
    emitError(op->getLoc()) << name << " has no '" << construct << "'"
                            << (target.isHost() ? ", which needs a GPU" : "")
                            << "; give the kernel 'target sm_90a', and " << name
                            << " a kernel of its own";
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}
