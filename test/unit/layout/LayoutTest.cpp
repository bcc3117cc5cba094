//===- LayoutTest.cpp - layouts of register tiles, by brute force ---------------------------------===//
//
// A layout is spelled out: which coordinates each register of each thread holds, straight from what
// the documentation says about bases. Everything that layouts compute is compared with that.
//
//===----------------------------------------------------------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/Layout.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/MathExtras.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

using namespace mlir;
using namespace lighthouse::tile;
using testing::ElementsAre;

namespace {

using Shape = SmallVector<int64_t>;
using Point = std::vector<int64_t>;

int64_t powerOfTwoIn(int64_t n) { return n & -n; }

/// What a thread holds, in the order of its registers, from the definition: the sum of the bases of
/// the bits that are set, moved by every multiple of the power of two in each extent, the last dim
/// fastest.
std::vector<Point> heldBy(const Layout &layout, ArrayRef<int64_t> shape, int64_t lane, int64_t warp) {
  Point origin(shape.size(), 0);
  auto addBits = [](Point &point, ArrayRef<Basis> bases, int64_t bits) {
    for (auto [i, basis] : llvm::enumerate(bases))
      if ((bits >> i & 1) && !basis.isZero())
        point[basis.dim] += basis.stride;
  };
  addBits(origin, layout.lanes, lane);
  addBits(origin, layout.warps, warp);
  std::vector<Point> moves{Point(shape.size(), 0)};
  for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
    std::vector<Point> further;
    for (int64_t i = 0; i < shape[d] / powerOfTwoIn(shape[d]); ++i)
      for (Point move : moves) {
        move[d] += i * powerOfTwoIn(shape[d]);
        further.push_back(move);
      }
    moves = further;
  }
  std::vector<Point> held;
  for (const Point &move : moves)
    for (int64_t r = 0; r < int64_t(1) << layout.registers.size(); ++r) {
      Point point = origin;
      addBits(point, layout.registers, r);
      for (size_t d = 0; d < point.size(); ++d)
        point[d] += move[d];
      held.push_back(point);
    }
  return held;
}

template <typename Fn> void forEachThread(const Layout &layout, Fn fn) {
  for (int64_t warp = 0; warp < int64_t(1) << layout.warps.size(); ++warp)
    for (int64_t lane = 0; lane < 32; ++lane)
      fn(lane, warp);
}

class LayoutTest : public testing::Test {
protected:
  /// An empty string if the layout is an encoding of tiles of this shape, else what is wrong.
  std::string problem(const Layout &layout, ArrayRef<int64_t> shape) {
    std::string message;
    context.getDiagEngine().registerHandler(
        [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
    auto emitError = [&] { return mlir::emitError(UnknownLoc::get(&context)); };
    LayoutAttr attr = layout.toAttr(&context);
    if (failed(LayoutAttr::verify(emitError, attr.getRank(), attr.getRegisters(), attr.getLanes(),
                                  attr.getWarps())) ||
        failed(attr.verifyEncoding(shape, Float32Type::get(&context), emitError)))
      return message.empty() ? "refused without a message" : message;
    if (Layout::of(attr) != layout)
      return "is another layout after a round trip through the attribute";
    return "";
  }

  /// The layout covers the tile: every element has the same number of places, one for each
  /// combination of the zero bits; `registerCoordinates` is what thread 0 holds.
  void expectCovers(const Layout &layout, ArrayRef<int64_t> shape) {
    ASSERT_EQ(problem(layout, shape), "");
    std::map<Point, int64_t> places;
    forEachThread(layout, [&](int64_t lane, int64_t warp) {
      std::vector<Point> held = heldBy(layout, shape, lane, warp);
      EXPECT_EQ(int64_t(held.size()), layout.numRegisters(shape));
      EXPECT_EQ(std::set<Point>(held.begin(), held.end()).size(), held.size());
      for (const Point &point : held)
        ++places[point];
    });
    int64_t copies = 1;
    for (ArrayRef<Basis> bases : {ArrayRef(layout.lanes), ArrayRef(layout.warps)})
      for (const Basis &basis : bases)
        copies *= basis.isZero() ? 2 : 1;
    EXPECT_EQ(int64_t(places.size()), ShapedType::getNumElements(shape));
    for (const auto &[point, count] : places) {
      EXPECT_EQ(count, copies);
      for (auto [c, extent] : llvm::zip_equal(point, shape))
        EXPECT_TRUE(c >= 0 && c < extent);
    }
    std::vector<Point> registers;
    for (const Coordinates &c : layout.registerCoordinates(shape))
      registers.emplace_back(c.begin(), c.end());
    EXPECT_EQ(registers, heldBy(layout, shape, 0, 0));
  }

  int64_t draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  /// A shape of 1 to 4 dims, some with an odd part, of at most 2^12 elements.
  Shape drawShape(int64_t rank = 0) {
    Shape shape;
    do {
      shape.clear();
      for (int64_t d = rank ? rank : draw(1, 4); d > 0; --d)
        shape.push_back((int64_t(1) << draw(0, 7)) * (draw(0, 3) ? 1 : 2 * draw(0, 3) + 1));
    } while (ShapedType::getNumElements(shape) > 4096);
    return shape;
  }

  /// Any layout of a shape: its bits in any order on registers, lanes and warps.
  Layout drawLayout(ArrayRef<int64_t> shape) {
    SmallVector<Basis> bits;
    for (auto [d, extent] : llvm::enumerate(shape))
      for (int64_t stride = 1; stride < powerOfTwoIn(extent); stride *= 2)
        bits.push_back({int64_t(d), stride});
    std::shuffle(bits.begin(), bits.end(), random);
    Layout layout;
    layout.rank = shape.size();
    auto take = [&]() -> Basis { return bits.empty() || draw(0, 5) == 0 ? Basis() : bits.pop_back_val(); };
    for (unsigned i = 0; i < Layout::laneBits; ++i)
      layout.lanes.push_back(take());
    for (int64_t i = draw(0, 3); i > 0; --i)
      layout.warps.push_back(take());
    layout.registers = bits;
    return layout;
  }

  SmallVector<int64_t> drawOrder(int64_t rank) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::shuffle(order.begin(), order.end(), random);
    return order;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::mt19937 random{7};

  LayoutTest() { context.loadDialect<TileDialect>(); }
};

TEST_F(LayoutTest, AnyLayoutCoversItsTile) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    Shape shape = drawShape();
    expectCovers(drawLayout(shape), shape);
  }
}

TEST_F(LayoutTest, BlockedCoversItsTile) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    Shape shape = drawShape();
    SmallVector<int64_t> order = drawOrder(shape.size());
    int64_t vector = int64_t(1) << draw(0, 4), numWarps = int64_t(1) << draw(0, 3);
    Layout layout = Layout::blocked(shape, order, vector, numWarps);
    expectCovers(layout, shape);
    EXPECT_EQ(int64_t(1) << layout.warps.size(), numWarps);
    // The first registers are neighbours along the first dim of the order, no more than there are.
    int64_t run = std::min(vector, powerOfTwoIn(shape[order[0]]));
    for (int64_t n = 1, r = 0; n < run; n *= 2, ++r)
      EXPECT_EQ(layout.registers[r], (Basis{order[0], n}));
  }
}

TEST_F(LayoutTest, BlockedContinuesInLanesThenWarps) {
  Layout layout = Layout::blocked({8, 64}, {1, 0}, /*vector=*/4, /*numWarps=*/4);
  EXPECT_THAT(layout.registers, ElementsAre(Basis{1, 1}, Basis{1, 2}));
  EXPECT_THAT(layout.lanes, ElementsAre(Basis{1, 4}, Basis{1, 8}, Basis{1, 16}, Basis{1, 32}, Basis{0, 1}));
  EXPECT_THAT(layout.warps, ElementsAre(Basis{0, 2}, Basis{0, 4}));
  // A tile of fewer elements than threads: the rest holds copies.
  Layout small = Layout::blocked({16}, {0}, 1, 2);
  EXPECT_THAT(small.registers, ElementsAre());
  EXPECT_THAT(small.lanes, ElementsAre(Basis{0, 1}, Basis{0, 2}, Basis{0, 4}, Basis{0, 8}, Basis()));
  EXPECT_THAT(small.warps, ElementsAre(Basis()));
}

TEST_F(LayoutTest, FragmentsAreThoseOfThePtxIsa) {
  // m16n8k16, "Matrix fragments for mma.m16n8k16": for lane l, group = l / 4, in group = l % 4.
  Layout c = Layout::mmaResult({16, 8}, 1);
  Layout a = Layout::mmaLeft({16, 16}, c, /*pack=*/2), b = Layout::mmaRight({16, 8}, c, 2);
  for (int64_t lane = 0; lane < 32; ++lane) {
    int64_t group = lane / 4, in = lane % 4;
    std::vector<Point> expected;
    for (int64_t i = 0; i < 4; ++i)
      expected.push_back({group + (i < 2 ? 0 : 8), in * 2 + (i & 1)});
    EXPECT_EQ(heldBy(c, {16, 8}, lane, 0), expected);
    expected.clear();
    for (int64_t i = 0; i < 8; ++i)
      expected.push_back({group + (i % 4 < 2 ? 0 : 8), in * 2 + (i & 1) + (i < 4 ? 0 : 8)});
    EXPECT_EQ(heldBy(a, {16, 16}, lane, 0), expected);
    expected.clear();
    for (int64_t i = 0; i < 4; ++i)
      expected.push_back({in * 2 + (i & 1) + (i < 2 ? 0 : 8), group});
    EXPECT_EQ(heldBy(b, {16, 8}, lane, 0), expected);
  }
  // m16n8k8 of tf32: one element in a register.
  Layout wide = Layout::mmaLeft({16, 8}, c, /*pack=*/1), tall = Layout::mmaRight({8, 8}, c, 1);
  for (int64_t lane = 0; lane < 32; ++lane) {
    int64_t group = lane / 4, in = lane % 4;
    EXPECT_EQ(heldBy(wide, {16, 8}, lane, 0),
              (std::vector<Point>{{group, in}, {group + 8, in}, {group, in + 4}, {group + 8, in + 4}}));
    EXPECT_EQ(heldBy(tall, {8, 8}, lane, 0), (std::vector<Point>{{in, group}, {in + 4, group}}));
  }
}

TEST_F(LayoutTest, ProductsCoverTheirTilesAndMeetInEveryWarp) {
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    int64_t pack = draw(1, 2), warps = int64_t(1) << draw(0, 3);
    int64_t m = 16 * draw(1, 6), n = 8 * draw(1, 8), k = 8 * pack * draw(1, 4);
    Layout c = Layout::mmaResult({m, n}, warps, /*balanced=*/draw(0, 1) == 1);
    Layout a = Layout::mmaLeft({m, k}, c, pack), b = Layout::mmaRight({k, n}, c, pack);
    expectCovers(c, {m, n});
    expectCovers(a, {m, k});
    expectCovers(b, {k, n});
    // A warp has all of K for the rows and columns of its part of the result.
    for (int64_t warp = 0; warp < warps; ++warp) {
      std::set<int64_t> rows, columns;
      std::set<Point> left, right;
      for (int64_t lane = 0; lane < 32; ++lane) {
        for (const Point &p : heldBy(c, {m, n}, lane, warp))
          rows.insert(p[0]), columns.insert(p[1]);
        for (const Point &p : heldBy(a, {m, k}, lane, warp))
          left.insert(p);
        for (const Point &p : heldBy(b, {k, n}, lane, warp))
          right.insert(p);
      }
      for (int64_t depth = 0; depth < k; ++depth) {
        for (int64_t row : rows)
          EXPECT_TRUE(left.count({row, depth}));
        for (int64_t column : columns)
          EXPECT_TRUE(right.count({depth, column}));
      }
    }
  }
}

TEST_F(LayoutTest, BalancedProductsGiveAWarpFewRowsAndColumns) {
  auto warpsOf = [](Shape shape, int64_t warps) {
    return Layout::mmaResult(shape, warps, /*balanced=*/true).warps;
  };
  EXPECT_THAT(warpsOf({64, 128}, 8), ElementsAre(Basis{1, 8}, Basis{0, 16}, Basis{1, 16}));
  EXPECT_THAT(warpsOf({128, 64}, 8), ElementsAre(Basis{0, 16}, Basis{0, 32}, Basis{1, 8}));
  EXPECT_THAT(warpsOf({128, 128}, 2), ElementsAre(Basis{0, 16}));
  // Where one side is used up, the other gives the rest, and then there are copies.
  EXPECT_THAT(warpsOf({16, 32}, 8), ElementsAre(Basis{1, 8}, Basis{1, 16}, Basis()));
  EXPECT_THAT(warpsOf({96, 8}, 8), ElementsAre(Basis{0, 16}, Basis(), Basis()));
}

TEST_F(LayoutTest, ScanRunsThroughRegistersLanesWarps) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    Shape shape = drawShape();
    int64_t axis = draw(0, shape.size() - 1), numWarps = int64_t(1) << draw(0, 3);
    Layout layout = Layout::scan(shape, axis, numWarps);
    expectCovers(layout, shape);
    // Along the axis the strides grow, from the registers by way of the lanes to the warps.
    int64_t next = 1;
    for (ArrayRef<Basis> bases :
         {ArrayRef(layout.registers), ArrayRef(layout.lanes), ArrayRef(layout.warps)})
      for (const Basis &basis : bases)
        if (basis.dim == axis) {
          EXPECT_EQ(basis.stride, next);
          next *= 2;
        }
    EXPECT_EQ(next, powerOfTwoIn(shape[axis]));
  }
}

TEST_F(LayoutTest, ReshapedKeepsEveryElementInItsPlace) {
  auto flat = [](ArrayRef<int64_t> shape, const Point &point) {
    int64_t index = 0;
    for (auto [extent, c] : llvm::zip_equal(shape, point))
      index = index * extent + c;
    return index;
  };
  int linear = 0;
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    // Two shapes with as many elements: factors in one order, cut at different places.
    SmallVector<int64_t> factors;
    for (int64_t n = draw(1, 8); n > 0; --n)
      factors.push_back(draw(0, 5) ? 2 : draw(0, 1) ? 3 : 5);
    auto cut = [&] {
      Shape shape{1};
      for (int64_t factor : factors) {
        if (shape.size() < 4 && draw(0, 2) == 0)
          shape.push_back(1);
        shape.back() *= factor;
      }
      return shape;
    };
    Shape from = cut(), to = cut();
    Layout layout = drawLayout(from);
    std::optional<Layout> reshaped = layout.reshaped(from, to);
    if (!reshaped)
      continue;
    ++linear;
    ASSERT_EQ(problem(*reshaped, to), "");
    forEachThread(layout, [&](int64_t lane, int64_t warp) {
      std::set<int64_t> before, after;
      for (const Point &point : heldBy(layout, from, lane, warp))
        before.insert(flat(from, point));
      for (const Point &point : heldBy(*reshaped, to, lane, warp))
        after.insert(flat(to, point));
      EXPECT_EQ(before, after);
    });
    // And back.
    EXPECT_EQ(reshaped->reshaped(to, from), layout);
  }
  EXPECT_GT(linear, 500);
}

TEST_F(LayoutTest, ReshapesOfPowersOfTwoAreLinear) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    int64_t bits = draw(1, 10);
    auto cut = [&] {
      Shape shape{1};
      for (int64_t b = 0; b < bits; ++b) {
        if (shape.size() < 4 && draw(0, 2) == 0)
          shape.push_back(1);
        shape.back() *= 2;
      }
      return shape;
    };
    Shape from = cut(), to = cut();
    EXPECT_TRUE(drawLayout(from).reshaped(from, to));
  }
  // An odd extent stays linear where its dim keeps its place.
  Layout rows = Layout::blocked({12, 64}, {1, 0}, 2, 4);
  EXPECT_TRUE(rows.reshaped({12, 64}, {12, 8, 8}));
  EXPECT_FALSE(rows.reshaped({12, 64}, {768}));
}

TEST_F(LayoutTest, TransposedSwapsCoordinates) {
  for (int i = 0; i < 100 && !HasFailure(); ++i) {
    Shape shape = drawShape(2), swapped{shape[1], shape[0]};
    Layout layout = drawLayout(shape), transposed = layout.transposed();
    ASSERT_EQ(problem(transposed, swapped), "");
    forEachThread(layout, [&](int64_t lane, int64_t warp) {
      std::set<Point> before, after;
      for (const Point &p : heldBy(layout, shape, lane, warp))
        before.insert({p[1], p[0]});
      for (const Point &p : heldBy(transposed, swapped, lane, warp))
        after.insert(p);
      EXPECT_EQ(before, after);
    });
    EXPECT_EQ(transposed.transposed(), layout);
  }
}

TEST_F(LayoutTest, SlicesHoldWhatTheTileHolds) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    Shape shape = drawShape(draw(2, 4));
    Layout layout = drawLayout(shape);
    int64_t axis = draw(0, shape.size() - 1);
    Shape rest(shape), one(shape);
    rest.erase(rest.begin() + axis);
    one[axis] = 1;
    Layout without = layout.withoutDim(axis), narrowed = layout.narrowed(one);
    ASSERT_EQ(problem(without, rest), "");
    ASSERT_EQ(problem(narrowed, one), "");
    forEachThread(layout, [&](int64_t lane, int64_t warp) {
      std::set<Point> dropped, flattened;
      for (Point p : heldBy(layout, shape, lane, warp)) {
        Point q = p;
        q.erase(q.begin() + axis);
        dropped.insert(q);
        p[axis] = 0;
        flattened.insert(p);
      }
      auto held = [&](const Layout &other, ArrayRef<int64_t> otherShape) {
        std::vector<Point> points = heldBy(other, otherShape, lane, warp);
        return std::set<Point>(points.begin(), points.end());
      };
      EXPECT_EQ(held(without, rest), dropped);
      EXPECT_EQ(held(narrowed, one), flattened);
    });
  }
}

TEST_F(LayoutTest, CompleteAddsWhatIsMissingOnce) {
  for (int i = 0; i < 100 && !HasFailure(); ++i) {
    Shape shape = drawShape();
    Layout layout = drawLayout(shape);
    llvm::erase_if(layout.registers, [&](const Basis &) { return draw(0, 1) == 0; });
    Layout whole = layout;
    whole.complete(shape);
    expectCovers(whole, shape);
    EXPECT_TRUE(ArrayRef(whole.registers).take_front(layout.registers.size()) ==
                ArrayRef(layout.registers));
    Layout again = whole;
    again.complete(shape);
    EXPECT_EQ(again, whole);
  }
}

TEST_F(LayoutTest, RefusesWhatIsNoLayoutOfTheTile) {
  Layout layout = Layout::blocked({8, 32}, {1, 0}, 1, 1);
  EXPECT_EQ(problem(layout, {8, 32}), "");
  EXPECT_THAT(problem(layout, {256}), testing::HasSubstr("[layout_c1]"));
  EXPECT_THAT(problem(layout, {16, 32}), testing::HasSubstr("[layout_c3]"));
  EXPECT_THAT(problem(layout, {4, 32}), testing::HasSubstr("[layout_c3]"));
  // Extents with the same power of two share their layouts.
  EXPECT_EQ(problem(layout, {24, 96}), "");
  Layout twice = layout;
  twice.registers.push_back({0, 1});
  EXPECT_THAT(problem(twice, {8, 32}), testing::HasSubstr("[layout_c3]"));
}

TEST_F(LayoutTest, TypesCarryLayouts) {
  auto plain = RankedTensorType::get({8, 32}, Float32Type::get(&context));
  EXPECT_FALSE(Layout::of(plain));
  EXPECT_FALSE(Layout::of(Float32Type::get(&context)));
  Layout layout = Layout::blocked({8, 32}, {1, 0}, 4, 2);
  RankedTensorType type = withLayout(plain, layout);
  EXPECT_EQ(type.getShape(), plain.getShape());
  EXPECT_EQ(Layout::of(type), layout);
}

} // namespace
