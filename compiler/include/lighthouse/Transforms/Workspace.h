//===- Workspace.h - placing buffers in a workspace ---------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TRANSFORMS_WORKSPACE_H
#define LIGHTHOUSE_TRANSFORMS_WORKSPACE_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace lighthouse {

inline constexpr int64_t workspaceAlignment = 64;

/// A buffer to be placed.
struct WorkspaceBuffer {
  /// Size in bytes.
  int64_t size;
  /// First and last step at which the contents matter, both included.
  int64_t first, last;
  /// The result: bytes from the start of the workspace.
  int64_t offset = 0;
  /// What divides the offset.
  int64_t alignment = workspaceAlignment;
};

/// Gives every buffer an offset so that buffers needed at the same step do not overlap, and returns
/// the size of the workspace. Without `reuse` no two buffers overlap. The result depends on the
/// order of the buffers only where sizes are equal.
int64_t assignOffsets(llvm::MutableArrayRef<WorkspaceBuffer> buffers, bool reuse);

} // namespace lighthouse

#endif // LIGHTHOUSE_TRANSFORMS_WORKSPACE_H
