//===- SharedMemory.cpp - where the buffers of a kernel lie -----------------------------------===//

#include "SharedMemory.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/Scratch.h"

#include "lighthouse/Transforms/Workspace.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::nvvm;
using tile::Layout;

/// Bytes of scratch memory that the lowering of `op` needs.
static int64_t scratchBytes(Operation *op) {
  auto typeOf = [](Value value) { return cast<RankedTensorType>(value.getType()); };
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([&](tile::ConvertLayoutOp convert) {
        if (auto scratch = FragmentScratch::of(convert))
          return scratch->buffer.getBytes();
        RankedTensorType type = typeOf(convert.getSource());
        ScratchOrder order(type.getShape(), *Layout::of(convert.getType()));
        return ScratchRows(order.shape, type.getElementType()).bytes();
      })
      .Case([&](tile::ReshapeOp reshape) {
        RankedTensorType from = typeOf(reshape.getSource()), to = typeOf(reshape.getResult());
        std::optional<Layout> linear =
            Layout::of(from)->reshaped(from.getShape(), to.getShape());
        return linear == Layout::of(to)
                   ? int64_t(0)
                   : from.getNumElements() * tile::getMemoryBytes(from.getElementType());
      })
      .Case<tile::ReduceOp, tile::ScanOp>([&](auto along) -> int64_t {
        RankedTensorType type = typeOf(along.getSource());
        Layout layout = *Layout::of(type);
        int64_t parts = 1;
        for (tile::Basis basis : layout.warps)
          if (basis.dim == int64_t(along.getAxis()))
            parts *= 2;
        // One value per warp along the axis for each of the other elements.
        int64_t others = type.getNumElements() / type.getDimSize(along.getAxis());
        return parts == 1 ? 0 : parts * others * tile::getMemoryBytes(type.getElementType());
      })
      .Case([&](tile::DotOp dot) { return productScratchBytes(dot); })
      .Default([](Operation *) { return int64_t(0); });
}

SharedMemory::SharedMemory(tile::KernelOp kernel) {
  // Steps are the ops of the kernel's own block: what is used in a loop lives as long as the loop.
  Block &body = kernel.getBody().front();
  DenseMap<Operation *, int64_t> step;
  int64_t numSteps = 0;
  for (Operation &op : body)
    step[&op] = numSteps++;
  auto stepOf = [&](Operation *op) { return step.at(body.findAncestorOpInBlock(*op)); };

  // A copy ends at the first wait for all groups after it was committed, in the kernel's own block or
  // at its end.
  auto endOfCopy = [&](tile::CopyAsyncOp copy) {
    bool isCommitted = copy->getBlock() != &body &&
                       llvm::any_of(copy->getBlock()->getOps<tile::CommitOp>(), [&](auto commit) {
                         return copy->isBeforeInBlock(commit);
                       });
    for (Operation *op = body.findAncestorOpInBlock(*copy)->getNextNode(); op; op = op->getNextNode()) {
      isCommitted |= isa<tile::CommitOp>(op);
      if (auto wait = dyn_cast<tile::WaitOp>(op); wait && wait.getPending() == 0 && isCommitted)
        return step[op];
    }
    return numSteps;
  };

  SmallVector<WorkspaceBuffer> places;
  SmallVector<SmallVector<Operation *>> owners;
  // By the step, or by the role.
  DenseMap<std::pair<int64_t, Operation *>, unsigned> scratch;
  kernel.walk([&](Operation *op) {
    if (auto barriers = dyn_cast<tile::AllocMBarrierOp>(op)) {
      places.push_back({8 * barriers.getType().getCount(), 0, numSteps});
      owners.push_back({op});
    } else if (auto alloc = dyn_cast<tile::AllocSharedOp>(op)) {
      int64_t last = stepOf(op);
      bool isForEngine = false;
      SmallVector<Value> names{alloc.getResult()};
      while (!names.empty())
        for (Operation *user : names.pop_back_val().getUsers()) {
          last = std::max(last, stepOf(user));
          if (auto slot = dyn_cast<tile::SlotOp>(user))
            names.push_back(slot.getResult());
          else if (auto copy = dyn_cast<tile::CopyAsyncOp>(user))
            last = std::max(last, endOfCopy(copy));
          isForEngine |= isa<tile::CopyBulkOp, tile::StoreBulkOp, tile::DotAsyncOp>(user);
          if (isa<tile::StoreBulkOp, tile::DotAsyncOp>(user))
            readAsynchronously.insert(op);
        }
      places.push_back({alloc.getType().getBytes(), stepOf(op), last});
      // The units that copy in bulk and multiply permute by bits of the address.
      if (isForEngine) {
        places.back().last = numSteps;
        places.back().alignment = std::max<int64_t>(128, 8 * alloc.getType().getSwizzle());
      }
      owners.push_back({op});
    } else if (int64_t size = scratchBytes(op)) {
      auto role = op->getParentOfType<tile::RoleOp>();
      auto [it, isNew] = scratch.try_emplace({stepOf(op), role}, places.size());
      if (isNew) {
        places.push_back({0, stepOf(op), stepOf(op)});
        owners.emplace_back();
      }
      int64_t instances = role ? role.getInstances() : 1;
      size = int64_t(llvm::alignTo(size, workspaceAlignment)) * instances;
      places[it->second].size = std::max(places[it->second].size, size);
      owners[it->second].push_back(op);
    }
  });
  bytes = assignOffsets(places, /*reuse=*/true);
  for (auto [place, ops] : llvm::zip_equal(places, owners)) {
    bool isReused = llvm::any_of(places, [&, &place = place](const WorkspaceBuffer &other) {
      return other.last < place.first && other.offset < place.offset + place.size &&
             place.offset < other.offset + other.size;
    });
    for (Operation *op : ops) {
      offsets[op] = place.offset;
      if (auto role = op->getParentOfType<tile::RoleOp>())
        strides[op] = place.size / role.getInstances();
      if (isReused)
        reused.insert(op);
    }
  }
}

bool SharedMemory::isReadAsynchronously(Value buffer) const {
  while (auto slot = buffer.getDefiningOp<tile::SlotOp>())
    buffer = slot.getBuffer();
  return readAsynchronously.contains(buffer.getDefiningOp());
}
