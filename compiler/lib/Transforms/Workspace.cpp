//===- Workspace.cpp - placing buffers in a workspace -----------------------------------------===//

#include "lighthouse/Transforms/Workspace.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace lighthouse;

static int64_t getPaddedSize(const WorkspaceBuffer &buffer) {
  return llvm::alignTo(buffer.size, workspaceAlignment);
}

/// The smallest gap that holds `buffer` between the buffers that it meets, or the end.
/// `placed` is sorted by offset.
static int64_t findOffset(const WorkspaceBuffer &buffer, llvm::ArrayRef<WorkspaceBuffer *> placed,
                          bool reuse) {
  int64_t needed = getPaddedSize(buffer);
  int64_t best = -1, bestGap = std::numeric_limits<int64_t>::max();
  int64_t end = 0; // of what has been passed so far, aligned
  for (const WorkspaceBuffer *other : placed) {
    if (reuse && (buffer.last < other->first || other->last < buffer.first))
      continue;
    int64_t gap = other->offset - end;
    if (gap >= needed && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = std::max<int64_t>(
        end, llvm::alignTo(other->offset + getPaddedSize(*other), buffer.alignment));
  }
  return best >= 0 ? best : end;
}

int64_t lighthouse::assignOffsets(llvm::MutableArrayRef<WorkspaceBuffer> buffers, bool reuse) {
  // Large buffers first: small ones then fit into what is left between them.
  llvm::SmallVector<WorkspaceBuffer *> order;
  for (WorkspaceBuffer &buffer : buffers)
    order.push_back(&buffer);
  llvm::stable_sort(order, [](auto *a, auto *b) { return a->size > b->size; });

  llvm::SmallVector<WorkspaceBuffer *> placed;
  int64_t total = 0;
  for (WorkspaceBuffer *buffer : order) {
    buffer->offset = findOffset(*buffer, placed, reuse);
    total = std::max(total, buffer->offset + getPaddedSize(*buffer));
    placed.insert(
        llvm::upper_bound(placed, buffer, [](auto *a, auto *b) { return a->offset < b->offset; }),
        buffer);
  }
  return total;
}
