//===- Access.cpp - loads, stores, atomics and asynchronous copies ----------------------------===//

#include "KernelLowering.h"

#include "../Combine.h"
#include "../TileLayouts/Access.h"

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

KernelLowering::Place KernelLowering::place(Access &access, unsigned reg) {
  Value inside, offset = access.base;
  if (!access.mask.empty())
    inside = access.mask.size() == 1 ? access.mask.front() : access.mask[reg];
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
    if (!start || along) {
      Value &part = access.offsets[{d, along}];
      if (!part)
        part = start ? mul(i64(along), access.argument->strides[d])
                     : mul(wide(getCoordinate()), access.argument->strides[d]);
      offset = add(offset, part);
    }
    if (access.inBounds[d])
      continue;
    Value whole = access.wholes[d];
    Value &check = access.checks[{d, whole ? 0 : along}];
    if (!check) {
      // Unsigned, so that a negative coordinate is outside as well.
      Value extent = extentOf(access.view, d);
      check = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, whole ? whole : getCoordinate(),
                                    extent);
    }
    inside = both(inside, check);
  }
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), /*addressSpace=*/1);
  return {LLVM::GEPOp::create(b, pointer, memoryType(access.view.getElementType()),
                              access.argument->pointer, ArrayRef<LLVM::GEPArg>{offset}),
          inside};
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

/// "{$0, $1}" for registers that begin at `first`.
std::string registerList(unsigned first, unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return count == 1 ? text : "{" + text + "}";
}

} // namespace

KernelLowering::Registers KernelLowering::loadVector(const Place &from, Type elementType,
                                                     int64_t width, Value other) {
  Type element = memoryType(elementType);
  int64_t bytes = width * memoryBytes(elementType);
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
  SmallVector<Value> operands{from.pointer, from.inside};
  Type word = bytes < 4 ? b.getI16Type() : b.getI32Type();
  for (unsigned i = 0; i < form.numRegisters; ++i)
    constraints += (i ? ",=" : "=") + form.constraint.str();
  constraints += ",l,b";
  for (auto [i, value] : llvm::enumerate(words)) {
    constraints += "," + std::to_string(i);
    operands.push_back(bytes < 4 ? arith::TruncIOp::create(b, word, value).getResult() : value);
  }
  unsigned n = form.numRegisters;
  std::string text = "@$" + std::to_string(n + 1) + " ld.global." + form.suffix + " " +
                     registerList(0, n) + ", [$" + std::to_string(n) + "];";
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
  int64_t bytes = values.size() * memoryBytes(element);
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
  SmallVector<Value> words = toWords(values), operands{to.pointer};
  std::string constraints = "l", guard;
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
  std::string text = guard + "st.global." + (streaming ? "cs." : "") + form.suffix + " [$0], " +
                     registerList(1, words.size()) + ";";
  inlineAsm(text, constraints + ",~{memory}", {}, operands);
}

/// i1: whether a range along the last dim lies inside of the view as a whole.
Value KernelLowering::rowFits(const Access &access, OperandRange subscripts) {
  auto range = subscripts.back().getDefiningOp<tile::RangeOp>();
  Value extent = extentOf(access.view, access.view.getRank() - 1);
  Value start = scalars.lookup(range.getStart());
  Value end = add(wide(start), i64(range.getType().getDimSize(0)));
  return both(arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, wide(extent)),
              arith::CmpIOp::create(b, arith::CmpIPredicate::sge, start, i32(0)));
}

void KernelLowering::lowerLoad(tile::LoadOp op) {
  viewsRead.insert(op.getView());
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
                                  rowFits(access, op.getIndices()), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loadAll(access, 1));
  b.setInsertionPointToStart(branch.thenBlock());
  access.inBounds.back() = true;
  scf::YieldOp::create(b, loadAll(access, access.vector));
  tiles[op.getResult()] = Registers(branch.getResults());
}

void KernelLowering::orderAfterReads(Value view) {
  if (viewsRead.contains(view))
    barrier();
}

void KernelLowering::noteReadsIn(Operation *op) {
  op->walk([&](Operation *inner) {
    if (auto load = dyn_cast<tile::LoadOp>(inner))
      viewsRead.insert(load.getView());
    else if (auto copy = dyn_cast<tile::CopyAsyncOp>(inner))
      viewsRead.insert(copy.getView());
  });
}

void KernelLowering::lowerStore(tile::StoreOp op) {
  orderAfterReads(op.getView());
  bool isTiled = isTile(op.getValue());
  Access access = prepare(op.getView(), op.getIndices(), op.getMask(), op.getInBounds(),
                          op.getValue());
  Value owner = isTiled ? isOwner(*access.layout) : isZero(thread);
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
  auto branch = scf::IfOp::create(b, rowFits(access, op.getIndices()), /*withElseRegion=*/true);
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

void KernelLowering::lowerAtomic(tile::AtomicRMWOp op) {
  orderAfterReads(op.getView());
  bool isTiled = isTile(op.getValue());
  Access access =
      prepare(op.getView(), op.getIndices(), op.getMask(), std::nullopt, op.getValue());
  Value owner = isTiled ? isOwner(*access.layout) : isZero(thread);
  const Registers values = flatten(op.getValue());
  bool isFloat = isa<FloatType>(op.getView().getType().getElementType());
  for (auto [i, value] : llvm::enumerate(values)) {
    Place to = place(access, i);
    OpBuilder::InsertionGuard guard(b);
    if (Value condition = both(to.inside, owner))
      b.setInsertionPointToStart(
          scf::IfOp::create(b, condition, /*withElseRegion=*/false).thenBlock());
    LLVM::AtomicRMWOp::create(b, atomicKind(op.getKind(), isFloat), to.pointer, value,
                              LLVM::AtomicOrdering::monotonic);
  }
}
