//===- Layout.cpp - layouts of register tiles -------------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/Layout.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lighthouse::tile;

/// The largest power of two that divides `n`.
static int64_t powerOfTwoIn(int64_t n) { return n & -n; }

//===------------------------------------------------------------------------------------------===//
// The attribute
//===------------------------------------------------------------------------------------------===//

static SmallVector<Basis> unpack(int64_t rank, ArrayRef<int64_t> flat) {
  SmallVector<Basis> bases;
  for (size_t i = 0; i < flat.size(); i += rank) {
    Basis basis;
    for (int64_t d = 0; d < rank; ++d)
      if (int64_t stride = flat[i + d])
        basis = {d, stride};
    bases.push_back(basis);
  }
  return bases;
}

static SmallVector<int64_t> pack(int64_t rank, ArrayRef<Basis> bases) {
  SmallVector<int64_t> flat(bases.size() * rank, 0);
  for (auto [i, basis] : llvm::enumerate(bases))
    if (!basis.isZero())
      flat[i * rank + basis.dim] = basis.stride;
  return flat;
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  int64_t rank = 0;
  auto parseBases = [&](StringRef name, SmallVector<int64_t> &flat) -> ParseResult {
    return failure(
        parser.parseKeyword(name) || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
          SmallVector<int64_t> basis;
          if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
                return parser.parseInteger(basis.emplace_back());
              }))
            return failure();
          if (rank == 0)
            rank = basis.size();
          if (basis.empty() || int64_t(basis.size()) != rank)
            return parser.emitError(parser.getCurrentLocation())
                   << "all bases must have as many coordinates [layout_c1]";
          llvm::append_range(flat, basis);
          return success();
        }));
  };
  SmallVector<int64_t> registers, lanes, warps;
  if (parser.parseLess() || parseBases("register", registers) || parser.parseComma() ||
      parseBases("lane", lanes) || parser.parseComma() || parseBases("warp", warps) ||
      parser.parseGreater())
    return {};
  return LayoutAttr::getChecked([&] { return parser.emitError(parser.getNameLoc()); },
                                parser.getContext(), rank, ArrayRef<int64_t>(registers),
                                ArrayRef<int64_t>(lanes), ArrayRef<int64_t>(warps));
}

void LayoutAttr::print(AsmPrinter &printer) const {
  auto printBases = [&](StringRef name, ArrayRef<int64_t> flat) {
    printer << name << " = [";
    for (size_t i = 0; i < flat.size(); i += getRank()) {
      printer << (i ? ", [" : "[");
      llvm::interleaveComma(flat.slice(i, getRank()), printer);
      printer << "]";
    }
    printer << "]";
  };
  printer << "<";
  printBases("register", getRegisters());
  printBases(", lane", getLanes());
  printBases(", warp", getWarps());
  printer << ">";
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rank,
                                 ArrayRef<int64_t> registers, ArrayRef<int64_t> lanes,
                                 ArrayRef<int64_t> warps) {
  if (rank < 1)
    return emitError() << "a layout has at least one dim [layout_c1]";
  for (ArrayRef<int64_t> flat : {registers, lanes, warps})
    for (size_t i = 0; i < flat.size(); i += rank) {
      ArrayRef<int64_t> basis = flat.slice(i, rank);
      int64_t set = llvm::count_if(basis, [](int64_t stride) { return stride != 0; });
      bool isPower = llvm::all_of(
          basis, [](int64_t s) { return s == 0 || (s > 0 && llvm::isPowerOf2_64(s)); });
      if (set > 1 || !isPower || (set == 0 && flat.data() == registers.data()))
        return emitError() << "a basis must be a power of two along one dim, or zero for a lane "
                              "or warp [layout_c2]";
    }
  if (int64_t(lanes.size()) != rank * Layout::laneBits)
    return emitError() << "a warp has five lane bits, found " << lanes.size() / rank
                       << " [layout_c4]";
  return success();
}

LogicalResult LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  if (int64_t(shape.size()) != getRank())
    return emitError() << "a layout of " << getRank() << " dims on a tile of " << shape.size()
                       << " [layout_c1]";
  Layout layout = Layout::of(*this);
  for (auto [d, extent] : llvm::enumerate(shape)) {
    int64_t covered = 0;
    for (ArrayRef<Basis> bases : {ArrayRef(layout.registers), ArrayRef(layout.lanes),
                                  ArrayRef(layout.warps)})
      for (const Basis &basis : bases)
        if (basis.dim == int64_t(d)) {
          if (covered & basis.stride)
            return emitError() << "two bases of " << basis.stride << " along dim " << d
                               << " [layout_c3]";
          covered |= basis.stride;
        }
    if (covered != powerOfTwoIn(extent) - 1)
      return emitError() << "the bases along dim " << d << " must be the powers of two below "
                         << powerOfTwoIn(extent) << ", for an extent of " << extent
                         << " [layout_c3]";
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Conversions
//===------------------------------------------------------------------------------------------===//

Layout Layout::of(LayoutAttr attr) {
  Layout layout;
  layout.rank = attr.getRank();
  layout.registers = unpack(layout.rank, attr.getRegisters());
  layout.lanes = unpack(layout.rank, attr.getLanes());
  layout.warps = unpack(layout.rank, attr.getWarps());
  return layout;
}

std::optional<Layout> Layout::of(Type type) {
  auto tile = dyn_cast<RankedTensorType>(type);
  auto attr = tile ? dyn_cast_or_null<LayoutAttr>(tile.getEncoding()) : LayoutAttr();
  return attr ? std::optional(of(attr)) : std::nullopt;
}

LayoutAttr Layout::toAttr(MLIRContext *context) const {
  return LayoutAttr::get(context, rank, pack(rank, registers), pack(rank, lanes),
                         pack(rank, warps));
}

RankedTensorType lighthouse::tile::withLayout(RankedTensorType type, const Layout &layout) {
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               layout.toAttr(type.getContext()));
}

//===------------------------------------------------------------------------------------------===//
// Layouts for a purpose
//===------------------------------------------------------------------------------------------===//

namespace {

/// Hands out the bits of a shape, each once.
class BitPool {
public:
  explicit BitPool(ArrayRef<int64_t> shape) : next(shape.size(), 1), end(shape) {
    for (int64_t &extent : end)
      extent = powerOfTwoIn(extent);
  }

  bool has(int64_t dim) const { return next[dim] < end[dim]; }
  /// The next bit along `dim`; zero if none is left.
  Basis take(int64_t dim) {
    if (!has(dim))
      return {};
    Basis basis{dim, next[dim]};
    next[dim] *= 2;
    return basis;
  }
  /// The next bit of the first dim in `order` that has one left.
  Basis takeAny(ArrayRef<int64_t> order) {
    for (int64_t dim : order)
      if (has(dim))
        return take(dim);
    return {};
  }

private:
  SmallVector<int64_t> next, end;
};

} // namespace

void Layout::complete(ArrayRef<int64_t> shape) {
  rank = shape.size();
  // The last dim first, so that neighbours in memory are neighbours in registers.
  for (int64_t d = rank - 1; d >= 0; --d)
    for (int64_t stride = 1; stride < powerOfTwoIn(shape[d]); stride *= 2) {
      Basis basis{d, stride};
      if (!llvm::is_contained(registers, basis) && !llvm::is_contained(lanes, basis) &&
          !llvm::is_contained(warps, basis))
        registers.push_back(basis);
    }
}

Layout Layout::blocked(ArrayRef<int64_t> shape, ArrayRef<int64_t> order, int64_t vector,
                       int64_t numWarps) {
  Layout layout;
  BitPool bits(shape);
  for (int64_t n = 1; n < vector && bits.has(order[0]); n *= 2)
    layout.registers.push_back(bits.take(order[0]));
  for (unsigned i = 0; i < laneBits; ++i)
    layout.lanes.push_back(bits.takeAny(order));
  for (int64_t n = 1; n < numWarps; n *= 2)
    layout.warps.push_back(bits.takeAny(order));
  layout.complete(shape);
  return layout;
}

Layout Layout::mmaResult(ArrayRef<int64_t> shape, int64_t numWarps, bool balanced) {
  Layout layout;
  layout.registers = {{1, 1}, {0, 8}};
  layout.lanes = {{1, 2}, {1, 4}, {0, 1}, {0, 2}, {0, 4}};
  int64_t rows = 16, columns = 8;
  for (int64_t n = 1; n < numWarps; n *= 2) {
    bool canAcross = columns < powerOfTwoIn(shape[1]);
    bool isTall = shape[0] * 16 / rows >= shape[1] * 8 / columns;
    if (rows < powerOfTwoIn(shape[0]) && (isTall || !balanced || !canAcross)) {
      layout.warps.push_back({0, rows});
      rows *= 2;
    } else if (canAcross) {
      layout.warps.push_back({1, columns});
      columns *= 2;
    } else {
      layout.warps.push_back({});
    }
  }
  layout.complete(shape);
  return layout;
}

/// The warp bits of `result` that go along dim `axis`, the others zero.
static SmallVector<Basis> warpsAlong(const Layout &result, int64_t axis) {
  return llvm::map_to_vector(result.warps,
                             [&](Basis basis) { return basis.dim == axis ? basis : Basis(); });
}

Layout Layout::mmaLeft(ArrayRef<int64_t> shape, const Layout &result, int64_t pack) {
  Layout layout;
  if (pack == 2)
    layout.registers.push_back({1, 1});
  layout.registers.append({{0, 8}, {1, 4 * pack}});
  layout.lanes = {{1, pack}, {1, 2 * pack}, {0, 1}, {0, 2}, {0, 4}};
  layout.warps = warpsAlong(result, 0);
  layout.complete(shape);
  return layout;
}

Layout Layout::mmaRight(ArrayRef<int64_t> shape, const Layout &result, int64_t pack) {
  Layout layout;
  if (pack == 2)
    layout.registers.push_back({0, 1});
  layout.registers.push_back({0, 4 * pack});
  layout.lanes = {{0, pack}, {0, 2 * pack}, {1, 1}, {1, 2}, {1, 4}};
  layout.warps = warpsAlong(result, 1);
  layout.complete(shape);
  return layout;
}

Layout Layout::scan(ArrayRef<int64_t> shape, int64_t axis, int64_t numWarps) {
  Layout layout;
  BitPool bits(shape);
  // So many bits along the axis stay in a thread that lanes and warps cover the rest.
  int64_t places = powerOfTwoIn(shape[axis]) / (32 * numWarps);
  for (int64_t n = 1; (n < 4 || n < places) && bits.has(axis); n *= 2)
    layout.registers.push_back(bits.take(axis));
  SmallVector<int64_t> order{axis};
  for (int64_t d = shape.size() - 1; d >= 0; --d)
    if (d != axis)
      order.push_back(d);
  for (unsigned i = 0; i < laneBits; ++i)
    layout.lanes.push_back(bits.takeAny(order));
  for (int64_t n = 1; n < numWarps; n *= 2)
    layout.warps.push_back(bits.takeAny(order));
  layout.complete(shape);
  return layout;
}

//===------------------------------------------------------------------------------------------===//
// Changes of shape
//===------------------------------------------------------------------------------------------===//

template <typename Fn> Layout Layout::mapped(int64_t newRank, Fn map) const {
  Layout result;
  result.rank = newRank;
  for (const Basis &basis : registers)
    if (Basis moved = map(basis); !moved.isZero())
      result.registers.push_back(moved);
  result.lanes = llvm::map_to_vector(lanes, map);
  result.warps = llvm::map_to_vector(warps, map);
  return result;
}

Layout Layout::withoutDim(int64_t axis) const {
  return mapped(rank - 1, [&](Basis basis) {
    return basis.dim == axis ? Basis()
                             : Basis{basis.dim > axis ? basis.dim - 1 : basis.dim, basis.stride};
  });
}

Layout Layout::transposed() const {
  return mapped(rank, [&](Basis basis) {
    return basis.isZero() ? basis : Basis{1 - basis.dim, basis.stride};
  });
}

Layout Layout::narrowed(ArrayRef<int64_t> shape) const {
  return mapped(rank, [&](Basis basis) {
    return basis.isZero() || shape[basis.dim] == 1 ? Basis() : basis;
  });
}

/// The distance in row-major order between neighbours along each dim.
static SmallVector<int64_t> flatStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t d = int64_t(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

std::optional<Layout> Layout::reshaped(ArrayRef<int64_t> from, ArrayRef<int64_t> to) const {
  SmallVector<int64_t> fromStrides = flatStrides(from), toStrides = flatStrides(to);
  // An odd part of an extent is registers only; it stays one where its dim keeps its place.
  auto hasTwin = [](ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, int64_t extent,
                    int64_t stride) {
    for (auto [n, s] : llvm::zip_equal(shape, strides))
      if (s == stride && n / powerOfTwoIn(n) == extent / powerOfTwoIn(extent))
        return true;
    return false;
  };
  bool isLinear = true;
  for (auto [extent, stride] : llvm::zip_equal(from, fromStrides))
    isLinear &= extent == powerOfTwoIn(extent) || hasTwin(to, toStrides, extent, stride);
  for (auto [extent, stride] : llvm::zip_equal(to, toStrides))
    isLinear &= extent == powerOfTwoIn(extent) || hasTwin(from, fromStrides, extent, stride);
  Layout result = mapped(to.size(), [&](Basis basis) {
    if (basis.isZero())
      return basis;
    int64_t flat = basis.stride * fromStrides[basis.dim];
    for (auto [d, stride] : llvm::enumerate(toStrides)) {
      int64_t along = flat / stride;
      if (to[d] > 1 && flat % stride == 0 && along < powerOfTwoIn(to[d]) &&
          llvm::isPowerOf2_64(along))
        return Basis{int64_t(d), along};
    }
    isLinear = false;
    return Basis();
  });
  return isLinear ? std::optional(result) : std::nullopt;
}

//===------------------------------------------------------------------------------------------===//
// Registers
//===------------------------------------------------------------------------------------------===//

int64_t Layout::numRegisters(ArrayRef<int64_t> shape) const {
  int64_t count = int64_t(1) << registers.size();
  for (int64_t extent : shape)
    count *= extent / powerOfTwoIn(extent);
  return count;
}

SmallVector<Coordinates> Layout::registerCoordinates(ArrayRef<int64_t> shape) const {
  SmallVector<Coordinates> places{Coordinates(rank, 0)};
  auto repeat = [&](int64_t dim, int64_t stride, int64_t count) {
    size_t size = places.size();
    for (int64_t i = 1; i < count; ++i)
      for (size_t p = 0; p < size; ++p) {
        Coordinates moved = places[p];
        moved[dim] += i * stride;
        places.push_back(moved);
      }
  };
  for (const Basis &basis : registers)
    repeat(basis.dim, basis.stride, 2);
  for (int64_t d = rank - 1; d >= 0; --d)
    repeat(d, powerOfTwoIn(shape[d]), shape[d] / powerOfTwoIn(shape[d]));
  return places;
}
