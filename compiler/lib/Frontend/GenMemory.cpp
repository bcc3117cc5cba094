//===- GenMemory.cpp - Access to tensor arguments and shared memory ---------------------===//
#include "KernelGen.h"

#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::RankedTensorType;

mlir::Type KernelGen::Access::tileType() const {
  return shape.empty() ? element : mlir::Type(RankedTensorType::get(shape, element));
}

FailureOr<KernelGen::Access> KernelGen::evalAccess(const Expr *e, StringRef what) {
  auto *subscripted = llvm::dyn_cast<SubscriptExpr>(e);
  Result base = eval(subscripted ? subscripted->base : e);
  if (failed(base))
    return failure();
  bool isView = base->isRuntime() && mlir::isa<tile::ViewType>(base->getSSA().getType());
  if (!isView || !subscripted) {
    error(e->loc, what + " expects a tensor argument with subscripts, as in x[0 :+ 64]; found " +
                      describe(*base));
    return failure();
  }
  Access access;
  access.view = base->getSSA();
  auto view = mlir::cast<tile::ViewType>(access.view.getType());
  access.element = view.getElementType();
  if (static_cast<int64_t>(subscripted->subscripts.size()) != view.getRank()) {
    Diagnostic &diagnostic = error(e->loc, "expected " + Twine(view.getRank()) +
                                               " subscripts, one for each dim; found " +
                                               Twine(subscripted->subscripts.size()));
    if (auto *name = llvm::dyn_cast<NameExpr>(subscripted->base))
      if (Variable *variable = scopes.find(name->name))
        diagnostic.note(variable->name.loc, "'" + name->name + "' is declared here");
    return failure();
  }
  mlir::Type i32 = builder.getI32Type();
  auto range = [&](SSA start, int64_t length, SMLoc loc) {
    access.indices.push_back(
        tile::RangeOp::create(builder, location(loc), RankedTensorType::get(length, i32), start));
    access.shape.push_back(length);
  };
  for (auto [d, s] : llvm::enumerate(subscripted->subscripts)) {
    switch (s.kind) {
    case Subscript::Kind::Range: {
      FailureOr<int64_t> length = evalInt(s.length, "the length of a range");
      MaybeSSA start = evalScalar(s.start, i32, "the start of a range");
      if (failed(length) || failed(start) || failed(checkTileShape(*length, s.length->loc)))
        return failure();
      range(*start, *length, s.loc);
      break;
    }
    case Subscript::Kind::Index: {
      MaybeSSA index = evalSSA(s.start, i32);
      if (failed(index))
        return failure();
      auto tile = mlir::dyn_cast<RankedTensorType>(index->getType());
      if (mlir::getElementTypeOrSelf(index->getType()) != i32 || (tile && tile.getRank() != 1)) {
        error(s.loc, "expected a subscript of type i32, a range or a rank-1 tile of i32, found " +
                         spell(index->getType()));
        return failure();
      }
      access.indices.push_back(*index);
      if (tile)
        access.shape.push_back(tile.getDimSize(0));
      break;
    }
    case Subscript::Kind::All: {
      int64_t extent = view.getStaticDim(d);
      if (mlir::ShapedType::isDynamic(extent)) {
        error(s.loc, "expected a range: dim '" + view.getDimName(d) +
                         "' is known only at run time, so ':' has no length");
        return failure();
      }
      if (failed(checkTileShape(extent, s.loc)))
        return failure();
      range(intConstant(0, s.loc), extent, s.loc);
      break;
    }
    case Subscript::Kind::NewDim:
      error(s.loc, "expected a subscript, found 'None'");
      return failure();
    }
  }
  if (failed(checkTileShape(access.shape, e->loc)))
    return failure();
  return access;
}

FailureOr<KernelGen::Access> KernelGen::evalDestination(const Expr *e, StringRef what) {
  FailureOr<Access> access = evalAccess(e, what);
  if (failed(access))
    return failure();
  unsigned index = mlir::cast<mlir::BlockArgument>(access->view).getArgNumber();
  if (index >= decl.args.size())
    return access;
  Name arg = decl.args[index].name;
  error(e->loc, "cannot store to argument '" + arg.text + "' of kernel '" + decl.name.text +
                    "'; only results can be written")
      .note(arg.loc, "'" + arg.text + "' is declared here");
  return failure();
}

mlir::Value KernelGen::namedOperand(const Expr *e) {
  auto *subscripted = llvm::dyn_cast<SubscriptExpr>(e);
  auto *name = llvm::dyn_cast<NameExpr>(subscripted ? subscripted->base : e);
  Variable *variable = name ? scopes.find(name->name) : nullptr;
  return variable && variable->value.isRuntime() ? variable->value.getSSA() : SSA();
}

KernelGen::MaybeSSA KernelGen::evalBuffer(const Expr *e) {
  // `buf` or `buf[i]`; anything else is not a buffer and is read again as a tensor argument.
  SSA buffer = namedOperand(e);
  auto type = buffer ? mlir::dyn_cast<tile::BufferType>(buffer.getType()) : tile::BufferType();
  if (!type)
    return SSA();
  auto *subscripted = llvm::dyn_cast<SubscriptExpr>(e);
  if (!subscripted)
    return buffer;
  const Subscript &slot = subscripted->subscripts.front();
  if (subscripted->subscripts.size() != 1 || slot.kind != Subscript::Kind::Index ||
      type.getShape().size() < 2) {
    error(slot.loc, "expected one subscript that names a slot of " + spell(type));
    return failure();
  }
  MaybeSSA index = evalScalar(slot.start, builder.getI32Type(), "a slot");
  if (failed(index))
    return failure();
  return SSA(tile::SlotOp::create(builder, location(e->loc), type.getSlot(), buffer, *index));
}

KernelGen::MaybeSSA KernelGen::needBuffer(const Expr *e, const Twine &what) {
  MaybeSSA buffer = evalBuffer(e);
  if (failed(buffer) || *buffer)
    return buffer;
  SSA other = namedOperand(e);
  error(e->loc, "expected shared memory as " + what +
                    (other ? ", found " + describe(Value(other)) : std::string()));
  return failure();
}

mlir::LogicalResult KernelGen::checkCopied(const Access &access, tile::BufferType buffer,
                                           const Expr *e, StringRef what) {
  if (buffer.getShape() == mlir::ArrayRef(access.shape) &&
      buffer.getElementType() == access.element)
    return mlir::success();
  error(e->loc, "expected " + what + " of type " +
                    spell(RankedTensorType::get(buffer.getShape(), buffer.getElementType())) +
                    ", found " + spell(access.tileType()));
  return failure();
}

FailureOr<int64_t> KernelGen::evalPending(const Expr *e, StringRef what, int64_t most) {
  FailureOr<int64_t> pending = evalInt(e, "the number of " + what + " that may be pending");
  if (mlir::succeeded(pending) && (*pending < 0 || *pending > most)) {
    error(e->loc,
          "expected 0 to " + Twine(most) + " pending " + what + ", found " + Twine(*pending));
    return failure();
  }
  return pending;
}

KernelGen::MaybeSSA KernelGen::evalMask(const CallExpr *e, const Access &access) {
  const Expr *arg = namedArg(e, "mask");
  if (!arg)
    return SSA();
  MaybeSSA mask = evalSSA(arg);
  if (failed(mask))
    return failure();
  if (!mlir::getElementTypeOrSelf(mask->getType()).isInteger(1)) {
    error(arg->loc, "expected bools as a mask, found " + spell(mask->getType()));
    return failure();
  }
  return mlir::isa<RankedTensorType>(mask->getType())
             ? broadcastTo(*mask, access.shape, arg->loc, "the mask")
             : mask;
}

KernelGen::MaybeSSA KernelGen::evalStored(const CallExpr *e, const Access &access) {
  const Expr *arg = e->args[1];
  MaybeSSA value = evalSSA(arg, access.element);
  if (failed(value))
    return failure();
  mlir::Type element = mlir::getElementTypeOrSelf(value->getType());
  if (element != access.element) {
    error(arg->loc, "expected a value of type " + spell(access.tileType()) + ", found " +
                        spell(value->getType()) + "; convert it, as in " + spell(access.element) +
                        "(x)");
    return failure();
  }
  return broadcastTo(*value, access.shape, arg->loc, "the value stored");
}

Result KernelGen::genLoad(const CallExpr *e) {
  MaybeSSA buffer = evalBuffer(e->args[0]);
  if (failed(buffer))
    return failure();
  if (*buffer) {
    if (!e->named.empty()) {
      error(e->named.front().name.loc,
            "shared memory is read whole, without '" + e->named.front().name.text + "'");
      return failure();
    }
    auto type = mlir::cast<tile::BufferType>(buffer->getType());
    if (failed(checkTileShape(type.getShape(), e->loc)))
      return failure();
    return Value(tile::BufferLoadOp::create(
        builder, location(e->loc), RankedTensorType::get(type.getShape(), type.getElementType()),
        *buffer));
  }
  FailureOr<Access> access = evalAccess(e->args[0], "'load'");
  if (failed(access))
    return failure();
  MaybeSSA mask = evalMask(e, *access), other = SSA();
  if (const Expr *arg = namedArg(e, "other"))
    other = evalScalar(arg, access->element, "'other'");
  if (failed(mask) || failed(other))
    return failure();
  return Value(tile::LoadOp::create(builder, location(e->loc), access->tileType(), access->view,
                                    access->indices, *mask, *other,
                                    /*in_bounds=*/mlir::DenseBoolArrayAttr()));
}

Result KernelGen::genStore(const CallExpr *e) {
  MaybeSSA buffer = evalBuffer(e->args[0]);
  if (failed(buffer))
    return failure();
  if (*buffer) {
    auto type = mlir::cast<tile::BufferType>(buffer->getType());
    FailureOr<bool> ordered = true;
    for (const auto &named : e->named) {
      if (named.name.text != "ordered") {
        error(named.name.loc,
              "shared memory is written whole, without '" + named.name.text + "'");
        return failure();
      }
      ordered = evalBool(namedArg(e, "ordered"), "'ordered'");
    }
    if (failed(ordered))
      return failure();
    Access whole;
    whole.shape.assign(type.getShape().begin(), type.getShape().end());
    whole.element = type.getElementType();
    MaybeSSA value = failure();
    if (mlir::succeeded(checkTileShape(whole.shape, e->loc)))
      value = evalStored(e, whole);
    if (failed(value))
      return failure();
    tile::BufferStoreOp::create(builder, location(e->loc), *value, *buffer,
                                /*unordered=*/!*ordered);
    return Value::none();
  }
  if (namedArg(e, "ordered")) {
    error(e->loc, "'ordered' is for stores to shared memory");
    return failure();
  }
  FailureOr<Access> access = evalDestination(e->args[0], "'store'");
  if (failed(access))
    return failure();
  MaybeSSA value = evalStored(e, *access), mask = evalMask(e, *access);
  FailureOr<bool> streaming = false;
  if (const Expr *arg = namedArg(e, "streaming"))
    streaming = evalBool(arg, "'streaming'");
  if (failed(value) || failed(mask) || failed(streaming))
    return failure();
  tile::StoreOp::create(builder, location(e->loc), *value, access->view, access->indices, *mask,
                        /*in_bounds=*/mlir::DenseBoolArrayAttr(), *streaming);
  return Value::none();
}

Result KernelGen::genAtomic(const CallExpr *e) {
  std::string what = ("'" + e->callee + "'").str();
  FailureOr<Access> access = evalDestination(e->args[0], what);
  if (failed(access))
    return failure();
  MaybeSSA value = evalStored(e, *access), mask = evalMask(e, *access);
  if (failed(value) || failed(mask))
    return failure();
  if (access->element.isInteger(1)) {
    error(e->args[0]->loc, what + " expects numbers, found " + spell(access->tileType()));
    return failure();
  }
  auto kind = e->callee == "atomic_add"   ? tile::CombiningKind::add
              : e->callee == "atomic_max" ? tile::CombiningKind::max
                                          : tile::CombiningKind::min;
  tile::AtomicRMWOp::create(builder, location(e->loc), kind, *value, access->view, access->indices,
                            *mask, /*in_bounds=*/mlir::DenseBoolArrayAttr());
  needInitialValue(access->view, e);
  return Value::none();
}

Result KernelGen::genBarrier(const CallExpr *e) {
  tile::BarrierOp::create(builder, location(e->loc));
  return Value::none();
}

Result KernelGen::genShared(const CallExpr *e) {
  FailureOr<RankedTensorType> type = evalTileType(e->args[0]);
  FailureOr<int64_t> swizzle = int64_t(0);
  if (const Expr *arg = namedArg(e, "swizzle")) {
    swizzle = evalInt(arg, "a swizzle");
    if (mlir::succeeded(swizzle) && *swizzle != 0 && *swizzle != 32 && *swizzle != 64 &&
        *swizzle != 128) {
      error(arg->loc, "expected a swizzle of 0, 32, 64 or 128 bytes, found " + Twine(*swizzle));
      return failure();
    }
  }
  if (failed(type) || failed(swizzle))
    return failure();
  auto buffer = tile::BufferType::get(context, type->getShape(), type->getElementType(), *swizzle);
  return Value(tile::AllocSharedOp::create(builder, location(e->loc), buffer));
}

Result KernelGen::genCopyAsync(const CallExpr *e) {
  MaybeSSA buffer = needBuffer(e->args[0], "the destination of 'copy_async'");
  if (failed(buffer))
    return failure();
  FailureOr<Access> access = evalAccess(e->args[1], "'copy_async'");
  auto type = mlir::cast<tile::BufferType>(buffer->getType());
  if (failed(access) || failed(checkCopied(*access, type, e->args[1], "a source")))
    return failure();
  tile::CopyAsyncOp::create(builder, location(e->loc), access->view, access->indices, *buffer,
                            /*in_bounds=*/mlir::DenseBoolArrayAttr());
  return Value::none();
}

Result KernelGen::genCommit(const CallExpr *e) {
  tile::CommitOp::create(builder, location(e->loc));
  return Value::none();
}

Result KernelGen::genWait(const CallExpr *e) {
  // A wait is for a barrier or for groups of copies; what it is given says for which.
  SSA operand = namedOperand(e->args[0]);
  if (operand && !operand.getType().isIntOrFloat()) {
    genWaitForPhase(e);
    return Value::none();
  }
  FailureOr<int64_t> pending = evalPending(e->args[0], "groups", mostPending);
  if (failed(pending))
    return failure();
  tile::WaitOp::create(builder, location(e->loc), builder.getI64IntegerAttr(*pending));
  return Value::none();
}
