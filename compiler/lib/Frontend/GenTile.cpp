//===- GenTile.cpp - Functions of kernels that make, reshape and combine tiles ----------===//
#include "KernelGen.h"

#include "llvm/ADT/StringSwitch.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

Result KernelGen::genGridQuery(const CallExpr *e) {
  FailureOr<int64_t> axis = evalInt(e->args[0], "the axis of the grid");
  if (failed(axis))
    return failure();
  if (*axis < 0 || *axis > 2) {
    error(e->args[0]->loc, "expected a grid axis of 0, 1 or 2, found " + Twine(*axis));
    return failure();
  }
  mlir::Type i32 = builder.getI32Type();
  mlir::IntegerAttr attr = builder.getI64IntegerAttr(*axis);
  if (e->callee == "program_id")
    return Value(tile::ProgramIdOp::create(builder, location(e->loc), i32, attr));
  return Value(tile::NumProgramsOp::create(builder, location(e->loc), i32, attr));
}

FailureOr<RankedTensorType> KernelGen::evalTileType(const Expr *e) {
  FailureOr<mlir::Type> type = evalType(e, "a tile type such as f32[64]");
  if (failed(type))
    return failure();
  if (auto tile = mlir::dyn_cast<RankedTensorType>(*type))
    return tile;
  error(e->loc,
        "expected a tile type such as " + spell(*type) + "[64], found the type " + spell(*type));
  return failure();
}

KernelGen::MaybeSSA KernelGen::evalTile(const Expr *e, StringRef what) {
  MaybeSSA value = evalSSA(e);
  if (failed(value) || mlir::isa<RankedTensorType>(value->getType()))
    return value;
  error(e->loc, what + " expects a tile, found " + spell(value->getType()));
  return failure();
}

FailureOr<int64_t> KernelGen::evalAxis(const CallExpr *e, RankedTensorType type) {
  const Expr *arg = namedArg(e, "axis");
  if (!arg) {
    if (type.getRank() == 1)
      return 0;
    error(e->loc, "'" + e->callee + "' of " + spell(type) + " needs an axis, as in axis = 0");
    return failure();
  }
  FailureOr<int64_t> axis = evalInt(arg, "an axis");
  if (failed(axis) || (*axis >= 0 && *axis < type.getRank()))
    return axis;
  error(arg->loc, "expected an axis of 0 to " + Twine(type.getRank() - 1) + " of " + spell(type) +
                      ", found " + Twine(*axis));
  return failure();
}

FailureOr<mlir::SmallVector<int64_t>> KernelGen::evalShape(const Expr *e) {
  auto *list = llvm::dyn_cast<ListExpr>(e);
  if (!list) {
    error(e->loc, "expected a shape such as [16, 4]");
    return failure();
  }
  mlir::SmallVector<int64_t> shape;
  for (const Expr *element : list->elements) {
    FailureOr<int64_t> extent = evalInt(element, "the extent of a tile");
    if (failed(extent))
      return failure();
    shape.push_back(*extent);
  }
  if (shape.empty()) {
    error(e->loc, "expected at least one extent");
    return failure();
  }
  if (failed(checkTileShape(shape, e->loc)))
    return failure();
  return shape;
}

Result KernelGen::genIota(const CallExpr *e) {
  FailureOr<int64_t> extent = evalInt(e->args[0], "the extent of a tile");
  if (failed(extent) || failed(checkTileShape(*extent, e->args[0]->loc)))
    return failure();
  auto type = RankedTensorType::get(*extent, builder.getI32Type());
  return Value(tile::RangeOp::create(builder, location(e->loc), type, intConstant(0, e->loc)));
}

Result KernelGen::genFull(const CallExpr *e) {
  FailureOr<RankedTensorType> type = evalTileType(e->args[0]);
  if (failed(type))
    return failure();
  if (e->args.size() == 1)
    return Value(constantOf(*type, 0, e->loc));
  MaybeSSA fill = evalScalar(e->args[1], type->getElementType(), "the value of 'full'");
  if (failed(fill))
    return failure();
  MaybeSSA tile = broadcastTo(*fill, type->getShape(), e->loc, "'full'");
  if (failed(tile))
    return failure();
  return Value(*tile);
}

FailureOr<bool> KernelGen::evalTF32(const CallExpr *e, RankedTensorType left) {
  const Expr *arg = namedArg(e, "tf32");
  if (!arg)
    return false;
  FailureOr<bool> tf32 = evalBool(arg, "'tf32'");
  if (failed(tf32) || !*tf32 || left.getElementType().isF32())
    return tf32;
  error(e->loc, "'tf32' is for products of f32, found " + spell(left));
  return failure();
}

Result KernelGen::genDot(const CallExpr *e) {
  mlir::SmallVector<SSA, 3> v;
  for (const Expr *arg : e->args) {
    MaybeSSA tile = evalTile(arg, "'dot'");
    if (failed(tile))
      return failure();
    v.push_back(*tile);
  }
  auto a = mlir::cast<RankedTensorType>(v[0].getType());
  auto b = mlir::cast<RankedTensorType>(v[1].getType());
  mlir::Type element = a.getElementType();
  if (!mlir::isa<mlir::FloatType>(element) || b.getElementType() != element) {
    error(e->loc,
          "'dot' expects two tiles of one float type, found " + spell(a) + " and " + spell(b));
    return failure();
  }
  if (a.getRank() != 2 || b.getRank() != 2 || a.getDimSize(1) != b.getDimSize(0)) {
    error(e->loc, "'dot' expects [M, K] and [K, N], found " + spell(a) + " and " + spell(b));
    return failure();
  }
  mlir::Type sum = element.isF64() ? element : mlir::Type(builder.getF32Type());
  mlir::SmallVector<int64_t> shape{a.getDimSize(0), b.getDimSize(1)};
  if (failed(checkTileShape(shape, e->loc)))
    return failure();
  auto type = RankedTensorType::get(shape, sum);
  if (v.size() < 3)
    v.push_back(constantOf(type, 0, e->loc));
  if (v[2].getType() != type) {
    error(e->args[2]->loc,
          "expected an accumulator of type " + spell(type) + ", found " + spell(v[2].getType()));
    return failure();
  }
  FailureOr<bool> tf32 = evalTF32(e, a);
  if (failed(tf32))
    return failure();
  return Value(tile::DotOp::create(builder, location(e->loc), type, v[0], v[1], v[2], *tf32));
}

Result KernelGen::genTrans(const CallExpr *e) {
  MaybeSSA x = evalTile(e->args[0], "'trans'");
  if (failed(x))
    return failure();
  auto type = mlir::cast<RankedTensorType>(x->getType());
  if (type.getRank() != 2) {
    error(e->args[0]->loc, "'trans' expects a tile of rank 2, found " + spell(type));
    return failure();
  }
  auto swapped =
      RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return Value(tile::TransposeOp::create(builder, location(e->loc), swapped, *x));
}

Result KernelGen::genReshape(const CallExpr *e) {
  MaybeSSA x = evalTile(e->args[0], "'reshape'");
  FailureOr<mlir::SmallVector<int64_t>> shape = evalShape(e->args[1]);
  if (failed(x) || failed(shape))
    return failure();
  auto from = mlir::cast<RankedTensorType>(x->getType());
  auto to = RankedTensorType::get(*shape, from.getElementType());
  if (from.getNumElements() != to.getNumElements()) {
    error(e->loc,
          "'reshape' expects as many elements as " + spell(from) + " has, found " + spell(to));
    return failure();
  }
  return Value(tile::ReshapeOp::create(builder, location(e->loc), to, *x));
}

Result KernelGen::genBroadcast(const CallExpr *e) {
  MaybeSSA x = evalSSA(e->args[0]);
  FailureOr<mlir::SmallVector<int64_t>> shape = evalShape(e->args[1]);
  if (failed(x) || failed(shape))
    return failure();
  MaybeSSA wide = broadcastTo(*x, *shape, e->loc, "'broadcast'");
  if (failed(wide))
    return failure();
  return Value(*wide);
}

Result KernelGen::genReduce(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  MaybeSSA x = evalTile(e->args[0], what);
  if (failed(x))
    return failure();
  auto type = mlir::cast<RankedTensorType>(x->getType());
  FailureOr<int64_t> axis = evalAxis(e, type);
  if (failed(axis))
    return failure();
  auto kind = llvm::StringSwitch<tile::CombiningKind>(e->callee)
                  .Case("sum", tile::CombiningKind::add)
                  .Case("max", tile::CombiningKind::max)
                  .Case("min", tile::CombiningKind::min)
                  .Case("any", tile::CombiningKind::or_)
                  .Default(tile::CombiningKind::and_);
  bool ofBools = kind == tile::CombiningKind::or_ || kind == tile::CombiningKind::and_;
  if (type.getElementType().isInteger(1) != ofBools) {
    error(e->args[0]->loc, what + " expects a tile of " + (ofBools ? "bools" : "numbers") +
                               ", found " + spell(type));
    return failure();
  }
  mlir::SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + *axis);
  mlir::Type result = type.getElementType();
  if (!shape.empty())
    result = RankedTensorType::get(shape, result);
  return Value(tile::ReduceOp::create(builder, location(e->loc), result, kind, *x, *axis));
}

Result KernelGen::genReducePartial(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  MaybeSSA x = evalTile(e->args[0], what);
  if (failed(x))
    return failure();
  auto type = mlir::cast<RankedTensorType>(x->getType());
  FailureOr<int64_t> axis = evalAxis(e, type), parts = evalRequired(e, "parts", 4);
  if (failed(axis) || failed(parts))
    return failure();
  if (type.getElementType().isInteger(1)) {
    error(e->args[0]->loc, what + " expects a tile of numbers, found " + spell(type));
    return failure();
  }
  mlir::SmallVector<int64_t> shape(type.getShape());
  if (*parts < 1 || !llvm::isPowerOf2_64(*parts) || shape[*axis] % *parts != 0) {
    error(namedArg(e, "parts")->loc, "expected a power of two that divides the " +
                                         Twine(shape[*axis]) + " elements along axis " +
                                         Twine(*axis) + " of " + spell(type) + ", found " +
                                         Twine(*parts));
    return failure();
  }
  shape[*axis] = *parts;
  auto kind = llvm::StringSwitch<tile::CombiningKind>(e->callee)
                  .Case("partial_sum", tile::CombiningKind::add)
                  .Case("partial_max", tile::CombiningKind::max)
                  .Default(tile::CombiningKind::min);
  return Value(tile::ReducePartialOp::create(builder, location(e->loc),
                                             RankedTensorType::get(shape, type.getElementType()),
                                             kind, *x, *axis));
}

Result KernelGen::genVote(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  MaybeSSA x = evalTile(e->args[0], what);
  if (failed(x))
    return failure();
  if (!mlir::getElementTypeOrSelf(x->getType()).isInteger(1)) {
    error(e->args[0]->loc, what + " expects a tile of bools, found " + spell(x->getType()));
    return failure();
  }
  auto kind = e->callee == "warp_any" ? tile::VoteKind::any : tile::VoteKind::all;
  return Value(
      tile::VoteOp::create(builder, location(e->loc), tile::VoteKindAttr::get(context, kind), *x));
}

Result KernelGen::genScan(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  MaybeSSA x = evalTile(e->args[0], what);
  if (failed(x))
    return failure();
  auto type = mlir::cast<RankedTensorType>(x->getType());
  FailureOr<int64_t> axis = evalAxis(e, type);
  FailureOr<bool> exclusive = false;
  if (const Expr *arg = namedArg(e, "exclusive"))
    exclusive = evalBool(arg, "'exclusive'");
  if (failed(axis) || failed(exclusive))
    return failure();
  if (type.getElementType().isInteger(1)) {
    error(e->args[0]->loc, what + " expects a tile of numbers, found " + spell(type));
    return failure();
  }
  auto kind = e->callee == "cumsum" ? tile::CombiningKind::add : tile::CombiningKind::max;
  return Value(tile::ScanOp::create(builder, location(e->loc), type, kind, *x, *axis, *exclusive));
}
