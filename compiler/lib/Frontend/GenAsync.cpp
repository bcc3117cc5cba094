//===- GenAsync.cpp - Bulk copies and asynchronous products of kernels ------------------===//
#include "KernelGen.h"

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

#include "llvm/ADT/StringSwitch.h"

#include <optional>

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

//===------------------------------------------------------------------------------------===//
// Bulk copies
//===------------------------------------------------------------------------------------===//

mlir::LogicalResult KernelGen::checkBulk(const Access &access, SSA buffer, const Expr *accessed,
                                         const Expr *buffered) {
  using Limits = tile::BulkCopyLimits;
  ArrayRef<Subscript> subscripts = llvm::cast<SubscriptExpr>(accessed)->subscripts;
  if (static_cast<int64_t>(subscripts.size()) > Limits::dims) {
    error(accessed->loc, "bulk copies know tensors of at most " + Twine(Limits::dims) +
                             " dims, found one of " + Twine(subscripts.size()));
    return failure();
  }
  for (auto [subscript, index] : llvm::zip_equal(subscripts, access.indices)) {
    bool isTile = mlir::isa<RankedTensorType>(index.getType());
    if (index.getDefiningOp<tile::RangeOp>() || (!isTile && &subscript != &subscripts.back()))
      continue;
    error(subscript.loc, "expected a range as a subscript of a bulk copy" +
                             Twine(isTile ? "" : ", as it is the last one") + ", found " +
                             spell(index.getType()));
    return failure();
  }
  auto type = mlir::cast<tile::BufferType>(buffer.getType());
  if (!tile::fitsCopyEngine(type)) {
    error(buffered->loc, "a bulk copy takes one or two dims of shared memory: at most " +
                             Twine(Limits::extent) + " rows of a multiple of " +
                             Twine(Limits::alignment) + " bytes, without a swizzle at most " +
                             Twine(Limits::extent) + " columns; found " + spell(type));
    return failure();
  }
  if (!tile::isAlignedForEngine(buffer)) {
    error(buffered->loc,
          "a bulk copy takes a multiple of 8 rows of a slot, or where the swizzle cuts "
          "rows, and without a swizzle slots of a multiple of 128 bytes; found " +
              spell(type));
    return failure();
  }
  if (!tile::hasAlignedStart(access.indices, access.element)) {
    error(accessed->loc, "the last subscript of a bulk copy starts at a multiple of " +
                             Twine(Limits::alignment) + " bytes");
    return failure();
  }
  return mlir::success();
}

Result KernelGen::genCopyBulk(const CallExpr *e) {
  MaybeSSA buffer = needBuffer(e->args[0], "the destination of 'copy_bulk'");
  if (failed(buffer))
    return failure();
  FailureOr<Access> access = evalAccess(e->args[1], "'copy_bulk'");
  FailureOr<Barrier> barrier =
      evalBarrier(e->args[2], BarrierKind::Counting, "an mbarrier, as in full[i]");
  auto type = mlir::cast<tile::BufferType>(buffer->getType());
  if (failed(access) || failed(barrier) ||
      failed(checkCopied(*access, type, e->args[1], "a source")) ||
      failed(checkBulk(*access, *buffer, e->args[1], e->args[0])))
    return failure();
  tile::CopyBulkOp::create(builder, location(e->loc), access->view, access->indices, *buffer,
                           barrier->ring, barrier->index);
  return Value::none();
}

Result KernelGen::genStoreBulk(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  FailureOr<Access> access = evalDestination(e->args[0], what);
  MaybeSSA buffer = needBuffer(e->args[1], "the source of " + what);
  if (failed(access) || failed(buffer))
    return failure();
  auto type = mlir::cast<tile::BufferType>(buffer->getType());
  if (failed(checkCopied(*access, type, e->args[0], "a destination")) ||
      failed(checkBulk(*access, *buffer, e->args[0], e->args[1])))
    return failure();
  if (std::optional<int64_t> start = tile::findNegativeStart(access->indices)) {
    error(e->args[0]->loc, what + " stores nothing that begins before a tensor, found a start at " +
                               Twine(*start));
    return failure();
  }
  using Kind = std::optional<tile::CombiningKind>;
  Kind kind = llvm::StringSwitch<Kind>(e->callee)
                  .Case("add_bulk", tile::CombiningKind::add)
                  .Case("max_bulk", tile::CombiningKind::max)
                  .Case("min_bulk", tile::CombiningKind::min)
                  .Default(std::nullopt);
  tile::CombiningKindAttr combine;
  if (kind) {
    bool isAdd = *kind == tile::CombiningKind::add;
    if (!tile::canCombineInBulk(*kind, access->element)) {
      error(e->args[0]->loc, what + " expects elements of type " +
                                 (isAdd ? "f32, f16, bf16 or i32" : "i32 or i64") + ", found " +
                                 spell(access->tileType()));
      return failure();
    }
    combine = tile::CombiningKindAttr::get(context, *kind);
    needInitialValue(access->view, e);
  }
  tile::StoreBulkOp::create(builder, location(e->loc), *buffer, access->view, access->indices,
                            combine);
  return Value::none();
}

Result KernelGen::genWaitBulk(const CallExpr *e) {
  FailureOr<int64_t> pending = evalPending(e->args[0], "bulk stores", mostPending);
  FailureOr<bool> written = false;
  if (const Expr *arg = namedArg(e, "written"))
    written = evalBool(arg, "'written'");
  if (failed(pending) || failed(written))
    return failure();
  tile::WaitBulkOp::create(builder, location(e->loc), *pending, *written);
  return Value::none();
}

//===------------------------------------------------------------------------------------===//
// Turns of program instances
//===------------------------------------------------------------------------------------===//

Result KernelGen::genTurn(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  FailureOr<Access> access = evalDestination(e->args[0], what);
  MaybeSSA value = evalScalar(e->args[1], builder.getI32Type(), "the value of " + what);
  if (failed(access) || failed(value))
    return failure();
  if (!access->shape.empty() || !access->element.isInteger(32)) {
    error(e->args[0]->loc,
          what + " expects one element of type i32, found " + spell(access->tileType()));
    return failure();
  }
  if (e->callee == "wait_until") {
    needInitialValue(access->view, e);
    tile::WaitUntilOp::create(builder, location(e->loc), access->view, access->indices, *value);
  } else {
    tile::StoreReleaseOp::create(builder, location(e->loc), *value, access->view, access->indices);
  }
  return Value::none();
}

//===------------------------------------------------------------------------------------===//
// Asynchronous products
//===------------------------------------------------------------------------------------===//

FailureOr<KernelGen::Factor> KernelGen::evalFactor(const Expr *e, bool mayBeTile) {
  // A buffer is seen transposed as it is read; the transpose of a tile is a tile.
  auto *call = llvm::dyn_cast<CallExpr>(e);
  bool isTransposed = call && call->callee == "trans" && call->args.size() == 1 &&
                      namedOperand(call->args[0]) &&
                      mlir::isa<tile::BufferType>(namedOperand(call->args[0]).getType());
  MaybeSSA operand = evalBuffer(isTransposed ? call->args[0] : e);
  if (failed(operand))
    return failure();
  if (*operand) {
    auto type = mlir::cast<tile::BufferType>(operand->getType());
    if (type.getSpan() == 0 || type.getMemory() != tile::MemorySpace::Shared) {
      error(e->loc, "expected shared memory with a swizzle as an operand of 'dot_async', as in "
                    "shared(bf16[64, 64], swizzle = 128); found " +
                        spell(type));
      return failure();
    }
    if (type.getShape().size() != 2) {
      error(e->loc, "expected two dims of an operand of 'dot_async', found " + spell(type));
      return failure();
    }
    return Factor{*operand, type.getElementType(), type.getShape()[isTransposed],
                  type.getShape()[!isTransposed], isTransposed};
  }
  operand = evalTile(e, "'dot_async'");
  if (failed(operand))
    return failure();
  auto type = mlir::cast<RankedTensorType>(operand->getType());
  if (!mayBeTile) {
    error(e->loc,
          "expected shared memory as the second operand of 'dot_async', found " + spell(type));
    return failure();
  }
  if (type.getRank() != 2) {
    error(e->loc, "expected two dims of an operand of 'dot_async', found " + spell(type));
    return failure();
  }
  return Factor{*operand, type.getElementType(), type.getDimSize(0), type.getDimSize(1), false};
}

Result KernelGen::genDotAsync(const CallExpr *e) {
  FailureOr<Factor> a = evalFactor(e->args[0], /*mayBeTile=*/true);
  FailureOr<Factor> b = evalFactor(e->args[1], /*mayBeTile=*/false);
  if (failed(a) || failed(b))
    return failure();
  auto typeOf = [](const Factor &f) {
    return RankedTensorType::get({f.rows, f.columns}, f.element);
  };
  auto spellBoth = [&] { return spell(typeOf(*a)) + " and " + spell(typeOf(*b)); };
  FailureOr<bool> tf32 = evalTF32(e, typeOf(*a));
  if (failed(tf32))
    return failure();
  bool isNarrow = a->element.isF16() || a->element.isBF16();
  if (a->element != b->element || !(isNarrow || *tf32)) {
    error(e->loc, "'dot_async' expects two operands of f16, of bf16 or, with tf32 = true, of f32, "
                  "found " + spellBoth());
    return failure();
  }
  for (auto [i, isAlong] : {std::pair(0, !a->isTransposed), std::pair(1, b->isTransposed)})
    if (*tf32 && !isAlong) {
      error(e->args[i]->loc, Twine("rows of operands in tf32 go along what is summed: expected ") +
                                 (i == 0 ? "a buffer as it lies" : "trans(..) of a buffer"));
      return failure();
    }
  if (a->columns != b->rows) {
    error(e->loc, "'dot_async' expects [M, K] and [K, N], found " + spellBoth());
    return failure();
  }
  mlir::SmallVector<int64_t> shape{a->rows, b->columns};
  if (failed(checkTileShape(shape, e->loc)))
    return failure();
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  MaybeSSA acc = e->args.size() < 3 ? MaybeSSA(constantOf(type, 0, e->loc))
                                    : evalTile(e->args[2], "'dot_async'");
  if (failed(acc))
    return failure();
  if (acc->getType() != type) {
    error(e->args[2]->loc,
          "expected an accumulator of type " + spell(type) + ", found " + spell(acc->getType()));
    return failure();
  }
  return Value(tile::DotAsyncOp::create(builder, location(e->loc), type, a->value, b->value, *acc,
                                        a->isTransposed, b->isTransposed, *tf32)
                   .getResult());
}

void KernelGen::checkProducts(tile::KernelOp kernel) {
  kernel.walk([&](tile::DotAsyncOp product) {
    mlir::Operation *user = product.findEarlyUse();
    if (!user)
      return;
    mlir::InFlightDiagnostic diagnostic =
        mlir::emitError(product.getLoc())
        << "this product is used before a 'dot_wait' has returned it";
    diagnostic.attachNote(user->getLoc())
        << (mlir::isa<mlir::scf::YieldOp>(user) ? "a branch or a while loop carries it on here"
                                                : "used here");
    fail();
  });
}

Result KernelGen::genDotWait(const CallExpr *e) {
  constexpr int64_t mostProducts = 7; // what the instruction can count
  FailureOr<int64_t> pending = evalPending(e->args[0], "products", mostProducts);
  mlir::SmallVector<SSA> values;
  bool ok = mlir::succeeded(pending);
  for (const Expr *arg : e->args.drop_front()) {
    MaybeSSA tile = evalTile(arg, "'dot_wait'");
    ok &= mlir::succeeded(tile);
    if (ok)
      values.push_back(*tile);
  }
  if (!ok)
    return failure();
  auto wait = tile::DotWaitOp::create(builder, location(e->loc),
                                      mlir::ValueRange(values).getTypes(), *pending, values);
  if (values.empty())
    return Value::none();
  if (values.size() == 1)
    return Value(wait->getResult(0));
  std::vector<Value> results(wait->result_begin(), wait->result_end());
  return Value::ofTuple(std::move(results));
}
