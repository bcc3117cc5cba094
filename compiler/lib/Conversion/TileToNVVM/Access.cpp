//===- Access.cpp - loads, stores, atomics and asynchronous copies ----------------------------===//

#include "KernelLowering.h"

#include "../Combine.h"
#include "../TileLayouts/Access.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

KernelLowering::Access KernelLowering::prepare(Value view, OperandRange subscripts, Value mask,
                                               std::optional<ArrayRef<bool>> inBounds,
                                               Value tile) {
  return prepare(view, subscripts, mask, inBounds, Layout::of(tile.getType()),
                 isTile(tile) ? shapeOf(tile) : ArrayRef<int64_t>());
}

KernelLowering::Access KernelLowering::prepare(Value view, OperandRange subscripts, Value mask,
                                               std::optional<ArrayRef<bool>> inBounds,
                                               const std::optional<Layout> &layout,
                                               ArrayRef<int64_t> shape) {
  Access access;
  access.view = cast<tile::ViewType>(view.getType());
  access.argument = &arguments.find(view)->second;
  access.subscripts = llvm::to_vector(subscripts);
  access.inBounds.assign(access.view.getRank(), false);
  if (inBounds)
    llvm::copy(*inBounds, access.inBounds.begin());
  access.layout = layout;
  if (layout)
    access.coordinates = layout->registerCoordinates(shape);
  else
    access.coordinates.emplace_back();
  if (mask)
    access.mask = flatten(mask);

  access.base = i64(0);
  int64_t tileDim = 0;
  for (auto [d, subscript] : llvm::enumerate(subscripts)) {
    Value start;
    access.tileDims.push_back(isTile(subscript) ? tileDim++ : -1);
    if (!isTile(subscript))
      start = scalars.lookup(subscript);
    else if (auto range = subscript.getDefiningOp<tile::RangeOp>())
      start = add(scalars.lookup(range.getStart()),
                  threadCoordinate(*layout, access.tileDims.back()));
    access.starts.push_back(start);
    // Of a whole tile the first element speaks for all.
    auto range = subscript.getDefiningOp<tile::RangeOp>();
    access.wholes.push_back(range && isWholeTile(kernel, access.view, d, range)
                                ? scalars.lookup(range.getStart())
                                : Value());
    if (start)
      access.base = add(access.base, mul(wide(start), access.argument->strides[d]));
  }
  if (layout) {
    access.vector = std::min(registerVector(*layout), accessVector(kernel, view, subscripts));
    // A mask may cut a vector in pieces.
    auto isUniform = [&](int64_t vector) {
      if (access.mask.size() <= 1)
        return true;
      for (size_t i = 0; i < access.mask.size(); ++i)
        if (access.mask[i] != access.mask[i / vector * vector])
          return false;
      return true;
    };
    while (access.vector > 1 && !isUniform(access.vector))
      access.vector /= 2;
    int64_t last = access.view.getRank() - 1;
    access.isWhole = access.inBounds[last] || access.vector == 1 ||
                     extentDivisor(kernel, access.view, last) % access.vector == 0;
  }
  return access;
}

Value KernelLowering::extentOf(tile::ViewType view, int64_t dim) {
  StringRef name = view.getDimName(dim);
  return name.empty() ? i32(view.getStaticDim(dim)) : dims.lookup(name);
}

/// i1: 0 <= index < extent.
Value KernelLowering::isBelow(Value index, Value extent) {
  // Unsigned, so that a negative index is outside as well.
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, extent);
}

Value KernelLowering::commonCheck(Access &access) {
  if (access.common)
    return *access.common;
  Value inside = access.mask.size() == 1 ? access.mask.front() : Value();
  for (int64_t d = 0; d < access.view.getRank(); ++d) {
    Value index = access.tileDims[d] < 0 ? access.starts[d] : access.wholes[d];
    if (index && !access.inBounds[d])
      inside = both(inside, isBelow(index, extentOf(access.view, d)));
  }
  access.common = inside;
  return inside;
}

KernelLowering::Place KernelLowering::place(Access &access, unsigned reg) {
  Value offset = access.base, inside = commonCheck(access);
  int64_t constant = 0;
  if (access.mask.size() > 1)
    inside = both(inside, access.mask[reg]);
  for (int64_t d = 0; d < access.view.getRank(); ++d) {
    int64_t tileDim = access.tileDims[d];
    int64_t along = tileDim < 0 ? 0 : access.coordinates[reg][tileDim];
    Value start = access.starts[d];
    // What registers share is computed once: by coordinate for ranges, by register for lists.
    Value coordinate;
    auto getCoordinate = [&]() -> Value {
      if (coordinate)
        return coordinate;
      if (start)
        return coordinate = along ? add(start, i32(along)) : start;
      // The subscript's registers are those of its slice of the layout.
      Layout slice = layoutOf(access.subscripts[d]);
      auto index = registerIndex(slice, shapeOf(access.subscripts[d]));
      return coordinate = registersOf(access.subscripts[d])[index.at({along})];
    };
    Value stride = access.argument->strides[d];
    llvm::APInt known;
    if (start && matchPattern(stride, m_ConstantInt(&known))) {
      constant += along * known.getSExtValue();
    } else if (!start || along) {
      Value &part = access.offsets[{d, along}];
      // No element has a negative coordinate, so that its address may be wrong: unsigned products
      // take fewer instructions.
      if (!part)
        part = mul(start ? i64(along)
                         : arith::ExtUIOp::create(b, b.getI64Type(), getCoordinate()).getResult(),
                   stride);
      offset = add(offset, part);
    }
    if (access.inBounds[d] || tileDim < 0 || access.wholes[d])
      continue;
    Value &check = access.checks[{d, along}];
    if (!check)
      check = isBelow(getCoordinate(), extentOf(access.view, d));
    inside = both(inside, check);
  }
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), /*addressSpace=*/1);
  Value first = LLVM::GEPOp::create(b, pointer, b.getI8Type(), access.argument->pointer,
                                    ArrayRef<LLVM::GEPArg>{offset});
  return {behind(first, constant), inside};
}

//===------------------------------------------------------------------------------------------===//
// Loads and stores
//===------------------------------------------------------------------------------------------===//

namespace {

/// How an access of some bytes is written in PTX.
struct AccessForm {
  std::string suffix;    ///< "v4.b32"
  StringRef constraint;  ///< "r" or "h"
  unsigned numRegisters;
};

AccessForm formOf(int64_t bytes) {
  if (bytes <= 4)
    return {bytes == 4 ? "b32" : bytes == 2 ? "b16" : "b8", bytes == 4 ? "r" : "h", 1};
  return {"v" + std::to_string(bytes / 4) + ".b32", "r", unsigned(bytes / 4)};
}

} // namespace

/// Registers of an access, `count` of them from `first` on: "$0" or "{$0, $1}".
static std::string registerList(unsigned first, unsigned count) {
  return count == 1 ? "$" + std::to_string(first) : KernelLowering::operandList(first, count);
}

KernelLowering::Registers KernelLowering::loadVector(const Place &from, Type elementType,
                                                     int64_t width, Value other) {
  Type element = memoryType(elementType);
  int64_t bytes = width * tile::getMemoryBytes(elementType);
  if (!from.inside) {
    Type type = width == 1 ? element : VectorType::get(width, element);
    Value loaded = LLVM::LoadOp::create(b, type, from.pointer, /*alignment=*/bytes);
    if (width == 1)
      return {fromMemory(loaded, elementType)};
    Registers registers;
    for (int64_t i = 0; i < width; ++i)
      registers.push_back(
          fromMemory(LLVM::ExtractElementOp::create(b, loaded, i32(i)), elementType));
    return registers;
  }
  // A predicated load whose registers hold `other` before.
  if (!other)
    other = arith::ConstantOp::create(b, b.getZeroAttr(elementType));
  SmallVector<Value> words = toWords(SmallVector<Value>(width, other));
  AccessForm form = formOf(bytes);
  std::string constraints;
  SmallVector<Value> operands;
  Type word = bytes < 4 ? b.getI16Type() : b.getI32Type();
  for (unsigned i = 0; i < form.numRegisters; ++i)
    constraints += (i ? ",=" : "=") + form.constraint.str();
  unsigned n = form.numRegisters;
  constraints += ",l,b";
  std::string address = addressText(from.pointer, operands, n);
  operands.push_back(from.inside);
  for (auto [i, value] : llvm::enumerate(words)) {
    constraints += "," + std::to_string(i);
    operands.push_back(bytes < 4 ? arith::TruncIOp::create(b, word, value).getResult() : value);
  }
  std::string text = "@$" + std::to_string(n + 1) + " ld.global." + form.suffix + " " +
                     registerList(0, n) + ", " + address + ";";
  Type result = n == 1 ? word
                       : Type(LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                               SmallVector<Type>(n, word)));
  Value loaded = inlineAsm(text, constraints, result, operands);
  SmallVector<Value> parts;
  for (unsigned i = 0; i < n; ++i)
    parts.push_back(n == 1 ? loaded : LLVM::ExtractValueOp::create(b, loaded, i).getResult());
  if (bytes < 4)
    parts.front() = arith::ExtUIOp::create(b, b.getI32Type(), parts.front());
  return fromWords(parts, elementType, width);
}

void KernelLowering::storeVector(const Place &to, ArrayRef<Value> values, bool streaming) {
  Type element = memoryType(values.front().getType());
  int64_t bytes = values.size() * tile::getMemoryBytes(element);
  if (!to.inside && !streaming) {
    Value stored = toMemory(values.front());
    if (values.size() > 1) {
      stored = LLVM::UndefOp::create(b, VectorType::get(values.size(), element));
      for (auto [i, value] : llvm::enumerate(values))
        stored = LLVM::InsertElementOp::create(b, stored, toMemory(value), i32(i));
    }
    LLVM::StoreOp::create(b, stored, to.pointer, /*alignment=*/bytes);
    return;
  }
  AccessForm form = formOf(bytes);
  SmallVector<Value> words = toWords(values), operands;
  std::string address = addressText(to.pointer, operands), constraints = "l", guard;
  for (Value word : words) {
    constraints += "," + form.constraint.str();
    operands.push_back(bytes < 4 ? arith::TruncIOp::create(b, b.getI16Type(), word).getResult()
                                 : word);
  }
  if (to.inside) {
    constraints += ",b";
    guard = "@$" + std::to_string(operands.size()) + " ";
    operands.push_back(to.inside);
  }
  std::string text = guard + "st.global." + (streaming ? "cs." : "") + form.suffix + " " +
                     address + ", " + registerList(1, words.size()) + ";";
  inlineAsm(text, constraints + ",~{memory}", {}, operands);
}

Value KernelLowering::fitsAlong(const Access &access, int64_t dim) {
  Value subscript = access.subscripts[dim], extent = extentOf(access.view, dim);
  auto range = subscript.getDefiningOp<tile::RangeOp>();
  if (!range)
    return isBelow(scalars.lookup(subscript), extent);
  if (Value whole = access.wholes[dim])
    return isBelow(whole, extent);
  Value start = scalars.lookup(range.getStart());
  Value end = add(wide(start), i64(range.getType().getDimSize(0)));
  return both(arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, wide(extent)),
              arith::CmpIOp::create(b, arith::CmpIPredicate::sge, start, i32(0)));
}

void KernelLowering::lowerLoad(tile::LoadOp op) {
  group.viewsRead.insert(op.getView());
  Type element = op.getView().getType().getElementType();
  bool isTiled = isTile(op.getResult());
  Value other = op.getOther() ? scalars.lookup(op.getOther()) : Value();
  Access access = prepare(op.getView(), op.getIndices(), op.getMask(), op.getInBounds(),
                          op.getResult());
  auto loadAll = [&](Access access, int64_t width) {
    Registers loaded;
    for (size_t i = 0; i < access.coordinates.size(); i += width)
      llvm::append_range(loaded, loadVector(place(access, i), element, width, other));
    return loaded;
  };
  if (!isTiled) {
    scalars.map(op.getResult(), loadAll(access, 1).front());
    return;
  }
  if (access.isWhole) {
    tiles[op.getResult()] = loadAll(access, access.vector);
    return;
  }
  // The row may end inside of a vector: element by element where the tile reaches that far.
  auto branch = scf::IfOp::create(b, SmallVector<Type>(access.coordinates.size(), element),
                                  fitsAlong(access, access.view.getRank() - 1),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loadAll(access, 1));
  b.setInsertionPointToStart(branch.thenBlock());
  access.inBounds.back() = true;
  scf::YieldOp::create(b, loadAll(access, access.vector));
  tiles[op.getResult()] = Registers(branch.getResults());
}

void KernelLowering::orderAfterReads(Value view) {
  if (group.viewsRead.contains(view))
    barrier();
}

void KernelLowering::noteReadsIn(Operation *op) {
  op->walk([&](Operation *inner) {
    if (auto load = dyn_cast<tile::LoadOp>(inner))
      group.viewsRead.insert(load.getView());
    else if (auto copy = dyn_cast<tile::CopyAsyncOp>(inner))
      group.viewsRead.insert(copy.getView());
  });
}

void KernelLowering::lowerStore(tile::StoreOp op) {
  orderAfterReads(op.getView());
  bool isTiled = isTile(op.getValue());
  Access access = prepare(op.getView(), op.getIndices(), op.getMask(), op.getInBounds(),
                          op.getValue());
  Value owner = isTiled ? isOwner(*access.layout) : isZero(group.thread);
  const Registers values = flatten(op.getValue());
  auto storeAll = [&](Access access, int64_t width) {
    for (size_t i = 0; i < values.size(); i += width) {
      Place to = place(access, i);
      to.inside = both(to.inside, owner);
      storeVector(to, ArrayRef<Value>(values).slice(i, width), op.getStreaming());
    }
  };
  if (access.isWhole)
    return storeAll(access, access.vector);
  auto branch = scf::IfOp::create(b, fitsAlong(access, access.view.getRank() - 1),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  storeAll(access, 1);
  b.setInsertionPointToStart(branch.thenBlock());
  access.inBounds.back() = true;
  storeAll(access, access.vector);
}

//===------------------------------------------------------------------------------------------===//
// Atomics
//===------------------------------------------------------------------------------------------===//

KernelLowering::Argument KernelLowering::hideStrides(Operation *op, const Access &access) {
  Argument hidden = *access.argument;
  for (auto [stride, tileDim] : llvm::zip_equal(hidden.strides, access.tileDims))
    if (tileDim >= 0 && !matchPattern(stride, m_Constant()))
      stride = opaqueInLoop(op, stride);
  return hidden;
}

/// How PTX writes the type in a combination without result: "f32" for sums of f32. Empty if there
/// is none, or not on every target, as for 16-bit floats.
static std::string reductionType(tile::CombiningKind kind, Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  bool isFloat = isa<FloatType>(type), isSum = kind == tile::CombiningKind::add;
  if ((bits != 32 && bits != 64) || (isFloat && !isSum))
    return "";
  bool isBitwise = kind == tile::CombiningKind::and_ || kind == tile::CombiningKind::or_;
  StringRef letter = isFloat ? "f" : isSum ? "u" : isBitwise ? "b" : "s";
  return (letter + Twine(bits)).str();
}

void KernelLowering::reduceVector(const Place &to, ArrayRef<Value> values,
                                  tile::CombiningKind kind, StringRef type) {
  Type element = values.front().getType();
  StringRef constraint = element.isF32()         ? "f"
                         : element.isF64()       ? "d"
                         : element.isInteger(64) ? "l"
                                                 : "r";
  SmallVector<Value> operands;
  std::string address = addressText(to.pointer, operands), constraints = "l", guard;
  llvm::append_range(operands, values);
  for (size_t i = 0; i < values.size(); ++i)
    constraints += "," + constraint.str();
  if (to.inside) {
    constraints += ",b";
    guard = "@$" + std::to_string(operands.size()) + " ";
    operands.push_back(to.inside);
  }
  std::string vector = values.size() > 1 ? ".v" + std::to_string(values.size()) : "";
  std::string text = guard + "red.relaxed.gpu.global." + stringifyCombiningKind(kind).str() +
                     vector + "." + type.str() + " " + address + ", " +
                     registerList(1, values.size()) + ";";
  inlineAsm(text, constraints + ",~{memory}", {}, operands);
}

void KernelLowering::lowerAtomic(tile::AtomicRMWOp op) {
  orderAfterReads(op.getView());
  bool isTiled = isTile(op.getValue());
  Access access =
      prepare(op.getView(), op.getIndices(), op.getMask(), op.getInBounds(), op.getValue());
  Value owner = isTiled ? isOwner(*access.layout) : isZero(group.thread);
  const Registers values = flatten(op.getValue());
  Type element = op.getView().getType().getElementType();
  std::string type = reductionType(op.getKind(), element);
  bool isVector = target.vectorAtomics && type == "f32" && op.getKind() == tile::CombiningKind::add;
  Argument hidden = hideStrides(op, access);
  access.argument = &hidden;
  auto combineAll = [&](Access access, bool isWhole) {
    int64_t width = isVector && isWhole ? access.vector : 1;
    for (size_t i = 0; i < values.size(); i += width) {
      Place to = place(access, i);
      to.inside = both(to.inside, owner);
      if (!type.empty()) {
        reduceVector(to, ArrayRef<Value>(values).slice(i, width), op.getKind(), type);
        continue;
      }
      OpBuilder::InsertionGuard guard(b);
      if (to.inside)
        b.setInsertionPointToStart(
            scf::IfOp::create(b, to.inside, /*withElseRegion=*/false).thenBlock());
      LLVM::AtomicRMWOp::create(b, atomicKind(op.getKind(), isa<FloatType>(element)), to.pointer,
                                values[i], LLVM::AtomicOrdering::monotonic);
    }
  };
  // The assembler makes a branch of every predicate of an atomic operation: rather one for all,
  // where no thread and no element is left out.
  auto isOneRange = [](Value subscript) {
    return !isa<RankedTensorType>(subscript.getType()) || subscript.getDefiningOp<tile::RangeOp>();
  };
  Value fits;
  if (isTiled && !type.empty() && access.mask.empty() && !owner &&
      llvm::all_of(access.subscripts, isOneRange))
    for (int64_t d = 0; d < access.view.getRank(); ++d)
      if (!access.inBounds[d])
        fits = both(fits, fitsAlong(access, d));
  if (!fits)
    return combineAll(access, access.isWhole);
  auto branch = scf::IfOp::create(b, fits, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  combineAll(access, access.isWhole);
  b.setInsertionPointToStart(branch.thenBlock());
  access.inBounds.assign(access.view.getRank(), true);
  combineAll(access, /*isWhole=*/true);
}
