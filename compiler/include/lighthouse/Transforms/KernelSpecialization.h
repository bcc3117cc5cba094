//===- KernelSpecialization.h - what code may assume of a dispatch ------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TRANSFORMS_KERNELSPECIALIZATION_H
#define LIGHTHOUSE_TRANSFORMS_KERNELSPECIALIZATION_H

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "llvm/ADT/SmallBitVector.h"

#include <string>

namespace lighthouse {

/// What decides which extents matter to the code of a kernel, for each of its dims.
struct DimUses {
  /// The longest tile in which the kernel goes along the dim, of long ones a part; 1 where it takes no
  /// tiles. A power of two.
  llvm::SmallVector<int64_t> tiles;
  /// Whether the dim takes part in divisions that cost far less if it is a constant.
  llvm::SmallBitVector divisions;
  /// Whether rows of a view go along the dim.
  llvm::SmallBitVector lastDims;

  static DimUses of(tile::KernelOp kernel);
};

/// What the code of a kernel may assume beyond the kernel itself. There are few of them for each
/// kernel, whatever the sequence length and the batch: extents stay values of the run but for small
/// ones that it divides by, such as numbers of heads; known is whether they are whole tiles, whether
/// rows are aligned and which views are contiguous.
class KernelSpecialization {
public:
  /// What holds for `dispatch` of `kernel`, whose dims are used as `uses` says. `alignment` is that
  /// of the caller's tensors and rows in bytes, a power of two up to 16.
  static KernelSpecialization of(tile::KernelOp kernel, const DimUses &uses,
                                 lh::DispatchOp dispatch, int64_t alignment);

  /// Writes it to `kernel`: constants in place of dims, `tile.divisors` of the kernel,
  /// `tile.alignment` and `tile.strides` of its views.
  void apply(tile::KernelOp kernel) const;

  /// The same text for the same assumptions.
  std::string str() const;

  bool operator==(const KernelSpecialization &) const = default;

private:
  struct View {
    /// Bytes that divide its address and the distances of its rows.
    int64_t alignment;
    /// Row-major without gaps.
    bool isContiguous;

    bool operator==(const View &) const = default;
  };

  /// What is known of the extent of a dim.
  struct Dim {
    /// A number that divides it.
    int64_t divisor;
    /// Whether it is that number.
    bool isConstant;

    bool operator==(const Dim &) const = default;
  };

  void applyDims(tile::KernelOp kernel) const;
  void applyViews(tile::KernelOp kernel) const;

  /// Of each dim, in order.
  llvm::SmallVector<Dim> dims;
  /// Of each argument that is a view, in order.
  llvm::SmallVector<View> views;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_TRANSFORMS_KERNELSPECIALIZATION_H
