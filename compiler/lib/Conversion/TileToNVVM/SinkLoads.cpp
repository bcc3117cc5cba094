//===- SinkLoads.cpp - reads of shared memory go where they are used --------------------------===//
//
// A tile is read as a whole before the product that takes it. The product uses it step by step, and
// what is read later lives shorter: neither LLVM's code generator nor ptxas finds that order again
// where registers are scarce.
//
//===------------------------------------------------------------------------------------------===//

#include "SinkLoads.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <limits>

using namespace mlir;
using namespace lighthouse;

/// Whether a read of shared memory must not pass `op`.
static bool isFence(Operation *op) {
  if (auto assembly = dyn_cast<LLVM::InlineAsmOp>(op))
    return assembly.getConstraints().contains("~{memory}");
  // Barriers, copies and waits.
  if (isa<NVVM::NVVMDialect>(op->getDialect()))
    return !isa<NVVM::LdMatrixOp, NVVM::MmaOp, NVVM::ConvertFloatToTF32Op, NVVM::ShflOp,
                NVVM::BlockIdXOp, NVVM::GridDimXOp>(op);
  return op->getNumRegions() != 0 || isa<LLVM::StoreOp, LLVM::AtomicRMWOp>(op);
}

/// Moves of bits and addresses: what lies between a read and its use, and before a read.
static bool isPlumbing(Operation *op) {
  return isa<LLVM::ExtractValueOp, LLVM::ExtractElementOp, LLVM::InsertElementOp, LLVM::BitcastOp,
             LLVM::GEPOp, LLVM::AddressOfOp, arith::AddIOp, arith::XOrIOp>(op);
}

void nvvm::sinkMatrixLoads(Block &block) {
  SmallVector<Operation *> ops;
  DenseMap<Operation *, unsigned> place;
  SmallVector<unsigned> fences;
  for (Operation &op : block) {
    if (isFence(&op))
      fences.push_back(ops.size());
    place[&op] = ops.size();
    ops.push_back(&op);
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        sinkMatrixLoads(inner);
  }
  // What needs no sinking for its own sake follows the loads that it serves.
  llvm::DenseSet<Operation *> wanted;
  for (Operation *op : llvm::reverse(ops)) {
    bool isLoad = isa<NVVM::LdMatrixOp>(op);
    bool feedsLoad = isPlumbing(op) && llvm::all_of(op->getUsers(), [&](Operation *user) {
      return wanted.contains(user);
    });
    bool isFedByLoad =
        isPlumbing(op) && op->getNumOperands() > 0 && [&] {
          for (Operation *from = op->getOperand(0).getDefiningOp(); from;
               from = from->getNumOperands() ? from->getOperand(0).getDefiningOp() : nullptr)
            if (isa<NVVM::LdMatrixOp>(from))
              return true;
            else if (!isPlumbing(from))
              return false;
          return false;
        }();
    if ((!isLoad && !feedsLoad && !isFedByLoad) || op->use_empty())
      continue;
    unsigned first = std::numeric_limits<unsigned>::max();
    Operation *target = nullptr;
    for (Operation *user : op->getUsers()) {
      Operation *here = block.findAncestorOpInBlock(*user);
      if (here && place.lookup(here) < first) {
        first = place.lookup(here);
        target = here;
      }
    }
    if (!target)
      continue;
    auto fence = llvm::lower_bound(fences, place.lookup(op));
    if (isLoad && fence != fences.end() && *fence < first)
      continue;
    op->moveBefore(target);
    place[op] = first;
    wanted.insert(op);
  }
}
