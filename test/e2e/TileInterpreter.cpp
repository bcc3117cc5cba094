//===- TileInterpreter.cpp - What a kernel means, element by element --------------------------===//

#include "TileInterpreter.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

namespace {

/// An element: `f` of floats, which a double holds whatever their type, `i` of integers, sign
/// extended, and of bools, 0 or 1.
struct Number {
  double f = 0;
  int64_t i = 0;
};

struct Tile {
  Type element;
  SmallVector<int64_t> shape; ///< None for a scalar.
  std::vector<Number> numbers;
};

/// A shared buffer or a slot of one.
struct Buffer {
  std::shared_ptr<Tile> whole;
  int64_t offset = 0;
};

APFloat convert(APFloat value, const llvm::fltSemantics &semantics) {
  bool lost;
  value.convert(semantics, APFloat::rmNearestTiesToEven, &lost);
  return value;
}

double toDouble(const APFloat &value) {
  return convert(value, APFloat::IEEEdouble()).convertToDouble();
}

double roundTo(Type type, double x) {
  if (type.isF64())
    return x;
  if (type.isF32())
    return float(x);
  return toDouble(convert(APFloat(x), cast<FloatType>(type).getFloatSemantics()));
}

int64_t wrapTo(Type type, int64_t x) {
  unsigned bits = type.getIntOrFloatBitWidth();
  if (bits == 1)
    return x & 1;
  return bits == 64 ? x : int64_t(uint64_t(x) << (64 - bits)) >> (64 - bits);
}

Number ofType(Type type, Number n) {
  if (isa<FloatType>(type))
    return {roundTo(type, n.f), 0};
  return {0, type.isIndex() ? n.i : wrapTo(type, n.i)};
}

APInt bitsOf(Type type, Number n) {
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType)
    return APInt(type.getIntOrFloatBitWidth(), n.i, /*isSigned=*/true, /*implicitTrunc=*/true);
  return convert(APFloat(n.f), floatType.getFloatSemantics()).bitcastToAPInt();
}

Number fromBits(Type type, const APInt &bits) {
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType)
    return {0, bits.getSExtValue()};
  return {toDouble(APFloat(floatType.getFloatSemantics(), bits)), 0};
}

Number numberOf(Attribute constant) {
  if (auto value = dyn_cast<FloatAttr>(constant))
    return {toDouble(value.getValue()), 0};
  auto value = cast<IntegerAttr>(constant);
  return {0, wrapTo(value.getType(), value.getValue().getSExtValue())};
}

/// Row-major numbers of `shape` to coordinates and back.
SmallVector<int64_t> coordinatesOf(int64_t linear, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> result(shape.size());
  for (int64_t d = shape.size() - 1; d >= 0; --d) {
    result[d] = linear % shape[d];
    linear /= shape[d];
  }
  return result;
}

int64_t linearOf(ArrayRef<int64_t> coordinates, ArrayRef<int64_t> shape) {
  int64_t linear = 0;
  for (auto [c, extent] : llvm::zip_equal(coordinates, shape))
    linear = linear * extent + c;
  return linear;
}

const llvm::fltSemantics &halfOf(DType dtype) {
  return dtype == DType::F16 ? APFloat::IEEEhalf() : APFloat::BFloat();
}

template <typename T> T readAs(const TensorView &view, int64_t linear) {
  T value;
  std::memcpy(&value, static_cast<const char *>(view.data) + linear * sizeof(T), sizeof(T));
  return value;
}

template <typename T> void writeAs(const TensorView &view, int64_t linear, T value) {
  std::memcpy(static_cast<char *>(view.data) + linear * sizeof(T), &value, sizeof(T));
}

Number readElement(const TensorView &view, int64_t linear) {
  switch (view.dtype) {
  case DType::F32:
    return {readAs<float>(view, linear), 0};
  case DType::F64:
    return {readAs<double>(view, linear), 0};
  case DType::F16:
  case DType::BF16: {
    APInt bits(16, readAs<uint16_t>(view, linear));
    return {toDouble(APFloat(halfOf(view.dtype), bits)), 0};
  }
  case DType::I8:
    return {0, readAs<int8_t>(view, linear)};
  case DType::I32:
    return {0, readAs<int32_t>(view, linear)};
  case DType::I64:
    return {0, readAs<int64_t>(view, linear)};
  case DType::Bool:
    return {0, readAs<uint8_t>(view, linear)};
  }
  llvm_unreachable("unknown dtype");
}

void writeElement(const TensorView &view, int64_t linear, Number n) {
  switch (view.dtype) {
  case DType::F32:
    return writeAs(view, linear, float(n.f));
  case DType::F64:
    return writeAs(view, linear, n.f);
  case DType::F16:
  case DType::BF16: {
    APInt bits = convert(APFloat(n.f), halfOf(view.dtype)).bitcastToAPInt();
    return writeAs(view, linear, uint16_t(bits.getZExtValue()));
  }
  case DType::I8:
    return writeAs(view, linear, int8_t(n.i));
  case DType::I32:
    return writeAs(view, linear, int32_t(n.i));
  case DType::I64:
    return writeAs(view, linear, n.i);
  case DType::Bool:
    return writeAs(view, linear, uint8_t(n.i));
  }
}

bool compare(arith::CmpIPredicate predicate, int64_t x, int64_t y) {
  return arith::applyCmpPredicate(predicate, APInt(64, x, true), APInt(64, y, true));
}

bool compare(arith::CmpFPredicate predicate, double x, double y) {
  return arith::applyCmpPredicate(predicate, APFloat(x), APFloat(y));
}

double largest(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::max(x, y); }
double least(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::min(x, y); }

class Interpreter {
public:
  Interpreter(tile::KernelOp kernel, ArrayRef<TensorView> tensors, ArrayRef<int64_t> dims,
              std::array<int32_t, 3> grid)
      : kernel(kernel), dims(dims), grid(grid) {
    for (auto [argument, tensor] : llvm::zip_equal(kernel.getBody().getArguments(), tensors))
      views[argument] = &tensor;
  }

  std::string run() {
    for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments()))
      if (TypedAttr init = kernel.getArgInit(i))
        for (int64_t j = 0; j < *runtime::elementCount(views[argument]->shape); ++j)
          writeElement(*views[argument], j, numberOf(init));
    for (id[2] = 0; id[2] < grid[2]; ++id[2])
      for (id[1] = 0; id[1] < grid[1]; ++id[1])
        for (id[0] = 0; id[0] < grid[0]; ++id[0]) {
          tiles.clear();
          buffers.clear();
          runBlock(kernel.getBody().front());
        }
    return problem;
  }

private:
  void runBlock(Block &block) {
    for (Operation &op : block.without_terminator())
      if (problem.empty())
        runOp(&op);
  }

  //===----------------------------------------------------------------------------------------===//
  // Values
  //===----------------------------------------------------------------------------------------===//

  const Tile &get(Value value) { return tiles.find(value)->second; }
  int64_t getInt(Value value) { return get(value).numbers[0].i; }

  Tile make(Type type, Number n = {}) {
    Tile tile{getElementTypeOrSelf(type), {}, {}};
    int64_t count = 1;
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      tile.shape = llvm::to_vector(tensor.getShape());
      count = tensor.getNumElements();
    }
    tile.numbers.assign(count, n);
    return tile;
  }

  void set(Value value, Tile tile) {
    for (Number &n : tile.numbers)
      n = ofType(tile.element, n);
    tiles.insert_or_assign(value, std::move(tile));
  }
  void setInt(Value value, int64_t i) { set(value, make(value.getType(), {0, i})); }

  /// Results to values, read before any is written.
  void assign(ValueRange to, ValueRange from) {
    SmallVector<Tile> copies;
    for (Value value : from)
      copies.push_back(get(value));
    for (auto [value, tile] : llvm::zip_equal(to, copies))
      set(value, std::move(tile));
  }

  /// A result whose every element is a function of its coordinates.
  void fill(Value result, llvm::function_ref<Number(ArrayRef<int64_t>)> element) {
    Tile tile = make(result.getType());
    for (auto [linear, n] : llvm::enumerate(tile.numbers))
      n = element(coordinatesOf(linear, tile.shape));
    set(result, std::move(tile));
  }

  Number at(Value value, ArrayRef<int64_t> coordinates) {
    const Tile &tile = get(value);
    return tile.numbers[tile.shape.empty() ? 0 : linearOf(coordinates, tile.shape)];
  }

  //===----------------------------------------------------------------------------------------===//
  // Ops
  //===----------------------------------------------------------------------------------------===//

  void runOp(Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](scf::ForOp loop) {
          assign(loop.getRegionIterArgs(), loop.getInitArgs());
          int64_t end = getInt(loop.getUpperBound()), step = getInt(loop.getStep());
          for (int64_t i = getInt(loop.getLowerBound()); i < end && problem.empty(); i += step) {
            setInt(loop.getInductionVar(), i);
            runBlock(*loop.getBody());
            assign(loop.getRegionIterArgs(), loop.getBody()->getTerminator()->getOperands());
          }
          assign(loop.getResults(), loop.getRegionIterArgs());
        })
        .Case([&](scf::IfOp branch) {
          Block *block = getInt(branch.getCondition()) ? branch.thenBlock() : branch.elseBlock();
          if (!block)
            return;
          runBlock(*block);
          assign(branch.getResults(), block->getTerminator()->getOperands());
        })
        .Case([&](scf::WhileOp loop) {
          assign(loop.getBeforeArguments(), loop.getInits());
          while (problem.empty()) {
            runBlock(*loop.getBeforeBody());
            scf::ConditionOp condition = loop.getConditionOp();
            assign(loop.getAfterArguments(), condition.getArgs());
            if (!getInt(condition.getCondition()))
              break;
            runBlock(*loop.getAfterBody());
            assign(loop.getBeforeArguments(), loop.getYieldOp().getOperands());
          }
          assign(loop.getResults(), loop.getAfterArguments());
        })
        .Case([&](tile::ProgramIdOp op) { setInt(op.getResult(), id[op.getAxis()]); })
        .Case([&](tile::NumProgramsOp op) { setInt(op.getResult(), grid[op.getAxis()]); })
        .Case(
            [&](tile::DimOp op) { setInt(op.getResult(), dims[kernel.getDimIndex(op.getName())]); })
        .Case([&](tile::RangeOp op) {
          fill(op.getResult(), [&](ArrayRef<int64_t> at) {
            return Number{0, getInt(op.getStart()) + at[0]};
          });
        })
        .Case(
            [&](tensor::SplatOp op) { set(op, make(op.getType(), get(op.getInput()).numbers[0])); })
        .Case([&](arith::ConstantOp op) { runConstant(op); })
        .Case([&](tile::LoadOp op) { runLoad(op); })
        .Case([&](tile::StoreOp op) {
          access(op.getValue().getType(), op.getView(), op.getIndices(), op.getMask(),
                 [&](ArrayRef<int64_t> from, std::optional<int64_t> place) {
                   if (place)
                     writeElement(*views[op.getView()], *place, at(op.getValue(), from));
                 });
        })
        .Case([&](tile::AtomicRMWOp op) {
          Type element = getElementTypeOrSelf(op.getValue().getType());
          access(op.getValue().getType(), op.getView(), op.getIndices(), op.getMask(),
                 [&](ArrayRef<int64_t> from, std::optional<int64_t> place) {
                   if (!place)
                     return;
                   const TensorView &view = *views[op.getView()];
                   writeElement(view, *place,
                                combine(op.getKind(), element, readElement(view, *place),
                                        at(op.getValue(), from)));
                 });
        })
        .Case<tile::BarrierOp, tile::CommitOp, tile::WaitOp>([](Operation *) {})
        .Case([&](tile::BroadcastOp op) {
          ArrayRef<int64_t> from = op.getSource().getType().getShape();
          fill(op, [&](ArrayRef<int64_t> to) {
            SmallVector<int64_t> source(to);
            for (auto [c, extent] : llvm::zip_equal(source, from))
              c = extent == 1 ? 0 : c;
            return at(op.getSource(), source);
          });
        })
        .Case([&](tile::ReshapeOp op) {
          Tile tile = make(op.getType());
          tile.numbers = get(op.getSource()).numbers;
          set(op, std::move(tile));
        })
        .Case([&](tile::TransposeOp op) {
          fill(op, [&](ArrayRef<int64_t> to) { return at(op.getSource(), {to[1], to[0]}); });
        })
        .Case([&](tile::ReduceOp op) { runReduce(op); })
        .Case([&](tile::ReducePartialOp op) { runReducePartial(op); })
        .Case([&](tile::VoteOp op) {
          bool isAny = op.getKind() == tile::VoteKind::any;
          auto isTrue = [](const Number &n) { return n.i != 0; };
          const std::vector<Number> &numbers = get(op.getSource()).numbers;
          setInt(op.getResult(),
                 isAny ? llvm::any_of(numbers, isTrue) : llvm::all_of(numbers, isTrue));
        })
        .Case([&](tile::ScanOp op) { runScan(op); })
        .Case([&](tile::DotOp op) {
          int64_t depth = op.getA().getType().getShape()[1];
          fill(op, [&](ArrayRef<int64_t> to) {
            Number sum = at(op.getAcc(), to);
            for (int64_t k = 0; k < depth; ++k)
              sum.f += at(op.getA(), {to[0], k}).f * at(op.getB(), {k, to[1]}).f;
            return sum;
          });
        })
        .Case([&](tile::AllocSharedOp op) {
          auto type = RankedTensorType::get(op.getType().getShape(), op.getType().getElementType());
          buffers[op] = {std::make_shared<Tile>(make(type, {NAN, 0x55})), 0};
        })
        .Case([&](tile::SlotOp op) {
          Buffer buffer = buffers[op.getBuffer()];
          ArrayRef<int64_t> shape = op.getBuffer().getType().getShape();
          int64_t size = ShapedType::getNumElements(shape.drop_front());
          buffer.offset += int64_t(uint32_t(getInt(op.getIndex())) % shape[0]) * size;
          buffers[op] = buffer;
        })
        .Case([&](tile::BufferLoadOp op) {
          const Buffer &buffer = buffers[op.getBuffer()];
          Tile tile = make(op.getType());
          std::copy_n(buffer.whole->numbers.begin() + buffer.offset, tile.numbers.size(),
                      tile.numbers.begin());
          set(op, std::move(tile));
        })
        .Case([&](tile::BufferStoreOp op) {
          const Buffer &buffer = buffers[op.getBuffer()];
          llvm::copy(get(op.getValue()).numbers, buffer.whole->numbers.begin() + buffer.offset);
        })
        .Case([&](tile::CopyAsyncOp op) {
          const Buffer &buffer = buffers[op.getBuffer()];
          tile::BufferType type = op.getBuffer().getType();
          access(RankedTensorType::get(type.getShape(), type.getElementType()), op.getView(),
                 op.getIndices(), {}, [&](ArrayRef<int64_t> to, std::optional<int64_t> place) {
                   buffer.whole->numbers[buffer.offset + linearOf(to, type.getShape())] =
                       place ? readElement(*views[op.getView()], *place) : Number{};
                 });
        })
        .Default([&](Operation *other) { runElementwise(other); });
  }

  void runConstant(arith::ConstantOp op) {
    Tile tile = make(op.getType());
    if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue()))
      for (auto [n, attr] : llvm::zip(tile.numbers, dense.getValues<Attribute>()))
        n = numberOf(attr);
    else
      tile.numbers[0] = numberOf(op.getValue());
    set(op, std::move(tile));
  }

  /// Calls `element` with the coordinates in the tile and the place in memory, if there is one.
  void access(Type type, Value view, OperandRange subscripts, Value mask,
              llvm::function_ref<void(ArrayRef<int64_t>, std::optional<int64_t>)> element) {
    const TensorView &tensor = *views[view];
    Tile shape = make(type);
    for (int64_t linear = 0; linear < int64_t(shape.numbers.size()); ++linear) {
      SmallVector<int64_t> coordinates = coordinatesOf(linear, shape.shape), place;
      bool inside = !mask || at(mask, coordinates).i;
      size_t next = 0;
      for (auto [d, subscript] : llvm::enumerate(subscripts)) {
        const Tile &tile = get(subscript);
        place.push_back(tile.numbers[tile.shape.empty() ? 0 : coordinates[next++]].i);
        inside &= place.back() >= 0 && place.back() < tensor.shape[d];
      }
      element(coordinates,
              inside ? std::optional<int64_t>(linearOf(place, tensor.shape)) : std::nullopt);
    }
  }

  void runLoad(tile::LoadOp op) {
    Tile tile = make(op.getType());
    Number other = op.getOther() ? get(op.getOther()).numbers[0] : Number{};
    access(op.getType(), op.getView(), op.getIndices(), op.getMask(),
           [&](ArrayRef<int64_t> to, std::optional<int64_t> place) {
             tile.numbers[linearOf(to, tile.shape)] =
                 place ? readElement(*views[op.getView()], *place) : other;
           });
    set(op, std::move(tile));
  }

  Number combine(tile::CombiningKind kind, Type element, Number x, Number y) {
    auto number = [&]() -> Number {
      switch (kind) {
      case tile::CombiningKind::add:
        return {x.f + y.f, int64_t(uint64_t(x.i) + uint64_t(y.i))};
      case tile::CombiningKind::mul:
        return {x.f * y.f, int64_t(uint64_t(x.i) * uint64_t(y.i))};
      case tile::CombiningKind::max:
        return {std::max(x.f, y.f), std::max(x.i, y.i)};
      case tile::CombiningKind::min:
        return {std::min(x.f, y.f), std::min(x.i, y.i)};
      case tile::CombiningKind::and_:
        return {0, x.i & y.i};
      case tile::CombiningKind::or_:
        return {0, x.i | y.i};
      }
      llvm_unreachable("unknown kind");
    };
    return ofType(element, number());
  }

  Number neutral(tile::CombiningKind kind, Type element) {
    int64_t bits = isa<IntegerType>(element) ? element.getIntOrFloatBitWidth() : 64;
    switch (kind) {
    case tile::CombiningKind::mul:
      return {1, 1};
    case tile::CombiningKind::max:
      return {-INFINITY, APInt::getSignedMinValue(bits).getSExtValue()};
    case tile::CombiningKind::min:
      return {INFINITY, APInt::getSignedMaxValue(bits).getSExtValue()};
    case tile::CombiningKind::and_:
      return {0, -1};
    default:
      return {0, 0};
    }
  }

  void runReduce(tile::ReduceOp op) {
    const Tile &source = get(op.getSource());
    fill(op.getResult(), [&](ArrayRef<int64_t> to) {
      SmallVector<int64_t> from(to);
      from.insert(from.begin() + op.getAxis(), 0);
      Number result = neutral(op.getKind(), source.element);
      for (int64_t &i = from[op.getAxis()]; i < source.shape[op.getAxis()]; ++i)
        result = combine(op.getKind(), source.element, result, at(op.getSource(), from));
      return result;
    });
  }

  /// Parts are neighbours here, and others where kernels are compiled: which they are is
  /// unspecified, so that tests compare what does not depend on it.
  void runReducePartial(tile::ReducePartialOp op) {
    const Tile &source = get(op.getSource());
    int64_t axis = op.getAxis();
    int64_t length = source.shape[axis] / cast<RankedTensorType>(op.getType()).getDimSize(axis);
    fill(op.getResult(), [&](ArrayRef<int64_t> to) {
      SmallVector<int64_t> from(to);
      Number result = neutral(op.getKind(), source.element);
      for (int64_t i = 0; i < length; ++i) {
        from[axis] = to[axis] * length + i;
        result = combine(op.getKind(), source.element, result, at(op.getSource(), from));
      }
      return result;
    });
  }

  void runScan(tile::ScanOp op) {
    const Tile &source = get(op.getSource());
    fill(op.getResult(), [&](ArrayRef<int64_t> to) {
      SmallVector<int64_t> from(to);
      int64_t end = to[op.getAxis()] + (op.getExclusive() ? 0 : 1);
      Number result = neutral(op.getKind(), source.element);
      for (int64_t &i = from[op.getAxis()] = 0; i < end; ++i)
        result = combine(op.getKind(), source.element, result, at(op.getSource(), from));
      return result;
    });
  }

  /// A function on numbers, applied to tiles and scalars.
  void map(Operation *op, llvm::function_ref<Number(ArrayRef<Number>)> function) {
    Tile tile = make(op->getResult(0).getType());
    for (auto [linear, n] : llvm::enumerate(tile.numbers)) {
      SmallVector<Number, 3> operands;
      for (Value operand : op->getOperands()) {
        const Tile &from = get(operand);
        operands.push_back(from.numbers[from.shape.empty() ? 0 : linear]);
      }
      n = function(operands);
    }
    set(op->getResult(0), std::move(tile));
  }

  void runElementwise(Operation *op) {
    auto unary = [&](llvm::function_ref<double(double)> f) {
      map(op, [&](ArrayRef<Number> x) { return Number{f(x[0].f), 0}; });
    };
    auto binary = [&](llvm::function_ref<double(double, double)> f) {
      map(op, [&](ArrayRef<Number> x) { return Number{f(x[0].f, x[1].f), 0}; });
    };
    auto integer = [&](llvm::function_ref<int64_t(int64_t, int64_t)> f) {
      map(op, [&](ArrayRef<Number> x) { return Number{0, f(x[0].i, x[1].i)}; });
    };
    Type from = op->getNumOperands() ? getElementTypeOrSelf(op->getOperand(0)) : Type();
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](arith::AddFOp) { binary([](double x, double y) { return x + y; }); })
        .Case([&](arith::SubFOp) { binary([](double x, double y) { return x - y; }); })
        .Case([&](arith::MulFOp) { binary([](double x, double y) { return x * y; }); })
        .Case([&](arith::DivFOp) { binary([](double x, double y) { return x / y; }); })
        .Case([&](arith::MaximumFOp) { binary(largest); })
        .Case([&](arith::MinimumFOp) { binary(least); })
        .Case([&](arith::NegFOp) { unary([](double x) { return -x; }); })
        .Case([&](math::AbsFOp) { unary([](double x) { return std::abs(x); }); })
        .Case([&](math::FloorOp) { unary([](double x) { return std::floor(x); }); })
        .Case([&](math::SqrtOp) { unary([](double x) { return std::sqrt(x); }); })
        .Case([&](math::RsqrtOp) { unary([](double x) { return 1 / std::sqrt(x); }); })
        .Case([&](math::ExpOp) { unary([](double x) { return std::exp(x); }); })
        .Case([&](math::Exp2Op) { unary([](double x) { return std::exp2(x); }); })
        .Case([&](math::LogOp) { unary([](double x) { return std::log(x); }); })
        .Case([&](math::Log2Op) { unary([](double x) { return std::log2(x); }); })
        .Case([&](math::FmaOp) {
          map(op, [&](ArrayRef<Number> x) {
            return Number{from.isF64() ? std::fma(x[0].f, x[1].f, x[2].f)
                                       : std::fma(float(x[0].f), float(x[1].f), float(x[2].f)),
                          0};
          });
        })
        .Case([&](math::IsNaNOp) {
          map(op, [](ArrayRef<Number> x) { return Number{0, std::isnan(x[0].f)}; });
        })
        .Case([&](math::AbsIOp) { integer([](int64_t x, int64_t) { return x < 0 ? -x : x; }); })
        .Case([&](arith::AddIOp) {
          integer([](int64_t x, int64_t y) { return int64_t(uint64_t(x) + uint64_t(y)); });
        })
        .Case([&](arith::SubIOp) {
          integer([](int64_t x, int64_t y) { return int64_t(uint64_t(x) - uint64_t(y)); });
        })
        .Case([&](arith::MulIOp) {
          integer([](int64_t x, int64_t y) { return int64_t(uint64_t(x) * uint64_t(y)); });
        })
        .Case([&](arith::DivSIOp) { integer([](int64_t x, int64_t y) { return x / y; }); })
        .Case([&](arith::CeilDivSIOp) {
          integer([](int64_t x, int64_t y) { return x / y + (x % y != 0 && (x < 0) == (y < 0)); });
        })
        .Case([&](arith::RemSIOp) { integer([](int64_t x, int64_t y) { return x % y; }); })
        .Case([&](arith::AndIOp) { integer([](int64_t x, int64_t y) { return x & y; }); })
        .Case([&](arith::OrIOp) { integer([](int64_t x, int64_t y) { return x | y; }); })
        .Case([&](arith::XOrIOp) { integer([](int64_t x, int64_t y) { return x ^ y; }); })
        .Case([&](arith::ShLIOp) {
          integer([](int64_t x, int64_t y) { return int64_t(uint64_t(x) << y); });
        })
        .Case([&](arith::ShRSIOp) { integer([](int64_t x, int64_t y) { return x >> y; }); })
        .Case([&](arith::MaxSIOp) { integer([](int64_t x, int64_t y) { return std::max(x, y); }); })
        .Case([&](arith::MinSIOp) { integer([](int64_t x, int64_t y) { return std::min(x, y); }); })
        .Case([&](arith::CmpIOp cmp) {
          integer([&](int64_t x, int64_t y) { return compare(cmp.getPredicate(), x, y); });
        })
        .Case([&](arith::CmpFOp cmp) {
          map(op, [&](ArrayRef<Number> x) {
            return Number{0, compare(cmp.getPredicate(), x[0].f, x[1].f)};
          });
        })
        .Case([&](arith::SelectOp) {
          map(op, [](ArrayRef<Number> x) { return x[0].i ? x[1] : x[2]; });
        })
        .Case<arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp, arith::TruncIOp>(
            [&](Operation *) { map(op, [](ArrayRef<Number> x) { return x[0]; }); })
        .Case([&](arith::ExtUIOp) {
          map(op, [&](ArrayRef<Number> x) {
            unsigned bits = from.getIntOrFloatBitWidth();
            return Number{0, bits == 64 ? x[0].i : x[0].i & ((int64_t(1) << bits) - 1)};
          });
        })
        .Case<arith::SIToFPOp, arith::UIToFPOp>([&](Operation *) {
          map(op, [](ArrayRef<Number> x) { return Number{double(x[0].i), 0}; });
        })
        .Case([&](arith::FPToSIOp cast) {
          // Out of range anything may come out, which must not matter.
          double bound = std::ldexp(1.0, getElementTypeOrSelf(cast.getType()).getIntOrFloatBitWidth() - 1);
          map(op, [&](ArrayRef<Number> x) {
            return Number{0, x[0].f >= -bound && x[0].f < bound ? int64_t(x[0].f) : 77};
          });
        })
        .Case([&](arith::BitcastOp cast) {
          Type to = getElementTypeOrSelf(cast.getType());
          map(op, [&](ArrayRef<Number> x) { return fromBits(to, bitsOf(from, x[0])); });
        })
        .Default([&](Operation *) {
          problem = "the interpreter lacks '" + op->getName().getStringRef().str() + "'";
        });
  }

  tile::KernelOp kernel;
  ArrayRef<int64_t> dims;
  std::array<int32_t, 3> grid;
  std::array<int32_t, 3> id = {};
  DenseMap<Value, const TensorView *> views;
  DenseMap<Value, Tile> tiles;
  DenseMap<Value, Buffer> buffers;
  std::string problem;
};

} // namespace

std::string e2e::interpret(tile::KernelOp kernel, ArrayRef<TensorView> tensors,
                           ArrayRef<int64_t> dims, std::array<int32_t, 3> grid) {
  return Interpreter(kernel, tensors, dims, grid).run();
}

double e2e::elementOf(const TensorView &view, int64_t linear) {
  Number n = readElement(view, linear);
  return n.f + double(n.i);
}
