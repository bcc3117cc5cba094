//===- Layout.h - arithmetic on layouts of register tiles -------------------------------*- C++ -*-===//
//
// The value form of `#tile.layout`, whose documentation (TileDialect.td) says what it means, and the
// layouts that change of shape, slicing and code generation need.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_LAYOUT_H
#define LIGHTHOUSE_DIALECT_TILE_IR_LAYOUT_H

#include "lighthouse/Dialect/Tile/IR/Tile.h"

namespace lighthouse::tile {

/// What one bit of a place adds to the coordinates: `stride`, a power of two, along `dim`, or
/// nothing (`dim` is -1).
struct Basis {
  int64_t dim = -1;
  int64_t stride = 0;

  bool isZero() const { return dim < 0; }
  bool operator==(const Basis &) const = default;
};

using Coordinates = llvm::SmallVector<int64_t>;

class Layout {
public:
  static constexpr unsigned laneBits = 5;

  int64_t rank = 0;
  llvm::SmallVector<Basis> registers, lanes, warps;

  /// The layout of a tile; none if its type has no encoding.
  static std::optional<Layout> of(mlir::Type tile);
  static Layout of(LayoutAttr attr);
  LayoutAttr toAttr(mlir::MLIRContext *context) const;
  bool operator==(const Layout &) const = default;

  /// A layout of `shape` in which each thread has up to `vector` neighbours along `order[0]`, the
  /// lanes continue along the dims in `order`, then the `numWarps` warps; the rest is registers.
  /// What is left of lanes and warps when the tile is used up holds copies.
  static Layout blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> order,
                        int64_t vector, int64_t numWarps);

  /// Layouts of the result [M, N] and the operands [M, K] and [K, N] of `mma.sync` m16n8kX with
  /// `pack` operand elements in a 32-bit register (PTX ISA, "Matrix fragments for mma"). Warps go
  /// along M, then along N; if `balanced`, along that of which a warp has more left, so that it
  /// reads least of the operands. `shape` is that of the tile in question.
  static Layout mmaResult(llvm::ArrayRef<int64_t> shape, int64_t numWarps, bool balanced = false);
  static Layout mmaLeft(llvm::ArrayRef<int64_t> shape, const Layout &result, int64_t pack);
  static Layout mmaRight(llvm::ArrayRef<int64_t> shape, const Layout &result, int64_t pack);

  /// A layout for running along `axis`: neighbours in one thread, then in lanes, then in warps.
  static Layout scan(llvm::ArrayRef<int64_t> shape, int64_t axis, int64_t numWarps);

  /// Without dim `axis`; places that differ only there hold copies.
  Layout withoutDim(int64_t axis) const;
  /// With the dims of a rank-2 tile swapped.
  Layout transposed() const;
  /// The layout of the elements of a tile of shape `from`, seen in shape `to`; none if it is not
  /// linear there.
  std::optional<Layout> reshaped(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) const;
  /// The layout without the bases along dims that have extent 1 in `shape`: that of the source of a
  /// broadcast.
  Layout narrowed(llvm::ArrayRef<int64_t> shape) const;

  /// Coordinates of every register of thread 0, in the order of the registers.
  llvm::SmallVector<Coordinates> registerCoordinates(llvm::ArrayRef<int64_t> shape) const;
  int64_t numRegisters(llvm::ArrayRef<int64_t> shape) const;

  /// Appends register bases for what the bases do not cover of `shape`.
  void complete(llvm::ArrayRef<int64_t> shape);

private:
  template <typename Fn> Layout mapped(int64_t newRank, Fn map) const;
};

/// The tile type with this layout as encoding.
mlir::RankedTensorType withLayout(mlir::RankedTensorType type, const Layout &layout);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_LAYOUT_H
