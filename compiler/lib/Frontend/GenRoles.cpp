//===- GenRoles.cpp - Roles, and the barriers by which they meet ------------------------===//
#include "KernelGen.h"

#include "lighthouse/Dialect/Tile/IR/BarrierCheck.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

//===------------------------------------------------------------------------------------===//
// Roles
//===------------------------------------------------------------------------------------===//

void KernelGen::checkBeforeRoles(const RolesStmt *stmt) {
  builder.getInsertionBlock()->walk([&](mlir::Operation *op) {
    std::string found;
    for (mlir::Type type : op->getResultTypes())
      if (mlir::isa<mlir::RankedTensorType>(type))
        found = spell(type);
    bool isAlone = op->getNumRegions() == 0 && !mlir::isMemoryEffectFree(op) &&
                   !mlir::hasSingleEffect<mlir::MemoryEffects::Allocate>(op);
    if (found.empty() && isAlone)
      found = "an access to memory";
    if (found.empty())
      return mlir::WalkResult::advance();
    mlir::InFlightDiagnostic diagnostic =
        mlir::emitError(op->getLoc()) << "expected scalars, buffers and barriers before the roles, "
                                         "found "
                                      << found << "; it belongs in a role";
    diagnostic.attachNote(plainLocation(stmt->loc)) << "the roles begin here";
    fail();
    return mlir::WalkResult::interrupt();
  });
}

void KernelGen::genRoles(const RolesStmt *stmt) {
  checkBeforeRoles(stmt);
  auto roles = tile::RolesOp::create(builder, location(stmt->loc));
  mlir::Block &block = roles.getBody().emplaceBlock();
  mlir::OpBuilder::InsertionGuard guard(builder);
  int64_t registers = 0, warpsBefore = 0;
  const Role *first = nullptr;
  tile::RoleOp before;
  for (const Role &role : stmt->roles) {
    builder.setInsertionPointToEnd(&block);
    genRole(role, roles);
    if (hasFailed())
      continue;
    auto op = mlir::cast<tile::RoleOp>(block.back());
    bool hasBudget = op.getRegisters().has_value();
    registers += op.getRegisters().value_or(0) * 32 * op.getWarps() * op.getInstances();
    if (!first)
      first = &role;
    else if (hasBudget != (*block.getOps<tile::RoleOp>().begin()).getRegisters().has_value())
      error(role.name.loc, "role '" + role.name.text + "' has " + (hasBudget ? "a" : "no") +
                               " budget of registers; expected one for all roles or for none")
          .note(first->name.loc,
                "role '" + first->name.text + "' has " + (hasBudget ? "none" : "one"));
    else if (warpsBefore % 4 != 0 && op.getRegisters() != before.getRegisters())
      error(role.name.loc, "role '" + role.name.text + "' shares a warpgroup, of 4 warps, with role '" +
                               before.getName() + "'; expected the same budget of registers for both");
    warpsBefore += op.getWarps() * op.getInstances();
    before = op;
  }
  if (hasFailed())
    return;
  constexpr int64_t mostWarps = 32;
  int64_t warps = roles.getNumWarps(), atFirst = 32 * warps * roles.getRegistersAtFirst();
  if (warps > mostWarps)
    error(stmt->loc, "expected at most " + Twine(mostWarps) +
                         " warps in all roles together, found " + Twine(warps));
  else if (before.getRegisters() && warps % 4 != 0)
    error(stmt->loc, "budgets of registers are for whole warpgroups; expected a multiple of 4 warps in all "
                     "roles together, found " + Twine(warps));
  else if (registers > atFirst)
    error(stmt->loc, "expected at most " + Twine(atFirst) + " registers for all " + Twine(32 * warps) +
                         " threads together, found " + Twine(registers));
}

void KernelGen::genRole(const Role &role, tile::RolesOp roles) {
  int64_t warps = 1, instances = 1;
  mlir::IntegerAttr registers;
  auto refuse = [&](const NamedArg &option, StringRef expected, int64_t found) {
    error(option.value->loc,
          "expected " + expected + " of role '" + role.name.text + "', found " + Twine(found));
  };
  for (const NamedArg &option : role.options) {
    FailureOr<int64_t> value =
        evalInt(option.value, "'" + option.name.text + "' of role '" + role.name.text + "'");
    if (failed(value))
      continue;
    if (option.name.text == "warps") {
      warps = *value;
      if (warps < 1 || warps > 16 || !llvm::isPowerOf2_64(warps))
        refuse(option, "1, 2, 4, 8 or 16 warps", warps);
    } else if (option.name.text == "instances") {
      instances = *value;
      if (instances < 1 || instances > 16)
        refuse(option, "1 to 16 instances", instances);
    } else {
      registers = builder.getI64IntegerAttr(*value);
      if (*value < 24 || *value > 256 || *value % 8 != 0)
        refuse(option, "a multiple of 8 from 24 to 256 as the registers of a thread", *value);
    }
  }
  auto op = tile::RoleOp::create(builder, location(role.name.loc), role.name.text, warps, instances,
                                 registers);
  mlir::Block &body = op.getBody().emplaceBlock();
  Name number = role.instance.text.empty() ? role.name : role.instance;
  mlir::Value instance = body.addArgument(builder.getI32Type(), location(number.loc));
  size_t mark = scopes.mark();
  if (!role.instance.text.empty())
    declare({role.instance, /*isVar=*/false, Value(instance)});
  builder.setInsertionPointToEnd(&body);
  execBlock(role.body);
  tile::EndRoleOp::create(builder, location(role.name.loc));
  scopes.cut(mark);
}

//===------------------------------------------------------------------------------------===//
// Barriers
//===------------------------------------------------------------------------------------===//

FailureOr<int64_t> KernelGen::evalRequired(const CallExpr *e, StringRef option, int64_t example) {
  if (const Expr *arg = namedArg(e, option))
    return evalInt(arg, "'" + option + "'");
  error(e->loc,
        "'" + e->callee + "' needs '" + option + "', as in " + option + " = " + Twine(example));
  return failure();
}

FailureOr<int64_t> KernelGen::evalRing(const CallExpr *e, int64_t most) {
  if (!mlir::isa<tile::KernelOp>(builder.getInsertionBlock()->getParentOp())) {
    error(e->loc, "expected '" + e->callee +
                      "' in the body of the kernel itself, outside of roles, loops and branches");
    return failure();
  }
  FailureOr<int64_t> count = int64_t(1);
  if (!e->args.empty())
    count = evalInt(e->args[0], "the number of barriers");
  if (failed(count) || (*count >= 1 && *count <= most))
    return count;
  error(e->args[0]->loc, "expected 1 to " + Twine(most) + " barriers, found " + Twine(*count));
  return failure();
}

Result KernelGen::genMBarrier(const CallExpr *e) {
  constexpr int64_t mostBarriers = 1024, mostArrivals = (1 << 20) - 1;
  FailureOr<int64_t> count = evalRing(e, mostBarriers), arrivals = evalRequired(e, "arrivals", 1);
  if (failed(count) || failed(arrivals))
    return failure();
  if (*arrivals < 1 || *arrivals > mostArrivals) {
    error(namedArg(e, "arrivals")->loc,
          "expected 1 to " + Twine(mostArrivals) + " arrivals, found " + Twine(*arrivals));
    return failure();
  }
  return Value(tile::AllocMBarrierOp::create(builder, location(e->loc),
                                             tile::MBarrierType::get(context, *count), *arrivals));
}

Result KernelGen::genNamedBarrier(const CallExpr *e) {
  constexpr int64_t mostBarriers = 15, mostThreads = 1024, warp = 32;
  FailureOr<int64_t> count = evalRing(e, mostBarriers), threads = evalRequired(e, "threads", 256);
  if (failed(count) || failed(threads))
    return failure();
  if (*threads < warp || *threads > mostThreads || *threads % warp != 0) {
    error(namedArg(e, "threads")->loc, "expected a multiple of " + Twine(warp) + " from " +
                                           Twine(warp) + " to " + Twine(mostThreads) +
                                           " threads, found " + Twine(*threads));
    return failure();
  }
  return Value(tile::AllocNamedBarrierOp::create(
      builder, location(e->loc), tile::NamedBarrierType::get(context, *count), *threads));
}

FailureOr<KernelGen::Barrier> KernelGen::evalBarrier(const Expr *e, BarrierKind kind,
                                                     StringRef expected) {
  SSA ring = namedOperand(e);
  auto counting = ring ? mlir::dyn_cast<tile::MBarrierType>(ring.getType()) : nullptr;
  auto named = ring ? mlir::dyn_cast<tile::NamedBarrierType>(ring.getType()) : nullptr;
  if (!(counting && kind != BarrierKind::Named) && !(named && kind != BarrierKind::Counting)) {
    Result found = ring ? Result(Value(ring)) : eval(e);
    if (mlir::succeeded(found))
      error(e->loc, "expected " + expected + ", found " + describe(*found));
    return failure();
  }
  int64_t count = counting ? counting.getCount() : named.getCount();
  auto *subscripted = llvm::dyn_cast<SubscriptExpr>(e);
  if (!subscripted) {
    if (count == 1)
      return Barrier{ring, intConstant(0, e->loc)};
    error(e->loc, "expected a subscript that names a barrier of " + spell(ring.getType()));
    return failure();
  }
  const Subscript &subscript = subscripted->subscripts.front();
  if (subscripted->subscripts.size() != 1 || subscript.kind != Subscript::Kind::Index) {
    error(subscript.loc, "expected one subscript that names a barrier of " + spell(ring.getType()));
    return failure();
  }
  Result value = eval(subscript.start);
  if (failed(value))
    return failure();
  // Uses of a ring are counted from 0, and the uses before that are over: those of one round.
  int64_t least = counting ? -count : 0;
  if (value->isInt() && (value->getInt() < least || (named && value->getInt() >= count))) {
    error(subscript.loc, "expected an index of " + Twine(least) +
                             (named ? " to " + Twine(count - 1) : Twine(" or more")) + " for " +
                             spell(ring.getType()) + ", found " + Twine(value->getInt()));
    return failure();
  }
  MaybeSSA index = toScalar(*value, subscript.loc, builder.getI32Type(), "the index of a barrier");
  if (failed(index))
    return failure();
  return Barrier{ring, *index};
}

void KernelGen::genWaitForPhase(const CallExpr *e) {
  FailureOr<Barrier> barrier =
      evalBarrier(e->args[0], BarrierKind::Counting,
                  "an mbarrier, as in full[i], or a compile-time number of groups of copies");
  if (mlir::succeeded(barrier))
    tile::MBarrierWaitOp::create(builder, location(e->loc), barrier->ring, barrier->index);
}

Result KernelGen::genArrive(const CallExpr *e) {
  FailureOr<Barrier> barrier =
      evalBarrier(e->args[0], BarrierKind::Any, "a barrier, as in free[i]");
  if (failed(barrier))
    return failure();
  if (mlir::isa<tile::MBarrierType>(barrier->ring.getType()))
    tile::MBarrierArriveOp::create(builder, location(e->loc), barrier->ring, barrier->index);
  else
    tile::NamedArriveOp::create(builder, location(e->loc), barrier->ring, barrier->index);
  return Value::none();
}

Result KernelGen::genSync(const CallExpr *e) {
  FailureOr<Barrier> barrier =
      evalBarrier(e->args[0], BarrierKind::Named, "a named barrier, as in turn[i]");
  if (failed(barrier))
    return failure();
  tile::NamedSyncOp::create(builder, location(e->loc), barrier->ring, barrier->index);
  return Value::none();
}

void KernelGen::checkBarriers(tile::KernelOp kernel) {
  if (!hasFailed() && failed(tile::checkBarriers(kernel)))
    fail();
}
